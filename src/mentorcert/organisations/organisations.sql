-- Organisations.

-- name: by_slug(slug)
select organisation.id, organisation.slug, organisation.name, organisation.time_zone
from public.organisations as organisation
where organisation.slug = :slug;
