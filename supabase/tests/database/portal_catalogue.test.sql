\ir fixture.psql
-- The schema mentorcert_portal: the owner's, but for what administrators read of it; made as the others are.

create view tests.portal_tables as
select class.oid, class.relname::text as name, 
  -- A view has the rights of its caller, and so the policies of its tables.
  case when class.relkind = 'v' then class.reloptions @> '{security_invoker=true}' else class.relrowsecurity end as row_security
from pg_catalog.pg_class as class
where class.relnamespace = 'mentorcert_portal'::regnamespace and class.relkind in ('r', 'p', 'v', 'm', 'f');
create view tests.portal_functions as
select function.oid, function.proname::text as name, function.prosecdef as definer, function.proconfig as settings
from pg_catalog.pg_proc as function
where function.pronamespace = 'mentorcert_portal'::regnamespace;

select ok(
  not has_schema_privilege(role_name, 'mentorcert_portal', 'usage'), role_name || ' does not get into the schema mentorcert_portal'
)
from unnest(array['anon', 'service_role']) as role_name;
select is(tests.attempt(who, statement), '42501', format('%s: %s', who, statement))
from unnest(array['anon', 'adam', 'cora', 'mia', 'service_role']) as who
cross join unnest(array[
  'select * from mentorcert_portal.states', 'select * from mentorcert_portal.connections', 'select * from mentorcert_portal.attempts',
  'update mentorcert_portal.connections set mode = ''live''', 'select mentorcert_portal.set_mode(tests.id(''alfa''), ''live'', ''why'')',
  'select * from mentorcert_portal.claim(tests.id(''alfa''))', 'select mentorcert_portal.enqueue_sync(array[tests.id(''mia'')])'
]) as statement;
select is_empty($$ select name from tests.portal_tables where not row_security $$, 'row-level security is on for every table, and every view has the rights of its caller');
select is_empty(
  $$ select name from tests.portal_tables where obj_description(oid, 'pg_class') is null $$, 'every table has a comment'
);
select is_empty(
  $$
    select table_name || ' ' || grantee from information_schema.role_table_grants
    where table_schema = 'mentorcert_portal' and grantee in ('anon', 'authenticated', 'service_role', 'PUBLIC')
      and not (table_name in ('state_overview', 'unconfirmed_removals') and grantee = 'authenticated' and privilege_type = 'SELECT')
  $$,
  'nobody has a grant on a table'
);
select set_eq(
  $$
    select table_name || ' ' || privilege_type || ' ' || string_agg(column_name, ' ' order by column_name collate "C")
    from information_schema.column_privileges
    where table_schema = 'mentorcert_portal' and grantee in ('anon', 'authenticated', 'service_role', 'PUBLIC')
    group by table_name, privilege_type
  $$,
  array[
    'alerts SELECT acknowledged_at acknowledged_by acknowledged_reason began_at code ended_at organisation_id',
    'attempt_counts SELECT attempts organisation_id outcome',
    'conflicts SELECT decided_at decided_by decision external_id found_at id kind organisation_id peer_mentor_id reason there',
    'connections SELECT adapter breaker breaker_reason breaker_since canary_peer_mentor_ids changed_at changed_by contract_version held_since misdirected_at mode mode_since organisation_id reason',
    'drift SELECT expected external_id found_at id kind marked_at organisation_id peer_mentor_id reconciliation_id repaired_at there',
    'inbox SELECT action organisation_id received_at state',
    'reconciliations SELECT compared duplicate finished_at id in_motion is_dry_run listed_but_expired marked missing organisation_id outcome read reason scope stale started_at unknown_there',
    'replays SELECT finished_at id is_requested marked organisation_id reason selection started_at started_by total',
    'retention SELECT keep log',
    'secrets SELECT expires organisation_id place',
    'state_overview SELECT organisation_id peer_mentor_id state',
    'states SELECT attempted_at attempts changed_at confirmed_at confirmed_version content content_until error error_class first_dirty_at is_removal next_attempt_at organisation_id peer_mentor_id removal_due_at shown state version',
    'unconfirmed_removals SELECT is_seen organisation_id peer_mentor_id since',
    'workers SELECT seen_at started_at'
  ],
  'these columns are read by those whom a policy lets in: never a message, a key of a lease, or the machine of a worker'
);
select set_eq(
  $$
    select name || ' ' || role_name from tests.portal_functions, unnest(array['anon', 'authenticated', 'service_role']) as role_name
    where has_function_privilege(role_name, oid, 'execute')
  $$,
  array['request_replay authenticated'],
  'only these functions are for clients'
);
select is_empty(
  $$ select name from tests.portal_functions where settings is null or not 'search_path=""' = any(settings) $$,
  'every function has an empty search_path'
);
select is_empty(
  $$ select name from tests.portal_functions where obj_description(oid, 'pg_proc') is null $$, 'every function has a comment'
);
select is_empty(
  $$ select indexrelid::regclass::text from pg_catalog.pg_index as index
     join tests.portal_tables as tables on tables.oid = index.indrelid where not index.indisvalid $$,
  'every index is valid'
);

select * from finish();
rollback;
