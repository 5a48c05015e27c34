-- The worker's queries; each is one statement and its own transaction.

-- name: due()
select organisation_id, organisation, mode, adapter, contract_version, target, is_reviving, due_in_s from mentorcert_portal.due();

-- name: claim(organisation_id, batch_size, lease_s)
select peer_mentor_id, lease_token, version, attempt, content, effective_at, mode, former_external_ids, epoch
from mentorcert_portal.claim(:organisation_id, :batch_size, make_interval(secs => :lease_s));

-- name: send_policy(organisation_id)
select mode, canary_peer_mentor_ids from mentorcert_portal.mode_of(:organisation_id);

-- name: acknowledge(organisation_id, results, worker)
select noted from mentorcert_portal.acknowledge(:organisation_id, :results, :worker) as noted;

-- name: fail(organisation_id, results, worker)
select noted from mentorcert_portal.fail(:organisation_id, :results, :worker) as noted;

-- name: release(results)
select noted from mentorcert_portal.release(:results) as noted;

-- name: requeue(organisation_id)
select mentorcert_portal.requeue(:organisation_id);

-- name: heartbeat(worker, started_at, stopped, targets)
select mentorcert_portal.heartbeat(:worker, :started_at, :stopped, :targets);
