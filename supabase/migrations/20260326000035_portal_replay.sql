-- Replays: whoever is chosen is told again, also where the portal has confirmed just that.

create table if not exists portal.replays (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  selection jsonb not null,
  last_id uuid,
  marked integer not null default 0,
  total integer not null,
  reason text not null,
  started_by text not null default session_user,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint replays_pkey primary key (id),
  constraint replays_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint replays_reason_valid check (btrim(reason) <> '')
);
create unique index if not exists replays_running_key on portal.replays (organisation_id, selection) where finished_at is null;
alter table portal.replays enable row level security;
revoke all on portal.replays from public, anon, authenticated, service_role;
comment on table portal.replays is 'Who had what told again; last_id is where an interrupted replay goes on.';
comment on column portal.replays.selection is 'peer_mentor_ids, since, error_class: what is left out does not narrow the choice.';

create or replace function portal.selected(organisation_id uuid, selection jsonb)
returns setof portal.states
language sql
stable
set search_path = ''
as $$
  select state.*
  from portal.states as state
  where state.organisation_id = selected.organisation_id
    and (not selection ? 'peer_mentor_ids' or selection -> 'peer_mentor_ids' ? state.peer_mentor_id::text)
    and (not selection ? 'since' or greatest(state.changed_at, state.attempted_at) >= (selection ->> 'since')::timestamptz)
    and (not selection ? 'error_class' or state.error_class = selection ->> 'error_class')
$$;
comment on function portal.selected(uuid, jsonb) is 'The states that a replay is about.';

create or replace function portal.start_replay(organisation_id uuid, selection jsonb, reason text, started_by text default session_user)
returns portal.replays
language sql
set search_path = ''
as $$
  insert into portal.replays as replay (organisation_id, selection, reason, started_by, total)
  select
    start_replay.organisation_id, start_replay.selection, start_replay.reason, start_replay.started_by,
    (select count(*) from portal.selected(start_replay.organisation_id, start_replay.selection))
  -- An interrupted replay of the same selection goes on.
  on conflict (organisation_id, selection) where finished_at is null do update set reason = excluded.reason
  returning replay.*
$$;
comment on function portal.start_replay(uuid, jsonb, text, text) is 'Starts a replay, or takes up the one that was interrupted.';

create or replace function portal.replay_next(replay_id uuid, batch_size integer)
returns portal.replays
language plpgsql
set search_path = ''
set lock_timeout = '500ms' -- sooner than the server looks for deadlocks: so it is never a change that has to give way
as $$
declare
  replay portal.replays;
  ids uuid[];
begin
  select * into strict replay from portal.replays as running where running.id = replay_id for update;
  ids := array(
    select state.peer_mentor_id
    from portal.selected(replay.organisation_id, replay.selection) as state
    where state.peer_mentor_id > coalesce(replay.last_id, '00000000-0000-0000-0000-000000000000')
    order by state.peer_mentor_id
    limit batch_size
  );
  perform portal.enqueue_sync(ids);
  -- Told again also where the portal has confirmed just that.
  update portal.states as state set confirmed = null where state.peer_mentor_id = any(ids);
  update portal.replays as running
  set
    last_id = coalesce(ids[cardinality(ids)], running.last_id), marked = running.marked + cardinality(ids),
    finished_at = case when cardinality(ids) < batch_size then clock_timestamp() end
  where running.id = replay_id
  returning * into replay;
  return replay;
end
$$;
comment on function portal.replay_next(uuid, integer) is 'Marks the next batch of a replay; finished_at is set with the last. Fails (55P03) where a change holds one of them for long: call it again.';

revoke execute on function
  portal.selected(uuid, jsonb), portal.start_replay(uuid, jsonb, text, text), portal.replay_next(uuid, integer)
from public, anon, authenticated, service_role;
