-- What a message changes in the registry.

-- name: peer_mentor(organisation_id, peer_mentor_id, external_id)
select mentor.id
from mentorcert.peer_mentors as mentor
where
  mentor.organisation_id = :organisation_id::uuid
  and (mentor.id = :peer_mentor_id::uuid or mentor.external_id = :external_id::text)
for no key update;

-- name: announce()
select mentorcert_private.set_change_context('{"job": "portal"}');

-- name: announce_renewal(seen, seen_on)
select mentorcert_private.set_change_context(jsonb_build_object(
  'job', 'portal',
  'evidence', jsonb_build_object('seen', :seen::text, 'seen_on', :seen_on::text, 'seen_by', 'portal')
));

-- name: end_announcement()
select mentorcert_private.set_change_context(null);

-- name: held(organisation_id, peer_mentor_id, certification_type, time_zone)
select certification.id, mentorcert_private.day_of(certification.issued_at, :time_zone::text)
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
  issued_at = mentorcert_private.day_starts(:renewed_on::date, :time_zone::text),
  expires_at = case
    when renewed.expires_at is not null
      then nullif(
        greatest(
          renewed.expires_at,
          coalesce(
            mentorcert_private.expires_at_by_rule(renewed, :renewed_on::date, :time_zone::text), timestamptz 'infinity'
          )
        ),
        timestamptz 'infinity'
      )
  end
where renewed.id = :certification_id::uuid;

-- name: withdraw_consent(peer_mentor_id)!
update mentorcert.peer_mentors set listing_consent = false where id = :peer_mentor_id::uuid and listing_consent;

-- name: give_external_id(peer_mentor_id, external_id)!
update mentorcert.peer_mentors set external_id = :external_id::text where id = :peer_mentor_id::uuid;
