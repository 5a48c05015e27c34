-- Records to fetch for messages without contents, requested replays, and what is outdated.

-- name: connections(organisations)
-- Fetching sends no state, so any mode may; a blocked connection may not.
select
  connection.organisation_id, organisation.slug as organisation, connection.mode, connection.adapter,
  connection.contract_version, false as is_reviving, null as due_in_s
from mentorcert_portal.connections as connection
join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
where
  organisation.slug = any(:organisations::text[])
  and connection.breaker <> 'blocked'
  and exists (
    select from mentorcert_portal.inbox as stored
    where stored.organisation_id = connection.organisation_id
      and stored.state = 'needs_fetch' and stored.next_attempt_at <= now()
  );

-- name: claim(organisation_id, size)
update mentorcert_portal.inbox as stored
set next_attempt_at = now() + interval '5 minutes', attempts = attempts + 1
where stored.id = any(array(
  select waiting.id from mentorcert_portal.inbox as waiting
  where waiting.organisation_id = :organisation_id::uuid
    and waiting.state = 'needs_fetch' and waiting.next_attempt_at <= now()
  order by waiting.next_attempt_at
  limit :size::integer
  for update skip locked
))
returning stored.id, stored.entity, stored.record_id;

-- name: found(id, record)
update mentorcert_portal.inbox
set state = 'received', reason = null, worked_at = null, next_attempt_at = now(), fetched = :record::json
where id = :id::bigint and state = 'needs_fetch'
returning id;

-- name: gone(id, reason)
update mentorcert_portal.inbox
set state = 'needs_person', reason = :reason::text
where id = :id::bigint and state = 'needs_fetch'
returning id;

-- name: postpone(id, reason)
update mentorcert_portal.inbox
set
  reason = :reason::text,
  next_attempt_at = now() + least(interval '5 seconds' * 2 ^ least(attempts, 20), interval '1 hour')
where id = :id::bigint and state = 'needs_fetch'
returning id;

-- name: requested_replay()
-- The oldest requested replay that is not finished.
select replay.id from mentorcert_portal.replays as replay
where replay.is_requested and replay.finished_at is null
order by replay.started_at, replay.id
limit 1;

-- name: replay_next(id, size)
select replay.marked, replay.finished_at is not null as is_finished
from mentorcert_portal.replay_next(:id, :size) as replay;

-- name: delete_outdated()
select attempts, messages from mentorcert_portal.delete_outdated();
