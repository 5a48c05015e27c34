-- The health of the sync: a constant number of statements, run in one snapshot.

-- name: limits()!
set transaction isolation level repeatable read, read only;

-- name: time_limit()!
set local statement_timeout = '10s';

-- name: connections()
with late as materialized (
  select
    removal.organisation_id,
    count(distinct removal.peer_mentor_id) filter (where not removal.is_seen) as removals,
    min(removal.since) filter (where not removal.is_seen) as since,
    count(distinct removal.peer_mentor_id) filter (where removal.is_seen) as seen
  from mentorcert_portal.unconfirmed_removals as removal
  group by removal.organisation_id
),
failing as materialized (
  select
    state.organisation_id,
    count(*) filter (where state.state = 'dead') as given_up,
    count(*) filter (where state.error_class in ('internal', 'message_invalid')) as faults_of_ours,
    count(*) filter (where state.error_class = 'unauthorised') as unauthorised,
    count(*) filter (where state.error_class = 'rejected') as refused
  from mentorcert_portal.states as state
  where state.error_class is not null and state.state <> 'in_sync'
  group by state.organisation_id
)
select
  organisation.slug as organisation,
  coalesce(connection.mode, 'capture') as mode,
  connection.mode_since,
  extract(epoch from now() - connection.mode_since)::double precision as mode_s,
  connection.changed_at,
  connection.changed_by,
  connection.reason,
  connection.adapter,
  connection.contract_version,
  coalesce(connection.misdirected_at > now() - interval '1 minute', false) as is_misdirected,
  coalesce(connection.breaker, 'closed') as breaker,
  connection.breaker_reason,
  connection.breaker_since,
  extract(epoch from now() - connection.held_since)::double precision as held_s,
  coalesce(conflicting.conflicts, 0) as conflicts,
  coalesce(late.removals, 0) as removals,
  extract(epoch from now() - late.since)::double precision as oldest_removal_s,
  coalesce(late.seen, 0) as seen_removals,
  -- Counted from when the mode began to send: what was held back deliberately is no failure.
  case when behind.since <= now() then
    extract(epoch from now() - greatest(behind.since, connection.mode_since))::double precision
  end as oldest_change_s,
  coalesce(failing.given_up, 0) as given_up,
  coalesce(failing.faults_of_ours, 0) as faults_of_ours,
  coalesce(failing.unauthorised, 0) as unauthorised,
  coalesce(failing.refused, 0) as refused
from mentorcert.organisations as organisation
left join mentorcert_portal.connections as connection on connection.organisation_id = organisation.id
left join late on late.organisation_id = organisation.id
left join failing on failing.organisation_id = organisation.id
left join (
  select conflict.organisation_id, count(*) as conflicts from mentorcert_portal.conflicts as conflict
  where conflict.decided_at is null
  group by conflict.organisation_id
) as conflicting on conflicting.organisation_id = organisation.id
left join lateral (
  -- Changed and not confirmed, or confirmed and made untrue by the calendar: each the first row of an index.
  select least(
    (
      select min(state.first_dirty_at) from mentorcert_portal.states as state
      where state.organisation_id = organisation.id and not state.is_removal
    ),
    (
      select min(state.next_attempt_at) from mentorcert_portal.states as state
      where state.organisation_id = organisation.id and not state.is_removal
    )
  ) as since
  where connection.mode = 'live'
  union all
  select min(least(state.first_dirty_at, state.next_attempt_at)) from mentorcert_portal.states as state
  where connection.mode = 'canary' and state.peer_mentor_id = any(connection.canary_peer_mentor_ids) and not state.is_removal
  having connection.mode = 'canary'
) as behind on true
order by organisation.slug;

-- name: figures()
select
  organisation.slug as organisation,
  coalesce(known.rows, '{}') as rows_by_state,
  coalesce(counted.attempts, '{}') as attempts_by_outcome
from mentorcert.organisations as organisation
left join (
  select by_state.organisation_id, jsonb_object_agg(by_state.state, by_state.rows) as rows
  from (
    select overview.organisation_id, overview.state, count(*) as rows
    from mentorcert_portal.state_overview as overview
    group by overview.organisation_id, overview.state
  ) as by_state
  group by by_state.organisation_id
) as known on known.organisation_id = organisation.id
left join (
  select attempt.organisation_id, jsonb_object_agg(attempt.outcome, attempt.attempts) as attempts
  from mentorcert_portal.attempt_counts as attempt
  group by attempt.organisation_id
) as counted on counted.organisation_id = organisation.id
order by organisation.slug;

-- name: registry()
select unreported, journal_late_s, journal_error from mentorcert_private.registry_watch();

-- name: workers()
select worker, started_at, extract(epoch from now() - seen_at)::double precision as silent_s
from mentorcert_portal.workers
order by worker;

-- name: heartbeats()
select '' as worker, started_at, extract(epoch from now() - seen_at)::double precision as silent_s
from mentorcert_portal.workers;

-- name: secrets()
select
  organisation.slug as organisation, secret.place, secret.expires,
  secret.expires - (now() at time zone organisation.time_zone)::date as days_left,
  extract(epoch from secret.expires::timestamp at time zone organisation.time_zone)::double precision as expires_s
from mentorcert_portal.secrets as secret
join mentorcert.organisations as organisation on organisation.id = secret.organisation_id
where secret.expires is not null
order by secret.expires, organisation.slug, secret.place;

-- name: messages(notice_days)
select
  organisation.slug as organisation, stored.state, count(*) as messages,
  count(*) filter (where stored.action = 'withdraw_consent') as withdrawals,
  extract(epoch from now() - min(stored.received_at))::double precision as oldest_s,
  count(*) filter (
    where stored.received_at < now() - retention.keep + make_interval(days => :notice_days::integer)
      and stored.state in ('unknown', 'needs_fetch', 'needs_person', 'failed')
  ) as lapsing
from mentorcert_portal.inbox as stored
join mentorcert.organisations as organisation on organisation.id = stored.organisation_id
left join mentorcert_portal.retention as retention on retention.log = 'unsettled_messages'
group by organisation.slug, stored.state
order by organisation.slug, stored.state;

-- name: recent_attempts()
select
  organisation.slug as organisation, attempt.outcome,
  count(*) filter (where attempt.attempted_at > now() - interval '1 hour') as last_hour,
  count(*) as last_day
from mentorcert_portal.attempts as attempt
join mentorcert.organisations as organisation on organisation.id = attempt.organisation_id
where attempt.attempted_at > now() - interval '1 day'
group by organisation.slug, attempt.outcome
order by organisation.slug, attempt.outcome;

-- name: reconciliations()
select
  organisation.slug as organisation,
  last.scope, last.outcome, last.reason, last.finished_at,
  done.full_at, done.recent_at,
  extract(epoch from now() - done.full_at)::double precision as full_s,
  extract(epoch from now() - greatest(done.full_at, done.recent_at))::double precision as any_s,
  coalesce(drift.kinds, '{}') as drift
from mentorcert.organisations as organisation
join mentorcert_portal.connections as connection on connection.organisation_id = organisation.id
left join lateral (
  select run.scope, run.outcome, run.reason, run.finished_at from mentorcert_portal.reconciliations as run
  where run.organisation_id = organisation.id and run.finished_at is not null and not run.is_dry_run
  order by run.id desc
  limit 1
) as last on true
cross join lateral (
  select
    max(latest.finished_at) filter (where latest.scope = 'full') as full_at,
    max(latest.finished_at) filter (where latest.scope = 'recent') as recent_at
  from (values ('full'), ('recent')) as wanted (scope)
  cross join lateral (
    select run.scope, run.finished_at from mentorcert_portal.reconciliations as run
    where run.organisation_id = organisation.id and run.scope = wanted.scope and run.outcome = 'done' and not run.is_dry_run
    order by run.id desc
    limit 1
  ) as latest
) as done
left join lateral (
  select jsonb_object_agg(by_kind.kind, by_kind.mentors) as kinds
  from (
    -- Every run stores all its differences: a lasting one is stored several times.
    select found.kind, count(distinct coalesce(found.peer_mentor_id::text, found.external_id, found.id::text)) as mentors
    from mentorcert_portal.drift as found
    where found.organisation_id = organisation.id and found.repaired_at is null
    group by found.kind
  ) as by_kind
) as drift on true
order by organisation.slug;
