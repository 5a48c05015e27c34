-- name: current()
select own.id, own.slug, own.name, own.time_zone, own.roles, own.has_others from mentorcert_private.own_organisation() as own;

-- name: every()
select organisation.id, organisation.slug, organisation.name, organisation.time_zone, '{}'::text[] as roles, false as has_others
from public.own_organisations() as organisation
order by organisation.name;
