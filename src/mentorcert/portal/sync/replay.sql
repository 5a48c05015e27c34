-- Replays: what would be sent, and marking it batch by batch.

-- name: start(organisation_id, selection, reason, started_by)
select id, marked, total, finished_at is not null as is_finished
from mentorcert_portal.start_replay(:organisation_id, :selection, :reason, :started_by);

-- name: next(replay_id, batch_size)
select id, marked, total, finished_at is not null as is_finished
from mentorcert_portal.replay_next(:replay_id, :batch_size);

-- name: differences(organisation_id, selection)
select
  mentor.external_id as peer_mentor,
  state.peer_mentor_id,
  state.confirmed_version,
  state.confirmed,
  desired.content as desired
from mentorcert_portal.selected(:organisation_id, :selection) as state
join mentorcert.peer_mentors as mentor on mentor.id = state.peer_mentor_id
join lateral mentorcert_portal.desired_content(array[state.peer_mentor_id], now()) as desired on true
order by mentor.external_id;
