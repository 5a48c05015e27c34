-- The temporary tables of an import, and the rows that are about to change.
-- The rows arrive by COPY; every statement works on all of them.

-- name: find_organisation(slug)^
select organisation.id, organisation.time_zone
from mentorcert.organisations as organisation
where organisation.slug = :slug
-- The public list's triggers take this lock later, where waiting for it could be waiting in a circle.
for share;

-- name: lock_organisation(organisation_id)$
-- Imports of one organisation run one after the other, so that the second sees what the first has written.
select pg_advisory_xact_lock(hashtextextended('mentorcert import ' || (:organisation_id)::text, 0));

-- name: create_staging()#
create temporary table import_rows (
  line integer primary key,
  row_is_bad boolean not null,
  person_is_bad boolean not null,
  external_id text,
  full_name text,
  email text,
  phone text,
  chapters text[],
  listing_consent boolean,
  certification_type text,
  issued date,
  expires date,
  past_starts date[],
  past_ends date[]
) on commit drop;
create temporary table import_chapters (
  word text primary key,
  chapter_id uuid,
  code text,
  matches integer not null
) on commit drop;
create temporary table import_types (
  word text primary key,
  code text,
  matches integer not null
) on commit drop;
create temporary table import_certifications (
  line integer primary key,
  external_id text not null,
  certification_type text not null,
  validity_rule text not null,
  validity_months integer,
  issued date not null,
  stated_expires date,
  expires date,
  certification_id uuid,
  held_issued date,
  held_expires date,
  held_status text
) on commit drop;
create temporary table import_periods (
  line integer not null,
  position integer not null,
  starts date not null,
  stated_ends date,
  ends date,
  is_current boolean not null,
  primary key (line, position)
) on commit drop;
create temporary table import_history (
  certification_id uuid not null,
  position bigint not null,
  issued date not null,
  expires date not null,
  is_newest boolean not null
) on commit drop;
-- One row for each chapter of a person, one without a chapter for a person in none.
create temporary table import_memberships (
  peer_mentor_id uuid not null,
  chapter_id uuid
) on commit drop;
create temporary table import_problems (
  line integer not null,
  column_name text not null,
  problem text not null,
  detail text,
  is_of_person boolean not null default false
) on commit drop;

-- name: copy_rows()$
copy pg_temp.import_rows (
  line, row_is_bad, person_is_bad, external_id, full_name, email, phone, chapters, listing_consent,
  certification_type, issued, expires, past_starts, past_ends
) from stdin;

-- name: analyze_rows()!
analyze pg_temp.import_rows;

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

-- name: drop_staging()#
drop table
  pg_temp.import_rows, pg_temp.import_chapters, pg_temp.import_types, pg_temp.import_certifications,
  pg_temp.import_periods, pg_temp.import_history, pg_temp.import_memberships, pg_temp.import_problems;
