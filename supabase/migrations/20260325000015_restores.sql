-- Restores of the registry from a backup, or failovers that lost writes: each begins an epoch, and holds the notices.

create table if not exists mentorcert_private.restores (
  epoch integer not null,
  reason text not null,
  restored_by text not null default session_user,
  restored_at timestamptz not null default now(),
  notices_released_at timestamptz,
  notices_released_by text,
  notices_reason text,
  notices_skipped_before timestamptz,
  constraint restores_pkey primary key (epoch),
  constraint restores_epoch_valid check (epoch > 0),
  constraint restores_reason_valid check (reason <> '' and mentorcert_private.is_readable(reason)),
  constraint restores_reason_length check (length(reason) <= 2000),
  constraint restores_released_valid check (
    (notices_released_at is null) = (notices_released_by is null) and (notices_released_at is null) = (notices_reason is null)
    and (notices_released_at is not null or notices_skipped_before is null)
  ),
  constraint restores_notices_reason_valid check (notices_reason <> '' and mentorcert_private.is_readable(notices_reason)),
  constraint restores_notices_reason_length check (length(notices_reason) <= 2000)
);
create or replace trigger canonicalise
before insert or update of reason on mentorcert_private.restores
for each row execute function mentorcert_private.canonicalise('text', 'reason');
alter table mentorcert_private.restores enable row level security;
revoke all on mentorcert_private.restores from public, anon, authenticated, service_role;
comment on table mentorcert_private.restores is
  'Each restore of the registry that lost writes, noted by `mentorcert restored`. What was sent, mailed or erased since the backup is known elsewhere only.';
comment on column mentorcert_private.restores.epoch is
  'A version sent in it is newer than any of a lower one. The minute of the restore, counted from 1970: another restore of the same backup, which knows nothing of this one, gets another number.';
comment on column mentorcert_private.restores.notices_released_at is 'Until then no notice goes out: some were sent after the backup, and the ledger does not know it.';
comment on column mentorcert_private.restores.notices_skipped_before is 'Notices that were due before this instant were not sent again.';

create or replace function mentorcert_private.current_epoch()
returns integer
language sql
stable
set search_path = ''
as $$ select coalesce(max(restore.epoch), 0) from mentorcert_private.restores as restore $$;
comment on function mentorcert_private.current_epoch() is 'The epoch of what is sent now; 0: the registry was never restored.';

create or replace function mentorcert_private.notices_are_held()
returns boolean
language sql
stable
security definer -- the role of the jobs has no right on any table
set search_path = ''
as $$ select exists (select from mentorcert_private.restores as restore where restore.notices_released_at is null) $$;
comment on function mentorcert_private.notices_are_held() is 'Whether notices wait for a person since a restore.';

-- The server that the database is on: a restore, a copy, a failover or an upgrade changes it, and nobody may forget to say so.

create table if not exists mentorcert_private.known_server (
  is_only boolean not null default true,
  system_identifier bigint not null,
  timeline integer not null,
  reason text,
  noted_by text not null default session_user,
  noted_at timestamptz not null default now(),
  constraint known_server_pkey primary key (is_only),
  constraint known_server_is_only_valid check (is_only),
  constraint known_server_reason_valid check (reason <> '' and mentorcert_private.is_readable(reason)),
  constraint known_server_reason_length check (length(reason) <= 2000)
);
create or replace trigger canonicalise
before insert or update of reason on mentorcert_private.known_server
for each row execute function mentorcert_private.canonicalise('text', 'reason');
alter table mentorcert_private.known_server enable row level security;
revoke all on mentorcert_private.known_server from public, anon, authenticated, service_role;
comment on table mentorcert_private.known_server is
  'The server on which the database was last known to have everything; one row, or none as long as no process has looked.';
comment on column mentorcert_private.known_server.system_identifier is 'Of PostgreSQL; another one after a dump was read in, or after pg_upgrade.';
comment on column mentorcert_private.known_server.timeline is 'Of the write-ahead log; a recovery that ends, and a standby that takes over, begin another.';
comment on column mentorcert_private.known_server.reason is 'What was done, as said by `mentorcert restored`; null: it was seen first.';

create or replace function mentorcert_private.current_server()
returns table (system_identifier bigint, timeline integer)
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A managed service may keep this to itself; a standby writes no log.
  if pg_catalog.pg_is_in_recovery()
    or not pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')
    or not pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'execute')
    or not pg_catalog.has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'execute')
  then
    return;
  end if;
  return query
  select control.system_identifier, ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::integer
  from pg_catalog.pg_control_system() as control;
end
$$;
comment on function mentorcert_private.current_server() is
  'The server that the database is on now; no row where that can''t be read.';

create or replace function mentorcert_private.see_server()
returns void
language sql
security definer -- so that a process's role needs this function only
set search_path = ''
as $$
  insert into mentorcert_private.known_server (system_identifier, timeline)
  select server.system_identifier, server.timeline from mentorcert_private.current_server() as server
  on conflict on constraint known_server_pkey do nothing
$$;
comment on function mentorcert_private.see_server() is 'Notes the server that the database is on, if none is known.';

create or replace function mentorcert_private.accept_server(reason text, accepted_by text default session_user)
returns void
language sql
set search_path = ''
as $$
  insert into mentorcert_private.known_server as known (system_identifier, timeline, reason, noted_by)
  select server.system_identifier, server.timeline, accept_server.reason, accept_server.accepted_by
  from mentorcert_private.current_server() as server
  on conflict on constraint known_server_pkey do update
  set
    system_identifier = excluded.system_identifier, timeline = excluded.timeline, reason = excluded.reason,
    noted_by = excluded.noted_by, noted_at = now()
$$;
comment on function mentorcert_private.accept_server(text, text) is
  'Says that the database is rightly on the server that it is on now, for a reason.';

revoke execute on function mentorcert_private.current_epoch, mentorcert_private.notices_are_held,
  mentorcert_private.current_server, mentorcert_private.see_server, mentorcert_private.accept_server
from public, anon, authenticated, service_role;
