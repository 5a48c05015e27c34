-- Organisations of 50 chapters and a number of peer mentors each, one in ten of them in two chapters; four
-- certifications each, with an event each; every person has a login and two acts of consent, every seventh is listed. Of the first,
-- one login is a peer mentor, others coordinate 1, 3 and 25 chapters, one is administrator. The numbers are in the settings plans.organisations and plans.mentors.

set session_replication_role = replica;

insert into auth.users (id)
select md5(who)::uuid from unnest(array['mentor', 'local', 'coordinator', 'busy', 'admin']) as who;

insert into mentorcert.organisations (id, slug, name)
select md5('organisation' || number)::uuid, 'organisation-' || number, 'Organisation ' || number
from generate_series(1, current_setting('plans.organisations')::integer) as number;

insert into mentorcert.chapters (id, organisation_id, code, name)
select md5('chapter' || organisation || '-' || number)::uuid, md5('organisation' || organisation)::uuid, number::text, 'Chapter ' || number
from generate_series(1, current_setting('plans.organisations')::integer) as organisation, generate_series(1, 50) as number;

insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
select md5('organisation1')::uuid, md5(who)::uuid, role, case when role = 'coordinator' then md5('chapter1-' || number)::uuid end
from (
  values ('mentor', 'peer_mentor', 1), ('local', 'coordinator', 1), ('coordinator', 'coordinator', 3), ('busy', 'coordinator', 25), ('admin', 'org_admin', 1)
) as people (who, role, chapters)
cross join lateral generate_series(1, chapters) as number;

insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule, validity_months)
select md5('organisation' || organisation)::uuid, 'type-' || type, 'Type', 'Type', 'months', 24
from generate_series(1, current_setting('plans.organisations')::integer) as organisation, generate_series(1, 4) as type;

insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, user_id, chapter_ids)
select
  md5('mentor' || organisation || '-' || number)::uuid, md5('organisation' || organisation)::uuid, number::text, 'Mentor ' || number,
  md5(case when organisation = 1 and number = 1 then 'mentor' else 'login' || organisation || '-' || number end)::uuid,
  array[md5('chapter' || organisation || '-' || 1 + number % 50)::uuid]
  || case when number % 10 = 0 then array[md5('chapter' || organisation || '-' || 1 + number % 49)::uuid] else '{}' end
from generate_series(1, current_setting('plans.organisations')::integer) as organisation, generate_series(1, current_setting('plans.mentors')::integer) as number;

insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select distinct mentor.organisation_id, mentor.id, chapter_id
from mentorcert.peer_mentors as mentor, unnest(mentor.chapter_ids) as chapter_id;

insert into public.peer_mentor_certifications (
  organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, chapter_ids
)
select
  mentor.organisation_id, mentor.id, 'type-' || type, '2024-01-01 00:00 Europe/Oslo',
  -- A midnight there, as every certification ends.
  (date '2026-01-01' + (random() * 700)::integer)::timestamp at time zone 'Europe/Oslo', mentor.chapter_ids
from mentorcert.peer_mentors as mentor, generate_series(1, 4) as type;

insert into auth.users (id)
select mentor.user_id from mentorcert.peer_mentors as mentor where mentor.user_id <> md5('mentor')::uuid;

insert into mentorcert.memberships (organisation_id, user_id, role)
select mentor.organisation_id, mentor.user_id, 'peer_mentor'
from mentorcert.peer_mentors as mentor where mentor.user_id <> md5('mentor')::uuid;

insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way)
select mentor.organisation_id, mentor.id, act = 1, timestamptz '2026-01-01' + act * interval '1 day', '{}', 'form'
from mentorcert.peer_mentors as mentor, generate_series(1, 2) as act;

insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
select
  certification.id, certification.organisation_id, certification.id, 1, jsonb_build_object('entry_id', certification.id)
from public.peer_mentor_certifications as certification;

insert into mentorcert.audit_log (recorded_at, organisation_id, table_name, row_id, action, actor, after)
select
  timestamptz '2026-01-01' + interval '1 second' * row_number() over (), mentor.organisation_id, 'peer_mentors', mentor.id::text,
  'insert', '{}', '{}'
from mentorcert.peer_mentors as mentor;

insert into public.listed_peer_mentors (peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until)
select mentor.id, mentor.organisation_id, organisation.slug, mentor.full_name, '{}', 'infinity'
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
where mod(mentor.external_id::integer, 7) = 0;

set session_replication_role = origin;
-- As autovacuum would: with much of it pending, the planner thinks little of an index.
select gin_clean_pending_list(pending.indexrelid)
from pg_catalog.pg_index as pending
where pending.indexrelid = any(array['mentorcert.peer_mentors_chapter_ids_idx', 'public.peer_mentor_certifications_chapter_ids_idx']::regclass[]);
analyze;
