-- The steps of a reconciliation; each is one statement and its own transaction.

-- name: due()
select organisation_id, organisation, scope from mentorcert_portal.reconciliations_due();

-- name: start(organisation_id, scope, is_dry_run, worker, only_due)
select id, :organisation_id::uuid as organisation_id, organisation, mode, adapter, contract_version, target, is_dry_run,
  peer_mentors
from mentorcert_portal.start_reconciliation(:organisation_id, :scope, :is_dry_run, :worker, :only_due);

-- name: renew(id)
select mentorcert_portal.renew_reconciliation(:id);

-- name: compare(id, read_from, peer_mentor_ids, external_ids, versions, epochs, statuses, listings, details)
select compared, expected, in_motion, drift
from mentorcert_portal.compare(
  :id, :read_from, :peer_mentor_ids::uuid[], :external_ids::text[], :versions::bigint[], :epochs::integer[],
  :statuses::text[], :listings::boolean[], :details::jsonb[]
);

-- name: note(id, drift)
select mentorcert_portal.record_drift(:id, :drift);

-- name: repair(id, after, batch_size, only_removals)
select last_id, marked from mentorcert_portal.repair_next(:id, :after, :batch_size, :only_removals);

-- name: finish(id, outcome, reason, read, compared, in_motion, drift_by_kind, read_from)
select mentorcert_portal.finish_reconciliation(
  :id, :outcome, :reason, :read, :compared, :in_motion, :drift_by_kind, :read_from::timestamptz
);
