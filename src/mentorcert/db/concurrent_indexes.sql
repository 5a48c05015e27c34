-- name: found(schema, name)
-- The table of an index, and whether it is valid: a build that failed, or was stopped, leaves one that is not.
select of.relname::text, index.indisvalid
from pg_catalog.pg_index as index
join pg_catalog.pg_class as class on class.oid = index.indexrelid
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
join pg_catalog.pg_class as of on of.oid = index.indrelid
where namespace.nspname = :schema and class.relname = :name;
