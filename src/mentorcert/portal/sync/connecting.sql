-- Connections, and what their portals show.

-- name: connect(organisation_id, adapter, contract_version, reason, changed_by, target, is_other_portal)
select mentorcert_portal.connect(
  :organisation_id, :adapter, :contract_version, :reason, :changed_by, target => :target, is_other_portal => :is_other_portal
);

-- name: learn(organisation_id, peer_mentor_ids, external_ids, versions, listings)
select known, listed, unknown
from mentorcert_portal.learn_portal(
  :organisation_id, :peer_mentor_ids::uuid[], :external_ids::text[], :versions::bigint[], :listings::boolean[]
);

-- name: unaddressable(organisation_id)
select mentor.external_id
from mentorcert.peer_mentors as mentor
where
  mentor.organisation_id = :organisation_id and mentor.erased_at is null
  and mentorcert_portal.cannot_address(mentor.external_id)
order by mentor.external_id;

-- name: types(organisation_id)
select type.code from mentorcert.certification_types as type
where type.organisation_id = :organisation_id
order by type.code;
