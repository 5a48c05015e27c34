-- Who decides what is sent.

-- name: organisation(slug)^
select id from public.organisations where slug = :slug;

-- name: peer_mentors(organisation_id, names)
select wanted.name, mentor.id
from unnest(:names::text[]) as wanted (name)
left join public.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and wanted.name in (mentor.external_id, mentor.id::text);

-- name: connect(organisation_id, adapter, contract_version, reason, changed_by)!
select portal.connect(:organisation_id, :adapter, :contract_version, :reason, :changed_by);

-- name: set_mode(organisation_id, mode, reason, canary, changed_by)!
select portal.set_mode(:organisation_id, :mode, :reason, :canary, :changed_by);

-- name: unconfirmed(organisation_id)$
select count(*) from portal.states where organisation_id = :organisation_id and state <> 'in_sync';
