-- What a worker reports: what the portal confirmed, what was rehearsed, what went wrong, what is given back.

create or replace function portal.results(results jsonb)
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
comment on function portal.results(jsonb) is 'A worker''s report, a JSON array of objects, as rows.';

create or replace function portal.lock_reported(results jsonb)
returns uuid[]
language sql
set search_path = ''
as $$
  select array(
    select state.peer_mentor_id
    from portal.states as state
    where state.peer_mentor_id in (select result.peer_mentor_id from portal.results(results) as result)
    order by state.peer_mentor_id
    for update skip locked
  )
$$;
comment on function portal.lock_reported(jsonb) is
  'Locks the reported rows that nobody else holds. What a change holds is reported again in a moment.';

create or replace function portal.log_attempts(
  locked uuid[], results jsonb, worker text, at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Who has lost the lease may have told an older version after a newer one: it must be told again, whatever was confirmed.
  with late as (
    update portal.states as state
    set
      version = state.version + 1, content = null, confirmed = null, shown = true, state = 'pending', attempts = 0,
      next_attempt_at = case when state.lease_token is null then at else state.next_attempt_at end,
      first_dirty_at = coalesce(state.first_dirty_at, at)
    from portal.results(results) as result
    where state.peer_mentor_id = result.peer_mentor_id
      and state.peer_mentor_id = any(locked)
      and state.lease_token is distinct from result.lease_token
    returning state.peer_mentor_id
  )
  insert into portal.attempts (
    attempted_at, organisation_id, peer_mentor_id, version, attempt, outcome, http_status, latency_s, error, worker
  )
  select
    at, state.organisation_id, result.peer_mentor_id, result.version, result.attempt,
    case when late.peer_mentor_id is null then result.outcome else 'lost_lease' end,
    result.http_status, result.latency_s, left(result.error, 500), log_attempts.worker
  from portal.results(results) as result
  join portal.states as state on state.peer_mentor_id = result.peer_mentor_id
  left join late on late.peer_mentor_id = result.peer_mentor_id
  where result.peer_mentor_id = any(locked);
end
$$;
comment on function portal.log_attempts(uuid[], jsonb, text, timestamptz) is
  'Appends to the attempt log, and marks dirty again whatever was done under a lease that was lost.';

create or replace function portal.acknowledge(
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
  update portal.connections as connection
  set
    failures = 0,
    breaker = case connection.breaker when 'open' then 'closed' else connection.breaker end,
    breaker_reason = case connection.breaker when 'blocked' then connection.breaker_reason end,
    resume_at = case connection.breaker when 'open' then null else connection.resume_at end,
    requeue_since = case connection.breaker when 'open' then at else connection.requeue_since end
  where connection.organisation_id = acknowledge.organisation_id
    and (connection.failures > 0 or connection.breaker = 'open')
    and exists (select from portal.results(results) as result where result.outcome in ('applied', 'already_newer'));
  locked := portal.lock_reported(results);
  perform portal.log_attempts(locked, results, worker, at);

  with outcomes as (
    select
      result.*,
      state.version = result.version and result.outcome <> 'shadowed'
        and coalesce(result.remote_version <= result.version, true) as confirms,
      (state.content ->> 'listed')::boolean as listed,
      case when state.content ->> 'status' = 'erased' then state.content - 'external_id' else state.content end as kept
    from portal.results(results) as result
    join portal.states as state
      on state.peer_mentor_id = result.peer_mentor_id and state.lease_token = result.lease_token
    where result.peer_mentor_id = any(locked)
  )
  update portal.states as state
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
      -- A change came while it was told: what was confirmed is no longer at hand.
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
      when outcomes.remote_version > state.version then at + portal.retry_delay(state.attempts)
      -- Told or only rehearsed: until a change, or the calendar, makes it untrue.
      when state.version = outcomes.version then state.content_until
      else at
    end,
    lease_token = null, lease_until = null
  from outcomes
  where state.peer_mentor_id = outcomes.peer_mentor_id;
  return query select unnest(locked);
end
$$;
comment on function portal.acknowledge(uuid, jsonb, text, timestamptz) is
  'Notes what the portal has confirmed, or what was rehearsed (shadowed). Fenced: only the lease that is still held confirms, and a row that changed meanwhile stays due. Returns what was noted; the rest is locked by a change, and to be reported again.';

create or replace function portal.retry_delay(attempts integer)
returns interval
language sql
volatile
set search_path = ''
as $$
  select random() * (array[5, 30, 300, 1800, 7200, 21600])[least(greatest(attempts, 1), 6)] * interval '1 second'
$$;
comment on function portal.retry_delay(integer) is
  'How long to wait after so many attempts in vain: full jitter over 5 s, 30 s, 5 min, 30 min, 2 h, and then 6 h each time.';

create or replace function portal.record_failures(
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
  from portal.results(results) as result;

  select coalesce(because, 'The portal refused messages about three peer mentors within ten minutes: has the contract changed?')
  into because
  from portal.connections as connection
  where connection.organisation_id = record_failures.organisation_id and (
    because is not null
    or (
      select count(distinct attempt.peer_mentor_id) from portal.attempts as attempt
      where attempt.organisation_id = connection.organisation_id and attempt.outcome = 'rejected'
        and attempt.attempted_at > greatest(at - interval '10 minutes', connection.changed_at)
    ) >= 3
  );

  update portal.connections as connection
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
comment on function portal.record_failures(uuid, jsonb, timestamptz) is
  'Pauses, opens or blocks the connection as the failures demand; returns whether it is blocked.';

create or replace function portal.fail(
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
  perform from portal.connections as connection
  where connection.organisation_id = fail.organisation_id
  for no key update;
  locked := portal.lock_reported(results);
  perform portal.log_attempts(locked, results, worker, at);
  is_blocked := portal.record_failures(
    organisation_id,
    (
      select jsonb_agg(to_jsonb(result)) from portal.results(results) as result
      where result.peer_mentor_id = any(locked)
    ),
    at
  );

  update portal.states as state
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
        at + greatest(portal.retry_delay(state.attempts), result.retry_after * interval '1 second'),
        -- Null where the content has no end; `least` passes over it, and so would `greatest`.
        case when state.content_until is not null then greatest(at, state.content_until) end
      )
    end,
    failing_since = case when state.version = result.version then coalesce(state.failing_since, at) end,
    error_class = result.outcome,
    error = left(result.error, 500),
    lease_token = null, lease_until = null
  from portal.results(results) as result
  where state.peer_mentor_id = result.peer_mentor_id
    and state.peer_mentor_id = any(locked)
    and state.lease_token = result.lease_token;
  return query select unnest(locked);
end
$$;
comment on function portal.fail(uuid, jsonb, text, timestamptz) is
  'Notes what went wrong and when it is tried again: removals for ever, others for 75 hours. Returns what was noted; the rest is to be reported again.';

create or replace function portal.release(results jsonb, as_of timestamptz default null)
returns setof uuid
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  locked constant uuid[] := portal.lock_reported(results);
begin
  update portal.states as state
  set
    next_attempt_at = coalesce(as_of, clock_timestamp()), attempts = greatest(state.attempts - 1, 0),
    lease_token = null, lease_until = null
  from portal.results(results) as result
  where state.peer_mentor_id = result.peer_mentor_id
    and state.peer_mentor_id = any(locked)
    and state.lease_token = result.lease_token;
  return query select unnest(locked);
end
$$;
comment on function portal.release(jsonb, timestamptz) is 'Gives back rows that were claimed and not sent. Returns which; the rest come back by themselves when their leases end.';

revoke execute on function
  portal.results(jsonb), portal.lock_reported(jsonb), portal.log_attempts(uuid[], jsonb, text, timestamptz),
  portal.acknowledge(uuid, jsonb, text, timestamptz), portal.retry_delay(integer),
  portal.record_failures(uuid, jsonb, timestamptz), portal.fail(uuid, jsonb, text, timestamptz),
  portal.release(jsonb, timestamptz)
from public, anon, authenticated, service_role;
