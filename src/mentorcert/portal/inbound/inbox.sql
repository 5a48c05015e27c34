-- The inbox: stores messages and records their outcome.

-- name: store(organisation, message_id, headers, body, stripped)
select id, duplicates
from mentorcert_portal.store_message(:organisation::text, :message_id::text, :headers::jsonb, :body::bytea, :stripped::boolean);

-- name: claim(organisations)
select id, organisation_id, organisation, time_zone, body, stripped, fetched
from mentorcert_portal.claim_message(:organisations::text[]);

-- name: finish(id, state, reason, rule, entity, message, record_id, peer_mentor_id, sequence, action)!
select mentorcert_portal.settle_message(
  :id::bigint, :state::text, :reason::text, :rule::text, :entity::text, :message::text, :record_id::text, :peer_mentor_id::uuid,
  :sequence::bigint, :action::text
);

-- name: postpone(id, reason)!
select mentorcert_portal.postpone_message(:id::bigint, :reason::text);

-- name: lock_record(organisation_id, entity, record_id)!
select mentorcert_portal.lock_record(:organisation_id::uuid, :entity::text, :record_id::text);

-- name: last_sequence(organisation_id, entity, record_id, rule)
select mentorcert_portal.last_sequence(:organisation_id::uuid, :entity::text, :record_id::text, :rule::text);

-- name: delete_bodies(organisation, keep_days)
select mentorcert_portal.delete_bodies(:organisation::text, :keep_days::integer);

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
