-- Who decides what is sent, what is due when, and how things stand.

create or replace function portal.require_connection(organisation_id uuid)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform from portal.connections as connection where connection.organisation_id = require_connection.organisation_id;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'the organisation has no portal connection',
      hint = 'Make one with `mentorcert portal connect`.',
      schema = 'portal', table = 'connections', constraint = 'portal_connection_known';
  end if;
end
$$;
comment on function portal.require_connection(uuid) is 'Refuses (MC008) an organisation without a connection.';

create or replace function portal.connect(
  organisation_id uuid, adapter text, contract_version text, reason text, changed_by text default session_user,
  as_of timestamptz default null
)
returns void
language sql
set search_path = ''
as $$
  insert into portal.connections as connection (organisation_id, adapter, contract_version, reason, changed_by, changed_at)
  values (
    connect.organisation_id, connect.adapter, connect.contract_version, connect.reason, connect.changed_by,
    coalesce(as_of, clock_timestamp())
  )
  on conflict on constraint connections_pkey do update set
    adapter = excluded.adapter, contract_version = excluded.contract_version,
    reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at
$$;
comment on function portal.connect(uuid, text, text, text, text, timestamptz) is
  'Says by which adapter and contract an organisation''s portal is told; a new connection is in capture, an old one keeps its mode.';

create or replace function portal.set_mode(
  organisation_id uuid, mode text, reason text, canary_peer_mentor_ids uuid[] default '{}',
  changed_by text default session_user, as_of timestamptz default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
begin
  perform portal.require_connection(organisation_id);
  if exists (
    select id from unnest(canary_peer_mentor_ids) as id
    except
    select mentor.id from public.peer_mentors as mentor where mentor.organisation_id = set_mode.organisation_id
  ) then
    raise exception using
      errcode = 'MC008', message = 'a canary is no peer mentor of the organisation',
      hint = 'Name peer mentors of this organisation by their ids.',
      schema = 'portal', table = 'connections', constraint = 'portal_canary_known';
  end if;
  update portal.connections as connection
  set
    mode = set_mode.mode, canary_peer_mentor_ids = set_mode.canary_peer_mentor_ids,
    breaker = 'closed', breaker_reason = null, failures = 0, resume_at = null,
    -- Rehearsed, blocked, dead or waiting: what is unconfirmed is told anew, in batches, by the worker.
    requeue_since = case when set_mode.mode in ('shadow', 'canary', 'live') then at end,
    reason = set_mode.reason, changed_by = set_mode.changed_by, changed_at = at
  where connection.organisation_id = set_mode.organisation_id;
end
$$;
comment on function portal.set_mode(uuid, text, text, uuid[], text, timestamptz) is
  'Changes the mode, with a reason; closes the breaker, and lets everything unconfirmed be told at once.';

create or replace function portal.mode_of(organisation_id uuid)
returns table (mode text, canary_peer_mentor_ids uuid[], is_blocked boolean)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select connection.mode, connection.canary_peer_mentor_ids, connection.breaker = 'blocked'
  from portal.connections as connection
  where connection.organisation_id = mode_of.organisation_id
$$;
comment on function portal.mode_of(uuid) is 'What a worker asks again before it sends; no row means capture.';

create or replace function portal.due(as_of timestamptz default null)
returns table (
  organisation_id uuid, organisation text, mode text, adapter text, contract_version text, is_reviving boolean,
  due_in_s double precision
)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select
    connection.organisation_id, organisation.slug, connection.mode, connection.adapter, connection.contract_version,
    connection.requeue_since is not null,
    case when coalesce(removal.at, other.at) is not null then
      greatest(0, extract(epoch from greatest(least(removal.at, other.at), connection.resume_at) - clock.at))::double precision
    end
  from (select coalesce(as_of, clock_timestamp()) as at) as clock
  cross join portal.connections as connection
  join public.organisations as organisation on organisation.id = connection.organisation_id
  left join lateral (
    select case
      when connection.breaker = 'open' then connection.resume_at
      when connection.mode = 'canary' then (
        select min(state.next_attempt_at) from portal.states as state
        where state.peer_mentor_id = any(connection.canary_peer_mentor_ids)
      )
      else (
        select min(state.next_attempt_at) from portal.states as state
        where state.organisation_id = connection.organisation_id and state.is_removal
      )
    end as at
  ) as removal on true
  left join lateral (
    select min(state.next_attempt_at) as at from portal.states as state
    where state.organisation_id = connection.organisation_id and not state.is_removal
      and connection.breaker = 'closed' and connection.mode <> 'canary'
  ) as other on true
  where connection.mode in ('shadow', 'canary', 'live') and connection.breaker <> 'blocked'
$$;
comment on function portal.due(timestamptz) is
  'The connections that send, and in how many seconds each has something to send; null: nothing is foreseen.';

create or replace function portal.heartbeat(worker text, started_at timestamptz, stopped boolean default false)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  delete from portal.workers as other
  where other.seen_at < clock_timestamp() - interval '1 day' or stopped and other.worker = heartbeat.worker;
  insert into portal.workers as mine (worker, started_at, seen_at)
  select heartbeat.worker, heartbeat.started_at, clock_timestamp() where not stopped
  on conflict on constraint workers_pkey do update set seen_at = excluded.seen_at
$$;
comment on function portal.heartbeat(text, timestamptz, boolean) is 'Says that a worker lives, or that it has stopped.';

create or replace function portal.state_overview(organisation_id uuid, as_of timestamptz default now())
returns table (
  peer_mentor_id uuid, state text, is_removal boolean, since timestamptz, attempts integer, error_class text
)
language sql
stable
set search_path = ''
as $$
  select
    state.peer_mentor_id,
    case
      when lapse.is_so then case when sending.is_so then 'pending' else 'held' end
      when state.state in ('pending', 'retry') and not sending.is_so then 'held'
      else state.state
    end,
    -- Of a row in sync, is_removal is about the end that the calendar has set.
    state.is_removal and (state.state <> 'in_sync' or lapse.is_so),
    case when lapse.is_so then state.next_attempt_at else state.first_dirty_at end,
    state.attempts, state.error_class
  from portal.states as state
  left join portal.connections as connection on connection.organisation_id = state.organisation_id
  cross join lateral (select state.state = 'in_sync' and state.next_attempt_at <= as_of as is_so) as lapse
  cross join lateral (
    select coalesce(
      connection.mode = 'live'
        or connection.mode = 'canary' and state.peer_mentor_id = any(connection.canary_peer_mentor_ids),
      false
    ) as is_so
  ) as sending
  where state.organisation_id = state_overview.organisation_id
$$;
comment on function portal.state_overview(uuid, timestamptz) is
  'How it stands with each peer mentor of an organisation at an instant: held pending retry blocked dead in_sync; whether somebody is to be taken off the portal''s list, and since when.';

revoke execute on function
  portal.require_connection(uuid), portal.connect(uuid, text, text, text, text, timestamptz),
  portal.set_mode(uuid, text, text, uuid[], text, timestamptz), portal.mode_of(uuid), portal.due(timestamptz),
  portal.heartbeat(text, timestamptz, boolean), portal.state_overview(uuid, timestamptz)
from public, anon, authenticated, service_role;
