-- name: is_privileged()
select exists (
  -- Also by a role that it may take.
  select from pg_catalog.pg_roles as role, pg_catalog.pg_class as class
  where
    pg_catalog.pg_has_role(role.oid, 'member')
    and class.oid = 'public.peer_mentor_certifications'::regclass
    and (role.rolsuper or role.rolbypassrls or role.oid = class.relowner)
);

-- name: login(role)
-- A role that is not there yet is made by the migrations.
select
  session_user::text,
  coalesce(pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole(:role), 'member'), true)
  or (
    -- What may become a user serves the pages, whatever its name.
    :role = 'mentorcert_web'
    and pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole('authenticated'), 'member')
    and pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole('anon'), 'member')
  );

-- name: owner()
-- Before the migrations, the owner of the database.
select
  session_user::text, coalesce(schema.owner::text, database.owner::text),
  pg_catalog.pg_has_role(session_user, coalesce(schema.owner, database.owner), 'member')
from (
  select existing.datdba::regrole as owner from pg_catalog.pg_database as existing where existing.datname = current_database()
) as database
left join (
  select existing.nspowner::regrole as owner from pg_catalog.pg_namespace as existing where existing.nspname = 'mentorcert_private'
) as schema on true;
