-- The nightly run: stored statuses are made to agree with the calendar, and a ledger says that it was done.

create table if not exists private.job_runs (
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
  constraint job_runs_organisation_id_fkey foreign key (organisation_id) references public.organisations (id)
);
alter table private.job_runs enable row level security;
comment on table private.job_runs is 'One row for each job and local day of an organisation: what was done, or why not.';
comment on column private.job_runs.local_day is 'The day, in the organisation''s time zone, that had begun when the job ran.';
comment on column private.job_runs.caught_up is 'Whether the day was missed, and its work done by a later run.';
comment on column private.job_runs.error is 'Why the latest run of that day failed; null when it did not.';

create or replace function private.expire_due_certifications(as_of timestamptz, batch_size integer default null)
returns table (organisation_id uuid, expires_at timestamptz, expired bigint)
language plpgsql
set search_path = ''
as $$
begin
  perform private.announce_change(jsonb_build_object('job', 'nightly', 'as_of', as_of));
  return query
  with due as (
    select array(
      select certification.ctid
      from public.organisations as organisation
      join public.peer_mentor_certifications as certification on certification.organisation_id = organisation.id
      where certification.status = 'active' and certification.expires_at <= as_of
      limit batch_size
      for no key update of certification skip locked
    ) as ctids
  ),
  -- By ctid, which spares 300,000 rows a join: a row that moved meanwhile is found by the next run.
  changed as (
    update public.peer_mentor_certifications as certification
    set
      status = 'expired',
      updated_at = now(),
      renewal_history = case
        -- The trigger appends to a history that may have to be cut for the events table.
        when jsonb_array_length(certification.renewal_history) >= 50 then certification.renewal_history
        else certification.renewal_history || (
          '{"kind": "expired", "actor": {"job": "nightly"}, "before": {"status": "active"}, "after": {"status": "expired"}, '
          || '"schema_version": ' || private.current_history_version() || ', "entry_id": "' || gen_random_uuid()
          || '", "recorded_at": ' || to_json(now()) || ', "effective_at": ' || to_json(certification.expires_at) || '}'
        )::jsonb
      end
    from due
    where
      certification.ctid = any(due.ctids)
      and certification.status = 'active'
      and certification.expires_at <= as_of
    returning certification.organisation_id, certification.expires_at
  )
  select changed.organisation_id, changed.expires_at, count(*)
  from changed
  group by changed.organisation_id, changed.expires_at;
  perform private.announce_change(null);
end
$$;
comment on function private.expire_due_certifications(timestamptz, integer) is
  'Expires what is due at an instant (all, or at most batch_size), leaving out rows that somebody else holds; returns how many by organisation and end. One statement, whatever the number of rows.';

create or replace function private.organisations_due(as_of timestamptz)
returns table (organisation_id uuid, time_zone text, local_day date, last_day date)
language sql
stable
set search_path = ''
as $$
  select organisation.id, organisation.time_zone, private.day_of(as_of, organisation.time_zone), ledger.last_day
  from public.organisations as organisation
  left join lateral (
    select max(run.local_day) as last_day from private.job_runs as run
    where run.organisation_id = organisation.id and run.job = 'nightly' and run.finished_at is not null
  ) as ledger on true
$$;
comment on function private.organisations_due(timestamptz) is
  'Each organisation''s local day at an instant, and the last one that the ledger knows as done.';

create or replace function private.next_nightly_at(as_of timestamptz)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(
    case
      when due.last_day >= due.local_day then private.day_starts(due.local_day + 1, due.time_zone)
      else as_of
    end
  )
  from private.organisations_due(as_of) as due
$$;
comment on function private.next_nightly_at(timestamptz) is
  'When the next nightly run is due: now where an organisation''s day is not done, else at the next local midnight; null without organisations.';

create or replace function private.run_nightly(as_of timestamptz default now(), batch_size integer default null)
returns setof private.job_runs
language plpgsql
set search_path = ''
as $$
declare
  started constant timestamptz := clock_timestamp();
  listed_before jsonb;
  failed_state text;
  failed_message text;
begin
  begin
    -- Every local day since the last one that was done; a second run waits here for the first, and finds nothing left.
    insert into private.job_runs as run (job, organisation_id, local_day, as_of, started_at, caught_up)
    select 'nightly', due.organisation_id, day.local_day, as_of, started, day.local_day < due.local_day
    from private.organisations_due(as_of) as due
    cross join lateral (
      select generated::date as local_day
      from generate_series(
        least(due.last_day + 1, due.local_day)::timestamp, due.local_day::timestamp, interval '1 day'
      ) as generated
    ) as day
    order by due.organisation_id, day.local_day
    on conflict (organisation_id, job, local_day) do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = null;

    listed_before := (
      select jsonb_object_agg(entries.organisation_id, entries.listed)
      from (
        select listed.organisation_id, count(*) as listed
        from public.listed_peer_mentors as listed group by listed.organisation_id
      ) as entries
    );

    with change as materialized (
      select * from private.expire_due_certifications(as_of, batch_size)
    ),
    opened as (
      select
        run.organisation_id, run.local_day, organisation.time_zone,
        min(run.local_day) over days as first_day, max(run.local_day) over days as last_day
      from private.job_runs as run
      join public.organisations as organisation on organisation.id = run.organisation_id
      where run.job = 'nightly' and run.started_at = started
      window days as (partition by run.organisation_id)
    ),
    -- What ended on a missed day is that day's work; what is older than the ledger, the first day's.
    counted as (
      select opened.organisation_id, opened.local_day, coalesce(sum(change.expired), 0) as expired
      from opened
      left join change
        on change.organisation_id = opened.organisation_id
        and opened.local_day
        = greatest(opened.first_day, least(opened.last_day, private.day_of(change.expires_at, opened.time_zone)))
      group by opened.organisation_id, opened.local_day
    )
    update private.job_runs as run
    set expired = run.expired + counted.expired, finished_at = clock_timestamp()
    from counted
    where
      run.job = 'nightly'
      and run.organisation_id = counted.organisation_id
      and run.local_day = counted.local_day;

    update private.job_runs as run
    set unlisted = run.unlisted + (listed_before ->> run.organisation_id::text)::integer - (
      select count(*) from public.listed_peer_mentors as listed where listed.organisation_id = run.organisation_id
    )
    where
      run.job = 'nightly' and run.started_at = started and not run.caught_up
      and listed_before ? run.organisation_id::text;
  exception when others then
    -- What was done is undone; that it failed, and why, must stay.
    get stacked diagnostics failed_state = returned_sqlstate, failed_message = message_text;
    insert into private.job_runs as run (job, organisation_id, local_day, as_of, started_at, error)
    select 'nightly', due.organisation_id, due.local_day, as_of, started, failed_state || ': ' || failed_message
    from private.organisations_due(as_of) as due
    order by due.organisation_id
    on conflict (organisation_id, job, local_day) do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = excluded.error;
  end;
  return query
  select run.* from private.job_runs as run
  where run.job = 'nightly' and run.started_at = started
  order by run.organisation_id, run.local_day;
end
$$;
comment on function private.run_nightly(timestamptz, integer) is
  'Expires what is due and writes the ledger, one row for each organisation and local day, missed days included; a failure is in the row''s error, and nothing else is done then. Returns the rows.';

revoke execute on function
  private.expire_due_certifications(timestamptz, integer), private.organisations_due(timestamptz),
  private.next_nightly_at(timestamptz), private.run_nightly(timestamptz, integer)
from public, anon, authenticated, service_role;
