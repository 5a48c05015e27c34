-- Records to fetch for messages without contents, requested replays, and what is outdated.

-- name: connections(organisations)
select
  connection.organisation_id, connection.organisation, connection.mode, connection.adapter,
  connection.contract_version, connection.target, false as is_reviving, null as due_in_s
from mentorcert_portal.fetching_connections(:organisations::text[]) as connection;

-- name: claim(organisation_id, size)
select id, entity, record_id from mentorcert_portal.claim_fetches(:organisation_id::uuid, :size::integer);

-- name: found(id, record)
select mentorcert_portal.record_fetched(:id::bigint, :record::json);

-- name: gone(id, reason)
select mentorcert_portal.give_up_fetch(:id::bigint, :reason::text);

-- name: postpone(id, reason)
select mentorcert_portal.postpone_fetch(:id::bigint, :reason::text);

-- name: requested_replay()
select replay_id from mentorcert_portal.requested_replay() as replay_id where replay_id is not null;

-- name: replay_next(id, size)
select replay.marked, replay.finished_at is not null as is_finished
from mentorcert_portal.replay_next(:id, :size) as replay;

-- name: delete_outdated()
select attempts, messages from mentorcert_portal.delete_outdated();
