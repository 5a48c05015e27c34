-- How it stands with the organisation's portal, beyond what mentorcert.portal.monitoring.health reads; and its mode.

-- name: removals(organisation_id)
select
  mentor.full_name, mentor.external_id, state.state, state.attempts, state.error_class,
  case when state.state = 'in_sync' then state.next_attempt_at else state.first_dirty_at end as since
from portal.states as state
join public.peer_mentors as mentor on mentor.id = state.peer_mentor_id
where
  state.organisation_id = :organisation_id and state.is_removal
  and (state.state <> 'in_sync' or state.next_attempt_at <= now())
order by since, mentor.id
limit 50;

-- name: failures(organisation_id)
select
  state.error_class, count(*) as peer_mentors, max(state.attempted_at) as attempted_at,
  (array_agg(state.error order by state.attempted_at desc))[1] as error
from portal.states as state
where state.organisation_id = :organisation_id and state.state <> 'in_sync' and state.error_class is not null
group by state.error_class
order by peer_mentors desc, state.error_class;

-- name: drift(organisation_id)
-- Every comparison lists all that it found: of each the first that is still open.
select distinct on (found.kind, found.peer_mentor_id, found.external_id)
  found.kind, mentor.full_name, coalesce(mentor.external_id, found.external_id) as external_id, found.found_at, found.marked_at
from portal.drift as found
left join public.peer_mentors as mentor
  on mentor.id = found.peer_mentor_id and mentor.organisation_id = found.organisation_id
where found.organisation_id = :organisation_id and found.repaired_at is null
order by found.kind, found.peer_mentor_id, found.external_id, found.id
limit 50;

-- name: reconciliations(organisation_id)
select
  started_at, scope, is_dry_run, outcome, reason, compared,
  listed_but_expired + missing + stale + unknown_there + duplicate as differing, marked
from portal.reconciliations
where organisation_id = :organisation_id
order by id desc
limit 20;

-- name: replays(organisation_id)
select id, started_at, reason, marked, total, finished_at
from portal.replays
where organisation_id = :organisation_id
order by started_at desc, id
limit 20;

-- name: login(user_id)$
select login.email from private.member_logins() as login where login.user_id::text = :user_id;

-- name: canaries(organisation_id, numbers)
select wanted.number as external_id, mentor.id
from unnest(:numbers::text[]) as wanted (number)
left join public.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and mentor.external_id = wanted.number;

-- name: set_mode(mode, reason, canary)$
select private.set_portal_mode(:mode, :reason, :canary::uuid[]);

-- name: preview_replay(selection)
select peer_mentor_id, peer_mentor, confirmed_version, confirmed, desired, total from private.preview_replay(:selection);

-- name: request_replay(selection, reason)$
select portal.request_replay(:selection, :reason);
