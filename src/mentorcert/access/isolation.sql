-- Who may be impersonated, and with which rights.

-- name: logins(organisation_id)
-- Every login; of an organisation, those with a membership there, also one that has ended.
select login.id
from auth.users as login
where
  :organisation_id::uuid is null
  or exists (
    select from mentorcert.memberships as membership
    where membership.user_id = login.id and membership.organisation_id = :organisation_id
  );

-- name: granted_tables(role, tables, names, keys)
select asked.table_name, asked.key
from unnest(:tables::text[], :names::text[], :keys::text[]) as asked (table_name, name, key)
join pg_catalog.pg_class as class on class.oid = asked.name::regclass
where
  pg_catalog.has_schema_privilege(:role, class.relnamespace, 'usage')
  and pg_catalog.has_column_privilege(:role, class.oid, asked.key, 'select')
order by 1;

-- name: switch_everything_on()!
delete from mentorcert_private.disabled_endpoints;

-- name: organisation_slugs()
select organisation.id, organisation.slug from mentorcert.organisations as organisation;
