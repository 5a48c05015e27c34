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
    ('mentorcert_web', 'create table public.mine (id integer)', '42501'),
    ('mentorcert_web', 'create temporary table mine (id integer)', '42501'),
    ('mentorcert_web', 'create domain pg_temp.uuid as pg_catalog.uuid', '42501'),
    ('mentorcert_jobs', 'select mentorcert_private.run_nightly()', 'done'),
    ('mentorcert_jobs', 'select mentorcert_private.next_nightly_at(now())', 'done'),
    -- A night that has not come is the owner's to try.
    (
      'mentorcert_jobs',
      $$
        do $do$ begin
          if exists (
            select from unnest(array[now() + interval '1 day', '1900-01-01']) as night
            cross join lateral mentorcert_private.run_nightly(night) as run
            where coalesce(run.error, '') not like 'MC008:%'
          ) or exists (select from mentorcert_private.run_nightly(now(), 0) where coalesce(error, '') not like 'MC008:%') then
            raise 'it ran';
          end if;
        end $do$
      $$,
      'done'
    ),
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
    ('mentorcert_jobs', 'select id from mentorcert_private.notice_mails', '42501'),
    ('mentorcert_jobs', 'set local role authenticated', '42501'),
    ('mentorcert_jobs', 'set local role service_role', '42501'),
    ('mentorcert_jobs', 'select id from mentorcert.peer_mentors', '42501'),
    ('mentorcert_jobs', 'select job from mentorcert_private.job_runs', '42501'),
    ('mentorcert_jobs', 'select mentorcert_private.expire_due_certifications(now())', '42501'),
    ('mentorcert_jobs', 'select mentorcert_private.erase_peer_mentor(gen_random_uuid())', '42501'),
    ('mentorcert_jobs', 'create table public.mine (id integer)', '42501'),
    ('mentorcert_jobs', 'create temporary table mine (id integer)', '42501'),
    ('mentorcert_jobs', 'create domain pg_temp.jsonb as pg_catalog.jsonb', '42501')
) as tried (login, statement, expected);

-- Types are looked for among temporary objects first, whatever the search_path: ours would run what they hold.
select is_empty(
  $$
    select rolname from pg_catalog.pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'mentorcert_web', 'mentorcert_jobs')
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
  array['mentorcert_jobs login inherit', 'mentorcert_web login'], 'what the roles are'
);
select set_eq(
  $$
    select member.rolname || ' ' || granted.rolname
    from pg_catalog.pg_auth_members as link
    join pg_catalog.pg_roles as member on member.oid = link.member
    join pg_catalog.pg_roles as granted on granted.oid = link.roleid
    where member.rolname like 'mentorcert%'
  $$,
  array['mentorcert_web anon', 'mentorcert_web authenticated'], 'whom they can become'
);
select is_empty(
  $$
    select grantee || ' ' || table_name from information_schema.role_table_grants where grantee like 'mentorcert%'
    union all
    select grantee || ' ' || table_name from information_schema.column_privileges where grantee like 'mentorcert%'
  $$,
  'no table, and no column'
);
select set_eq(
  $$ select setting from pg_catalog.pg_db_role_setting, unnest(setconfig) as setting where setrole = 'mentorcert_web'::regrole $$,
  array['statement_timeout=15s', 'idle_in_transaction_session_timeout=60s'], 'a request that hangs ends'
);

select * from finish();
rollback;
