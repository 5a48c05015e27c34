-- The nightly ledger, and what the next night is about.

-- name: nights(organisation_id)
select local_day, as_of, finished_at, expired, unlisted, caught_up, error
from private.job_runs
where organisation_id = :organisation_id and job = 'nightly'
order by local_day desc
limit 60;

-- name: clock(time_zone)
select
  private.day_of(now(), :time_zone) as today,
  private.day_starts(private.day_of(now(), :time_zone) + 1, :time_zone) as midnight;

-- name: ending(organisation_id, midnight)
select
  certification.certification_type, count(*) as certifications,
  count(*) filter (where certification.expires_at <= now()) as overdue
from public.peer_mentor_certifications as certification
where
  certification.organisation_id = :organisation_id and certification.status = 'active'
  and certification.expires_at <= :midnight
group by certification.certification_type
order by certification.certification_type;
