-- What is due, what is claimed, and what was sent; each is one call of a job function.

-- name: start(as_of, reach_days, only_due)
select started.organisation_id, started.skipped
from mentorcert_private.start_notices(:as_of, :reach_days, :only_due) as started;

-- name: due(as_of, reach_days)
select
  due.organisation_id, due.organisation, due.peer_mentor_id, due.certification_id, due.certification_type,
  due.expires_at, due.last_valid_day, due.days_before, due.days_left, due.outcome, due.recipient
from mentorcert_private.due_notices(coalesce(:as_of::timestamptz, now()), :reach_days) as due;

-- name: due_digests(as_of)
select due.organisation_id, due.organisation, due.user_id, due.week, due.recipient, due.lines
from mentorcert_private.due_digests(coalesce(:as_of::timestamptz, now())) as due
order by due.organisation, due.user_id;

-- name: claim(peer_mentor_ids, as_of, reach_days)
select claimed.*
from mentorcert_private.claim_notices(:peer_mentor_ids, :as_of, :reach_days) as claimed;

-- name: claim_digests(organisation_ids, user_ids, as_of)
select claimed.*
from mentorcert_private.claim_digests(:organisation_ids, :user_ids, :as_of) as claimed;

-- name: report(sent, released)!
select mentorcert_private.report_notices(:sent, :released);

-- name: finish(organisation_ids, as_of, error)!
select mentorcert_private.finish_notices(:organisation_ids, :as_of, :error::text);

-- name: now()
select clock_timestamp();

-- name: next_run()
select clock_timestamp(), mentorcert_private.next_notices_at(clock_timestamp());

-- name: uncertain()
select uncertain.mail_id, uncertain.kind, uncertain.organisation, uncertain.claimed_at
from mentorcert_private.uncertain_notices() as uncertain;
