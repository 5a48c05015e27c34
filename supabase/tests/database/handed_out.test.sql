\ir fixture.psql
-- What is handed out leaves a row that no rollback takes away, and nothing says how many there are of whom the caller may not see.

update auth.users set email = tests.name(id) || '@example.org' where true;
update mentorcert.peer_mentors set email = external_id || '@example.org' where true;

-- A question for a login is answered by a later transaction; this whole file is one.
create table tests.questions as
select split_part(tests.perform('adam', $$ select 'asked ' || mentorcert_private.look_up_login('nora@example.org') $$), ' ', 2) as id;
select is(
  tests.attempt('adam', format('select mentorcert_private.found_login(%L)', (select id from tests.questions))), 'MC008 login_lookup_committed',
  'who asks has no answer in the same transaction'
);
savepoint asked;
select is(
  tests.attempt('adam', format('select mentorcert_private.found_login(%L)', (select id from tests.questions))), 'MC008 login_lookup_committed',
  'nor behind a savepoint'
);
release savepoint asked;
update mentorcert_private.login_lookups set asked_in = '3' where true;
select is(
  tests.attempt('adam', format('select mentorcert_private.found_login(%L)', (select id from tests.questions))), 'nora',
  'a question of an earlier transaction is answered'
);
select is(
  tests.attempt('bea', format('select mentorcert_private.found_login(%L)', (select id from tests.questions))), 'MC008 login_lookup_committed',
  'to the one who asked'
);
update mentorcert_private.login_lookups set asked_at = now() - interval '61 minutes' where true;
select is(
  tests.attempt('adam', format('select mentorcert_private.found_login(%L)', (select id from tests.questions))), 'MC008 login_lookup_committed',
  'for an hour'
);
select tests.perform('bea', $$ select 'asked' where mentorcert_private.look_up_login('nora@example.org') is not null $$);
select set_eq('select user_id from mentorcert_private.login_lookups', array[tests.id('bea')], 'and then it is deleted');

-- Names and addresses of notices: in a later transaction than the claim, and the claim stays.
create table tests.mails as select mail as id from mentorcert_private.claim_notices(array[tests.id('mia'), tests.id('per')]) as mail;
select is((select count(*) from tests.mails), 1::bigint, 'a mail is claimed');
select is_empty('select * from mentorcert_private.claimed_notices(array(select id from tests.mails))', 'and not read in the same transaction');
update mentorcert_private.notice_mails set claimed_in = '3' where true;
select results_eq(
  'select address, jsonb_array_length(certifications) from mentorcert_private.claimed_notices(array(select id from tests.mails))',
  $$ values ('mia@example.org', 1) $$, 'but in a later one'
);
select mentorcert_private.report_notices('{}', array(select id from tests.mails));
select results_eq('select id, state from mentorcert_private.notice_mails', $$ select id, 'released' from tests.mails $$, 'what was read and given back stays in the ledger');
select is_empty('select * from mentorcert_private.claimed_notices(array(select id from tests.mails))', 'and is not read again');
select set_eq('select mentorcert_private.claim_notices(array[tests.id(''mia'')])', 'select id from tests.mails', 'until it is claimed again, as the same mail');
select is_empty('select * from mentorcert_private.claimed_notices(array(select id from tests.mails))', 'whose contents wait for that claim to commit');
update mentorcert_private.notice_mails set claimed_in = '3' where true;
select mentorcert_private.report_notices(array(select id from tests.mails), '{}');
select is_empty('select * from mentorcert_private.claimed_notices(array(select id from tests.mails))', 'nor are they read once it was sent');

-- Accesses are those of organisations of which the database itself shows the caller something.
create function tests.logs(who text, organisations text[]) returns text
language sql
as $$
  select tests.attempt(
    who, format('select mentorcert_private.log_access(''mentors'', %L, ''r'')', array(select tests.id(name) from unnest(organisations) as name))
  )
$$;
select is(tests.logs(who, organisations), answer, who || ' logs accesses to ' || organisations::text)
from (
  values
    ('adam', array['alfa', 'alfa'], ''), ('dora', array['alfa', 'beta'], ''),
    ('adam', array['beta'], 'PT500 row_organisation_ids'), ('adam', array['alfa', 'gamma'], 'PT500 row_organisation_ids'),
    ('nora', array['alfa'], 'PT500 row_organisation_ids')
) as logged (who, organisations, answer);
select is(tests.attempt('adam', 'insert into mentorcert_private.access_log ' || statement), answer, statement)
from (
  values
    ($$ (endpoint, row_organisation_ids, request_id) values ('x', array[tests.id('alfa')], 'r') $$, '1 rows'),
    ($$ (endpoint, row_organisation_ids, request_id) values ('x', array[tests.id('beta')], 'r') $$, 'PT500 row_organisation_ids'),
    ($$ (endpoint, row_organisation_ids, request_id) values ('x', array[null::uuid], 'r') $$, 'PT500 row_organisation_ids'),
    ($$ (endpoint, row_organisation_ids, request_id) values ('x', array_fill(tests.id('alfa'), array[1001]), 'r') $$, '23514 access_log_row_organisation_ids_few'),
    ($$ (endpoint, row_organisation_ids, request_id, user_id) values ('x', '{}', 'r', tests.id('bea')) $$, '42501'),
    ($$ (endpoint, row_organisation_ids, request_id, organisation_ids) values ('x', '{}', 'r', array[tests.id('beta')]) $$, '42501'),
    ($$ (endpoint, row_organisation_ids, request_id, recorded_at) values ('x', '{}', 'r', '2000-01-01') $$, '42501'),
    ($$
      (endpoint, row_organisation_ids, request_id)
      select 'x', '{}', set_config('request.jwt.claims', format('{"role": "authenticated", "sub": "%s"}', tests.id('bea')), true)
    $$, 'MC022 caller_known')
) as tried (statement, answer);
-- By a policy that is wrong the database shows them, so this is what the log is for.
create policy leak on mentorcert.chapters for select to authenticated using (true);
select is(tests.logs('adam', array['beta']), '', 'what a wrong policy shows is logged');
drop policy leak on mentorcert.chapters;
update mentorcert.memberships set ended_at = now() where user_id = tests.id('cora');
select is(tests.logs('cora', array['alfa']), '', 'who ends the own membership was a member when the request began');
update mentorcert.memberships set ended_at = null where user_id = tests.id('cora');

-- Sizes: the same answer, however many there are.
create function tests.learns(who text) returns text[]
language sql
as $$
  select array_agg(tests.attempt(who, statement) order by statement)
  from unnest(array[
    $q$ select mentorcert_private.use_sort_plan(array[tests.id('1b')], 1) $q$, $q$ select mentorcert_private.use_sort_plan(array[tests.id('b1')], 1) $q$,
    'select count(*) from unnest(mentorcert_private.absent_peer_mentor_ids()) as id',
    'select count(*) from unnest(mentorcert_private.left_peer_mentor_ids()) as id'
  ]) as statement
$$;
create table tests.learned as select who, tests.learns(who) as answers from tests.personas where who not in ('adam', 'paula', 'sev', 'bea', 'bob', 'anon', 'service_role');
with many as (
  insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, left_on)
  select tests.id(organisation), 'many' || number, 'Many', tests.today(-1)
  from unnest(array['alfa', 'beta']) as organisation, generate_series(1, 100) as number
  returning id, organisation_id
)
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select many.organisation_id, many.id, case many.organisation_id when tests.id('alfa') then tests.id('1b') else tests.id('b1') end from many;
set local session_replication_role = replica;
update mentorcert.peer_mentor_chapters set ended_at = now() - interval '1 hour', updated_at = now() - interval '1 day'
where chapter_id in (tests.id('1b'), tests.id('b1'));
set local session_replication_role = origin;
select is(tests.learns(who), answers, who || ' learns nothing of chapters of others') from tests.learned;
select isnt(tests.learns('paula'), (select answers from tests.learned where who = 'cora'), 'who coordinates them does');

select * from finish();
rollback;
