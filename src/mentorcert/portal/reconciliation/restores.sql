-- After a restore of the registry: the epoch, what portals hold newer, and the decisions about it.

-- name: begin(reason, restored_by)
select mentorcert_portal.begin_epoch(:reason, :restored_by);

-- name: connections()
select
  connection.organisation_id, organisation.slug as organisation, connection.mode, connection.adapter,
  connection.contract_version, connection.target, false as is_reviving, null as due_in_s
from mentorcert_portal.connections as connection
join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
order by organisation.slug;

-- name: compare(organisation_id, peer_mentor_ids, external_ids, versions, epochs, statuses, listings)
select known, newer, other, gone, unknown
from mentorcert_portal.compare_epochs(
  :organisation_id, :peer_mentor_ids::uuid[], :external_ids::text[], :versions::bigint[], :epochs::integer[], :statuses::text[],
  :listings::boolean[]
);

-- name: release(organisation_id)
select mentorcert_portal.release_held(:organisation_id);

-- name: conflicts(slug)
select
  conflict.id, organisation.slug as organisation, mentor.external_id as number, conflict.peer_mentor_id, conflict.external_id,
  conflict.kind, conflict.there, conflict.found_at, listed.peer_mentor_id is not null as is_listed
from mentorcert_portal.conflicts as conflict
join mentorcert.organisations as organisation on organisation.id = conflict.organisation_id
left join mentorcert.peer_mentors as mentor
  on mentor.id = conflict.peer_mentor_id and mentor.organisation_id = conflict.organisation_id
left join public.listed_peer_mentors as listed on listed.peer_mentor_id = mentor.id and listed.listed_until > now()
where conflict.decided_at is null and (:slug::text is null or organisation.slug = :slug)
order by organisation.slug, conflict.found_at, conflict.id;

-- name: decide(id, decision, reason, decided_by)!
select mentorcert_portal.decide_conflict(:id, :decision, :reason, :decided_by);

-- name: decide_own(id, decision, reason)!
select mentorcert_private.decide_portal_conflict(:id, :decision, :reason);

-- name: own_conflicts(organisation_id)
select
  conflict.organisation_id, conflict.id, mentor.full_name, coalesce(mentor.external_id, conflict.external_id) as external_id, conflict.kind,
  conflict.there ->> 'status' as status, (conflict.there ->> 'listed')::boolean as is_listed, conflict.found_at
from mentorcert_portal.conflicts as conflict
left join mentorcert.peer_mentors as mentor
  on mentor.id = conflict.peer_mentor_id and mentor.organisation_id = conflict.organisation_id
where conflict.organisation_id = :organisation_id and conflict.decided_at is null
order by conflict.found_at, conflict.id
limit 50;
