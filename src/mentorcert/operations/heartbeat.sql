-- How far a standby is behind.

-- name: beat()
select mentorcert_private.beat();

-- name: seconds_behind()
select mentorcert_private.seconds_behind();
