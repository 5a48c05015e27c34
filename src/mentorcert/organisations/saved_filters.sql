-- Saved filters of the lists.

-- name: every()
select
  saved.id, saved.organisation_id, saved.list, saved.name, saved.parameters, saved.is_shared, saved.may_change, saved.version
from public.saved_filters() as saved;

-- name: save(list, name, parameters, is_shared)
select public.save_filter(:list::text, :name::text, :parameters::jsonb, :is_shared::boolean);

-- name: rename(filter_id, name, version)
select public.rename_filter(:filter_id::uuid, :name::text, :version::bigint);

-- name: remove(filter_id, version)
select public.remove_filter(:filter_id::uuid, :version::bigint);
