-- Replays: the chosen peer mentors are sent again, also where the portal has confirmed just that.

create table if not exists mentorcert_portal.replays (
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
  is_requested boolean not null default false,
  constraint replays_pkey primary key (id),
  constraint replays_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint replays_reason_valid check (reason <> '' and mentorcert_private.is_readable(reason)),
  constraint replays_reason_length check (length(reason) <= 2000),
  constraint replays_selection_length check (length(selection::text) <= 1000000)
);
create unique index if not exists replays_running_key on mentorcert_portal.replays (organisation_id, selection) where finished_at is null;
create index if not exists replays_requested_idx on mentorcert_portal.replays (started_at) where is_requested and finished_at is null;
create index if not exists replays_organisation_id_idx on mentorcert_portal.replays (organisation_id, started_at desc, id);
create or replace trigger canonicalise
before insert or update of reason on mentorcert_portal.replays
for each row execute function mentorcert_private.canonicalise('text', 'reason');

alter table mentorcert_portal.replays enable row level security;
revoke all on mentorcert_portal.replays from public, anon, authenticated, service_role;
grant select (id, organisation_id, selection, marked, total, reason, started_by, started_at, finished_at, is_requested)
on mentorcert_portal.replays to authenticated;
comment on table mentorcert_portal.replays is 'Who had what sent again; last_id is where an interrupted replay goes on.';
comment on column mentorcert_portal.replays.selection is 'peer_mentor_ids, since, error_class: what is left out does not narrow the choice.';
comment on column mentorcert_portal.replays.is_requested is 'Whether the workers carry it out; else the process that started it does.';

drop policy if exists "administrators read the replays of their organisation" on mentorcert_portal.replays;
create policy "administrators read the replays of their organisation"
on mentorcert_portal.replays for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the replays of their organisation" on mentorcert_portal.replays is 'How far they have come.';

create or replace function mentorcert_portal.require_selection(selection jsonb)
returns void
language plpgsql
stable -- by the time zone of the session, in which an instant may be written
set search_path = ''
as $$
declare
  is_understood boolean;
begin
  begin
    is_understood := jsonb_typeof(selection) = 'object'
      and selection - array['peer_mentor_ids', 'since', 'error_class'] = '{}'
      and coalesce(jsonb_typeof(selection -> 'peer_mentor_ids'), 'array') = 'array'
      and coalesce(jsonb_typeof(selection -> 'error_class'), 'string') = 'string';
    perform mentorcert_private.require_instants(jsonb_build_object('since', (selection ->> 'since')::timestamptz));
  exception when data_exception then
    is_understood := false;
  end;
  if is_understood is not true then
    raise exception using
      errcode = 'MC008', message = 'the selection names nothing but peer_mentor_ids, since and error_class',
      hint = 'Leave out what does not narrow the choice.',
      schema = 'mentorcert_portal', table = 'replays', constraint = 'replay_selection';
  end if;
end
$$;
comment on function mentorcert_portal.require_selection(jsonb) is
  'Refuses (MC008) a selection that names something else, or an instant that no calendar has.';

create or replace function mentorcert_portal.selected(organisation_id uuid, selection jsonb)
returns setof mentorcert_portal.states
language sql
stable
set search_path = ''
as $$
  select state.*
  from mentorcert_portal.states as state
  where state.organisation_id = selected.organisation_id
    and (not selection ? 'peer_mentor_ids' or selection -> 'peer_mentor_ids' ? state.peer_mentor_id::text)
    and (not selection ? 'since' or greatest(state.changed_at, state.attempted_at) >= (selection ->> 'since')::timestamptz)
    and (not selection ? 'error_class' or state.error_class = selection ->> 'error_class')
$$;
comment on function mentorcert_portal.selected(uuid, jsonb) is 'The states that a replay is about.';

create or replace function mentorcert_portal.start_replay(organisation_id uuid, selection jsonb, reason text, started_by text default session_user)
returns mentorcert_portal.replays
language sql
set search_path = ''
as $$
  select mentorcert_portal.require_selection(selection);
  insert into mentorcert_portal.replays as replay (organisation_id, selection, reason, started_by, total)
  select
    start_replay.organisation_id, start_replay.selection, start_replay.reason, start_replay.started_by,
    (select count(*) from mentorcert_portal.selected(start_replay.organisation_id, start_replay.selection))
  -- An interrupted replay of the same selection goes on.
  on conflict (organisation_id, selection) where finished_at is null do update set reason = excluded.reason
  returning replay.*
$$;
comment on function mentorcert_portal.start_replay(uuid, jsonb, text, text) is 'Starts a replay, or takes up the one that was interrupted.';

create or replace function mentorcert_portal.replay_next(replay_id uuid, batch_size integer)
returns mentorcert_portal.replays
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
set lock_timeout = '500ms' -- sooner than the server looks for deadlocks: so it is never a change that has to give way
as $$
declare
  replay mentorcert_portal.replays;
  ids uuid[];
begin
  select * into strict replay from mentorcert_portal.replays as running where running.id = replay_id for update;
  ids := array(
    select state.peer_mentor_id
    from mentorcert_portal.selected(replay.organisation_id, replay.selection) as state
    where state.peer_mentor_id > coalesce(replay.last_id, '00000000-0000-0000-0000-000000000000')
    order by state.peer_mentor_id
    limit batch_size
  );
  perform mentorcert_portal.enqueue_sync(ids);
  -- Sent again also where the portal has confirmed just that.
  update mentorcert_portal.states as state set confirmed = null where state.peer_mentor_id = any(ids);
  update mentorcert_portal.replays as running
  set
    last_id = coalesce(ids[cardinality(ids)], running.last_id), marked = running.marked + cardinality(ids),
    finished_at = case when cardinality(ids) < batch_size then clock_timestamp() end
  where running.id = replay_id
  returning * into replay;
  return replay;
end
$$;
comment on function mentorcert_portal.replay_next(uuid, integer) is 'Marks the next batch of a replay; finished_at is set with the last. Fails (55P03) where a change holds one of them for long: call it again.';

-- Replays that administrators ask for: the portal's workers carry them out.

create or replace function mentorcert_portal.requested_replay()
returns uuid
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select replay.id from mentorcert_portal.replays as replay
  where replay.is_requested and replay.finished_at is null
  order by replay.started_at, replay.id
  limit 1
$$;
comment on function mentorcert_portal.requested_replay() is 'The oldest requested replay that is not finished.';

create or replace function mentorcert_private.preview_replay(selection jsonb, size integer default 50)
returns table (
  peer_mentor_id uuid, peer_mentor text, confirmed_version bigint, confirmed jsonb, desired jsonb, total bigint
)
language plpgsql
stable
security definer -- derives what should be sent to the portal, which is the worker's to do; of the own organisation only
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
  chosen uuid[];
  chosen_in_all bigint;
begin
  perform mentorcert_portal.require_selection(selection);
  select (array_agg(state.peer_mentor_id order by state.peer_mentor_id))[:size], count(*)
  into chosen, chosen_in_all
  from mentorcert_portal.selected(organisation, selection) as state;
  return query
  select mentor.id, mentor.external_id, state.confirmed_version, state.confirmed, wanted.content, chosen_in_all
  from mentorcert_portal.desired_content(chosen, now()) as wanted
  join mentorcert.peer_mentors as mentor on mentor.id = wanted.peer_mentor_id
  join mentorcert_portal.states as state on state.peer_mentor_id = wanted.peer_mentor_id
  order by mentor.id;
end
$$;
comment on function mentorcert_private.preview_replay(jsonb, integer) is
  'Whom a replay would send to the portal of the caller''s organisation again: the first ones, as confirmed and as they would be sent, and how many in all.';

create or replace function mentorcert_portal.request_replay(selection jsonb, reason text)
returns uuid
language plpgsql
security definer -- the replays are no client's to write, and the states none to read
set search_path = ''
as $$
declare
  organisation_id constant uuid := mentorcert_private.require_administered_organisation('replay_right');
  replay mentorcert_portal.replays;
begin
  perform mentorcert_private.require_reason(reason);
  perform mentorcert_portal.require_connection(organisation_id);
  replay := mentorcert_portal.start_replay(organisation_id, selection, reason, mentorcert_private.acting_user()::text);
  -- One that somebody began at a terminal and gave up goes on as well.
  update mentorcert_portal.replays as requested set is_requested = true where requested.id = replay.id;
  perform mentorcert_private.audit(
    'replays', 'insert', 'id', '{selection,reason}', jsonb_build_array(jsonb_build_object('after', to_jsonb(replay)))
  );
  return replay.id;
end
$$;
comment on function mentorcert_portal.request_replay(jsonb, text) is
  'Has the chosen of the caller''s organisation sent to the portal again, with a reason; administrators only. The portal''s workers carry it out.';

revoke execute on function
  mentorcert_portal.require_selection, mentorcert_portal.selected, mentorcert_portal.start_replay, mentorcert_portal.replay_next, mentorcert_portal.requested_replay,
  mentorcert_private.preview_replay, mentorcert_portal.request_replay
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.preview_replay, mentorcert_portal.request_replay to authenticated;
