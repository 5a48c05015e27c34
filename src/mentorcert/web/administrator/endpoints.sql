-- Endpoints that are switched off; the reason is for the operator's colleagues.

-- name: disabled()
select endpoint, disabled_at from private.disabled_endpoints;
