-- The nightly run, and the least that could be done instead.

-- name: tonight()$
select mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo'), 'Europe/Oslo');

-- name: lift_triggers()!
set local session_replication_role = replica;

-- name: bare_update(as_of)!
update public.peer_mentor_certifications
set status = 'expired'
where status = 'active' and expires_at <= :as_of;

-- name: expire_due_certifications(as_of)!
select * from mentorcert_private.expire_due_certifications(:as_of);

-- name: run_nightly(as_of)!
select * from mentorcert_private.run_nightly(:as_of);

-- name: count_due(as_of)$
select count(*) from public.peer_mentor_certifications where status = 'active' and expires_at <= :as_of;

-- name: count_expired()$
select count(*) from public.peer_mentor_certifications where status = 'expired';
