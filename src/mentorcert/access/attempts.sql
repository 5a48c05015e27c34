-- name: count_attempt(keys, limits)
select mentorcert_private.count_attempt(:keys::bytea[], :limits::integer[]);
