-- The inbox: stores messages and records their outcome.

-- name: store(organisation, message_id, digest, headers, body, stripped)
insert into mentorcert_portal.inbox as stored (organisation_id, message_id, digest, headers, body, stripped)
select organisation.id, :message_id::text, :digest::bytea, :headers::jsonb, :body::bytea, :stripped::boolean
from mentorcert.organisations as organisation
where organisation.slug = :organisation::text
on conflict on constraint inbox_message_key do update set duplicates = stored.duplicates + 1
returning stored.id, stored.duplicates;

-- name: claim(organisations)
select
  stored.id, stored.organisation_id, organisation.slug as organisation, organisation.time_zone,
  stored.body, stored.stripped, stored.fetched
from mentorcert_portal.inbox as stored
join mentorcert.organisations as organisation on organisation.id = stored.organisation_id
where
  stored.state = 'received'
  and stored.next_attempt_at <= now()
  and organisation.slug = any(:organisations::text[])
order by stored.next_attempt_at, stored.id
limit 1
for update of stored skip locked;

-- name: finish(id, state, reason, rule, entity, message, record_id, sequence)!
update mentorcert_portal.inbox
set
  state = :state::text, reason = :reason::text, rule = :rule::text, entity = :entity::text,
  message = :message::text, record_id = :record_id::text, sequence = :sequence::bigint,
  attempts = attempts + 1, worked_at = now()
where id = :id::bigint;

-- name: postpone(id, reason)!
update mentorcert_portal.inbox
set
  attempts = attempts + 1, reason = :reason::text,
  next_attempt_at = now() + least(interval '5 seconds' * 2 ^ least(attempts, 20), interval '1 hour')
where id = :id::bigint;

-- name: lock_record(record)
-- Messages about one record are processed one at a time; the lock ends with the transaction.
select pg_advisory_xact_lock(hashtextextended(:record::text, 0));

-- name: last_sequence(organisation_id, entity, record_id, rule)
select max(worked.sequence)
from mentorcert_portal.inbox as worked
where
  worked.organisation_id = :organisation_id::uuid
  and worked.entity = :entity::text
  and worked.record_id = :record_id::text
  and worked.rule = :rule::text
  and worked.state = 'worked';

-- name: delete_bodies(organisation, keep_days)!
update mentorcert_portal.inbox as stored
set body = null, fetched = null
from mentorcert.organisations as organisation
where
  organisation.id = stored.organisation_id
  and organisation.slug = :organisation::text
  and stored.body is not null
  and stored.state in ('worked', 'ignored', 'echo')
  and stored.worked_at < now() - make_interval(days => :keep_days::integer);

-- name: rework(organisations)!
update mentorcert_portal.inbox as stored
set state = 'received', next_attempt_at = now(), attempts = 0, worked_at = null
from mentorcert.organisations as organisation
where
  organisation.id = stored.organisation_id
  and organisation.slug = any(:organisations::text[])
  and stored.state in ('unknown', 'needs_person', 'failed');

-- name: counts()
select
  organisation.slug as organisation, stored.state, count(*) as messages,
  sum(stored.duplicates)::bigint as duplicates, min(stored.received_at) as oldest
from mentorcert_portal.inbox as stored
join mentorcert.organisations as organisation on organisation.id = stored.organisation_id
group by organisation.slug, stored.state
order by organisation.slug, stored.state;

-- name: listing(states, size)
select
  stored.id, organisation.slug as organisation, stored.received_at, stored.state, stored.reason, stored.rule,
  stored.entity, stored.message, stored.record_id, stored.attempts, stored.duplicates
from mentorcert_portal.inbox as stored
join mentorcert.organisations as organisation on organisation.id = stored.organisation_id
where stored.state = any(:states::text[])
order by stored.received_at desc, stored.id desc
limit :size::integer;
