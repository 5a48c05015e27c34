-- name: is_privileged()
select exists (
  -- Also by a role that it may take.
  select from pg_catalog.pg_roles as role, pg_catalog.pg_class as class
  where
    pg_catalog.pg_has_role(role.oid, 'member')
    and class.oid = 'public.peer_mentor_certifications'::regclass
    and (role.rolsuper or role.rolbypassrls or role.oid = class.relowner)
);
