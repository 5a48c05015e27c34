-- name: take_turn()$
-- Wait for any other migration of this database; the lock ends with the transaction, so it holds through a pooler.
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('mentorcert migrate', 0));

-- name: limit_waiting(milliseconds)$
-- For this transaction only.
select pg_catalog.set_config('lock_timeout', :milliseconds::text || 'ms', true);

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
select m.version, m.statements
from supabase_migrations.schema_migrations as m
order by m.version;

-- name: record(version, statements, name)!
insert into supabase_migrations.schema_migrations (version, statements, name)
values (:version, :statements, :name);

-- name: forget_settings()#
-- What a file set for the session must not reach the next user of the connection.
reset all;
