-- Histories, page by page.

-- name: of_certification(certification_id, after, size)
select certification.organisation_id, history.position, history.entry
from public.peer_mentor_certifications as certification
cross join lateral public.certification_history(certification.id) with ordinality as history (entry, position)
where certification.id = :certification_id and history.position > :after
order by history.position
limit :size::bigint;

-- name: of_peer_mentor(peer_mentor_id, certification_id, before_recorded_at, before_certification_id, before_position, skipped, size)
select
  certification.organisation_id, certification.id as certification_id, certification.certification_type,
  type.name_nb, type.name_en, history.position, mentorcert_private.upgrade_history_entry(history.entry) as entry
from public.peer_mentor_certifications as certification
join mentorcert.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
cross join lateral public.certification_history(certification.id) with ordinality as history (entry, position)
where certification.peer_mentor_id = :peer_mentor_id
  and (:certification_id::uuid is null or certification.id = :certification_id::uuid)
  and (
    :before_recorded_at::timestamptz is null
    or ((history.entry ->> 'recorded_at')::timestamptz, certification.id, history.position)
      < (:before_recorded_at::timestamptz, :before_certification_id::uuid, :before_position::bigint)
  )
order by (history.entry ->> 'recorded_at')::timestamptz desc, certification.id desc, history.position desc
offset :skipped limit :size;
