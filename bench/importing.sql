-- The least that an import could be: a COPY of what it writes, past the triggers, or of what it reads.

-- name: written_mentors()
select
  mentor.id, mentor.organisation_id, mentor.external_id, mentor.user_id, mentor.full_name, mentor.display_name, mentor.email, mentor.phone,
  mentor.listing_consent, mentor.chapter_ids
from mentorcert.peer_mentors as mentor
where mentor.organisation_id = md5('organisation 0')::uuid and starts_with(mentor.external_id, 'bench-')

-- name: written_chapters()
select link.* from mentorcert.peer_mentor_chapters as link
join mentorcert.peer_mentors as mentor on mentor.id = link.peer_mentor_id
where mentor.organisation_id = md5('organisation 0')::uuid and starts_with(mentor.external_id, 'bench-')

-- name: written_certifications()
select certification.* from public.peer_mentor_certifications as certification
join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
where mentor.organisation_id = md5('organisation 0')::uuid and starts_with(mentor.external_id, 'bench-')

-- name: written_listing()
select
  listed.peer_mentor_id, listed.organisation_id, listed.organisation_slug, listed.display_name, listed.chapters, listed.listed_until,
  listed.chapter_codes, listed.topic_ids
from public.listed_peer_mentors as listed
join mentorcert.peer_mentors as mentor on mentor.id = listed.peer_mentor_id
where mentor.organisation_id = md5('organisation 0')::uuid and starts_with(mentor.external_id, 'bench-')

-- name: copy_mentors()!
copy mentorcert.peer_mentors (
  id, organisation_id, external_id, user_id, full_name, display_name, email, phone, listing_consent, chapter_ids
) from stdin

-- name: copy_chapters()!
copy mentorcert.peer_mentor_chapters from stdin

-- name: copy_certifications()!
copy public.peer_mentor_certifications from stdin

-- name: copy_listing()!
copy public.listed_peer_mentors (
  peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until, chapter_codes, topic_ids
) from stdin

-- name: lift_triggers()!
set local session_replication_role = replica;

-- name: create_cells()!
create temporary table cells (
  external_id text, name text, email text, phone text, chapters text, consent text,
  certification_type text, issued text, expires text, past_renewals text
) on commit drop;

-- name: copy_cells()!
copy pg_temp.cells from stdin with (format csv, delimiter ';', header true)
