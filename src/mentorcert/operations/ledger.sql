-- The ledger of nightly runs, and what the next run is about.

-- name: nights(organisation_id)
select
  organisation.id as organisation_id, night.local_day, night.as_of, night.finished_at, coalesce(run.expired, 0) as expired,
  coalesce(run.unlisted, 0) as unlisted, night.caught_up, night.error
from mentorcert.organisations as organisation
join mentorcert_private.nights as night on night.time_zone = organisation.time_zone
left join mentorcert_private.job_runs as run
  on run.organisation_id = organisation.id and run.job = 'nightly' and run.local_day = night.local_day
where organisation.id = :organisation_id
order by night.local_day desc
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
