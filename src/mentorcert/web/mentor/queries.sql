-- What a peer mentor sees of the own certifications; who it is, the token says.

-- name: mentor()^
select
  mentor.id, mentor.organisation_id, mentor.listing_consent,
  array(
    select chapter.name from public.chapters as chapter where chapter.id = any(mentor.chapter_ids) order by chapter.name
  ) as chapters,
  exists (select from public.listed_peer_mentors as listed where listed.peer_mentor_id = mentor.id) as is_listed
from public.peer_mentors as mentor
where mentor.user_id = (select auth.uid());

-- name: certifications(peer_mentor_id, time_zone)
select
  certification.id, type.name_nb, type.name_en, certification.issued_at, certification.expires_at,
  public.current_status(certification) as status,
  private.day_of(certification.expires_at, :time_zone) - 1 - private.day_of(now(), :time_zone) as days_left
from public.peer_mentor_certifications as certification
join public.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
where certification.peer_mentor_id = :peer_mentor_id
order by certification.expires_at, type.code;

-- name: changes(peer_mentor_id, before_recorded_at, before_certification_id, before_position, size)
select
  (entries.entry ->> 'recorded_at')::timestamptz, certification.id, entries.position, type.name_nb, type.name_en,
  private.upgrade_history_entry(entries.entry)
from public.peer_mentor_certifications as certification
join public.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
cross join lateral public.certification_history(certification.id) with ordinality as entries (entry, position)
where certification.peer_mentor_id = :peer_mentor_id
  and (
    :before_recorded_at::timestamptz is null
    or ((entries.entry ->> 'recorded_at')::timestamptz, certification.id, entries.position)
      < (:before_recorded_at::timestamptz, :before_certification_id::uuid, :before_position::bigint)
  )
order by 1 desc, 2 desc, 3 desc
limit :size;
