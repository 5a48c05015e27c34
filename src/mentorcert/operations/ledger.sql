-- The ledger of nightly runs, and what the next run is about.

-- name: nights(organisation_id)
select run.organisation_id, run.local_day, run.as_of, run.finished_at, run.expired, run.unlisted, run.caught_up, run.error
from mentorcert_private.job_runs as run
where run.organisation_id = :organisation_id and run.job = 'nightly'
order by run.local_day desc
limit 60;

-- name: clock(time_zone)
select
  mentorcert_private.day_of(now(), :time_zone) as today,
  mentorcert_private.day_starts(mentorcert_private.day_of(now(), :time_zone) + 1, :time_zone) as midnight;

-- name: expiring(organisation_id, midnight)
select
  certification.organisation_id, certification.certification_type, count(*) as certifications,
  count(*) filter (where certification.expires_at <= now()) as overdue
from public.peer_mentor_certifications as certification
where
  certification.organisation_id = :organisation_id and certification.status = 'active'
  and certification.expires_at <= :midnight
group by certification.organisation_id, certification.certification_type
order by certification.certification_type;
