-- Previews of what is sent.

-- name: derived(peer_mentor_ids)
select
  desired.peer_mentor_id, null::uuid as lease_token, 1 as attempt, 'canary' as mode, desired.content, desired.effective_at,
  -- As a claim would number it.
  state.version + coalesce(state.content <> desired.content, false)::integer as version,
  greatest(state.epoch, mentorcert_private.current_epoch()) as epoch
from mentorcert_portal.desired_content(:peer_mentor_ids::uuid[], now()) as desired
join mentorcert_portal.states as state on state.peer_mentor_id = desired.peer_mentor_id
order by array_position(:peer_mentor_ids::uuid[], desired.peer_mentor_id);
