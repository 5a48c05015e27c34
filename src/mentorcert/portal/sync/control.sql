-- Connections and modes.

-- name: organisation(slug)
select id from mentorcert.organisations where slug = :slug;

-- name: peer_mentors(organisation_id, names)
select wanted.name, mentor.id
from unnest(:names::text[]) as wanted (name)
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and wanted.name in (mentor.external_id, mentor.id::text);

-- name: connect(organisation_id, adapter, contract_version, reason, changed_by)!
select mentorcert_portal.connect(:organisation_id, :adapter, :contract_version, :reason, :changed_by);

-- name: set_mode(organisation_id, mode, reason, canary, changed_by)!
select mentorcert_portal.set_mode(:organisation_id, :mode, :reason, :canary, :changed_by);

-- name: unconfirmed(organisation_id)
select count(*) from mentorcert_portal.states where organisation_id = :organisation_id and state <> 'in_sync';
