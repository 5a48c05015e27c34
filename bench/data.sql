-- A registry of 20 organisations of 50 chapters each. Each peer mentor holds four certifications; every other one of two in each
-- two times `spread` peer mentors of an organisation ended at the latest midnight and waits for the nightly run. Keys are hashes: scattered like random ones, and the same in each run.

-- name: lift_timeout()!
-- Ten million rows take longer to fill in, and to vacuum, than the servers of the tests let a statement take.
set statement_timeout = 0;

-- name: lift_triggers()!
set session_replication_role = replica;

-- name: restore_triggers()!
reset session_replication_role;

-- name: insert_organisations()!
insert into mentorcert.organisations (id, slug, name)
select md5('organisation ' || organisation)::uuid, 'organisation-' || organisation, 'Organisation ' || organisation
from generate_series(0, 19) as organisation;

-- name: insert_chapters()!
insert into mentorcert.chapters (id, organisation_id, code, name)
select
  md5(concat_ws(' ', 'chapter', organisation, chapter))::uuid, md5('organisation ' || organisation)::uuid,
  'L' || chapter, 'Chapter ' || chapter
from generate_series(0, 19) as organisation
cross join generate_series(0, 49) as chapter;

-- name: insert_types()!
insert into mentorcert.certification_types (
  organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing
)
select organisation.id, type, type, type, 'months', 24, type = 'course'
from mentorcert.organisations as organisation
cross join unnest(array['course', 'confidentiality', 'conversation', 'first-aid']) as type;

-- name: insert_peer_mentors(mentors)!
-- Every tenth is in two chapters and has a login; every third consents to being listed.
insert into mentorcert.peer_mentors (
  id, organisation_id, external_id, user_id, full_name, email, listing_consent, chapter_ids
)
select
  md5('mentor ' || mentor)::uuid, md5('organisation ' || mod(mentor, 20))::uuid, mentor,
  case when mod(mentor, 10) = 0 then md5('login ' || mentor)::uuid end,
  'Mentor Number ' || mentor, concat('mentor.', mentor, '@example.org'), mod(mentor, 3) = 0,
  array(
    select md5(concat_ws(' ', 'chapter', mod(mentor, 20), mod(mentor / 20 + further, 50)))::uuid
    from generate_series(0, case when mod(mentor / 20 + mentor / 1000, 10) = 0 then 1 else 0 end) as further
    order by 1
  )
from generate_series(0, :mentors - 1) as mentor;

-- name: insert_chapters_of_peer_mentors()!
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select mentor.organisation_id, mentor.id, chapter_id
from mentorcert.peer_mentors as mentor
cross join unnest(mentor.chapter_ids) as chapter_id;

-- name: insert_certifications(mentors, spread)!
insert into public.peer_mentor_certifications (
  id, organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, chapter_ids, renewal_history
)
select
  dated.certification_id, mentor.organisation_id, mentor.id, dated.type, dated.issued_at, dated.expires_at,
  mentor.chapter_ids,
  jsonb_build_array(
    jsonb_build_object(
      'schema_version', mentorcert_private.current_history_version(),
      'entry_id', gen_random_uuid(),
      'kind', 'imported',
      'recorded_at', now(),
      'effective_at', dated.issued_at,
      'actor', jsonb_build_object('job', 'import'),
      'before', null,
      'after', jsonb_build_object(
        'certification_type', dated.type, 'status', 'active',
        'issued_at', dated.issued_at, 'expires_at', dated.expires_at
      )
    )
  )
from generate_series(0, :mentors - 1) as number
join mentorcert.peer_mentors as mentor on mentor.id = md5('mentor ' || number)::uuid
cross join unnest(array['course', 'confidentiality', 'conversation', 'first-aid'])
  with ordinality as types (type, position)
cross join lateral (
  select
    md5(concat_ws(' ', 'certification', number, types.position))::uuid as certification_id,
    types.type,
    mentorcert_private.day_starts(ends.day, 'Europe/Oslo') as expires_at,
    mentorcert_private.day_starts((ends.day - interval '24 months')::date, 'Europe/Oslo') as issued_at
  from (
    select mentorcert_private.day_of(now(), 'Europe/Oslo') + case
      when mod(number / 20, 2 * :spread) < 2 and mod(number / 20 + types.position, 2) = 0 then 0
      else 1 + mod(number::bigint * 7919 + types.position * 104729, 729)::integer
    end as day
  ) as ends
) as dated
order by number, types.position;

-- name: insert_listing()!
-- As of yesterday: who leaves the list tonight is still on it.
insert into public.listed_peer_mentors (
  peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until
)
select
  mentor.id, mentor.organisation_id, organisation.slug, mentor.full_name,
  array(select chapter.name from mentorcert.chapters as chapter where chapter.id = any(mentor.chapter_ids) order by 1),
  certification.expires_at
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
join public.peer_mentor_certifications as certification
  on certification.peer_mentor_id = mentor.id and certification.certification_type = 'course'
where mentor.listing_consent;

-- name: insert_memberships()!
-- Peer mentors with a login; in each organisation an administrator, a coordinator for each chapter, and one each of
-- 3 and of 25 chapters.
with members (name, organisation_id, role, chapter_id) as (
  select 'login ' || mentor.external_id, mentor.organisation_id, 'peer_mentor', null::uuid
  from mentorcert.peer_mentors as mentor
  where mentor.user_id is not null
  union all
  select 'administrator ' || organisation, md5('organisation ' || organisation)::uuid, 'org_admin', null
  from generate_series(0, 19) as organisation
  union all
  select
    concat_ws(' ', 'coordinator', organisation, chapters, case when chapters = 1 then chapter else 0 end),
    md5('organisation ' || organisation)::uuid, 'coordinator',
    md5(concat_ws(' ', 'chapter', organisation, chapter))::uuid
  from generate_series(0, 19) as organisation
  cross join generate_series(0, 49) as chapter
  cross join unnest(array[1, 3, 25]) as chapters
  where chapters = 1 or chapter < chapters
),
logins as (
  insert into auth.users (id, email)
  select distinct md5(members.name)::uuid, md5(members.name) || '@example.org' from members
)
insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
select members.organisation_id, md5(members.name)::uuid, members.role, members.chapter_id from members;

-- name: storage()^
select pg_total_relation_size('public.peer_mentor_certifications'), pg_database_size(current_database());

-- name: vacuum()!
vacuum (analyze);

-- name: checkpoint()!
checkpoint;
