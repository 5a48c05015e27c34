-- Replays as administrators see them; row-level security says of which organisation.

-- name: get(id)
select
  replay.id, replay.selection, replay.marked, replay.total, replay.reason, replay.started_at, replay.finished_at,
  replay.is_requested
from portal.replays as replay
where replay.id = :id;
