\ir fixture.psql
-- The schema portal: nobody's but the owner's, and made as the others are.

create view tests.portal_tables as
select class.oid, class.relname::text as name, class.relrowsecurity as row_security
from pg_catalog.pg_class as class
where class.relnamespace = 'portal'::regnamespace and class.relkind in ('r', 'p', 'v', 'm', 'f');
create view tests.portal_functions as
select function.oid, function.proname::text as name, function.prosecdef as definer, function.proconfig as settings
from pg_catalog.pg_proc as function
where function.pronamespace = 'portal'::regnamespace;

select ok(
  not has_schema_privilege(role_name, 'portal', 'usage'), role_name || ' does not get into the schema portal'
)
from unnest(array['anon', 'authenticated', 'service_role']) as role_name;
select is(tests.attempt(who, statement), '42501', format('%s: %s', who, statement))
from unnest(array['anon', 'adam', 'cora', 'mia', 'service_role']) as who
cross join unnest(array[
  'select * from portal.states', 'select * from portal.connections', 'select * from portal.attempts',
  'update portal.connections set mode = ''live''', 'select portal.set_mode(tests.id(''alfa''), ''live'', ''why'')',
  'select * from portal.claim(tests.id(''alfa''))', 'select portal.mark(array[tests.id(''mia'')])'
]) as statement;
select is_empty($$ select name from tests.portal_tables where not row_security $$, 'row-level security is on for every table');
select is_empty(
  $$ select name from tests.portal_tables where obj_description(oid, 'pg_class') is null $$, 'every table has a comment'
);
select is_empty(
  $$
    select table_name || ' ' || grantee from information_schema.role_table_grants
    where table_schema = 'portal' and grantee in ('anon', 'authenticated', 'service_role', 'PUBLIC')
  $$,
  'nobody has a grant on a table'
);
select is_empty(
  $$
    select name || ' ' || role_name from tests.portal_functions, unnest(array['anon', 'authenticated', 'service_role']) as role_name
    where has_function_privilege(role_name, oid, 'execute')
  $$,
  'nobody executes a function'
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
