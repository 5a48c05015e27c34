-- Consents to the public list.

-- name: acts_of(peer_mentor_id)
select
  act.organisation_id, act.is_given, act.recorded_at, act.way, (act.actor ->> 'user_id')::uuid as actor_id, act.reason
from mentorcert.listing_consents as act
where act.peer_mentor_id = :peer_mentor_id
order by act.recorded_at desc;

-- name: announce_form()
select mentorcert_private.set_change_context('{"way": "form"}');

-- name: withdraw(peer_mentor_ids, reason)
select mentorcert_private.withdraw_consents(:peer_mentor_ids::uuid[], :reason::text);

-- name: record(peer_mentor_id, is_given, reason)
select public.set_listing_consent(:peer_mentor_id::uuid, :is_given::boolean, :reason::text);
