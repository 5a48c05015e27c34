-- What a worker does first: it claims what is due, under a lease. Then it tells the portal, without any transaction,
-- and reports what came of it.
--
-- Locks are taken in one order: the connection, then the states. A worker never waits for a state, it leaves out what
-- somebody else holds; so it is never in the way of a change in the registry, nor caught in a deadlock with one.

create or replace function portal.claim(
  organisation_id uuid, batch_size integer default 50, lease interval default '60 seconds', as_of timestamptz default null
)
returns table (
  peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, content jsonb, effective_at timestamptz, mode text
)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
set plan_cache_mode = force_custom_plan -- for the canary another index is the right one
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  connection portal.connections;
  canary uuid[];
  ids uuid[];
begin
  -- What is derived below must be younger than the locks on which it rests.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'portal states are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
  select * into connection from portal.connections as candidate where candidate.organisation_id = claim.organisation_id;
  if not found or connection.mode not in ('shadow', 'canary', 'live') or connection.breaker = 'blocked'
    or connection.resume_at > at then
    return;
  end if;
  if connection.breaker = 'open' then
    update portal.connections as mine set resume_at = at + lease
    where mine.organisation_id = claim.organisation_id and mine.breaker = 'open' and mine.resume_at <= at;
    if not found then
      return;
    end if;
    batch_size := 1;
  end if;
  canary := case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end;

  with removals as (
    select state.peer_mentor_id from portal.states as state
    where state.organisation_id = claim.organisation_id and state.is_removal
      and (
        state.next_attempt_at <= at
        -- An open breaker tries with what there is.
        or connection.breaker = 'open' and state.state in ('pending', 'retry') and state.lease_token is null
      )
      and (canary is null or state.peer_mentor_id = any(canary))
    order by state.next_attempt_at
    limit batch_size
    for update of state skip locked
  ),
  others as (
    select state.peer_mentor_id from portal.states as state
    where state.organisation_id = claim.organisation_id and not state.is_removal
      and (
        state.next_attempt_at <= at
        or connection.breaker = 'open' and state.state in ('pending', 'retry') and state.lease_token is null
      )
      and (canary is null or state.peer_mentor_id = any(canary))
    order by state.next_attempt_at
    limit batch_size - (select count(*) from removals)
    for update of state skip locked
  )
  select array(
    select removals.peer_mentor_id from removals union all select others.peer_mentor_id from others
  ) into ids;

  -- A statement of its own, so that it sees every change that was marked before the locks above were had.
  return query
  with derived as (
    select
      desired.*,
      (desired.content ->> 'listed')::boolean as listed,
      coalesce(state.content <> desired.content, false) as lapsed,
      coalesce(desired.content = state.confirmed and state.sent_version = state.confirmed_version, false) as settled
    from portal.desired_content(ids, at) as desired
    join portal.states as state on state.peer_mentor_id = desired.peer_mentor_id
  ),
  claimed as (
    update portal.states as state
    set
      state = case
        when derived.settled then 'in_sync'
        when derived.lapsed or state.state in ('in_sync', 'dead') then 'pending'
        else state.state
      end,
      version = state.version + derived.lapsed::integer,
      content = derived.content,
      content_until = derived.content_until,
      effective_at = case
        when state.content = derived.content then state.effective_at else derived.effective_at
      end,
      sent_version = case
        when derived.settled or connection.mode = 'shadow' then state.sent_version
        else state.version + derived.lapsed::integer
      end,
      sent_external_id = case
        when derived.settled or connection.mode = 'shadow' then state.sent_external_id
        else derived.content ->> 'external_id'
      end,
      shown = state.shown or (derived.listed and not derived.settled and connection.mode <> 'shadow'),
      is_removal = case
        when derived.settled then derived.listed
        -- Whoever we never told of may be shown all the same, if once certified.
        else not derived.listed and coalesce(state.shown, derived.content ->> 'status' <> 'uncertified')
      end,
      attempts = case
        when derived.settled then 0
        when derived.lapsed or state.state in ('in_sync', 'dead') then 1
        else state.attempts + 1
      end,
      failing_since = case when not (derived.settled or derived.lapsed) then state.failing_since end,
      first_dirty_at = case when not derived.settled then coalesce(state.first_dirty_at, state.next_attempt_at) end,
      attempted_at = at,
      next_attempt_at = case when derived.settled then derived.content_until else at + lease end,
      lease_token = case when not derived.settled then gen_random_uuid() end,
      lease_until = case when not derived.settled then at + lease end
    from derived
    where state.peer_mentor_id = derived.peer_mentor_id
    returning state.*
  )
  select
    claimed.peer_mentor_id, claimed.lease_token, claimed.version, claimed.attempts, claimed.content,
    claimed.effective_at, connection.mode
  from claimed
  order by claimed.is_removal desc, claimed.first_dirty_at;
end
$$;
comment on function portal.claim(uuid, integer, interval, timestamptz) is
  'Takes what is due of an organisation under a lease, removals first, and derives what to tell. A row without a token needed no telling: the portal has confirmed just that already. Nothing where the mode or the breaker says so.';

create or replace function portal.requeue(organisation_id uuid, batch_size integer default 5000, as_of timestamptz default null)
returns integer
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  since timestamptz;
  revived integer;
begin
  select connection.requeue_since into since
  from portal.connections as connection where connection.organisation_id = requeue.organisation_id;
  if since is null then
    return 0;
  end if;
  with waiting as (
    select state.peer_mentor_id from portal.states as state
    where state.organisation_id = requeue.organisation_id and state.state <> 'in_sync' and state.lease_token is null
      and (state.attempted_at < since or state.attempted_at is null)
      and (
        state.next_attempt_at is null or state.next_attempt_at > at
        -- A lease on our list that ended while nothing was told.
        or not state.is_removal and state.attempted_at is null and not exists (
          select from public.listed_peer_mentors as listed
          where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > at
        )
      )
    limit batch_size
    for update of state skip locked
  )
  update portal.states as state
  set
    state = 'pending', attempts = 0, failing_since = null, next_attempt_at = at,
    is_removal = state.is_removal or state.attempted_at is null and not exists (
      select from public.listed_peer_mentors as listed
      where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > at
    )
  from waiting
  where state.peer_mentor_id = waiting.peer_mentor_id;
  get diagnostics revived = row_count;
  if revived = 0 then
    update portal.connections as connection set requeue_since = null
    where connection.organisation_id = requeue.organisation_id and connection.requeue_since = since
      -- What was locked, or under a lease, above.
      and not exists (
        select from portal.states as state
        where state.organisation_id = connection.organisation_id and state.state <> 'in_sync'
          and (state.attempted_at < since or state.attempted_at is null)
          and (state.next_attempt_at is null or state.next_attempt_at > at)
      );
  end if;
  return revived;
end
$$;
comment on function portal.requeue(uuid, integer, timestamptz) is
  'Makes due, batch by batch, what is unconfirmed and was last tried before requeue_since; returns how many. At 0 there is nothing to be done now.';

revoke execute on function
  portal.claim(uuid, integer, interval, timestamptz), portal.requeue(uuid, integer, timestamptz)
from public, anon, authenticated, service_role;
