\ir fixture.psql
-- An endpoint that is switched off: an error of its own for every client, on every path, with the next statement.

create function tests.switch_off(endpoint text) returns void
language sql set search_path = ''
as $$ insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (endpoint, 'A test') $$;

create table tests.endpoints (endpoint text, table_name text);
insert into tests.endpoints values
  ('audit_log', 'audit_log'), ('certifications', 'peer_mentor_certifications'),
  ('certifications', 'certification_renewal_events'), ('memberships', 'memberships'), ('organisations', 'organisations'),
  ('organisations', 'chapters'), ('organisations', 'certification_types'), ('peer_mentors', 'peer_mentors'),
  ('peer_mentors', 'peer_mentor_chapters'), ('public_list', 'listed_peer_mentors');

-- In the home of histories that most databases don't use, something has to lie that could be seen.
insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
select (entry ->> 'entry_id')::uuid, tests.id('alfa'), tests.id('mia.basic'), 1, entry
from public.certification_history(tests.id('mia.basic')) as entry;

create function tests.first_column(table_name text) returns text
language sql
as $$ select case table_name when 'certification_renewal_events' then 'entry_id' when 'listed_peer_mentors' then 'peer_mentor_id' else 'id' end $$;

-- Every table, of which something is seen before; as administrator, and as anon what anon reads.
create function tests.answer_of(who text, table_name text) returns text
language sql
as $$ select tests.attempt(who, format('select %I from %s limit 1', tests.first_column(table_name), tests.qualified(table_name))) $$;

select isnt(tests.answer_of('adam', table_name), '', 'adam reads ' || table_name) from tests.endpoints;
select tests.switch_off(endpoint) from (select distinct endpoint from tests.endpoints) as every;
select is(tests.answer_of('adam', table_name), 'MC010 endpoint_enabled', table_name || ' is off') from tests.endpoints;
select is(tests.answer_of('anon', 'listed_peer_mentors'), 'MC010 endpoint_enabled', 'the public list is off for anon');
select is(tests.attempt(who, statement), 'MC010 endpoint_enabled', who || ': ' || statement)
from (
  values
    ('adam', $$ update mentorcert.peer_mentors set full_name = 'X' $$),
    ('adam', $$ insert into mentorcert.chapters (code, name) values ('x', 'X') $$),
    ('adam', $$ insert into mentorcert.memberships (user_id, role) values (tests.id('nora'), 'org_admin') $$),
    ('cora', $$ update public.peer_mentor_certifications set status = 'suspended' $$),
    ('cora', $$ select count(*) from public.peer_mentor_certifications $$),
    ('cora', $$ select mentor.id from mentorcert.peer_mentors as mentor where exists (select from public.peer_mentor_certifications) $$)
) as tried (who, statement);
select unalike(
  tests.error_of('adam', $$ select count(*) from mentorcert.peer_mentors $$, 'nothing')::text, '%A test%',
  'the reason is for colleagues only'
);

-- Jobs, the service key and the owner go on.
select is(
  tests.attempt('service_role', $$ select id from mentorcert.organisations $$), 'alfa,beta', 'the service key reads on'
);
select is(
  tests.attempt('service_role', $$ select count(*) from public.certification_history(tests.id('mia.basic')) $$), '1', 'by function too'
);
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic');
select is(
  tests.attempt('owner', $$ select entry ->> 'kind' from public.certification_history(tests.id('mia.basic')) as entry $$),
  'issued,suspended', 'the owner changes on'
);
select is(
  (select count(*) from public.listed_peer_mentors as listed where listed.peer_mentor_id = tests.id('mia')), 0::bigint,
  'and the public list is kept'
);
select lives_ok($$ select mentorcert_private.run_nightly() $$, 'the night passes');

-- Where there is no row to refuse a policy has nothing to say: functions speak up by themselves.
delete from mentorcert_private.disabled_endpoints where endpoint <> 'certifications';
set local session_replication_role = replica;
create temporary table kept on commit drop as select * from public.peer_mentor_certifications;
delete from public.peer_mentor_certifications;
set local session_replication_role = origin;
select is(tests.attempt('adam', $$ select id from public.peer_mentor_certifications $$), '', 'there is no row to refuse');
select is(tests.attempt(who, statement), 'MC010 endpoint_enabled', who || ': ' || statement)
from (
  values
    ('mia', $$ select id from public.certifications_page() $$),
    ('mia', $$ select id from public.search_certifications() $$),
    ('mia', $$ select id from public.search_peer_mentors() $$),
    ('cora', $$ select refusal from public.preview_changes('renew', array[gen_random_uuid()]) $$),
    ('cora', $$ select public.change_certifications('renew', array[gen_random_uuid()]) $$),
    ('mia', $$ select entry from public.certification_history(gen_random_uuid()) as entry $$),
    ('mia', $$ select public.certification_as_of(tests.id('mia.basic'), now()) $$),
    ('cora', $$ select public.renew_certification(gen_random_uuid()) $$),
    ('cora', $$ select public.suspend_certification(tests.id('bert.basic'), 'x') $$),
    ('cora', $$ select public.reinstate_certification(tests.id('mia.basic'), 'x') $$),
    ('cora', $$ select public.register_certification(gen_random_uuid(), 'basic') $$),
    ('cora', $$ select public.revert_change(tests.id('mia.basic'), gen_random_uuid(), 'x') $$),
    ('cora', $$ select public.revert_change(gen_random_uuid(), 'x') $$),
    ('cora', $$ select public.extend_certifications('basic', '2099-12-31', 'x') $$)
) as tried (who, statement);
set local session_replication_role = replica;
insert into public.peer_mentor_certifications select * from kept;
set local session_replication_role = origin;

-- Back again.
delete from mentorcert_private.disabled_endpoints;
select is(tests.attempt('mia', $$ select id from mentorcert.peer_mentors $$), 'mia', 'switched on, everything is as before');

-- What the switches take.
select throws_ok(
  $$ insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('everything', 'x') $$, '23514', null, 'an unknown endpoint'
);
select throws_ok(
  $$ insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', ' ') $$, '23514', null, 'no reason'
);
select tests.everybody_gets(
  $$ insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'x') $$,
  'nobody but the owner switches', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);

select * from finish();
rollback;
