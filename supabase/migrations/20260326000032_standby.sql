-- How far a standby is behind: a worker writes the time on the primary, and who reads on the standby compares it with the clock there.
--
-- When the last transaction was replayed does not say it: on a primary that rests that is long ago though nothing is missing, and a
-- standby that replays nothing looks the same.

create table if not exists mentorcert_private.heartbeats (
  is_only boolean not null default true,
  beaten_at timestamptz not null,
  constraint heartbeats_pkey primary key (is_only),
  constraint heartbeats_is_only_valid check (is_only)
) with (fillfactor = 50);
alter table mentorcert_private.heartbeats enable row level security;
revoke all on mentorcert_private.heartbeats from anon, authenticated, service_role;
comment on table mentorcert_private.heartbeats is
  'One row, which mentorcert worker writes every two seconds where MENTORCERT_READ_URL names a standby.';

create or replace function mentorcert_private.beat()
returns void
language sql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  insert into mentorcert_private.heartbeats as heartbeat (beaten_at) values (clock_timestamp())
  on conflict on constraint heartbeats_pkey do update set beaten_at = excluded.beaten_at
$$;
comment on function mentorcert_private.beat() is 'Writes the time, for standbys to compare with.';

create or replace function mentorcert_private.seconds_behind()
returns double precision
language sql
security definer -- the role of the pages has no right on any table; the age of the heartbeat says nothing about anybody
set search_path = ''
as $$
  select extract(epoch from clock_timestamp() - heartbeat.beaten_at)::double precision from mentorcert_private.heartbeats as heartbeat
$$;
comment on function mentorcert_private.seconds_behind() is
  'How old the heartbeat is that this server knows, by its own clock: what is read after that is no older. Null where there was none.';

revoke execute on function mentorcert_private.beat, mentorcert_private.seconds_behind from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.beat to mentorcert_jobs;
grant execute on function mentorcert_private.seconds_behind to mentorcert_web;
