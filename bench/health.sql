-- How the portals of a whole sector stand, where nearly all is confirmed.

-- name: lift_triggers#
set local session_replication_role = replica;

-- name: insert_connections(organisations)!
with added as (
  insert into mentorcert.organisations (id, slug, name, time_zone)
  select md5('organisation ' || number)::uuid, 'o-' || number, 'O', 'Europe/Oslo' from generate_series(1, :organisations) as number
  returning id
),
compared as (
  insert into mentorcert_portal.reconciliations (organisation_id, scope, worker, started_at, finished_at, outcome)
  select added.id, scope, 'bench', now(), now(), 'done' from added cross join unnest(array['full', 'recent']) as scope
)
insert into mentorcert_portal.connections (organisation_id, mode, adapter, contract_version, reason, mode_since)
select added.id, 'live', 'webhook', 'v1', 'bench', now() - interval '1 day' from added;

-- name: insert_states(organisations, mentors, late)!
insert into mentorcert_portal.states (
  peer_mentor_id, organisation_id, state, content, confirmed, sent_version, confirmed_version, shown, removal_due_at, is_removal,
  next_attempt_at, first_dirty_at
)
select
  md5('mentor ' || number)::uuid, md5('organisation ' || 1 + mod(number, :organisations))::uuid, 'in_sync', said.content, said.content, 1, 1,
  true, ends.at, true, ends.at, null
from generate_series(1, :mentors) as number
cross join lateral (
  select case when number <= :late then now() - interval '1 hour' else now() + make_interval(hours => 1 + mod(number * 7919, 17520)) end as at
) as ends
cross join lateral (
  select jsonb_build_object('status', 'certified', 'listed', true, 'listed_until', ends.at, 'external_id', number::text) as content
) as said;

-- name: vacuum()!
vacuum (analyze);

-- name: late()$
select count(*) from mentorcert_portal.unconfirmed_removals;
