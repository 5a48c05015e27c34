-- name: take_first_turn()$
-- Before the ledger exists, nothing else could be locked, and there is no client who could hold this lock.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('mentorcert migrate', 0));

-- name: take_turn()#
-- Wait for any other migration of this database; the lock ends with the transaction, so it holds through a pooler.
lock table supabase_migrations.schema_migrations in share row exclusive mode;

-- name: limit_waiting(milliseconds)$
-- For this transaction only, which may rest for hours while indexes are built beside it.
select
  pg_catalog.set_config('lock_timeout', :milliseconds::text || 'ms', true),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true);

-- name: is_plain_postgres()$
select pg_catalog.to_regnamespace('auth') is null;

-- name: has_ledger()$
select pg_catalog.count(*) = 3
from pg_catalog.pg_attribute as a
where a.attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations')
  and a.attname in ('version', 'statements', 'name')
  and not a.attisdropped;

-- name: create_ledger()#
-- The very table that the Supabase CLI makes, in its steps.
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text [];
alter table supabase_migrations.schema_migrations add column if not exists name text;

-- name: ledger_rows()
select m.version, m.statements, m.name
from supabase_migrations.schema_migrations as m
order by m.version;

-- name: missing(names)
-- Of tables, views and functions, those that are not there; needs no right on any of them.
select wanted.name
from pg_catalog.unnest(:names::text[]) as wanted (name)
where
  not exists (
    select from pg_catalog.pg_class as class
    join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    where namespace.nspname = pg_catalog.split_part(wanted.name, '.', 1) and class.relname = pg_catalog.split_part(wanted.name, '.', 2)
  )
  and not exists (
    select from pg_catalog.pg_proc as function
    join pg_catalog.pg_namespace as namespace on namespace.oid = function.pronamespace
    where namespace.nspname = pg_catalog.split_part(wanted.name, '.', 1) and function.proname = pg_catalog.split_part(wanted.name, '.', 2)
  )
order by wanted.name;

-- name: record(version, statements, name)!
insert into supabase_migrations.schema_migrations (version, statements, name)
values (:version, :statements, :name);

-- name: forget_settings()#
-- What a file set for the session must not reach the next user of the connection.
reset all;

-- name: is_migrated()$
-- Also for a login role, which may not read the ledger.
select pg_catalog.to_regnamespace('mentorcert_private') is not null;

-- name: may_read_ledger()$
-- Null without a ledger; a login of somebody's own may lack the right, also to the schema.
select (
  select pg_catalog.has_schema_privilege(namespace.oid, 'usage') and pg_catalog.has_column_privilege(class.oid, 'version', 'select')
  from pg_catalog.pg_class as class
  join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
  where namespace.nspname = 'supabase_migrations' and class.relname = 'schema_migrations'
);

-- name: missing_versions(versions)
select wanted.version
from pg_catalog.unnest(:versions::text[]) as wanted (version)
where not exists (select from supabase_migrations.schema_migrations as migration where migration.version = wanted.version)
order by wanted.version;

-- name: harden()$
select mentorcert_private.forbid_temporary_objects();
