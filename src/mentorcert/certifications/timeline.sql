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
  shown.organisation_id, shown.certification_id, shown.certification_type, shown.name_nb, shown.name_en, shown.position,
  shown.entry, shown.is_replaced,
  -- The same question that public.revert_change asks.
  coalesce((mentorcert_private.state_before(held, shown.entry)).id is not null, false) as is_revertible
from (
  select
    certification.organisation_id, certification.id as certification_id, certification.certification_type,
    type.name_nb, type.name_en, history.position, mentorcert_private.upgrade_history_entry(history.entry) as entry,
    certification.is_replaced
  from (
    select coalesce(
      :peer_mentor_id::uuid,
      (select asked.peer_mentor_id from public.peer_mentor_certifications as asked where asked.id = :certification_id::uuid)
    ) as id
  ) as mentor
  cross join lateral (
    select held.organisation_id, held.id, held.certification_type, false as is_replaced
    from public.peer_mentor_certifications as held
    where held.peer_mentor_id = mentor.id
    union all
    -- What was merged into the person and stands for nothing any more is history all the same.
    select merge.organisation_id, (replaced ->> 'id')::uuid, replaced ->> 'certification_type', true
    from public.merges_of(mentor.id) as merge
    cross join lateral jsonb_array_elements(merge.certifications) as replaced
  ) as certification
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral public.certification_history(certification.id) with ordinality as history (entry, position)
  where (:certification_id::uuid is null or certification.id = :certification_id::uuid)
    and (
      :before_recorded_at::timestamptz is null
      or ((history.entry ->> 'recorded_at')::timestamptz, certification.id, history.position)
        < (:before_recorded_at::timestamptz, :before_certification_id::uuid, :before_position::bigint)
    )
  order by (history.entry ->> 'recorded_at')::timestamptz desc, certification.id desc, history.position desc
  offset :skipped limit :size
) as shown
left join public.peer_mentor_certifications as held on held.id = shown.certification_id
order by (shown.entry ->> 'recorded_at')::timestamptz desc, shown.certification_id desc, shown.position desc;

-- name: entry(certification_id, entry_id)
select mentorcert_private.upgrade_history_entry(history) as entry
from public.certification_history(:certification_id::uuid) as history
where history ->> 'entry_id' = :entry_id::text;
