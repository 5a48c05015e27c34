-- How far a mapping fits the project, and what the registry says otherwise.

-- name: columns(tables, names)
-- A table that does not exist, or is none that has triggers, has no row. A cast to text that somebody made would run as the owner of the views.
select
  named.name as table_name, attribute.attname as column_name, format_type(attribute.atttypid, null) as type,
  row_security_active(class.oid) as is_under_rls,
  exists (
    select from pg_catalog.pg_cast as conversion
    where conversion.castsource = attribute.atttypid and conversion.casttarget = 'text'::regtype and conversion.castmethod = 'f'
      and conversion.oid >= 16384
  ) as has_own_cast
from unnest(:tables::text[], :names::text[]) as named (identifier, name)
join pg_catalog.pg_class as class on class.oid = to_regclass(named.identifier) and class.relkind in ('r', 'p')
join pg_catalog.pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped;

-- name: writers(tables, names, columns)
-- Which clients may write a column that the registry is fed from: by grant, and under row-level security if it is on.
select named.name as table_name, named.column_name, role.rolname as role, class.relrowsecurity as is_under_rls
from unnest(:tables::text[], :names::text[], :columns::text[]) as named (identifier, name, column_name)
join pg_catalog.pg_class as class on class.oid = named.identifier::regclass
join pg_catalog.pg_roles as role on role.rolname in ('anon', 'authenticated')
where
  has_schema_privilege(role.oid, class.relnamespace, 'usage')
  and (
    has_column_privilege(role.oid, class.oid, named.column_name, 'update') or has_column_privilege(role.oid, class.oid, named.column_name, 'insert')
  )
  and (
    not class.relrowsecurity
    or exists (
      select from pg_catalog.pg_policy as policy
      where
        policy.polrelid = class.oid and policy.polpermissive and policy.polcmd in ('*', 'a', 'w')
        and policy.polroles && array[0::oid, role.oid]
    )
  )
order by 1, 2, 3;

-- name: is_applied()
select to_regnamespace('mentorcert_hierarchy') is not null;

-- name: is_whole()
select to_regclass('mentorcert_hierarchy.differences') is not null and to_regclass('mentorcert_hierarchy.problems') is not null;

-- name: differences()
select part, action, what from mentorcert_hierarchy.differences order by 1, 2, 3;

-- name: problems()
select part, source as table_name, source_key as row, problem, is_left_out
from mentorcert_hierarchy.problems
where problem is not null
order by 1, 2, 3;

-- name: failures()
select step, key, reason from mentorcert_hierarchy.failures order by 1, 2;
