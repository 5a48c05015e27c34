-- What an administrator sees of an organisation's portal, beyond mentorcert.portal.monitoring.health.

-- name: unconfirmed_removals()
select alarm.mode, alarm.removals, alarm.since from mentorcert_private.portal_alarm() as alarm;

-- name: removals(organisation_id)
select
  state.organisation_id, mentor.full_name, mentor.external_id, state.state, state.attempts, state.error_class,
  case when state.state = 'in_sync' then state.next_attempt_at else state.first_dirty_at end as since
from mentorcert_portal.states as state
join mentorcert.peer_mentors as mentor on mentor.id = state.peer_mentor_id
where
  state.organisation_id = :organisation_id and state.is_removal
  and (state.state <> 'in_sync' or state.next_attempt_at <= now())
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
