-- What the catalogue grants, a line for each right; to be asked with an empty search_path, so that every name is qualified.

-- name: held(in_public)
-- In public, where a project has its own: what is named, and what reads ours; without names, all of it.
with recursive
grantees (oid, name) as (
  select 0::oid, 'PUBLIC'
  union all
  select role.oid, role.rolname::text
  from pg_catalog.pg_roles as role
  where role.rolname in ('anon', 'authenticated', 'service_role') or role.rolname ~ '^mentorcert_'
),
ours (oid) as (
  select schema.oid from pg_catalog.pg_namespace as schema where schema.nspname in ('mentorcert', 'mentorcert_private', 'mentorcert_portal')
),
of_extensions (classid, objid) as (
  select dependency.classid, dependency.objid from pg_catalog.pg_depend as dependency where dependency.deptype = 'e'
),
relations (oid) as (
  select class.oid
  from pg_catalog.pg_class as class
  where
    (
      class.relnamespace in (select oid from ours)
      or class.relnamespace = 'public'::regnamespace and (:in_public::text[] is null or class.relname = any(:in_public))
    )
    and class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and ('pg_catalog.pg_class'::regclass, class.oid) not in (select classid, objid from of_extensions)
  union
  -- What reads them by a rule, as views do: in whatever schema, at whatever distance.
  select rule.ev_class
  from relations
  join pg_catalog.pg_depend as dependency
    on dependency.refclassid = 'pg_catalog.pg_class'::regclass and dependency.refobjid = relations.oid
    and dependency.classid = 'pg_catalog.pg_rewrite'::regclass
  join pg_catalog.pg_rewrite as rule on rule.oid = dependency.objid
),
tables as (
  select class.*, pg_catalog.concat(class.oid::regclass) as name
  from relations
  join pg_catalog.pg_class as class using (oid)
),
functions as (
  select function.*
  from pg_catalog.pg_proc as function
  join pg_catalog.pg_namespace as schema on schema.oid = function.pronamespace
  where
    ('pg_catalog.pg_proc'::regclass, function.oid) not in (select classid, objid from of_extensions)
    -- Nobody can call these.
    and function.prorettype <> 'pg_catalog.event_trigger'::regtype
    and (
      schema.oid in (select oid from ours)
      or (
        schema.nspname = 'public' and (:in_public::text[] is null or function.proname = any(:in_public))
        -- A project may have this one already; then it is not ours.
        and (function.proname <> 'get_user_organisation_id' or function.prosrc ~ 'mentorcert\.memberships')
      )
      or (
        function.prosecdef
        and case
          when function.prokind in ('f', 'p') then
            pg_catalog.pg_get_functiondef(function.oid) ~ 'mentorcert|peer_mentor_certifications|listed_peer_mentors'
        end
        and (
          pg_catalog.has_schema_privilege('anon', schema.oid, 'usage')
          or pg_catalog.has_schema_privilege('authenticated', schema.oid, 'usage')
        )
        -- PostgreSQL's own schemas and Supabase's.
        and schema.nspname !~ '^(pg_|_?supabase_)'
        and schema.nspname not in (
          'information_schema', 'auth', 'storage', 'realtime', '_realtime', '_analytics', 'extensions', 'graphql',
          'graphql_public', 'vault', 'cron', 'net', 'pgbouncer', 'pgsodium', 'pgsodium_masks', 'pgtle', 'pgmq'
        )
      )
    )
)
select pg_catalog.concat('role ', grantees.name, ': ', attribute.word)
from grantees
join pg_catalog.pg_roles as role using (oid)
cross join lateral (
  values
    (role.rolsuper, 'superuser'), (role.rolbypassrls, 'above row-level security'), (role.rolcreaterole, 'makes roles')
) as attribute (is_held, word)
where attribute.is_held

union all
select pg_catalog.concat('role ', grantees.name, ': becomes ', pg_catalog.pg_get_userbyid(link.roleid))
from grantees
join pg_catalog.pg_auth_members as link on link.member = grantees.oid

union all
select
  pg_catalog.concat(
    'table ', tables.name, ': row-level security ', case when tables.relrowsecurity then 'on' else 'off' end
  )
from tables
where tables.relkind in ('r', 'p', 'f')

union all
select
  pg_catalog.concat(
    case when policy.polpermissive then 'policy on ' else 'restriction on ' end,
    tables.name, ': ', pg_catalog.quote_ident(policy.polname), ' for ',
    case policy.polcmd
      when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
    end,
    ' to ', (
      select pg_catalog.string_agg(
        case granted.oid when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(granted.oid) end, ', '
        order by pg_catalog.pg_get_userbyid(granted.oid)
      )
      from pg_catalog.unnest(policy.polroles) as granted (oid)
    ),
    ' using ' || pg_catalog.regexp_replace(pg_catalog.pg_get_expr(policy.polqual, policy.polrelid), '\s+', ' ', 'g'),
    ' with check '
    || pg_catalog.regexp_replace(pg_catalog.pg_get_expr(policy.polwithcheck, policy.polrelid), '\s+', ' ', 'g')
  )
from tables
join pg_catalog.pg_policy as policy on policy.polrelid = tables.oid

union all
select
  pg_catalog.concat(
    grantees.name, ': ', pg_catalog.lower(acl.privilege_type), ' on ', tables.name,
    case
      when tables.relkind = 'S' then ', a sequence'
      when tables.relkind = 'm' then ', a materialised view'
      when tables.relkind = 'v' and tables.reloptions && '{security_invoker=true,security_invoker=on}' then ', a view as its caller'
      when tables.relkind = 'v' then ', a view as its owner'
    end,
    case when acl.is_grantable then ', with grant option' end
  )
from tables
cross join lateral pg_catalog.aclexplode(
  coalesce(
    tables.relacl, pg_catalog.acldefault(case tables.relkind when 'S' then 's' else 'r' end::"char", tables.relowner)
  )
) as acl
join grantees on grantees.oid = acl.grantee

union all
select
  pg_catalog.concat(
    grantees.name, ': ', pg_catalog.lower(acl.privilege_type), ' (', pg_catalog.quote_ident(attribute.attname), ') on ',
    tables.name, case when acl.is_grantable then ', with grant option' end
  )
from tables
join pg_catalog.pg_attribute as attribute on attribute.attrelid = tables.oid and not attribute.attisdropped
cross join lateral pg_catalog.aclexplode(attribute.attacl) as acl
join grantees on grantees.oid = acl.grantee

union all
select
  pg_catalog.concat(
    grantees.name, ': execute ', functions.oid::regprocedure, ' as its ',
    case when functions.prosecdef then 'definer' else 'caller' end, case when acl.is_grantable then ', with grant option' end
  )
from functions
cross join lateral pg_catalog.aclexplode(
  coalesce(functions.proacl, pg_catalog.acldefault('f', functions.proowner))
) as acl
join grantees on grantees.oid = acl.grantee

union all
select
  pg_catalog.concat(
    grantees.name, ': ', pg_catalog.lower(acl.privilege_type), ' of the schema ', pg_catalog.quote_ident(schema.nspname),
    case when acl.is_grantable then ', with grant option' end
  )
from pg_catalog.pg_namespace as schema
cross join lateral pg_catalog.aclexplode(coalesce(schema.nspacl, pg_catalog.acldefault('n', schema.nspowner))) as acl
join grantees on grantees.oid = acl.grantee
where schema.oid in (select oid from ours);
