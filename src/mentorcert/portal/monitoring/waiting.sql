-- What an administrator sees of an organisation's portal, beyond mentorcert.portal.monitoring.health.

-- name: unconfirmed_removals()
select connection.mode, count(distinct removal.peer_mentor_id) as removals, min(removal.since) as since
from mentorcert_portal.unconfirmed_removals as removal
join mentorcert_portal.connections as connection on connection.organisation_id = removal.organisation_id
where removal.is_seen or removal.since <= now() - interval '15 minutes'
group by connection.mode;

-- name: alerts(organisation_id)
select organisation_id, code, began_at, acknowledged_at, acknowledged_by, acknowledged_reason
from mentorcert_portal.alerts
where organisation_id = :organisation_id and ended_at is null;

-- name: removals(organisation_id)
select
  state.organisation_id, mentor.full_name, mentor.external_id, state.state, state.attempts, state.error_class,
  min(removal.since) as since
from mentorcert_portal.unconfirmed_removals as removal
join mentorcert_portal.states as state on state.peer_mentor_id = removal.peer_mentor_id
join mentorcert.peer_mentors as mentor on mentor.id = removal.peer_mentor_id
where removal.organisation_id = :organisation_id
group by state.peer_mentor_id, mentor.id
order by since, mentor.id
limit 50;

-- name: failures(organisation_id)
select
  state.organisation_id, state.error_class, count(*) as peer_mentors, max(state.attempted_at) as attempted_at,
  (array_agg(state.error order by state.attempted_at desc))[1] as error
from mentorcert_portal.states as state
where state.organisation_id = :organisation_id and state.state <> 'in_sync' and state.error_class is not null
group by state.organisation_id, state.error_class
order by peer_mentors desc, state.error_class;

-- name: drift(organisation_id)
-- Every comparison lists all that it found: of each the first that is still open.
select distinct on (found.kind, found.peer_mentor_id, found.external_id)
  found.organisation_id, found.kind, mentor.full_name, coalesce(mentor.external_id, found.external_id) as external_id,
  found.found_at, found.marked_at
from mentorcert_portal.drift as found
left join mentorcert.peer_mentors as mentor
  on mentor.id = found.peer_mentor_id and mentor.organisation_id = found.organisation_id
where found.organisation_id = :organisation_id and found.repaired_at is null
order by found.kind, found.peer_mentor_id, found.external_id, found.id
limit 50;

-- name: comparisons(organisation_id)
select
  organisation_id, started_at, scope, is_dry_run, outcome, reason, compared,
  listed_but_expired + missing + stale + unknown_there + duplicate as differing, marked
from mentorcert_portal.reconciliations
where organisation_id = :organisation_id
order by id desc
limit 20;
