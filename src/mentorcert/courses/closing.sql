-- Closing courses.

-- name: preview(course_id)
select
  outcome.organisation_id, outcome.peer_mentor_id, outcome.full_name, outcome.certification_type, outcome.certification_id,
  outcome.outcome, outcome.refusal, outcome.issued_at, outcome.expires_at, outcome.last_valid_day, outcome.status,
  outcome.fingerprint
from public.preview_course_closing(:course_id::uuid) as outcome;

-- name: close(course_id, fingerprint)
select public.close_course(:course_id::uuid, :fingerprint::text);

-- name: reopen(course_id, reason, leaves_out)
select public.reopen_course(:course_id::uuid, :reason::text, :leaves_out);
