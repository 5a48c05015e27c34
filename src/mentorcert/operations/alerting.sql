-- Alerting: what is wrong now, whom to inform, and whether that was done.

-- name: is_allowed()
select exists (
  select
  from pg_catalog.pg_proc as function
  join pg_catalog.pg_namespace as namespace on namespace.oid = function.pronamespace
  where namespace.nspname = 'mentorcert_portal' and function.proname = 'plan_alerts'
    and has_schema_privilege(namespace.oid, 'usage') and has_function_privilege(function.oid, 'execute')
);

-- name: see_server()!
select mentorcert_private.see_server();

-- name: plan(errors, has_operator, has_webhook, escalate_to, says_well)!
select mentorcert_portal.plan_alerts(:errors::jsonb, :has_operator, :has_webhook, :escalate_to::text[], :says_well);

-- name: claim()
select
  id, kind, channel, address, language, organisation, organisation_name, time_zone, code, what, began_at, ended_at, informed,
  operator_was_informed
from mentorcert_portal.claim_alert_notices();

-- name: report(results)!
select mentorcert_portal.report_alert_notices(:results::jsonb);

-- name: unsent()
select code from mentorcert_portal.unsent_alerts();

-- name: heartbeat_url()
select url from mentorcert_portal.heartbeat_url() as heartbeat (url);

-- name: report_heartbeat(error)!
select mentorcert_portal.report_heartbeat(:error::text);
