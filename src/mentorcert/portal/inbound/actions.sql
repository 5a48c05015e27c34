-- What a message changes in the registry.

-- name: peer_mentor(organisation_id, peer_mentor_id, external_id)
select mentorcert_portal.find_peer_mentor(:organisation_id::uuid, :peer_mentor_id::uuid, :external_id::text);

-- name: renew(organisation_id, peer_mentor_id, certification_type, renewed_on, seen)
select mentorcert_portal.renew(
  :organisation_id::uuid, :peer_mentor_id::uuid, :certification_type::text, :renewed_on::date, :seen::text
);

-- name: attend(organisation_id, peer_mentor_id, certification_type, attended_on)
select mentorcert_portal.attend(:organisation_id::uuid, :peer_mentor_id::uuid, :certification_type::text, :attended_on::date);

-- name: withdraw_consent(organisation_id, peer_mentor_id)
select mentorcert_portal.withdraw_consent(:organisation_id::uuid, :peer_mentor_id::uuid);

-- name: give_external_id(organisation_id, peer_mentor_id, external_id)!
select mentorcert_portal.give_external_id(:organisation_id::uuid, :peer_mentor_id::uuid, :external_id::text);
