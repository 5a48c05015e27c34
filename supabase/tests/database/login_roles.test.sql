\ir fixture.psql
-- The roles that the web and the jobs connect as have no rights but these.

-- Runs one statement as a login role does, in its own name; undone.
create function tests.attempt_as_login(login text, statement text) returns text
language plpgsql
as $$
declare
  state text := 'done';
begin
  begin
    execute format('set local session authorization %I', login);
    begin
      execute statement;
    exception when others then
      state := sqlstate;
    end;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return state;
  end;
end
$$;

-- What one query says to a login role.
create function tests.as_login(login text, query text, expected text, description text) returns text
language plpgsql
as $$
declare
  found text;
begin
  begin
    execute format('set local session authorization %I', login);
    begin
      execute query into found;
    exception when others then
      found := sqlstate;
    end;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return is(found, expected, description);
  end;
end
$$;

select is(tests.attempt_as_login(login, statement), expected, login || ': ' || statement)
from (
  values
    ('mentorcert_web', 'select 1', 'done'),
    ('mentorcert_web', 'set local role anon', 'done'),
    ('mentorcert_web', 'set local role authenticated', 'done'),
    ('mentorcert_web', 'set local role service_role', '42501'),
    ('mentorcert_web', 'set local role mentorcert_jobs', '42501'),
    ('mentorcert_web', 'set local role postgres', '42501'),
    ('mentorcert_web', 'select id from mentorcert.peer_mentors', '42501'),
    ('mentorcert_web', 'select peer_mentor_id from public.listed_peer_mentors', '42501'),
    ('mentorcert_web', 'select public.get_user_organisation_id()', '42501'),
    ('mentorcert_web', 'select mentorcert_private.run_nightly()', '42501'),
    ('mentorcert_web', 'select mentorcert_private.count_attempt(''{}'', ''{}'')', 'done'),
    ('mentorcert_web', 'select number from mentorcert_private.attempts', '42501'),
    ('mentorcert_web', 'select mentorcert_private.seconds_behind()', 'done'),
    ('mentorcert_web', 'select mentorcert_private.beat()', '42501'),
    ('mentorcert_web', 'select beaten_at from mentorcert_private.heartbeats', '42501'),
    ('mentorcert_web', 'select mentorcert_private.end_session()', '42501'),
    ('mentorcert_web', 'create table public.mine (id integer)', '42501'),
    ('mentorcert_web', 'create temporary table mine (id integer)', '42501'),
    ('mentorcert_web', 'create domain pg_temp.uuid as pg_catalog.uuid', '42501'),
    ('mentorcert_jobs', 'select mentorcert_private.run_nightly()', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.next_nightly_at(now())', 'done'),
    ('mentorcert_jobs', 'select value from mentorcert_private.job_figures()', 'done'),
    -- A night that has not come is the owner's to try.
    ('mentorcert_jobs', 'select mentorcert_private.run_nightly(now() + interval ''1 day'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.run_nightly(''1900-01-01'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.run_nightly(now(), 0)', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.delete_outdated()', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.beat()', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.delete_outdated(0)', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.next_notices_at(now())', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.due_notices(now())', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.due_digests(now())', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.start_notices()', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.claim_notices(''{}'')', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.claim_digests(''{}'', ''{}'')', 'done'),
    -- Nobody counts as reminded of a day that has not come.
    ('mentorcert_jobs', 'select mentorcert_private.start_notices(now() + interval ''1 day'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claim_notices(''{}'', now() + interval ''1 day'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claim_digests(''{}'', ''{}'', now() - interval ''2 days'')', 'MC008'),
    -- Nor does anybody read whom we will write to, or claim everybody at once.
    ('mentorcert_jobs', 'select mentorcert_private.due_notices(''2100-01-01'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.due_notices(now(), 36500)', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.due_notices(now(), null)', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.due_digests(''2100-01-01'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.due_digests(null)', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claimed_notices(''{}'', ''2100-01-01'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claimed_digests(''{}'', ''2100-01-01'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claimed_outdated(''{}'', ''2100-01-01'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claim_notices(array(select gen_random_uuid() from generate_series(1, 1001)))', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.claim_digests(null, array(select gen_random_uuid() from generate_series(1, 1001)))', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.next_notices_at(''infinity'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.next_nightly_at(''infinity'')', 'MC008'),
    ('mentorcert_jobs', 'select mentorcert_private.take_lock(''import'')', '42501'),
    ('mentorcert_jobs', 'select id from mentorcert_private.notice_mails', '42501'),
    ('mentorcert_jobs', 'set local role authenticated', '42501'),
    ('mentorcert_jobs', 'set local role service_role', '42501'),
    ('mentorcert_jobs', 'select id from mentorcert.peer_mentors', '42501'),
    ('mentorcert_jobs', 'select job from mentorcert_private.job_runs', '42501'),
    ('mentorcert_jobs', 'select mentorcert_private.expire_due_certifications(now())', '42501'),
    ('mentorcert_jobs', 'select mentorcert_private.erase_peer_mentor(gen_random_uuid())', '42501'),
    ('mentorcert_jobs', 'select body from mentorcert_portal.inbox', '42501'),
    ('mentorcert_jobs', 'select mentorcert_portal.claim(gen_random_uuid(), 1, interval ''1 minute'')', '42501'),
    ('mentorcert_jobs', 'create table public.mine (id integer)', '42501'),
    ('mentorcert_jobs', 'create temporary table mine (id integer)', '42501'),
    ('mentorcert_jobs', 'create domain pg_temp.jsonb as pg_catalog.jsonb', '42501'),
    ('mentorcert_tasks', 'create temporary table mine (id integer)', '42501'),
    ('mentorcert_tasks', 'create domain pg_temp.uuid as pg_catalog.uuid', '42501'),
    -- Where our tables lie it makes none of its own.
    (
      'mentorcert_tasks',
      $$ do 'begin perform mentorcert_private.create_import_staging(); create temporary table mine (id integer); end' $$, '42501'
    ),
    ('mentorcert_tasks', $$ do 'begin perform mentorcert_private.create_import_staging(); drop table pg_temp.import_rows; end' $$, '42501'),
    ('mentorcert_tasks', 'select mentorcert_private.lock_import(''alfa'')', '42501'),
    ('mentorcert_tasks', 'select id from mentorcert.memberships', '42501'),
    ('mentorcert_tasks', 'select id from mentorcert_private.tasks', '42501'),
    ('mentorcert_tasks', 'update public.peer_mentor_certifications set renewal_history = ''[]''', '42501'),
    ('mentorcert_tasks', 'select mentorcert_private.run_nightly()', '42501'),
    ('mentorcert_portal', 'select mentorcert_portal.due()', 'done'),
    ('mentorcert_portal', 'select mentorcert_portal.due(now() + interval ''1 day'')', 'MC008'),
    ('mentorcert_portal', 'select target from mentorcert_portal.connections', '42501'),
    ('mentorcert_portal', 'select mentorcert_portal.claim_message(array[''alfa''])', '42501'),
    ('mentorcert_portal', 'select mentorcert_private.run_nightly()', '42501'),
    ('mentorcert_receiver', 'select mentorcert_portal.claim_message(array[''alfa''])', 'done'),
    ('mentorcert_receiver', 'select body from mentorcert_portal.inbox', '42501'),
    ('mentorcert_receiver', 'select mentorcert_portal.claim(gen_random_uuid(), 1, interval ''1 minute'')', '42501'),
    ('mentorcert_receiver', 'select mentorcert_private.set_change_context(''{}'')', '42501'),
    ('mentorcert_receiver', 'create temporary table mine (id integer)', '42501')
) as tried (login, statement, expected);

-- Who imports and exports reads nobody but while a task of theirs runs.
insert into mentorcert_private.tasks (organisation_id, requested_by, kind) values (tests.id('beta'), tests.id('bea'), 'export');
select tests.as_login('mentorcert_tasks', $$
  select count(*) from mentorcert.peer_mentors, mentorcert.organisations, public.peer_mentor_certifications, mentorcert.chapters
$$, '0', 'without a task, nobody');
insert into mentorcert_private.tasks (organisation_id, requested_by, kind, state, lease_token, lease_until)
values (tests.id('alfa'), tests.id('adam'), 'export', 'running', gen_random_uuid(), now() + interval '1 minute');
insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
select id, organisation_id, id, 1, jsonb_build_object('entry_id', id) from public.peer_mentor_certifications;
select tests.as_login(
  'mentorcert_tasks', format('select array_agg(distinct %s) from %s', key, table_name), format('{%s}', tests.id('alfa')),
  'with one, its organisation: ' || table_name
)
from (
  values
    ('id', 'mentorcert.organisations'), ('organisation_id', 'mentorcert.chapters'), ('organisation_id', 'mentorcert.certification_types'),
    ('organisation_id', 'mentorcert.peer_mentors'), ('organisation_id', 'mentorcert.peer_mentor_chapters'),
    ('organisation_id', 'public.peer_mentor_certifications'), ('organisation_id', 'mentorcert.certification_renewal_events'),
    ('organisation_id', 'mentorcert.listing_consents')
) as read_tables (key, table_name);
-- A change that reads no column is under the policy for UPDATE only.
select tests.as_login(
  'mentorcert_tasks', format('with changed as (update %s set %s returning 1) select count(*) from changed', table_name, change),
  rows_of_alfa::text, 'it changes the rows of its organisation: ' || table_name
)
from (
  select 'mentorcert.peer_mentors', 'full_name = ''x''', count(*) from mentorcert.peer_mentors where organisation_id = tests.id('alfa')
  union all
  select 'mentorcert.peer_mentor_chapters', 'ended_at = now()', count(*)
  from mentorcert.peer_mentor_chapters where organisation_id = tests.id('alfa')
  union all
  select 'public.peer_mentor_certifications', format('expires_at = %L', tests.day(300)), count(*)
  from public.peer_mentor_certifications where organisation_id = tests.id('alfa')
) as changes (table_name, change, rows_of_alfa);
select is(
  tests.attempt_as_login('mentorcert_tasks', format('insert into %s values (%L, %s)', target, tests.id(organisation), added)), expected,
  format('what it adds to %s: %s', organisation, target)
)
from (values ('alfa', 'lost', '1a', 'life', 'done'), ('beta', 'bert', 'countyb', 'beta-only', '42501')) as tried (organisation, mentor, chapter, type, expected)
cross join lateral (
  values
    ('mentorcert.peer_mentors (organisation_id, external_id, full_name)', '''x'', ''x'''),
    (
      'mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)',
      format('%L, %L', tests.id(mentor), tests.id(chapter))
    ),
    (
      'public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)',
      format('%L, %L, %L', tests.id(mentor), type, tests.day(-1))
    )
) as additions (target, added);
-- WITH CHECK alone: without the grants and the trigger that keep a row where it is.
grant update (organisation_id) on mentorcert.peer_mentors, mentorcert.peer_mentor_chapters, public.peer_mentor_certifications
to mentorcert_tasks;
alter table mentorcert.peer_mentors disable trigger keep_identity;
alter table mentorcert.peer_mentor_chapters disable trigger keep_identity;
alter table public.peer_mentor_certifications disable trigger keep_identity;
select is(
  tests.attempt_as_login('mentorcert_tasks', format('update %s set organisation_id = %L', table_name, tests.id('beta'))), '42501',
  'and takes nothing out of it: ' || table_name
)
from unnest(array['mentorcert.peer_mentors', 'mentorcert.peer_mentor_chapters', 'public.peer_mentor_certifications']) as table_name;
delete from mentorcert_private.tasks where kind = 'export';
select tests.as_login(login, 'select array_agg(slug order by slug) from mentorcert.organisations', '{alfa,beta}', login || ': which organisations there are')
from unnest(array['mentorcert_jobs', 'mentorcert_portal', 'mentorcert_receiver']) as login;

-- Types are looked for among temporary objects first, whatever the search_path: ours would run what they hold.
select is_empty(
  $$
    select rolname from pg_catalog.pg_roles
    where (rolname in ('anon', 'authenticated', 'service_role') or rolname ~ '^mentorcert_')
      and has_database_privilege(rolname, current_database(), 'temporary')
  $$,
  'nobody makes temporary objects'
);
select set_eq(
  $$
    select rolname || concat_ws(
      ' ', '', case when rolcanlogin then 'login' end, case when rolinherit then 'inherit' end, case when rolsuper then 'super' end,
      case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end,
      case when rolbypassrls then 'bypassrls' end, case when rolreplication then 'replication' end
    )
    from pg_catalog.pg_roles where rolname like 'mentorcert%'
  $$,
  array[
    'mentorcert_jobs login inherit', 'mentorcert_monitoring inherit', 'mentorcert_portal login inherit',
    'mentorcert_receiver login inherit', 'mentorcert_tasks login inherit', 'mentorcert_web login'
  ],
  'what the roles are'
);
select set_eq(
  $$
    select member.rolname || ' ' || granted.rolname
    from pg_catalog.pg_auth_members as link
    join pg_catalog.pg_roles as member on member.oid = link.member
    join pg_catalog.pg_roles as granted on granted.oid = link.roleid
    where member.rolname like 'mentorcert%'
  $$,
  array[
    'mentorcert_jobs mentorcert_monitoring', 'mentorcert_portal mentorcert_monitoring', 'mentorcert_receiver mentorcert_monitoring',
    'mentorcert_web anon', 'mentorcert_web authenticated'
  ],
  'whom they can become'
);
select set_eq(
  $$
    select grantee || ' ' || privilege_type || ' ' || table_name from information_schema.role_table_grants where grantee like 'mentorcert%' and grantee <> 'mentorcert_tasks'
    union
    select grantee || ' ' || privilege_type || ' ' || table_name from information_schema.column_privileges where grantee like 'mentorcert%' and grantee <> 'mentorcert_tasks'
  $$,
  array(
    select 'mentorcert_monitoring SELECT ' || name
    from unnest(array[
      'attempt_counts', 'conflicts', 'connections', 'drift', 'inbox', 'organisations', 'reconciliations', 'retention', 'schema_migrations',
      'secrets', 'state_overview', 'states', 'unconfirmed_removals', 'workers'
    ]) as name
    union all
    -- Which migrations are applied, of which it says that they are not.
    select 'mentorcert_web SELECT schema_migrations'
  ),
  'no table, but how the portals stand, to read'
);
select set_eq(
  $$ select setting from pg_catalog.pg_db_role_setting, unnest(setconfig) as setting where setrole = 'mentorcert_web'::regrole $$,
  array['statement_timeout=15s', 'idle_in_transaction_session_timeout=60s'], 'a request that hangs ends'
);

select * from finish();
rollback;
