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
comment on table mentorcert_private.job_runs is 'One row for each job and local day of an organisation: what was done, or why not.';
comment on column mentorcert_private.job_runs.local_day is 'The day, in the organisation''s time zone, that had begun when the job ran.';
comment on column mentorcert_private.job_runs.caught_up is 'Whether the day was missed, and its work done by a later run.';
comment on column mentorcert_private.job_runs.error is 'Why the latest run of that day failed; null when it did not.';

drop policy if exists "administrators read the ledger of their organisation" on mentorcert_private.job_runs;
create policy "administrators read the ledger of their organisation"
on mentorcert_private.job_runs for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the ledger of their organisation" on mentorcert_private.job_runs is
  'Whether the nights of the own organisation were done.';

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
          entry || '"entry_id": "' || gen_random_uuid() || '", "effective_at": ' || to_json(certification.expires_at)
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
        from mentorcert.organisations as organisation
        join public.peer_mentor_certifications as due on due.organisation_id = organisation.id
        where due.status = 'active' and due.expires_at <= as_of
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

create or replace function mentorcert_private.organisations_due(as_of timestamptz)
returns table (organisation_id uuid, time_zone text, local_day date, last_day date)
language sql
stable
set search_path = ''
as $$
  select organisation.id, organisation.time_zone, mentorcert_private.day_of(as_of, organisation.time_zone), ledger.last_day
  from mentorcert.organisations as organisation
  left join lateral (
    select max(run.local_day) as last_day from mentorcert_private.job_runs as run
    where run.organisation_id = organisation.id and run.job = 'nightly' and run.finished_at is not null
  ) as ledger on true
$$;
comment on function mentorcert_private.organisations_due(timestamptz) is
  'Each organisation''s local day at an instant, and the last one that the ledger knows as done.';

create or replace function mentorcert_private.next_nightly_at(as_of timestamptz)
returns timestamptz
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
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
  from mentorcert_private.organisations_due(as_of) as due
$$;
comment on function mentorcert_private.next_nightly_at(timestamptz) is
  'When the next nightly run is due: now where an organisation''s day is not done, else at the next local midnight, or earlier where somebody leaves a chapter; null without organisations.';

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
  listed_before jsonb;
  work jsonb;
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
    insert into mentorcert_private.job_runs as run (job, organisation_id, local_day, as_of, started_at, caught_up)
    select 'nightly', due.organisation_id, day.local_day, as_of, started, day.local_day < due.local_day
    from mentorcert_private.organisations_due(as_of) as due
    cross join lateral (
      select generated::date as local_day
      from generate_series(
        least(due.last_day + 1, due.local_day)::timestamp, due.local_day::timestamp, interval '1 day'
      ) as generated
    ) as day
    order by due.organisation_id, day.local_day
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = null,
      caught_up = run.caught_up or excluded.caught_up;

    perform mentorcert_private.refresh_ended_chapters();
    listed_before := (
      select jsonb_object_agg(entries.organisation_id, entries.listed)
      from (
        select listed.organisation_id, count(*) as listed
        from public.listed_peer_mentors as listed group by listed.organisation_id
      ) as entries
    );

    -- What ended on a missed day is that day's work; what is older than the ledger, the first day's.
    work := (
      with change as materialized (
        select * from mentorcert_private.expire_due_certifications(as_of, batch_size)
      ),
      opened as (
        select
          run.organisation_id, run.local_day, organisation.time_zone,
          min(run.local_day) over days as first_day, max(run.local_day) over days as last_day
        from mentorcert_private.job_runs as run
        join mentorcert.organisations as organisation on organisation.id = run.organisation_id
        where run.job = 'nightly' and run.started_at = started
        window days as (partition by run.organisation_id)
      ),
      counted as (
        select opened.organisation_id, opened.local_day, coalesce(sum(change.expired), 0) as expired
        from opened
        left join change
          on change.organisation_id = opened.organisation_id
          and opened.local_day
          = greatest(opened.first_day, least(opened.last_day, mentorcert_private.day_of(change.expires_at, opened.time_zone)))
        group by opened.organisation_id, opened.local_day
      )
      select jsonb_agg(to_jsonb(counted)) from counted
    );

    return query
    with counted as (
      select done.organisation_id, done.local_day, done.expired,
        case
          when done.local_day = max(done.local_day) over (partition by done.organisation_id)
            then coalesce((listed_before ->> done.organisation_id::text)::integer, 0) - (
              select count(*)::integer from public.listed_peer_mentors as listed
              where listed.organisation_id = done.organisation_id
            )
          else 0
        end as unlisted
      from jsonb_to_recordset(work) as done (organisation_id uuid, local_day date, expired integer)
    )
    update mentorcert_private.job_runs as run
    set
      expired = run.expired + counted.expired,
      unlisted = run.unlisted + counted.unlisted,
      -- After a full batch there may be more to do: then the days stay open, and the next batch counts on them.
      finished_at = case
        when batch_size is null or (select sum(every.expired) from counted as every) < batch_size then clock_timestamp()
      end
    from counted
    where run.job = 'nightly' and run.organisation_id = counted.organisation_id and run.local_day = counted.local_day
    returning
      (select organisation.slug from mentorcert.organisations as organisation where organisation.id = run.organisation_id),
      run.local_day, run.caught_up, counted.expired, counted.unlisted, run.error;
    perform mentorcert_private.delete_outdated_logs();
  exception when others then
    -- What was done is undone; that it failed, and why, must stay.
    get stacked diagnostics failed_state = returned_sqlstate, failed_message = message_text;
    return query
    insert into mentorcert_private.job_runs as run (job, organisation_id, local_day, as_of, started_at, error)
    select 'nightly', due.organisation_id, due.local_day, as_of, started, failed_state || ': ' || failed_message
    from mentorcert_private.organisations_due(as_of) as due
    order by due.organisation_id
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = excluded.error
    returning
      (select organisation.slug from mentorcert.organisations as organisation where organisation.id = run.organisation_id),
      run.local_day, run.caught_up, 0, 0, run.error;
  end;
end
$$;
comment on function mentorcert_private.run_nightly(timestamptz, integer) is
  'Expires what is due and writes the ledger, one row for each organisation and local day, missed days included; a failure is in the row''s error, and nothing else is done then. Returns what this run did; the ledger keeps the sum of the day.';

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
  -- Every quarter of an hour: midnight comes at a quarter past, half past or a quarter to in some time zones.
  execute $cron$
    select cron.schedule('mentorcert-nightly', '*/15 * * * *', 'select mentorcert_private.run_nightly()')
  $cron$;
  return true;
end
$$;
comment on function mentorcert_private.schedule_nightly() is
  'Lets pg_cron do the nightly run, if it is installed; returns whether it is. Call it again after installing pg_cron.';

do $$ begin perform mentorcert_private.schedule_nightly(); end $$;

revoke execute on function
  mentorcert_private.expire_due_certifications, mentorcert_private.organisations_due, mentorcert_private.next_nightly_at, mentorcert_private.run_nightly,
  mentorcert_private.schedule_nightly
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.next_nightly_at, mentorcert_private.run_nightly to mentorcert_jobs;
