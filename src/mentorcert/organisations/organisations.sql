-- Organisations.

-- name: by_slug(slug)
select organisation.id, organisation.slug, organisation.name, organisation.time_zone, organisation.version
from mentorcert.organisations as organisation
where organisation.slug = :slug;

-- name: get(id)
select organisation.id, organisation.slug, organisation.name, organisation.time_zone, organisation.version
from mentorcert.organisations as organisation
where organisation.id = :id;

-- name: rename(id, version)!
update mentorcert.organisations set version = :version {changes} where id = :id;
