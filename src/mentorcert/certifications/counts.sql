-- What an administrator has counted, and whether it still holds.

-- name: state(snapshot)
select state.organisation_id, state.day, state.asked_at, state.snapshot::text as snapshot, state.epoch, state.is_unchanged
from mentorcert_private.counted_state(:snapshot::pg_snapshot) as state;
