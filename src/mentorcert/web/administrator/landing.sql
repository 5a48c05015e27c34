-- The administrator's first page, in one statement.

-- name: facts(organisation_id, time_zone)
select
  (select count(*) from public.certification_types as type where type.organisation_id = :organisation_id) as types,
  (select count(*) from public.chapters as chapter where chapter.organisation_id = :organisation_id) as chapters,
  (
    select count(*) from public.memberships as membership
    where membership.organisation_id = :organisation_id and membership.ended_at is null
  ) as memberships,
  (
    select max(run.local_day) from private.job_runs as run
    where run.organisation_id = :organisation_id and run.job = 'nightly' and run.finished_at is not null
  ) as last_night,
  private.day_of(now(), :time_zone) as today,
  (
    select connection.mode from portal.connections as connection where connection.organisation_id = :organisation_id
  ) as portal_mode,
  (select count(disabled.endpoint) from private.disabled_endpoints as disabled) as switched_off;
