-- name: own_organisations()
select organisation.id, organisation.slug, organisation.name, organisation.time_zone, '{}'::text[] as roles
from public.own_organisations() as organisation
order by organisation.name;
