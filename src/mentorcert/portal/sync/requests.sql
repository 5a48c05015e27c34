-- What administrators ask of the portal; row-level security says of which organisation.

-- name: set_mode(mode, reason, canary)
select mentorcert_private.set_portal_mode(:mode, :reason, :canary::uuid[]);

-- name: acknowledge(code, reason)
select mentorcert_private.acknowledge_portal_alert(:code, :reason);

-- name: find_peer_mentors(organisation_id, external_ids)
select wanted.external_id, mentor.id
from unnest(:external_ids::text[]) as wanted (external_id)
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and mentor.external_id = wanted.external_id;

-- name: preview_replay(selection)
-- Not joined with the peer mentors: it works while their endpoint is switched off.
select
  (select mentorcert_private.administered_organisation_id()) as organisation_id, preview.peer_mentor_id, preview.peer_mentor,
  preview.confirmed_version, preview.confirmed, preview.desired, preview.total
from mentorcert_private.preview_replay(:selection) as preview;

-- name: request_replay(selection, reason)
select mentorcert_portal.request_replay(:selection, :reason);

-- name: replays(organisation_id)
select
  replay.id, replay.organisation_id, replay.selection, replay.marked, replay.total, replay.reason, replay.started_at,
  replay.finished_at, replay.is_requested
from mentorcert_portal.replays as replay
where replay.organisation_id = :organisation_id
order by replay.started_at desc, replay.id
limit 20;

-- name: replay(id)
select
  replay.id, replay.organisation_id, replay.selection, replay.marked, replay.total, replay.reason, replay.started_at,
  replay.finished_at, replay.is_requested
from mentorcert_portal.replays as replay
where replay.id = :id;
