-- What the worker asks of the database; each is one statement, and a transaction of its own.

-- name: due()
select organisation_id, organisation, mode, adapter, contract_version, is_reviving, due_in_s from portal.due();

-- name: claim(organisation_id, batch_size, lease_s)
select peer_mentor_id, lease_token, version, attempt, content, effective_at, mode
from portal.claim(:organisation_id, :batch_size, make_interval(secs => :lease_s));

-- name: mode(organisation_id)
select mode, canary_peer_mentor_ids, is_blocked from portal.mode_of(:organisation_id);

-- name: acknowledge(organisation_id, results, worker)
select noted from portal.acknowledge(:organisation_id, :results, :worker) as noted;

-- name: fail(organisation_id, results, worker)
select noted from portal.fail(:organisation_id, :results, :worker) as noted;

-- name: release(results)
select noted from portal.release(:results) as noted;

-- name: revive(organisation_id)
select portal.requeue(:organisation_id);

-- name: beat(worker, started_at, stopped)
select portal.heartbeat(:worker, :started_at, :stopped);
