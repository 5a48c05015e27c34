-- Endpoints that are switched off.

-- name: known()
select (regexp_matches(pg_catalog.pg_get_constraintdef(oid), '''(\w+)''', 'g'))[1] as endpoint
from pg_catalog.pg_constraint
where conname = 'disabled_endpoints_endpoint_known'
order by endpoint;

-- name: disabled()
select disabled.endpoint, disabled.reason, disabled.disabled_at
from mentorcert_private.disabled_endpoints as disabled
order by disabled.endpoint;

-- name: disabled_since()
select disabled.endpoint, disabled.disabled_at from mentorcert_private.disabled_endpoints as disabled;

-- name: disable(endpoint, reason)!
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (:endpoint, :reason)
on conflict (endpoint) do update set reason = excluded.reason;

-- name: enable(endpoint)!
delete from mentorcert_private.disabled_endpoints as disabled where disabled.endpoint = :endpoint;
