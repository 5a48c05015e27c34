-- A line for each object that is not ours, with its whole definition, owner, rights and comment; and what the database grants.
with spaces as (
  select oid, nspname, nspacl, nspowner from pg_namespace where nspname !~ '^(pg_|mentorcert)'
    -- The ledger is everybody's: of it, the rows.
    and nspname not in ('information_schema', 'supabase_migrations')
),
relations as (
  select class.* from pg_class as class join spaces on spaces.oid = class.relnamespace where class.relkind in ('r', 'v', 'S', 'i')
)
select 'schema ' || nspname, concat(nspacl, nspowner) from spaces
union all
select 'database', concat(datacl) from pg_database where datname = current_database()
union all
select 'default privileges ' || concat(defaclrole, defaclnamespace, defaclobjtype), concat(defaclacl) from pg_default_acl
union all
select
  'role ' || rolname,
  concat(to_jsonb(role) - 'oid', array(select roleid from pg_auth_members where member = role.oid order by roleid))
from pg_roles as role where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')
union all
select
  'function ' || function.oid::regprocedure,
  concat(pg_get_functiondef(function.oid), proacl, proowner, obj_description(function.oid, 'pg_proc'))
from pg_proc as function join spaces on spaces.oid = function.pronamespace where prokind = 'f'
union all
select
  'relation ' || oid::regclass,
  concat(relkind, relacl, relowner, relrowsecurity, relforcerowsecurity, reloptions, obj_description(oid, 'pg_class'))
from relations
union all
select
  'column ' || attrelid::regclass || '.' || attname,
  concat(
    format_type(atttypid, atttypmod), attnotnull, attacl,
    (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum)
  )
from relations join pg_attribute on attrelid = relations.oid and attnum > 0
union all
select 'constraint ' || conname || ' on ' || conrelid::regclass, pg_get_constraintdef(pg_constraint.oid)
from relations join pg_constraint on conrelid = relations.oid
union all
select 'trigger ' || tgname || ' on ' || tgrelid::regclass, concat(pg_get_triggerdef(pg_trigger.oid), tgenabled)
from relations join pg_trigger on tgrelid = relations.oid and not tgisinternal
union all
select
  'policy ' || polname || ' on ' || polrelid::regclass,
  concat(polcmd, polroles, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
from relations join pg_policy on polrelid = relations.oid
union all
select 'view ' || oid::regclass, pg_get_viewdef(oid) from relations where relkind = 'v'
union all
select 'ledger ' || version, concat(statements, name) from supabase_migrations.schema_migrations
where version in ('20240101000000', '20991231000000')
