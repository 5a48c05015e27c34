-- The health of the sync: a constant number of statements, run in one snapshot.

-- name: limits()!
set transaction isolation level repeatable read, read only;

-- name: time_limit()!
set local statement_timeout = '10s';

-- name: connections()
with situations as materialized (
  select organisation.id as organisation_id, situation.*
  from mentorcert.organisations as organisation
  cross join lateral mentorcert_portal.state_overview(organisation.id) as situation
  where situation.state <> 'in_sync'
),
removals as (
  -- Also peer mentors whose listing has ended since the row was derived.
  select
    situation.organisation_id,
    case
      when situation.is_removal then situation.since
      else greatest(coalesce(listed.listed_until, least(state.content_until, now()), situation.since), state.changed_at)
    end as since
  from situations as situation
  join mentorcert_portal.states as state on state.peer_mentor_id = situation.peer_mentor_id
  left join public.listed_peer_mentors as listed on listed.peer_mentor_id = situation.peer_mentor_id
  where situation.state <> 'held' and (
    situation.is_removal
    or coalesce(listed.listed_until <= now(), true)
    and coalesce(state.shown, state.content ->> 'status' <> 'uncertified', true)
  )
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
  coalesce(connection.breaker, 'closed') as breaker,
  connection.breaker_reason,
  connection.breaker_since,
  coalesce(behind.rows, '{}') || case
    when known.rows > coalesce(behind.total, 0) then jsonb_build_object('in_sync', known.rows - coalesce(behind.total, 0))
    else '{}'
  end as rows_by_state,
  coalesce(failing.rows, '{}') as rows_by_error,
  coalesce(behind.held_removals, 0) as held_removals,
  coalesce(late.removals, 0) as removals,
  -- Counted from when the mode began to send: what was held back deliberately is no failure.
  case when late.since is not null then
    extract(epoch from now() - greatest(late.since, connection.mode_since))::double precision
  end as oldest_removal_s,
  case when behind.oldest_change is not null then
    extract(epoch from now() - greatest(behind.oldest_change, connection.mode_since))::double precision
  end as oldest_change_s,
  coalesce(counted.attempts, '{}') as attempts_by_outcome
from mentorcert.organisations as organisation
left join mentorcert_portal.connections as connection on connection.organisation_id = organisation.id
left join lateral (
  select count(*) as rows from mentorcert_portal.states as state where state.organisation_id = organisation.id
) as known on true
left join lateral (
  select
    jsonb_object_agg(by_state.state, by_state.rows) as rows,
    sum(by_state.rows)::bigint as total,
    max(by_state.removals) filter (where by_state.state = 'held') as held_removals,
    min(by_state.oldest_change) filter (where by_state.state <> 'held') as oldest_change
  from (
    select
      situation.state, count(*) as rows, count(*) filter (where situation.is_removal) as removals,
      min(situation.since) filter (where not situation.is_removal) as oldest_change
    from situations as situation
    where situation.organisation_id = organisation.id
    group by situation.state
  ) as by_state
) as behind on true
left join lateral (
  select jsonb_object_agg(by_error.error_class, by_error.rows) as rows
  from (
    select situation.error_class, count(*) as rows
    from situations as situation
    where situation.organisation_id = organisation.id and situation.state <> 'held' and situation.error_class is not null
    group by situation.error_class
  ) as by_error
) as failing on true
left join (
  select removal.organisation_id, count(*) as removals, min(removal.since) as since
  from removals as removal
  group by removal.organisation_id
) as late on late.organisation_id = organisation.id
left join lateral (
  select jsonb_object_agg(attempt.outcome, attempt.attempts) as attempts
  from mentorcert_portal.attempt_counts as attempt
  where attempt.organisation_id = organisation.id
) as counted on true
order by organisation.slug;

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
    max(run.finished_at) filter (where run.scope = 'full') as full_at,
    max(run.finished_at) filter (where run.scope = 'recent') as recent_at
  from mentorcert_portal.reconciliations as run
  where run.organisation_id = organisation.id and run.outcome = 'done' and not run.is_dry_run
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
