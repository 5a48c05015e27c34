-- How certifications stood on a day.

-- name: on_day(day, as_known_then, peer_mentor_id, chapter_id, certification_type, after_key, after_id, page_size)
select
  held.id, held.organisation_id, held.peer_mentor_id, held.external_id, held.full_name, held.type as certification_type, held.issued_at,
  held.expires_at, held.status_then as status, held.sort_key, held.certifications, held.peer_mentors
from public.certifications_on(
  :day::date, :as_known_then::boolean, :peer_mentor_id::uuid, :chapter_id::uuid, :certification_type::text, :after_key::text,
  :after_id::uuid, :page_size::integer
) as held;
