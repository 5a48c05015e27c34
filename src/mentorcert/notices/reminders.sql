-- Reminders of one person, and as lists.

-- name: of_peer_mentor(peer_mentor_id)
select
  mentor.organisation_id, reminder.certification_id, reminder.certification_type, reminder.last_valid_day, reminder.days_before,
  reminder.day, reminder.state, reminder.happened_at
from mentorcert.peer_mentors as mentor
cross join public.reminders_of(mentor.id) as reminder
where mentor.id = :peer_mentor_id;

-- name: pause(peer_mentor_id, is_paused)
select public.pause_reminders(:peer_mentor_id::uuid, :is_paused::boolean);

-- name: ahead(only_failing, after_expires_at, after_id, page_size)
select
  reminder.organisation_id, reminder.peer_mentor_id, reminder.full_name, reminder.certification_id, reminder.certification_type,
  reminder.expires_at, reminder.last_valid_day, reminder.days_before, reminder.day, reminder.state
from mentorcert_private.reminders_ahead(
  :only_failing::boolean, :after_expires_at::timestamptz, :after_id::uuid, :page_size::integer
) as reminder;

-- name: sent(before_at, before_id, page_size)
select
  reminder.organisation_id, reminder.peer_mentor_id, reminder.full_name, reminder.certification_id, reminder.certification_type,
  reminder.recorded_at, reminder.last_valid_day, reminder.days_before, reminder.happened_at, reminder.state
from mentorcert_private.reminders_sent(:before_at::timestamptz, :before_id::uuid, :page_size::integer) as reminder;

-- name: remind_now(certification_id)
select public.remind_now(:certification_id);
