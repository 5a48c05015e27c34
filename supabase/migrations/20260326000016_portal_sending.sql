-- Sending: a worker claims what is due and reports the result; every attempt is logged and counted.

-- Attempts

create table if not exists mentorcert_portal.attempts (
  id bigint generated always as identity,
  attempted_at timestamptz not null,
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  version bigint not null,
  attempt integer not null,
  outcome text not null,
  http_status integer,
  latency_s real,
  error text,
  worker text not null,
  constraint attempts_pkey primary key (id),
  constraint attempts_outcome_valid check (
    outcome in (
      'applied', 'already_newer', 'erased', 'lost_lease',
      'unavailable', 'unauthorised', 'rejected', 'unexpected_answer', 'message_invalid', 'internal'
    )
  )
);
create index if not exists attempts_peer_mentor_id_idx on mentorcert_portal.attempts (peer_mentor_id, attempted_at);
create index if not exists attempts_rejected_idx
on mentorcert_portal.attempts (organisation_id, attempted_at) where outcome = 'rejected';
create index if not exists attempts_attempted_at_idx on mentorcert_portal.attempts using brin (attempted_at);
alter table mentorcert_portal.attempts enable row level security;
revoke all on mentorcert_portal.attempts from public, anon, authenticated, service_role;
comment on table mentorcert_portal.attempts is
  'Every attempt to send to the portal, appended only. Without foreign keys: it is a log, written thousands of times a minute.';
comment on column mentorcert_portal.attempts.outcome is
  'The result. already_newer: the portal has this version or a later one; erased: it has erased the peer mentor; lost_lease: the acknowledgement came too late; message_invalid: our message breaks the contract''s schema; internal: a fault of ours.';

create or replace trigger reject_change
before update or truncate on mentorcert_portal.attempts
for each statement execute function mentorcert_private.reject_change(
  'portal_attempts_append_only', 'The log is appended to; what is older than a month may be deleted.'
);

create or replace trigger reject_removal
before delete on mentorcert_portal.attempts
for each row when (old.attempted_at > now() - interval '1 month')
execute function mentorcert_private.reject_change(
  'portal_attempts_append_only', 'The log is appended to; what is older than a month may be deleted.'
);

create table if not exists mentorcert_portal.attempt_counts (
  organisation_id uuid not null,
  outcome text not null,
  attempts bigint not null,
  constraint attempt_counts_pkey primary key (organisation_id, outcome)
);
alter table mentorcert_portal.attempt_counts enable row level security;
revoke all on mentorcert_portal.attempt_counts from public, anon, authenticated, service_role;
grant select (organisation_id, outcome, attempts) on mentorcert_portal.attempt_counts to authenticated;
comment on table mentorcert_portal.attempt_counts is
  'How many attempts ever had which outcome: a number that only rises, whatever the log still keeps.';

drop policy if exists "administrators read the counts of their organisation" on mentorcert_portal.attempt_counts;
create policy "administrators read the counts of their organisation"
on mentorcert_portal.attempt_counts for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the counts of their organisation" on mentorcert_portal.attempt_counts is
  'The outcomes of the attempts to send to the own portal.';

create or replace function mentorcert_portal.count_attempts()
returns trigger
language plpgsql
security definer -- a role that may report an attempt need not write the counts
set search_path = ''
as $$
begin
  insert into mentorcert_portal.attempt_counts as counted (organisation_id, outcome, attempts)
  select attempt.organisation_id, attempt.outcome, count(*)
  from new_rows as attempt
  group by attempt.organisation_id, attempt.outcome
  order by attempt.organisation_id, attempt.outcome
  on conflict on constraint attempt_counts_pkey do update set attempts = counted.attempts + excluded.attempts;
  return null;
end
$$;
comment on function mentorcert_portal.count_attempts() is 'Adds what was appended to the attempt log to the counts, in one order for all.';

create or replace trigger count_attempts
after insert on mentorcert_portal.attempts
referencing new table as new_rows
for each statement execute function mentorcert_portal.count_attempts();

-- Workers

create table if not exists mentorcert_portal.workers (
  worker text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  constraint workers_pkey primary key (worker)
);
alter table mentorcert_portal.workers enable row level security;
revoke all on mentorcert_portal.workers from public, anon, authenticated, service_role;
grant select (started_at, seen_at) on mentorcert_portal.workers to authenticated;
comment on table mentorcert_portal.workers is 'The heartbeat of every worker; a row of one that was stopped, or has been silent for a day, is gone.';

drop policy if exists "administrators read whether a worker lives" on mentorcert_portal.workers;
create policy "administrators read whether a worker lives"
on mentorcert_portal.workers for select to authenticated
using ((select mentorcert_private.administered_organisation_id()) is not null);
comment on policy "administrators read whether a worker lives" on mentorcert_portal.workers is
  'Workers serve all organisations; which machine they run on is not granted.';

create or replace function mentorcert_portal.undo_clock_jump(at timestamptz)
returns void
language sql
set search_path = ''
as $$
  update mentorcert_portal.states as state
  set next_attempt_at = undo_clock_jump.at
  where state.is_removal and state.state in ('pending', 'retry') and state.next_attempt_at > undo_clock_jump.at + interval '1 hour';
  update mentorcert_portal.connections as connection
  set resume_at = undo_clock_jump.at
  where connection.resume_at > undo_clock_jump.at + interval '1 hour'
$$;
comment on function mentorcert_portal.undo_clock_jump(timestamptz) is
  'Makes due what waits longer than any pause of a removal: the clock was ahead for a moment when that was set.';

create or replace function mentorcert_portal.heartbeat(
  worker text, started_at timestamptz, stopped boolean default false, targets jsonb default '{}'
)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  delete from mentorcert_portal.workers as other
  where other.seen_at < clock_timestamp() - interval '1 day' or stopped and other.worker = heartbeat.worker;
  insert into mentorcert_portal.workers as mine (worker, started_at, seen_at)
  select heartbeat.worker, heartbeat.started_at, clock_timestamp() where not stopped
  on conflict on constraint workers_pkey do update set seen_at = excluded.seen_at;
  update mentorcert_portal.connections as connection
  set misdirected_at = clock_timestamp()
  from jsonb_each(heartbeat.targets) as given (slug, target)
  join mentorcert.organisations as organisation on organisation.slug = given.slug
  where connection.organisation_id = organisation.id and connection.target <> given.target;
  select mentorcert_portal.undo_clock_jump(clock_timestamp());
$$;
comment on function mentorcert_portal.heartbeat(text, timestamptz, boolean, jsonb) is
  'Says that a worker lives, or that it has stopped, and which portals its files name, by organisation; looks for what a jump of the clock has put off.';

create or replace function mentorcert_portal.due(as_of timestamptz default null)
returns table (
  organisation_id uuid, organisation text, mode text, adapter text, contract_version text, target jsonb, is_reviving boolean,
  due_in_s double precision
)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select mentorcert_portal.instant(as_of); -- a statement of its own, since no plan may leave it out
  select
    connection.organisation_id, organisation.slug, connection.mode, connection.adapter, connection.contract_version,
    connection.target, connection.requeue_since is not null,
    case when coalesce(removal.at, other.at) is not null then
      greatest(0, extract(epoch from greatest(least(removal.at, other.at), connection.resume_at) - clock.at))::double precision
    end
  from (select mentorcert_portal.instant(as_of) as at) as clock
  cross join mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  left join lateral (
    select case
      when connection.breaker = 'open' then connection.resume_at
      when connection.mode = 'canary' then (
        select min(state.next_attempt_at) from mentorcert_portal.states as state
        where state.peer_mentor_id = any(connection.canary_peer_mentor_ids)
      )
      else (
        select min(state.next_attempt_at) from mentorcert_portal.states as state
        where state.organisation_id = connection.organisation_id and state.is_removal
      )
    end as at
  ) as removal on true
  left join lateral (
    select min(state.next_attempt_at) as at from mentorcert_portal.states as state
    where state.organisation_id = connection.organisation_id and not state.is_removal
      and connection.breaker = 'closed' and connection.mode <> 'canary'
  ) as other on true
  where connection.mode in ('canary', 'live')
$$;
comment on function mentorcert_portal.due(timestamptz) is
  'The connections that send, and in how many seconds each has something to send; null: nothing is foreseen.';

-- What a worker does first: it claims what is due, under a lease. Then it sends to the portal, without any transaction,
-- and reports the outcome.
--
-- Locks are taken in one order: the connection, then the states. A worker never waits for a state, it leaves out what
-- somebody else holds; so it is never in the way of a change in the registry, nor caught in a deadlock with one.

create or replace function mentorcert_portal.claim(
  organisation_id uuid, batch_size integer default 50, lease interval default '60 seconds', as_of timestamptz default null
)
returns table (
  peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, content jsonb, effective_at timestamptz, mode text,
  former_external_ids text[], epoch integer
)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
set plan_cache_mode = force_custom_plan -- for the canary another index is the right one
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  connection mentorcert_portal.connections;
  canary uuid[];
  ids uuid[];
begin
  -- What is derived below must be younger than the locks on which it rests.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'portal states are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
  select * into connection from mentorcert_portal.connections as candidate where candidate.organisation_id = claim.organisation_id;
  if not found or connection.mode not in ('canary', 'live') or connection.resume_at > at then
    return;
  end if;
  canary := case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end;
  if connection.breaker = 'open' then
    update mentorcert_portal.connections as mine set resume_at = at + lease
    where mine.organisation_id = claim.organisation_id and mine.breaker = 'open' and coalesce(mine.resume_at <= at, true);
    if not found then
      return;
    end if;
    -- Tried with what there is: what has failed least often, so that no row stands in the way; of these a removal.
    ids := array(
      select state.peer_mentor_id from mentorcert_portal.states as state
      where state.organisation_id = claim.organisation_id
        and (state.next_attempt_at <= at or state.state in ('pending', 'retry', 'dead') and state.lease_token is null)
        and (canary is null or state.peer_mentor_id = any(canary))
      order by state.attempts, not state.is_removal, state.next_attempt_at
      limit 1
      for update of state skip locked
    );
  else
    with removals as (
      select state.peer_mentor_id from mentorcert_portal.states as state
      where state.organisation_id = claim.organisation_id and state.is_removal and state.next_attempt_at <= at
        and (canary is null or state.peer_mentor_id = any(canary))
      order by state.next_attempt_at
      limit batch_size
      for update of state skip locked
    ),
    others as (
      select state.peer_mentor_id from mentorcert_portal.states as state
      where state.organisation_id = claim.organisation_id and not state.is_removal and state.next_attempt_at <= at
        and (canary is null or state.peer_mentor_id = any(canary))
      order by state.next_attempt_at
      limit batch_size - (select count(*) from removals)
      for update of state skip locked
    )
    select array(
      select removals.peer_mentor_id from removals union all select others.peer_mentor_id from others
    ) into ids;
  end if;

  -- A statement of its own, so that it sees every change that was marked before the locks above were had.
  return query
  with derived as (
    select
      desired.*,
      (desired.content ->> 'listed')::boolean as listed,
      coalesce(state.content <> desired.content, false) as lapsed,
      coalesce(desired.content = state.confirmed and state.sent_version = state.confirmed_version, false) as settled,
      -- Nobody is shown again before a person has seen that the portal knows something newer. Removals don't wait.
      (desired.content ->> 'listed')::boolean and (
        connection.held_since is not null
        or exists (
          select from mentorcert_portal.conflicts as conflict
          where conflict.peer_mentor_id = state.peer_mentor_id and conflict.decided_at is null
        )
      ) as waits
    from mentorcert_portal.desired_content(ids, at) as desired
    join mentorcert_portal.states as state on state.peer_mentor_id = desired.peer_mentor_id
  ),
  held as (
    update mentorcert_portal.states as state
    set
      state = 'held', version = state.version + derived.lapsed::integer, content = derived.content,
      content_until = derived.content_until, effective_at = derived.effective_at, attempts = 0, failing_since = null,
      attempted_at = at, first_dirty_at = coalesce(state.first_dirty_at, at),
      -- What comes next by itself is that the calendar ends it.
      is_removal = true, next_attempt_at = derived.content_until
    from derived
    where state.peer_mentor_id = derived.peer_mentor_id and derived.waits and not derived.settled
    returning state.*
  ),
  claimed as (
    update mentorcert_portal.states as state
    set
      state = case
        when derived.settled then 'in_sync'
        when derived.lapsed or state.state in ('in_sync', 'held', 'dead') then 'pending'
        else state.state
      end,
      version = state.version + derived.lapsed::integer,
      epoch = greatest(state.epoch, case when not derived.settled then mentorcert_private.current_epoch() end),
      content = derived.content,
      content_until = derived.content_until,
      effective_at = case
        when derived.settled or state.content = derived.content then coalesce(state.effective_at, derived.effective_at)
        else derived.effective_at
      end,
      sent_version = case
        when derived.settled then state.sent_version
        else state.version + derived.lapsed::integer
      end,
      sent_external_id = case
        when derived.settled then state.sent_external_id
        else derived.content ->> 'external_id'
      end,
      former_external_ids = case
        when derived.settled then state.former_external_ids
        else array_remove(
          case
            when state.sent_external_id <> derived.content ->> 'external_id'
              then array_remove(state.former_external_ids, state.sent_external_id) || state.sent_external_id
            else state.former_external_ids
          end,
          derived.content ->> 'external_id'
        )
      end,
      shown = state.shown or (derived.listed and not derived.settled),
      is_removal = case
        when derived.settled then derived.listed
        -- Somebody for whom nothing was ever sent may be shown all the same, if once certified.
        else not derived.listed and coalesce(state.shown, derived.content ->> 'status' <> 'uncertified')
      end,
      attempts = case
        when derived.settled then 0
        when derived.lapsed or state.state in ('in_sync', 'held', 'dead') then 1
        else state.attempts + 1
      end,
      failing_since = case when not (derived.settled or derived.lapsed) then state.failing_since end,
      first_dirty_at = case when not derived.settled then coalesce(state.first_dirty_at, state.next_attempt_at) end,
      attempted_at = at,
      next_attempt_at = case when derived.settled then derived.content_until else at + lease end,
      lease_token = case when not derived.settled then gen_random_uuid() end,
      lease_until = case when not derived.settled then at + lease end
    from derived
    where state.peer_mentor_id = derived.peer_mentor_id and (derived.settled or not derived.waits)
    returning state.*
  )
  select
    claimed.peer_mentor_id, claimed.lease_token, claimed.version, claimed.attempts, claimed.content,
    claimed.effective_at, connection.mode,
    -- To be withdrawn first, until the portal has confirmed the new number; one that somebody else has by now is theirs.
    case when claimed.confirmed ->> 'external_id' is distinct from claimed.content ->> 'external_id' then array(
      select former.external_id from unnest(claimed.former_external_ids) as former (external_id)
      where not exists (
        select from mentorcert.peer_mentors as mentor
        where mentor.organisation_id = claimed.organisation_id and mentor.external_id = former.external_id
      )
    ) else '{}' end,
    claimed.epoch
  from (select claimed.* from claimed union all select held.* from held) as claimed
  order by claimed.is_removal desc, claimed.first_dirty_at;
end
$$;
comment on function mentorcert_portal.claim(uuid, integer, interval, timestamptz) is
  'Takes what is due of an organisation under a lease, removals first, and derives what to send. A row without a token needed no sending: the portal has confirmed just that already, or it waits for a person. Nothing where the mode or the breaker says so.';

create or replace function mentorcert_portal.requeue(organisation_id uuid, batch_size integer default 5000, as_of timestamptz default null)
returns integer
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  since timestamptz;
  revived integer;
begin
  select connection.requeue_since into since
  from mentorcert_portal.connections as connection where connection.organisation_id = requeue.organisation_id;
  if since is null then
    return 0;
  end if;
  with waiting as (
    select state.peer_mentor_id from mentorcert_portal.states as state
    where state.organisation_id = requeue.organisation_id and state.state not in ('in_sync', 'held') and state.lease_token is null
      and (state.attempted_at < since or state.attempted_at is null)
      and (
        state.next_attempt_at is null or state.next_attempt_at > at
        -- A lease on our list that ended while nothing was sent.
        or not state.is_removal and state.attempted_at is null and not exists (
          select from public.listed_peer_mentors as listed
          where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > at
        )
      )
    limit batch_size
    for update of state skip locked
  )
  update mentorcert_portal.states as state
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
    update mentorcert_portal.connections as connection set requeue_since = null
    where connection.organisation_id = requeue.organisation_id and connection.requeue_since = since
      -- What was locked, or under a lease, above.
      and not exists (
        select from mentorcert_portal.states as state
        where state.organisation_id = connection.organisation_id and state.state not in ('in_sync', 'held')
          and (state.attempted_at < since or state.attempted_at is null)
          and (state.next_attempt_at is null or state.next_attempt_at > at)
      );
  end if;
  return revived;
end
$$;
comment on function mentorcert_portal.requeue(uuid, integer, timestamptz) is
  'Makes due, batch by batch, what is unconfirmed and was last tried before requeue_since; returns how many. At 0 there is nothing to be done now.';

-- What a worker reports: what the portal confirmed, what went wrong, what is given back.

create or replace function mentorcert_portal.results(results jsonb)
returns table (
  peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, outcome text, remote_version numeric,
  http_status integer, latency_s real, error text, retry_after double precision, remote_epoch integer
)
language sql
immutable
set search_path = ''
as $$
  select
    result.peer_mentor_id, result.lease_token, result.version, result.attempt, result.outcome, result.remote_version,
    result.http_status, result.latency_s, result.error,
    -- Not longer than the longest pause of our own.
    case when result.retry_after > 21600 then 21600 else result.retry_after end,
    result.remote_epoch
  from jsonb_to_recordset(results) as result (
    peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, outcome text, remote_version numeric,
    http_status integer, latency_s real, error text, retry_after double precision, remote_epoch integer
  )
$$;
comment on function mentorcert_portal.results(jsonb) is 'A worker''s report, a JSON array of objects, as rows.';

create or replace function mentorcert_portal.lock_reported(results jsonb)
returns uuid[]
language sql
set search_path = ''
as $$
  select array(
    select state.peer_mentor_id
    from mentorcert_portal.states as state
    where state.peer_mentor_id in (select result.peer_mentor_id from mentorcert_portal.results(results) as result)
    order by state.peer_mentor_id
    for update skip locked
  )
$$;
comment on function mentorcert_portal.lock_reported(jsonb) is
  'Locks the reported rows that nobody else holds. What a change holds is reported again in a moment.';

create or replace function mentorcert_portal.log_attempts(
  locked uuid[], results jsonb, worker text, at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Who has lost the lease may have sent an older version after a newer one: it must be sent again, whatever was confirmed.
  with late as (
    update mentorcert_portal.states as state
    set
      version = state.version + 1, content = null, confirmed = null, shown = true, state = 'pending', attempts = 0,
      next_attempt_at = case when state.lease_token is null then at else state.next_attempt_at end,
      first_dirty_at = coalesce(state.first_dirty_at, at)
    from mentorcert_portal.results(results) as result
    where state.peer_mentor_id = result.peer_mentor_id
      and state.peer_mentor_id = any(locked)
      and state.lease_token is distinct from result.lease_token
    returning state.peer_mentor_id
  )
  insert into mentorcert_portal.attempts (
    attempted_at, organisation_id, peer_mentor_id, version, attempt, outcome, http_status, latency_s, error, worker
  )
  select
    at, state.organisation_id, result.peer_mentor_id, result.version, result.attempt,
    case when late.peer_mentor_id is null then result.outcome else 'lost_lease' end,
    result.http_status, result.latency_s, left(result.error, 500), log_attempts.worker
  from mentorcert_portal.results(results) as result
  join mentorcert_portal.states as state on state.peer_mentor_id = result.peer_mentor_id
  left join late on late.peer_mentor_id = result.peer_mentor_id
  where result.peer_mentor_id = any(locked);
end
$$;
comment on function mentorcert_portal.log_attempts(uuid[], jsonb, text, timestamptz) is
  'Appends to the attempt log, and marks dirty again whatever was done under a lease that was lost.';

create or replace function mentorcert_portal.acknowledge(
  organisation_id uuid, results jsonb, worker text, as_of timestamptz default null
)
returns setof uuid
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  locked uuid[];
begin
  update mentorcert_portal.connections as connection
  set
    failures = 0, breaker = 'closed', breaker_reason = null, resume_at = null,
    requeue_since = case connection.breaker when 'open' then at else connection.requeue_since end
  where connection.organisation_id = acknowledge.organisation_id
    and (connection.failures > 0 or connection.breaker = 'open')
    and exists (select from mentorcert_portal.results(results) as result where result.outcome in ('applied', 'already_newer', 'erased'));
  locked := mentorcert_portal.lock_reported(results);
  perform mentorcert_portal.log_attempts(locked, results, worker, at);

  with outcomes as (
    select
      result.*,
      state.version = result.version and not remote.is_newer as confirms,
      remote.is_newer,
      -- Above what the portal holds go removals alone: it may be right where it shows less than a restored registry.
      remote.is_newer and exists (
        select from public.listed_peer_mentors as listed
        where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > at
      ) as conflicts,
      (state.content ->> 'listed')::boolean as listed,
      case when state.content ->> 'status' = 'erased' then state.content - 'external_id' else state.content end as kept
    from mentorcert_portal.results(results) as result
    join mentorcert_portal.states as state
      on state.peer_mentor_id = result.peer_mentor_id and state.lease_token = result.lease_token
    cross join lateral (
      select coalesce(
        result.outcome = 'erased'
        or (coalesce(result.remote_epoch, state.epoch), result.remote_version) > (state.epoch, state.version::numeric),
        false
      ) as is_newer
    ) as remote
    where result.peer_mentor_id = any(locked)
  ),
  noted as (
    insert into mentorcert_portal.conflicts (organisation_id, peer_mentor_id, kind, there, found_at)
    select
      acknowledge.organisation_id, outcomes.peer_mentor_id, 'newer',
      jsonb_strip_nulls(jsonb_build_object(
        'version', outcomes.remote_version, 'epoch', outcomes.remote_epoch,
        'status', case when outcomes.outcome = 'erased' then 'erased' end
      )),
      at
    from outcomes where outcomes.conflicts
    on conflict do nothing
  )
  update mentorcert_portal.states as state
  set
    state = case when outcomes.confirms then 'in_sync' else 'pending' end,
    -- The portal may know a version that we do not, of before a restored backup: that of a removal must rise above it.
    version = case
      when outcomes.is_newer and not outcomes.conflicts
        then greatest(mentorcert_portal.credible_version(outcomes.remote_version) + 1, state.version)
      else state.version
    end,
    epoch = case when outcomes.is_newer and not outcomes.conflicts then greatest(outcomes.remote_epoch, state.epoch) else state.epoch end,
    content = case when outcomes.is_newer then null else outcomes.kept end,
    confirmed = case
      when outcomes.confirms then outcomes.kept
      -- A change came while it was sent: what was confirmed is no longer at hand.
    end,
    sent_external_id = case
      when outcomes.confirms and outcomes.kept ->> 'status' = 'erased' then null else state.sent_external_id
    end,
    former_external_ids = case
      when outcomes.confirms and outcomes.kept ->> 'status' = 'erased' then '{}' else state.former_external_ids
    end,
    confirmed_version = case when outcomes.is_newer then state.confirmed_version else outcomes.version end,
    confirmed_at = case when outcomes.is_newer then state.confirmed_at else at end,
    shown = case when outcomes.confirms then outcomes.listed else state.shown end,
    is_removal = case when outcomes.confirms then outcomes.listed else state.is_removal end,
    attempts = case when outcomes.is_newer then state.attempts else 0 end,
    failing_since = null, error_class = null, error = null,
    first_dirty_at = case when outcomes.confirms then null else state.first_dirty_at end,
    next_attempt_at = case
      when outcomes.is_newer then at + mentorcert_portal.retry_delay(state.attempts)
      -- Until a change, or the calendar, makes it untrue.
      when state.version = outcomes.version then state.content_until
      else at
    end,
    lease_token = null, lease_until = null
  from outcomes
  where state.peer_mentor_id = outcomes.peer_mentor_id;
  return query select unnest(locked);
end
$$;
comment on function mentorcert_portal.acknowledge(uuid, jsonb, text, timestamptz) is
  'Notes what the portal has confirmed. Fenced: only the lease that is still held confirms, and a row that changed meanwhile stays due. Where the portal holds a newer version, a removal rises above it, and what is listed waits for a person. Returns what was noted; the rest is locked by a change, and to be reported again.';

create or replace function mentorcert_portal.retry_delay(attempts integer)
returns interval
language sql
volatile
set search_path = ''
as $$
  select random() * (array[5, 30, 300, 1800, 7200, 21600])[least(greatest(attempts, 1), 6)] * interval '1 second'
$$;
comment on function mentorcert_portal.retry_delay(integer) is
  'How long to wait after this many failed attempts: full jitter over 5 s, 30 s, 5 min, 30 min, 2 h, and then 6 h each time.';

create or replace function mentorcert_portal.longest_pause(is_removal boolean)
returns interval
language sql
immutable
set search_path = ''
as $$
  select case when longest_pause.is_removal then interval '15 minutes' else interval '6 hours' end
$$;
comment on function mentorcert_portal.longest_pause(boolean) is
  'How long a row waits for its next attempt at most, whatever the portal asks for: somebody who must go may be shown meanwhile.';

create or replace function mentorcert_portal.record_failures(
  organisation_id uuid, results jsonb, at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  failed integer;
  cause text;
  pause interval;
begin
  select
    -- What the portal refuses for what it is about stays with its row.
    count(*) filter (
      where result.outcome in ('unavailable', 'unexpected_answer', 'unauthorised')
        or result.outcome = 'rejected' and result.attempt = 1
    ),
    mode() within group (order by result.outcome),
    greatest(
      (0.5 + random() / 2) * interval '30 seconds',
      least(coalesce(max(result.retry_after), 0) * interval '1 second', mentorcert_portal.longest_pause(true))
    )
  into failed, cause, pause
  from mentorcert_portal.results(results) as result;

  update mentorcert_portal.connections as connection
  set
    failures = connection.failures + failed,
    breaker = case when connection.failures + failed >= 20 then 'open' else connection.breaker end,
    breaker_reason = case
      when failed = 0 or connection.failures + failed < 20 then connection.breaker_reason
      when cause = 'unauthorised' then 'Twenty calls in a row have failed: the portal does not accept our credentials.'
      when cause = 'rejected' then 'Twenty calls in a row have failed: the portal refuses our messages. Has the contract changed?'
      else 'Twenty calls in a row have failed: the portal does not answer, or not as agreed.'
    end,
    resume_at = case
      when connection.breaker = 'open' or connection.failures + failed >= 20 then greatest(connection.resume_at, at + pause)
    end
  where connection.organisation_id = record_failures.organisation_id;
end
$$;
comment on function mentorcert_portal.record_failures(uuid, jsonb, timestamptz) is
  'Counts what failed, and opens the breaker at twenty in a row without any success.';

create or replace function mentorcert_portal.fail(
  organisation_id uuid, results jsonb, worker text, as_of timestamptz default null
)
returns setof uuid
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  locked uuid[];
begin
  perform from mentorcert_portal.connections as connection
  where connection.organisation_id = fail.organisation_id
  for no key update;
  locked := mentorcert_portal.lock_reported(results);
  perform mentorcert_portal.log_attempts(locked, results, worker, at);
  perform mentorcert_portal.record_failures(
    organisation_id,
    (
      select jsonb_agg(to_jsonb(result)) from mentorcert_portal.results(results) as result
      where result.peer_mentor_id = any(locked)
    ),
    at
  );

  update mentorcert_portal.states as state
  set
    state = case
      when state.version <> result.version then 'pending'
      when not state.is_removal and state.failing_since <= at - interval '75 hours' then 'dead'
      else 'retry'
    end,
    next_attempt_at = case
      when state.version <> result.version then at
      when not state.is_removal and state.failing_since <= at - interval '75 hours' then state.content_until
      else least(
        at + least(
          greatest(mentorcert_portal.retry_delay(state.attempts), result.retry_after * interval '1 second'),
          mentorcert_portal.longest_pause(state.is_removal)
        ),
        -- Null where the content has no end; `least` passes over it, and so would `greatest`.
        case when state.content_until is not null then greatest(at, state.content_until) end
      )
    end,
    failing_since = case when state.version = result.version then coalesce(state.failing_since, at) end,
    error_class = result.outcome,
    error = left(result.error, 500),
    lease_token = null, lease_until = null
  from mentorcert_portal.results(results) as result
  where state.peer_mentor_id = result.peer_mentor_id
    and state.peer_mentor_id = any(locked)
    and state.lease_token = result.lease_token;
  return query select unnest(locked);
end
$$;
comment on function mentorcert_portal.fail(uuid, jsonb, text, timestamptz) is
  'Notes what went wrong and when it is tried again: removals for ever, within 15 minutes, others for 75 hours. Returns what was noted; report the rest again.';

create or replace function mentorcert_portal.release(results jsonb, as_of timestamptz default null)
returns setof uuid
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  locked constant uuid[] := mentorcert_portal.lock_reported(results);
begin
  update mentorcert_portal.states as state
  set
    next_attempt_at = mentorcert_portal.instant(as_of), attempts = greatest(state.attempts - 1, 0),
    lease_token = null, lease_until = null
  from mentorcert_portal.results(results) as result
  where state.peer_mentor_id = result.peer_mentor_id
    and state.peer_mentor_id = any(locked)
    and state.lease_token = result.lease_token;
  return query select unnest(locked);
end
$$;
comment on function mentorcert_portal.release(jsonb, timestamptz) is 'Gives back rows that were claimed and not sent. Returns which; the rest come back by themselves when their leases end.';

revoke execute on function
  mentorcert_portal.count_attempts, mentorcert_portal.undo_clock_jump, mentorcert_portal.heartbeat, mentorcert_portal.due, mentorcert_portal.claim, mentorcert_portal.requeue,
  mentorcert_portal.results, mentorcert_portal.lock_reported, mentorcert_portal.log_attempts, mentorcert_portal.acknowledge, mentorcert_portal.retry_delay,
  mentorcert_portal.longest_pause, mentorcert_portal.record_failures, mentorcert_portal.fail, mentorcert_portal.release
from public, anon, authenticated, service_role;
