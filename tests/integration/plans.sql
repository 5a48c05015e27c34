-- Twenty organisations of 50 chapters and 750 peer mentors each, one in ten of them in two chapters; four
-- certifications each. Of the first, one login is a peer mentor, one coordinates 3 chapters, one 25, one is administrator.

set session_replication_role = replica;

insert into auth.users (id)
select md5(who)::uuid from unnest(array['mentor', 'coordinator', 'busy', 'admin']) as who;

insert into mentorcert.organisations (id, slug, name)
select md5('organisation' || number)::uuid, 'organisation-' || number, 'Organisation ' || number
from generate_series(1, 20) as number;

insert into mentorcert.chapters (id, organisation_id, code, name)
select md5('chapter' || organisation || '-' || number)::uuid, md5('organisation' || organisation)::uuid, number::text, 'Chapter ' || number
from generate_series(1, 20) as organisation, generate_series(1, 50) as number;

insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
select md5('organisation1')::uuid, md5(who)::uuid, role, case when role = 'coordinator' then md5('chapter1-' || number)::uuid end
from (
  values ('mentor', 'peer_mentor', 1), ('coordinator', 'coordinator', 3), ('busy', 'coordinator', 25), ('admin', 'org_admin', 1)
) as people (who, role, chapters)
cross join lateral generate_series(1, chapters) as number;

insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule, validity_months)
select md5('organisation' || organisation)::uuid, 'type-' || type, 'Type', 'Type', 'months', 24
from generate_series(1, 20) as organisation, generate_series(1, 4) as type;

insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, user_id, chapter_ids)
select
  md5('mentor' || organisation || '-' || number)::uuid, md5('organisation' || organisation)::uuid, number::text, 'Mentor ' || number,
  case when organisation = 1 and number = 1 then md5('mentor')::uuid end,
  array[md5('chapter' || organisation || '-' || 1 + number % 50)::uuid]
  || case when number % 10 = 0 then array[md5('chapter' || organisation || '-' || 1 + number % 49)::uuid] else '{}' end
from generate_series(1, 20) as organisation, generate_series(1, 750) as number;

insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select distinct mentor.organisation_id, mentor.id, chapter_id
from mentorcert.peer_mentors as mentor, unnest(mentor.chapter_ids) as chapter_id;

insert into public.peer_mentor_certifications (
  organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, chapter_ids
)
select
  mentor.organisation_id, mentor.id, 'type-' || type, '2024-01-01', timestamptz '2026-01-01' + interval '1 day' * (random() * 700)::integer,
  mentor.chapter_ids
from mentorcert.peer_mentors as mentor, generate_series(1, 4) as type;

set session_replication_role = origin;
analyze;
