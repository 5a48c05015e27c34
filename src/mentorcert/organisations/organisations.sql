-- Organisations.

-- name: by_slug(slug)
select organisation.id, organisation.slug, organisation.name, organisation.time_zone
from mentorcert.organisations as organisation
where organisation.slug = :slug;
