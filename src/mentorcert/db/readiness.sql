-- name: state()
-- A standby is read-only as well.
select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')::boolean;
