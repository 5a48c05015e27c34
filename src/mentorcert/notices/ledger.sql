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
select mentorcert_private.claim_notices(:peer_mentor_ids, :as_of, :reach_days);

-- name: reminders(mail_ids, as_of)
select claimed.*
from mentorcert_private.claimed_notices(:mail_ids, :as_of) as claimed
order by claimed.mail_id;

-- name: claim_digests(organisation_ids, user_ids, as_of)
select mentorcert_private.claim_digests(:organisation_ids, :user_ids, :as_of);

-- name: digests(mail_ids, as_of)
select claimed.*, coalesce(late.outdated, '[]') as outdated, coalesce(late.outdated_count, 0) as outdated_count
from mentorcert_private.claimed_digests(:mail_ids, :as_of) as claimed
left join mentorcert_private.claimed_outdated(:mail_ids, :as_of) as late on late.mail_id = claimed.mail_id
order by claimed.mail_id;

-- name: claim_invitations()
select mentorcert_private.claim_invitations();

-- name: invitations(mail_ids)
select claimed.*
from mentorcert_private.claimed_invitations(:mail_ids) as claimed
order by claimed.mail_id;

-- name: claim_queued()
select mentorcert_private.claim_queued();

-- name: letters(mail_ids)
select claimed.*
from mentorcert_private.claimed_letters(:mail_ids) as claimed
order by claimed.mail_id;

-- name: requests(mail_ids)
select claimed.*
from mentorcert_private.claimed_requests(:mail_ids) as claimed
order by claimed.mail_id;

-- name: courses(mail_ids)
select claimed.*
from mentorcert_private.claimed_courses(:mail_ids) as claimed
order by claimed.mail_id;

-- name: queue_course_reminders()
select mentorcert_private.queue_course_reminders();

-- name: follow_ups(mail_ids)
select claimed.*
from mentorcert_private.claimed_follow_ups(:mail_ids) as claimed
order by claimed.mail_id;

-- name: refuse(mail_ids)!
select mentorcert_private.refuse_mails(:mail_ids);

-- name: report(sent, released)!
select mentorcert_private.report_notices(:sent, :released);

-- name: finish(organisation_ids, as_of, error)!
select mentorcert_private.finish_notices(:organisation_ids, :as_of, :error::text);

-- name: release(reason, skip_before, released_by)
select reminders, digests
from mentorcert_private.release_notices(:reason, :skip_before::timestamptz, :released_by) as released;

-- name: are_held()
select mentorcert_private.notices_are_held();

-- name: now()
select clock_timestamp();

-- name: next_run()
select clock_timestamp(), mentorcert_private.next_notices_at(clock_timestamp());

-- name: uncertain()
select uncertain.mail_id, uncertain.kind, uncertain.organisation, uncertain.claimed_at
from mentorcert_private.uncertain_notices() as uncertain;
