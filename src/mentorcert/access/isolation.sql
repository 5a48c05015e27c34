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

-- name: granted_tables(role, tables, keys)
select asked.table_name, asked.key
from unnest(:tables::text[], :keys::text[]) as asked (table_name, key)
where pg_catalog.has_column_privilege(:role, 'public.' || asked.table_name, asked.key, 'select')
order by 1;

-- name: switch_everything_on()!
delete from mentorcert_private.disabled_endpoints;

-- name: organisation_slugs()
select organisation.id, organisation.slug from mentorcert.organisations as organisation;
