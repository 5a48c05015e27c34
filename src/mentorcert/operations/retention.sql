-- What is kept no longer.

-- name: delete_outdated(batch_size)
select outdated.log, outdated.deleted from mentorcert_private.delete_outdated(:batch_size::integer) as outdated;
