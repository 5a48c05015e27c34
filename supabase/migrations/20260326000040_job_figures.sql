-- How nights, notices and tasks stand, in figures for monitors; nobody's name or id is among them.

create or replace function mentorcert_private.job_figures()
returns table (name text, label text, value double precision)
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  with
  latest as (
    -- Of the zones of today: those that nobody has any more have no night.
    select distinct on (night.time_zone) night.*
    from mentorcert_private.nights as night
    where night.started_at > now() - interval '10 days'
    order by night.time_zone, night.local_day desc
  ),
  sending as (
    select count(*) as mails, min(mail.claimed_at) as oldest from mentorcert_private.notice_mails as mail where mail.state = 'sending'
  ),
  waiting as (
    select task.state, count(*) as tasks, min(task.created_at) as oldest
    from mentorcert_private.tasks as task
    where task.state in ('queued', 'running')
    group by task.state
  )
  select
    'nightly_overdue_seconds', null::text,
    coalesce(extract(epoch from now() - (
      -- A midnight that has passed without a run; before the first run, today's.
      select min(mentorcert_private.day_starts(coalesce(due.last_day + 1, due.local_day), due.time_zone))
      from mentorcert_private.zones_due(now()) as due
      where coalesce(due.last_day < due.local_day, true)
    )), 0)::double precision
  union all
  select 'nightly_last_success_timestamp_seconds', latest.time_zone, extract(epoch from latest.finished_at)::double precision
  from latest where latest.finished_at is not null
  union all
  select 'nightly_last_duration_seconds', latest.time_zone, extract(epoch from latest.finished_at - latest.started_at)::double precision
  from latest where latest.finished_at is not null
  union all
  select
    'nightly_last_expired', latest.time_zone,
    (
      select coalesce(sum(run.expired), 0) from mentorcert_private.job_runs as run
      join mentorcert.organisations as organisation on organisation.id = run.organisation_id
      where run.started_at >= now() - interval '10 days' and run.job = 'nightly' and run.local_day = latest.local_day
        and organisation.time_zone = latest.time_zone
    )::double precision
  from latest
  union all
  select 'nightly_failed', latest.time_zone, (latest.error is not null)::integer::double precision from latest
  union all
  select
    'notices_overdue_seconds', null,
    greatest(extract(epoch from now() - mentorcert_private.next_notices_at(now())), 0)::double precision
  union all
  select 'notices_sending', null, sending.mails::double precision from sending
  union all
  select 'notices_oldest_sending_seconds', null, coalesce(extract(epoch from now() - sending.oldest), 0)::double precision from sending
  union all
  select
    'notices_failed', null,
    count(*) filter (where run.error is not null)::double precision
  from (
    select distinct on (run.organisation_id) run.error
    from mentorcert_private.job_runs as run
    where run.job = 'notices' and run.started_at > now() - interval '2 days'
    order by run.organisation_id, run.local_day desc
  ) as run
  union all
  select 'tasks', state.name, coalesce(waiting.tasks, 0)::double precision
  from unnest(array['queued', 'running']) as state (name)
  left join waiting on waiting.state = state.name
  union all
  select
    'tasks_oldest_queued_seconds', null,
    coalesce((select extract(epoch from now() - waiting.oldest) from waiting where waiting.state = 'queued'), 0)::double precision
  union all
  select 'tasks_failed', null, count(*)::double precision
  from mentorcert_private.tasks as task
  where task.state = 'failed' and task.finished_at > now() - interval '1 day'
$$;
comment on function mentorcert_private.job_figures() is
  'What a monitor wants to know of nightly runs, notices and tasks: by name, and for some by time zone or state.';

revoke execute on function mentorcert_private.job_figures from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.job_figures to mentorcert_jobs;
