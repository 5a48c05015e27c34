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
      'applied', 'already_newer', 'shadowed', 'lost_lease',
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
  'The result. already_newer: the portal has this version or a later one; shadowed: rendered and found valid, not sent; lost_lease: the acknowledgement came too late; message_invalid: our message breaks the contract''s schema; internal: a fault of ours.';

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

create or replace function mentorcert_portal.heartbeat(worker text, started_at timestamptz, stopped boolean default false)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  delete from mentorcert_portal.workers as other
  where other.seen_at < clock_timestamp() - interval '1 day' or stopped and other.worker = heartbeat.worker;
  insert into mentorcert_portal.workers as mine (worker, started_at, seen_at)
  select heartbeat.worker, heartbeat.started_at, clock_timestamp() where not stopped
  on conflict on constraint workers_pkey do update set seen_at = excluded.seen_at
$$;
comment on function mentorcert_portal.heartbeat(text, timestamptz, boolean) is 'Says that a worker lives, or that it has stopped.';

create or replace function mentorcert_portal.due(as_of timestamptz default null)
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
  where connection.mode in ('shadow', 'canary', 'live') and connection.breaker <> 'blocked'
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
  peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, content jsonb, effective_at timestamptz, mode text
)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
set plan_cache_mode = force_custom_plan -- for the canary another index is the right one
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
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
  if not found or connection.mode not in ('shadow', 'canary', 'live') or connection.breaker = 'blocked'
    or connection.resume_at > at then
    return;
  end if;
  if connection.breaker = 'open' then
    update mentorcert_portal.connections as mine set resume_at = at + lease
    where mine.organisation_id = claim.organisation_id and mine.breaker = 'open' and mine.resume_at <= at;
    if not found then
      return;
    end if;
    batch_size := 1;
  end if;
  canary := case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end;

  with removals as (
    select state.peer_mentor_id from mentorcert_portal.states as state
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
    select state.peer_mentor_id from mentorcert_portal.states as state
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
    from mentorcert_portal.desired_content(ids, at) as desired
    join mentorcert_portal.states as state on state.peer_mentor_id = desired.peer_mentor_id
  ),
  claimed as (
    update mentorcert_portal.states as state
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
        -- Somebody for whom nothing was ever sent may be shown all the same, if once certified.
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
comment on function mentorcert_portal.claim(uuid, integer, interval, timestamptz) is
  'Takes what is due of an organisation under a lease, removals first, and derives what to send. A row without a token needed no sending: the portal has confirmed just that already. Nothing where the mode or the breaker says so.';

create or replace function mentorcert_portal.requeue(organisation_id uuid, batch_size integer default 5000, as_of timestamptz default null)
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
  from mentorcert_portal.connections as connection where connection.organisation_id = requeue.organisation_id;
  if since is null then
    return 0;
  end if;
  with waiting as (
    select state.peer_mentor_id from mentorcert_portal.states as state
    where state.organisation_id = requeue.organisation_id and state.state <> 'in_sync' and state.lease_token is null
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
        where state.organisation_id = connection.organisation_id and state.state <> 'in_sync'
          and (state.attempted_at < since or state.attempted_at is null)
          and (state.next_attempt_at is null or state.next_attempt_at > at)
      );
  end if;
  return revived;
end
$$;
comment on function mentorcert_portal.requeue(uuid, integer, timestamptz) is
  'Makes due, batch by batch, what is unconfirmed and was last tried before requeue_since; returns how many. At 0 there is nothing to be done now.';

-- What a worker reports: what the portal confirmed, what was rehearsed, what went wrong, what is given back.

create or replace function mentorcert_portal.results(results jsonb)
returns table (
  peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, outcome text, remote_version bigint,
  http_status integer, latency_s real, error text, retry_after double precision
)
language sql
immutable
set search_path = ''
as $$
  select
    result.peer_mentor_id, result.lease_token, result.version, result.attempt, result.outcome, result.remote_version,
    result.http_status, result.latency_s, result.error,
    -- Not longer than the longest pause of our own.
    case when result.retry_after > 21600 then 21600 else result.retry_after end
  from jsonb_to_recordset(results) as result (
    peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, outcome text, remote_version bigint,
    http_status integer, latency_s real, error text, retry_after double precision
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
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  locked uuid[];
begin
  update mentorcert_portal.connections as connection
  set
    failures = 0,
    breaker = case connection.breaker when 'open' then 'closed' else connection.breaker end,
    breaker_reason = case connection.breaker when 'blocked' then connection.breaker_reason end,
    resume_at = case connection.breaker when 'open' then null else connection.resume_at end,
    requeue_since = case connection.breaker when 'open' then at else connection.requeue_since end
  where connection.organisation_id = acknowledge.organisation_id
    and (connection.failures > 0 or connection.breaker = 'open')
    and exists (select from mentorcert_portal.results(results) as result where result.outcome in ('applied', 'already_newer'));
  locked := mentorcert_portal.lock_reported(results);
  perform mentorcert_portal.log_attempts(locked, results, worker, at);

  with outcomes as (
    select
      result.*,
      state.version = result.version and result.outcome <> 'shadowed'
        and coalesce(result.remote_version <= result.version, true) as confirms,
      (state.content ->> 'listed')::boolean as listed,
      case when state.content ->> 'status' = 'erased' then state.content - 'external_id' else state.content end as kept
    from mentorcert_portal.results(results) as result
    join mentorcert_portal.states as state
      on state.peer_mentor_id = result.peer_mentor_id and state.lease_token = result.lease_token
    where result.peer_mentor_id = any(locked)
  )
  update mentorcert_portal.states as state
  set
    state = case when outcomes.confirms then 'in_sync' else 'pending' end,
    -- The portal may know a version that we do not, of before a restored backup: ours must rise above it.
    version = case
      when outcomes.remote_version > state.version then outcomes.remote_version + 1 else state.version
    end,
    content = case when outcomes.remote_version > state.version then null else outcomes.kept end,
    confirmed = case
      when outcomes.confirms then outcomes.kept
      when outcomes.outcome = 'shadowed' then state.confirmed
      -- A change came while it was sent: what was confirmed is no longer at hand.
    end,
    sent_external_id = case
      when outcomes.confirms and outcomes.kept ->> 'status' = 'erased' then null else state.sent_external_id
    end,
    confirmed_version = case
      when outcomes.outcome = 'shadowed' or outcomes.remote_version > state.version then state.confirmed_version
      else outcomes.version
    end,
    confirmed_at = case
      when outcomes.outcome = 'shadowed' or outcomes.remote_version > state.version then state.confirmed_at
      else at
    end,
    shown = case when outcomes.confirms then outcomes.listed else state.shown end,
    is_removal = case when outcomes.confirms then outcomes.listed else state.is_removal end,
    attempts = case when outcomes.remote_version > state.version then state.attempts else 0 end,
    failing_since = null, error_class = null, error = null,
    first_dirty_at = case when outcomes.confirms then null else state.first_dirty_at end,
    next_attempt_at = case
      when outcomes.remote_version > state.version then at + mentorcert_portal.retry_delay(state.attempts)
      -- Sent or only rehearsed: until a change, or the calendar, makes it untrue.
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
  'Notes what the portal has confirmed, or what was rehearsed (shadowed). Fenced: only the lease that is still held confirms, and a row that changed meanwhile stays due. Returns what was noted; the rest is locked by a change, and to be reported again.';

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

create or replace function mentorcert_portal.record_failures(
  organisation_id uuid, results jsonb, at timestamptz
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  because text;
  unanswered integer;
  pause_s double precision;
  is_blocked boolean;
begin
  select count(*) filter (where result.outcome in ('unavailable', 'unexpected_answer')), max(result.retry_after),
    max('The portal does not accept our credentials.') filter (where result.outcome = 'unauthorised')
  into unanswered, pause_s, because
  from mentorcert_portal.results(results) as result;

  select coalesce(because, 'The portal refused messages about three peer mentors within ten minutes: has the contract changed?')
  into because
  from mentorcert_portal.connections as connection
  where connection.organisation_id = record_failures.organisation_id and (
    because is not null
    or (
      select count(distinct attempt.peer_mentor_id) from mentorcert_portal.attempts as attempt
      where attempt.organisation_id = connection.organisation_id and attempt.outcome = 'rejected'
        and attempt.attempted_at > greatest(at - interval '10 minutes', connection.changed_at)
    ) >= 3
  );

  update mentorcert_portal.connections as connection
  set
    failures = connection.failures + unanswered,
    breaker = case
      when because is not null then 'blocked'
      when connection.breaker = 'closed' and connection.failures + unanswered >= 20 then 'open'
      else connection.breaker
    end,
    breaker_reason = coalesce(
      because, connection.breaker_reason,
      case when connection.failures + unanswered >= 20 then 'The portal has failed to answer twenty times in a row.' end
    ),
    resume_at = greatest(
      connection.resume_at,
      at + pause_s * interval '1 second',
      case
        when connection.breaker = 'open' or connection.failures + unanswered >= 20
          then at + (0.5 + random() / 2) * interval '30 seconds'
      end
    )
  where connection.organisation_id = record_failures.organisation_id
  returning connection.breaker = 'blocked' into is_blocked;
  return coalesce(is_blocked, false);
end
$$;
comment on function mentorcert_portal.record_failures(uuid, jsonb, timestamptz) is
  'Pauses, opens or blocks the connection as the failures demand; returns whether it is blocked.';

create or replace function mentorcert_portal.fail(
  organisation_id uuid, results jsonb, worker text, as_of timestamptz default null
)
returns setof uuid
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  locked uuid[];
  is_blocked boolean;
begin
  perform from mentorcert_portal.connections as connection
  where connection.organisation_id = fail.organisation_id
  for no key update;
  locked := mentorcert_portal.lock_reported(results);
  perform mentorcert_portal.log_attempts(locked, results, worker, at);
  is_blocked := mentorcert_portal.record_failures(
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
      when is_blocked and result.outcome in ('unauthorised', 'rejected') then 'blocked'
      when not state.is_removal and state.failing_since <= at - interval '75 hours' then 'dead'
      else 'retry'
    end,
    next_attempt_at = case
      when state.version <> result.version then at
      when is_blocked and result.outcome in ('unauthorised', 'rejected') then null
      when not state.is_removal and state.failing_since <= at - interval '75 hours' then state.content_until
      else least(
        at + greatest(mentorcert_portal.retry_delay(state.attempts), result.retry_after * interval '1 second'),
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
  'Notes what went wrong and when it is tried again: removals for ever, others for 75 hours. Returns what was noted; report the rest again.';

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
    next_attempt_at = coalesce(as_of, clock_timestamp()), attempts = greatest(state.attempts - 1, 0),
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
  mentorcert_portal.count_attempts, mentorcert_portal.heartbeat, mentorcert_portal.due, mentorcert_portal.claim, mentorcert_portal.requeue,
  mentorcert_portal.results, mentorcert_portal.lock_reported, mentorcert_portal.log_attempts, mentorcert_portal.acknowledge, mentorcert_portal.retry_delay,
  mentorcert_portal.record_failures, mentorcert_portal.fail, mentorcert_portal.release
from public, anon, authenticated, service_role;
