-- The temporary tables of an import, and the rows that are about to change.
-- The rows arrive by COPY; every statement works on all of them.

-- name: lock_organisation(slug)^
select id, time_zone from mentorcert_private.lock_import(:slug);

-- name: plan_by_rows()!
-- Of rows that are just staged the planner expects so much that it would compile for longer than the statements take. And it
-- would read a whole table rather than some thousand rows by their index: an import takes time by its file, not by what is stored.
select set_config('jit', 'off', true), set_config('random_page_cost', '1.1', true);

-- name: create_staging()!
select mentorcert_private.create_import_staging();

-- name: copy_rows()$
copy pg_temp.import_rows (
  line, row_is_bad, person_is_bad, external_id, full_name, email, phone, chapters, listing_consent,
  certification_type, issued, expires, past_starts, past_ends
) from stdin;

-- name: analyze_rows()!
select mentorcert_private.analyze_import('rows');

-- name: lock_certifications(organisation_id)$
-- Certifications first, then mentors, each by id: the order in which everybody locks.
select count(*)
from (
  select certification.id
  from public.peer_mentor_certifications as certification
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  where
    certification.organisation_id = :organisation_id
    and mentor.organisation_id = :organisation_id
    and mentor.external_id in (select staged.external_id from pg_temp.import_rows as staged)
  order by certification.id
  for no key update of certification
) as locked;

-- name: lock_mentors(organisation_id)$
select count(*)
from (
  select mentor.id
  from mentorcert.peer_mentors as mentor
  where
    mentor.organisation_id = :organisation_id
    and mentor.external_id in (select staged.external_id from pg_temp.import_rows as staged)
  order by mentor.id
  for no key update
) as locked;

-- name: drop_staging()!
select mentorcert_private.drop_import_staging();
