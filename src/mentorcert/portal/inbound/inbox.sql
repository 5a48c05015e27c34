-- The inbox: stores what comes, works it, and does to the registry what a message means.

-- name: store(organisation, message_id, digest, headers, body, stripped)^
insert into portal.inbox as stored (organisation_id, message_id, digest, headers, body, stripped)
select organisation.id, :message_id::text, :digest::bytea, :headers::jsonb, :body::bytea, :stripped::boolean
from public.organisations as organisation
where organisation.slug = :organisation::text
on conflict on constraint inbox_message_key do update set duplicates = stored.duplicates + 1
returning stored.id, stored.duplicates;

-- name: claim(organisations)
select
  stored.id, stored.organisation_id, organisation.slug as organisation, organisation.time_zone,
  stored.body, stored.stripped, stored.fetched
from portal.inbox as stored
join public.organisations as organisation on organisation.id = stored.organisation_id
where
  stored.state = 'received'
  and stored.next_attempt_at <= now()
  and organisation.slug = any(:organisations::text[])
order by stored.next_attempt_at, stored.id
limit 1
for update of stored skip locked;

-- name: finish(id, state, reason, rule, entity, message, record_id, sequence)!
update portal.inbox
set
  state = :state::text, reason = :reason::text, rule = :rule::text, entity = :entity::text,
  message = :message::text, record_id = :record_id::text, sequence = :sequence::bigint,
  attempts = attempts + 1, worked_at = now()
where id = :id::bigint;

-- name: postpone(id, reason)!
update portal.inbox
set
  attempts = attempts + 1, reason = :reason::text,
  next_attempt_at = now() + least(interval '5 seconds' * 2 ^ least(attempts, 20), interval '1 hour')
where id = :id::bigint;

-- name: lock_record(record)^
-- Two messages about one record are worked one after the other; the lock ends with the transaction.
select pg_advisory_xact_lock(hashtextextended(:record::text, 0));

-- name: last_sequence(organisation_id, entity, record_id, rule)$
select max(worked.sequence)
from portal.inbox as worked
where
  worked.organisation_id = :organisation_id::uuid
  and worked.entity = :entity::text
  and worked.record_id = :record_id::text
  and worked.rule = :rule::text
  and worked.state = 'worked';

-- name: peer_mentor(organisation_id, peer_mentor_id, external_id)$
select mentor.id
from public.peer_mentors as mentor
where
  mentor.organisation_id = :organisation_id::uuid
  and (mentor.id = :peer_mentor_id::uuid or mentor.external_id = :external_id::text)
for no key update;

-- name: announce()^
select private.set_change_context('{"job": "portal"}');

-- name: announce_renewal(seen, seen_on)^
select private.set_change_context(jsonb_build_object(
  'job', 'portal',
  'evidence', jsonb_build_object('seen', :seen::text, 'seen_on', :seen_on::text, 'seen_by', 'portal')
));

-- name: end_announcement()^
select private.set_change_context(null);

-- name: held(organisation_id, peer_mentor_id, certification_type, time_zone)^
select certification.id, private.day_of(certification.issued_at, :time_zone::text)
from public.peer_mentor_certifications as certification
where
  certification.organisation_id = :organisation_id::uuid
  and certification.peer_mentor_id = :peer_mentor_id::uuid
  and certification.certification_type = :certification_type::text
for no key update;

-- name: renew(certification_id, renewed_on, time_zone)!
-- By the type's rule, and never to an earlier end than what is held.
update public.peer_mentor_certifications as renewed
set
  issued_at = private.day_starts(:renewed_on::date, :time_zone::text),
  expires_at = case
    when renewed.expires_at is not null
      then nullif(
        greatest(
          renewed.expires_at,
          coalesce(
            private.expires_at_by_rule(renewed, :renewed_on::date, :time_zone::text), timestamptz 'infinity'
          )
        ),
        timestamptz 'infinity'
      )
  end
where renewed.id = :certification_id::uuid;

-- name: withdraw_consent(peer_mentor_id)!
update public.peer_mentors set listing_consent = false where id = :peer_mentor_id::uuid and listing_consent;

-- name: give_external_id(peer_mentor_id, external_id)!
update public.peer_mentors set external_id = :external_id::text where id = :peer_mentor_id::uuid;

-- name: delete_bodies(organisation, keep_days)!
update portal.inbox as stored
set body = null, fetched = null
from public.organisations as organisation
where
  organisation.id = stored.organisation_id
  and organisation.slug = :organisation::text
  and stored.body is not null
  and stored.state in ('worked', 'ignored', 'echo')
  and stored.worked_at < now() - make_interval(days => :keep_days::integer);

-- name: rework(organisations)!
update portal.inbox as stored
set state = 'received', next_attempt_at = now(), attempts = 0, worked_at = null
from public.organisations as organisation
where
  organisation.id = stored.organisation_id
  and organisation.slug = any(:organisations::text[])
  and stored.state in ('unknown', 'needs_person', 'failed');

-- name: counts()
select
  organisation.slug as organisation, stored.state, count(*) as messages,
  sum(stored.duplicates)::bigint as duplicates, min(stored.received_at) as oldest
from portal.inbox as stored
join public.organisations as organisation on organisation.id = stored.organisation_id
group by organisation.slug, stored.state
order by organisation.slug, stored.state;

-- name: listing(states, size)
select
  stored.id, organisation.slug as organisation, stored.received_at, stored.state, stored.reason, stored.rule,
  stored.entity, stored.message, stored.record_id, stored.attempts, stored.duplicates
from portal.inbox as stored
join public.organisations as organisation on organisation.id = stored.organisation_id
where stored.state = any(:states::text[])
order by stored.received_at desc, stored.id desc
limit :size::integer;
