-- The nightly run: stored statuses are made to agree with the calendar, and a ledger says that it was done.

create table if not exists mentorcert_private.job_runs (
  job text not null,
  organisation_id uuid not null,
  local_day date not null,
  as_of timestamptz not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  expired integer not null default 0,
  unlisted integer not null default 0,
  caught_up boolean not null default false,
  error text,
  constraint job_runs_pkey primary key (organisation_id, job, local_day),
  constraint job_runs_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id)
);
alter table mentorcert_private.job_runs enable row level security;
grant select (job, organisation_id, local_day, as_of, started_at, finished_at, expired, unlisted, caught_up, error)
on mentorcert_private.job_runs to authenticated;
comment on table mentorcert_private.job_runs is 'What a job did for an organisation on a local day; of nights only those on which something ended.';
comment on column mentorcert_private.job_runs.local_day is 'The day, in the organisation''s time zone, that had begun when the job ran.';
comment on column mentorcert_private.job_runs.caught_up is 'Whether the day was missed, and its work done by a later run.';
comment on column mentorcert_private.job_runs.error is 'Why the latest run of that day failed; null when it did not.';

drop policy if exists "administrators read the ledger of their organisation" on mentorcert_private.job_runs;
create policy "administrators read the ledger of their organisation"
on mentorcert_private.job_runs for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the ledger of their organisation" on mentorcert_private.job_runs is
  'Whether the nights of the own organisation were done.';

create table if not exists mentorcert_private.nights (
  time_zone text not null,
  local_day date not null,
  as_of timestamptz not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  caught_up boolean not null default false,
  error text,
  constraint nights_pkey primary key (time_zone, local_day)
);
alter table mentorcert_private.nights enable row level security;
grant select (time_zone, local_day, as_of, started_at, finished_at, caught_up, error) on mentorcert_private.nights to authenticated;
comment on table mentorcert_private.nights is
  'One row for each local day of a time zone that an organisation has: whether its night was done, or why not. By zone, so that a run costs what is due, however many organisations there are.';
comment on column mentorcert_private.nights.local_day is 'The day, in that time zone, that had begun when the run was done.';
comment on column mentorcert_private.nights.caught_up is 'Whether the day was missed, and its work done by a later run.';
comment on column mentorcert_private.nights.error is 'Why the latest run of that day failed; null when it did not.';

drop policy if exists "administrators read the nights of their time zone" on mentorcert_private.nights;
create policy "administrators read the nights of their time zone"
on mentorcert_private.nights for select to authenticated
using (
  time_zone in (
    select organisation.time_zone from mentorcert.organisations as organisation
    where organisation.id = (select mentorcert_private.administered_organisation_id())
  )
);
comment on policy "administrators read the nights of their time zone" on mentorcert_private.nights is 'Whether the nights of the own organisation were done.';

create or replace function mentorcert_private.expire_due_certifications(as_of timestamptz, batch_size integer default null)
returns table (organisation_id uuid, expires_at timestamptz, expired bigint)
language plpgsql
set search_path = ''
as $$
declare
  -- What all entries of the run have in common: each row adds two fields, and parses the text once.
  entry constant text := format(
    '{"schema_version": %s, "kind": "expired", "actor": {"job": "nightly"}, '
    '"before": {"status": "active"}, "after": {"status": "expired"}, ',
    mentorcert_private.current_history_version()
  );
  -- Where the server was built without OpenSSL, a random id for each row costs a third of the update.
  seed constant bytea := uuid_send(gen_random_uuid());
begin
  perform mentorcert_private.set_change_context(jsonb_build_object('job', 'nightly', 'as_of', as_of));
  return query
  with changed as (
    update public.peer_mentor_certifications as certification
    set
      status = 'expired',
      updated_at = now(),
      renewal_history = case
        -- The trigger appends where the history may have to be cut for the events table, or as_of lies in the future.
        when jsonb_array_length(certification.renewal_history) >= 50 or certification.expires_at > now()
          then certification.renewal_history
        else certification.renewal_history || (
          entry || '"entry_id": "' || encode(substr(sha256(seed || uuid_send(certification.id)), 1, 16), 'hex')::uuid
          || '", "effective_at": ' || to_json(certification.expires_at)
          -- What mentorcert_private.next_recorded_at says; the rows are locked before this is asked.
          || ', "recorded_at": ' || to_json(greatest(
            clock_timestamp(), (certification.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
          )) || '}'
        )::jsonb
      end
    where
      -- By ctid, which spares 300,000 rows a join: a row that moved meanwhile is found by the next run.
      certification.ctid = any(array(
        select due.ctid
        from public.peer_mentor_certifications as due
        where lower(due.status) = 'active' and due.expires_at <= as_of -- as the index of what is due has it
        limit batch_size
        for no key update of due skip locked
      ))
    returning certification.organisation_id, certification.expires_at
  )
  select changed.organisation_id, changed.expires_at, count(*)
  from changed
  group by changed.organisation_id, changed.expires_at;
  perform mentorcert_private.set_change_context(null);
end
$$;
comment on function mentorcert_private.expire_due_certifications(timestamptz, integer) is
  'Expires what is due at an instant (all, or at most batch_size), leaving out rows that somebody else holds; returns how many by organisation and end. One statement, whatever the number of rows.';

create or replace function mentorcert_private.zones_due(as_of timestamptz)
returns table (time_zone text, local_day date, last_day date)
language sql
stable
set search_path = ''
as $$
  -- From zone to zone by the index: they are few, however many organisations there are.
  with recursive zones as (
    select min(organisation.time_zone) as time_zone from mentorcert.organisations as organisation
    union all
    select (select min(organisation.time_zone) from mentorcert.organisations as organisation where organisation.time_zone > zones.time_zone)
    from zones
    where zones.time_zone is not null
  )
  select
    zones.time_zone, mentorcert_private.day_of(as_of, zones.time_zone),
    -- An organisation that came since is still to have that day.
    latest.local_day - (
      latest.finished_at < (select max(organisation.created_at) from mentorcert.organisations as organisation where organisation.time_zone = zones.time_zone)
    )::integer
  from zones
  left join lateral (
    select night.local_day, night.finished_at from mentorcert_private.nights as night
    where night.time_zone = zones.time_zone and night.finished_at is not null
    order by night.local_day desc
    limit 1
  ) as latest on true
  where zones.time_zone is not null
$$;
comment on function mentorcert_private.zones_due(timestamptz) is
  'The local day at an instant in each time zone that an organisation has, and the last one that the ledger knows as done.';

create or replace function mentorcert_private.next_nightly_at(as_of timestamptz)
returns timestamptz
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  select mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  select least(
    min(
      case
        when due.last_day >= due.local_day then mentorcert_private.day_starts(due.local_day + 1, due.time_zone)
        else as_of
      end
    ),
    (
      select greatest(link.ended_at, as_of) from mentorcert.peer_mentor_chapters as link
      where link.ended_at > link.updated_at
      order by link.ended_at limit 1
    )
  )
  from mentorcert_private.zones_due(as_of) as due
$$;
comment on function mentorcert_private.next_nightly_at(timestamptz) is
  'When the next nightly run is due: now where the day of an organisation''s time zone is not done, else at the next local midnight, or earlier where somebody leaves a chapter; null without organisations.';

create or replace function mentorcert_private.run_nightly(as_of timestamptz default now(), batch_size integer default null)
returns table (
  organisation text, local_day date, caught_up boolean, expired integer, unlisted integer, error text
)
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  started constant timestamptz := clock_timestamp();
  opened jsonb;
  change jsonb;
  left_list jsonb;
  failed_state text;
  failed_message text;
begin
  -- A role that may only execute this must neither expire everybody by a day that has not come, nor fill the ledger with days
  -- long gone: that is the owner's to try.
  perform mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  if as_of is null
    or session_user <> current_user and as_of not between clock_timestamp() - interval '7 days' and clock_timestamp()
    or as_of > clock_timestamp() + interval '10 years'
  then
    raise exception using
      errcode = 'MC008', message = format('there is no night of %s', as_of),
      hint = 'Give an instant of no more than ten years from now; the role of the jobs, one of the last seven days.', constraint = 'as_of';
  elsif batch_size < 1 then
    raise exception using
      errcode = 'MC008', message = format('a batch of %s rows', batch_size), hint = 'Give at least 1, or null for all.',
      constraint = 'batch_size';
  end if;
  begin
    -- Every local day since the last one that was done; a second run waits here for the first, and finds nothing left.
    with days as (
      insert into mentorcert_private.nights as night (time_zone, local_day, as_of, started_at, caught_up)
      select due.time_zone, day.local_day::date, run_nightly.as_of, started, day.local_day < due.local_day
      from mentorcert_private.zones_due(run_nightly.as_of) as due
      cross join lateral generate_series(
        coalesce(due.last_day + 1, due.local_day)::timestamp, due.local_day::timestamp, interval '1 day'
      ) as day (local_day)
      order by due.time_zone, day.local_day
      on conflict on constraint nights_pkey do update set
        as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = null,
        caught_up = night.caught_up or excluded.caught_up
      returning night.time_zone, night.local_day
    )
    select jsonb_agg(to_jsonb(days)) into opened from days;

    perform mentorcert_private.refresh_ended_chapters();
    perform set_config('mentorcert.unlisted', '{}', true);
    select jsonb_agg(to_jsonb(expiring)) into change
    from mentorcert_private.expire_due_certifications(run_nightly.as_of, batch_size) as expiring;
    left_list := current_setting('mentorcert.unlisted')::jsonb;
    perform set_config('mentorcert.unlisted', '', true);

    -- After a full batch there may be more to do: then the days stay open, and the next batch counts on them.
    if batch_size is null
      or (select coalesce(sum(done.expired), 0) from jsonb_to_recordset(change) as done (expired bigint)) < batch_size
    then
      update mentorcert_private.nights as night set finished_at = clock_timestamp()
      from jsonb_to_recordset(opened) as day (time_zone text, local_day date)
      where night.time_zone = day.time_zone and night.local_day = day.local_day;
    end if;

    return query
    with zones as (
      select day.time_zone, min(day.local_day) as first_day, max(day.local_day) as last_day
      from jsonb_to_recordset(opened) as day (time_zone text, local_day date)
      group by day.time_zone
    ),
    counted as (
      select
        organisation.id, organisation.slug, day.local_day, day.local_day < bounds.last_day as caught_up,
        sum(done.expired)::integer as expired, sum(done.unlisted)::integer as unlisted
      from (
        select ended.organisation_id, ended.expires_at, ended.expired, 0 as unlisted
        from jsonb_to_recordset(change) as ended (organisation_id uuid, expires_at timestamptz, expired bigint)
        union all
        select gone.key::uuid, 'infinity', 0, gone.value::integer from jsonb_each_text(left_list) as gone
      ) as done
      join mentorcert.organisations as organisation on organisation.id = done.organisation_id
      left join zones on zones.time_zone = organisation.time_zone
      cross join lateral (select mentorcert_private.day_of(run_nightly.as_of, organisation.time_zone) as today) as calendar
      cross join lateral (
        select coalesce(zones.first_day, calendar.today) as first_day, coalesce(zones.last_day, calendar.today) as last_day
      ) as bounds
      -- What ended on a missed day is that day's work; what is older than the ledger, the first day's.
      cross join lateral (
        select greatest(
          bounds.first_day,
          least(bounds.last_day, case when isfinite(done.expires_at) then mentorcert_private.day_of(done.expires_at, organisation.time_zone) end)
        ) as local_day
      ) as day
      group by organisation.id, organisation.slug, day.local_day, bounds.last_day
    ),
    written as (
      insert into mentorcert_private.job_runs as run (
        job, organisation_id, local_day, as_of, started_at, finished_at, expired, unlisted, caught_up
      )
      select
        'nightly', counted.id, counted.local_day, run_nightly.as_of, started, clock_timestamp(), counted.expired, counted.unlisted,
        counted.caught_up
      from counted
      order by counted.id, counted.local_day
      on conflict on constraint job_runs_pkey do update set
        as_of = excluded.as_of, started_at = excluded.started_at, finished_at = excluded.finished_at,
        expired = run.expired + excluded.expired, unlisted = run.unlisted + excluded.unlisted
    )
    select counted.slug, counted.local_day, counted.caught_up, counted.expired, counted.unlisted, null::text
    from counted;
  exception when others then
    -- What was done is undone; that it failed, and why, must stay.
    get stacked diagnostics failed_state = returned_sqlstate, failed_message = message_text;
    insert into mentorcert_private.nights as night (time_zone, local_day, as_of, started_at, error)
    select due.time_zone, due.local_day, run_nightly.as_of, started, failed_state || ': ' || failed_message
    from mentorcert_private.zones_due(run_nightly.as_of) as due
    order by due.time_zone
    on conflict on constraint nights_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = excluded.error;
    return query select null::text, mentorcert_private.day_of(run_nightly.as_of, 'UTC'), false, 0, 0, failed_state || ': ' || failed_message;
  end;
end
$$;
comment on function mentorcert_private.run_nightly(timestamptz, integer) is
  'Expires what is due and writes the ledger: a row for each time zone and local day, missed days included, and one for each organisation and day on which something ended; a failure is in the row''s error, and nothing else is done then. Returns what this run did for whom, or, without an organisation, why it failed; the ledger keeps the sum of the day.';

-- Where pg_cron is installed, it is the night watch; where not, mentorcert worker is.

create or replace function mentorcert_private.schedule_nightly()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if to_regnamespace('cron') is null then
    return false;
  end if;
  -- Every quarter of an hour: midnight comes at a quarter past, half past or a quarter to in some time zones. By name, so that
  -- a linter does not look for pg_cron where it is not installed.
  execute format(
    'select %I.schedule(%L, %L, %L)', 'cron', 'mentorcert-nightly', '*/15 * * * *', 'select mentorcert_private.run_nightly()'
  );
  return true;
end
$$;
comment on function mentorcert_private.schedule_nightly() is
  'Lets pg_cron do the nightly run, if it is installed; returns whether it is. Call it again after installing pg_cron.';

do $$ begin perform mentorcert_private.schedule_nightly(); end $$;

revoke execute on function
  mentorcert_private.expire_due_certifications, mentorcert_private.zones_due, mentorcert_private.next_nightly_at, mentorcert_private.run_nightly,
  mentorcert_private.schedule_nightly
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.next_nightly_at, mentorcert_private.run_nightly to mentorcert_jobs;
