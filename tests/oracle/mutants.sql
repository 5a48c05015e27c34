-- Every policy and grant that decides what clients get, with statements that take it away or widen it.

-- name: policies()
select
  policy.polname || ' (' || class.relname || '): ' || mutation.name, class.relname,
  format(mutation.statement, policy.polname, policy.polrelid::regclass)
from pg_catalog.pg_policy as policy
join pg_catalog.pg_class as class on class.oid = policy.polrelid
cross join lateral (
  values
    ('dropped', 'drop policy %I on %s', true),
    ('using true', 'alter policy %I on %s using (true)', policy.polqual is not null),
    ('using false', 'alter policy %I on %s using (false)', policy.polqual is not null),
    ('with check true', 'alter policy %I on %s with check (true)', policy.polwithcheck is not null),
    ('with check false', 'alter policy %I on %s with check (false)', policy.polwithcheck is not null)
) as mutation (name, statement, applies)
where class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) and mutation.applies
  -- Those of the login roles let no client in: supabase/tests/database/login_roles.test.sql notices each.
  and not policy.polroles && array(select oid from pg_catalog.pg_roles where rolname like 'mentorcert%')
order by class.relname, policy.polname, mutation.name;

-- name: row_level_security()
select
  'row-level security off: ' || class.relname, class.relname,
  format('alter table %s disable row level security', class.oid::regclass)
from pg_catalog.pg_class as class
where class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) and class.relkind = 'r'
order by class.relname;

-- name: table_grants()
select
  case when has then 'revoke ' else 'grant ' end || privilege || ' on ' || class.oid::regclass
    || case when has then ' from ' else ' to ' end || role,
  case class.relkind when 'v' then class.oid::regclass::text else class.relname end,
  case when has then 'revoke ' else 'grant ' end || privilege || ' on ' || class.oid::regclass
    || case when has then ' from ' else ' to ' end || role
from pg_catalog.pg_class as class
cross join unnest(array['anon', 'authenticated']) as role
cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as privilege
cross join lateral has_table_privilege(role, class.oid, privilege) as has
where class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) and class.relkind in ('r', 'p', 'v', 'm')
order by class.relname, role, privilege;

-- name: column_grants()
select
  case when has then 'revoke ' else 'grant ' end || privilege || ' (' || attribute.attname || ') on ' || class.oid::regclass
    || case when has then ' from ' else ' to ' end || role,
  case class.relkind when 'v' then class.oid::regclass::text else class.relname end,
  format(
    case when has then 'revoke %s (%I) on %s from %I' else 'grant %s (%I) on %s to %I' end,
    privilege, attribute.attname, class.oid::regclass, role
  )
from pg_catalog.pg_class as class
join pg_catalog.pg_attribute as attribute
  on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
cross join unnest(array['anon', 'authenticated']) as role
cross join unnest(array['select', 'insert', 'update']) as privilege
cross join lateral has_column_privilege(role, class.oid, attribute.attnum, privilege) as has
where
  class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) and class.relkind in ('r', 'p', 'v', 'm')
  -- What is granted on the table is not taken away by the column.
  and not has_table_privilege(role, class.oid, privilege)
order by class.relname, attribute.attnum, role, privilege;

-- name: private_tables()
select
  'grant select on mentorcert_private.' || class.relname || ' to authenticated', 'mentorcert_private.' || class.relname,
  'grant select on ' || class.oid::regclass || ' to authenticated'
from pg_catalog.pg_class as class
where class.relnamespace = 'mentorcert_private'::regnamespace and class.relkind in ('r', 'p', 'v', 'm')
  and not has_table_privilege('authenticated', class.oid, 'select')
order by class.relname;

-- name: functions()
select
  case when has then 'revoke execute on ' else 'grant execute on ' end || function.oid::regprocedure
    || case when has then ' from ' else ' to ' end || role, function.proname,
  case when has then 'revoke execute on function ' else 'grant execute on function ' end || function.oid::regprocedure
    || case when has then ' from ' else ' to ' end || role
from pg_catalog.pg_proc as function
cross join unnest(array['anon', 'authenticated']) as role
cross join lateral has_function_privilege(role, function.oid, 'execute') as has
where function.pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)
  -- Of the helpers in private, those that are open: docs/access.md says nothing of the others, so nobody tries them.
  or (function.pronamespace = 'mentorcert_private'::regnamespace and has)
order by function.pronamespace::regnamespace::text, function.oid::regprocedure::text, role;

-- name: schemas()
select statement, schema, statement
from unnest(array['public', 'mentorcert', 'mentorcert_private']) as schema
cross join unnest(array['anon', 'authenticated']) as role
cross join lateral (
  select format('revoke usage on schema %s from %s', schema, role)
  from pg_catalog.pg_namespace as namespace
  cross join lateral aclexplode(namespace.nspacl) as granted
  where namespace.nspname = schema and granted.grantee = role::regrole and granted.privilege_type = 'USAGE'
  union all
  select format('grant usage on schema %s to %s', schema, role) where not has_schema_privilege(role, schema, 'usage')
) as mutation (statement);
