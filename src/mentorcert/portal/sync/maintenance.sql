-- Messages that came without contents: which records are to be read at the portal, and what was found; replays.

-- name: connections(organisations)
-- Reading tells the portal nothing, so any mode will do; whom the portal does not let in need not ask.
select
  connection.organisation_id, organisation.slug as organisation, connection.mode, connection.adapter,
  connection.contract_version, false as is_reviving, null as due_in_s
from portal.connections as connection
join public.organisations as organisation on organisation.id = connection.organisation_id
where
  organisation.slug = any(:organisations::text[])
  and connection.breaker <> 'blocked'
  and exists (
    select from portal.inbox as stored
    where stored.organisation_id = connection.organisation_id
      and stored.state = 'needs_fetch' and stored.next_attempt_at <= now()
  );

-- name: claim(organisation_id, size)
update portal.inbox as stored
set next_attempt_at = now() + interval '5 minutes', attempts = attempts + 1
where stored.id = any(array(
  select waiting.id from portal.inbox as waiting
  where waiting.organisation_id = :organisation_id::uuid
    and waiting.state = 'needs_fetch' and waiting.next_attempt_at <= now()
  order by waiting.next_attempt_at
  limit :size::integer
  for update skip locked
))
returning stored.id, stored.entity, stored.record_id;

-- name: found(id, record)
update portal.inbox
set state = 'received', reason = null, worked_at = null, next_attempt_at = now(), fetched = :record::json
where id = :id::bigint and state = 'needs_fetch'
returning id;

-- name: gone(id, reason)
update portal.inbox
set state = 'needs_person', reason = :reason::text
where id = :id::bigint and state = 'needs_fetch'
returning id;

-- name: postpone(id, reason)
update portal.inbox
set
  reason = :reason::text,
  next_attempt_at = now() + least(interval '5 seconds' * 2 ^ least(attempts, 20), interval '1 hour')
where id = :id::bigint and state = 'needs_fetch'
returning id;

-- name: requested_replay()
-- The one that has waited longest; what an administrator asked for and nobody has finished.
select replay.id from portal.replays as replay
where replay.is_requested and replay.finished_at is null
order by replay.started_at, replay.id
limit 1;

-- name: replay_next(id, size)
select replay.marked, replay.finished_at is not null as is_finished
from portal.replay_next(:id, :size) as replay;

-- name: delete_outdated()
select attempts, messages from portal.delete_outdated();
