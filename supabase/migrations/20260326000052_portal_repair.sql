-- The course of a reconciliation: one run at a time for each organisation, under a lease; what it found, and the repair.
--
-- No transaction is open while the portal is read. Whoever has lost the lease changes nothing more.

create or replace function portal.start_reconciliation(
  organisation_id uuid, scope text, dry_run boolean, worker text, only_due boolean default false,
  as_of timestamptz default null
)
returns table (
  id bigint, organisation text, mode text, adapter text, contract_version text, is_dry_run boolean, peer_mentors integer
)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
#variable_conflict use_column
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  new_id bigint;
begin
  perform portal.require_connection(start_reconciliation.organisation_id);
  -- Whoever comes second waits here, and then finds that it is no longer due, or running.
  perform from portal.connections as connection
  where connection.organisation_id = start_reconciliation.organisation_id
  for no key update;
  if only_due and not exists (
    select from portal.reconciliations_due(at) as due where due.organisation_id = start_reconciliation.organisation_id
  ) then
    return;
  end if;
  update portal.reconciliations as running
  set finished_at = at, lease_until = null, outcome = 'failed', reason = 'Whoever ran it was not heard of any more.'
  where running.organisation_id = start_reconciliation.organisation_id and running.finished_at is null
    and running.lease_until <= at;
  insert into portal.reconciliations as run (organisation_id, scope, is_dry_run, worker, started_at, lease_until)
  select
    connection.organisation_id, start_reconciliation.scope,
    dry_run or connection.mode not in ('canary', 'live'), start_reconciliation.worker,
    at, at + interval '5 minutes'
  from portal.connections as connection
  where connection.organisation_id = start_reconciliation.organisation_id
  on conflict (organisation_id) where finished_at is null do nothing
  returning run.id into new_id;
  return query
  select
    run.id, organisation.slug, connection.mode, connection.adapter, connection.contract_version,
    run.is_dry_run,
    (
      select count(*)::integer from portal.states as state
      where state.organisation_id = run.organisation_id
    )
  from portal.reconciliations as run
  join portal.connections as connection on connection.organisation_id = run.organisation_id
  join public.organisations as organisation on organisation.id = run.organisation_id
  where run.id = new_id;
end
$$;
comment on function portal.start_reconciliation(uuid, text, boolean, text, boolean, timestamptz) is
  'Starts a run, unless one is running, or none is due; returns nothing then. Where the mode does not send, it is dry.';

create or replace function portal.renew_reconciliation(reconciliation_id bigint, as_of timestamptz default null)
returns timestamptz
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
begin
  update portal.reconciliations as run set lease_until = at + interval '5 minutes'
  where run.id = reconciliation_id and run.finished_at is null;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'the reconciliation is no longer running',
      hint = 'It was not heard of for five minutes, and another has begun.',
      schema = 'portal', table = 'reconciliations', constraint = 'portal_reconciliation_running';
  end if;
  return at;
end
$$;
comment on function portal.renew_reconciliation(bigint, timestamptz) is
  'Says that a run lives, and returns the database''s time; refuses (MC008) a run that has ended.';

create or replace function portal.record_drift(reconciliation_id bigint, drift jsonb, as_of timestamptz default null)
returns integer
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := portal.renew_reconciliation(reconciliation_id, as_of);
  noted integer;
begin
  insert into portal.drift (
    reconciliation_id, organisation_id, kind, peer_mentor_id, external_id, version, there, expected, found_at
  )
  select
    run.id, run.organisation_id, found.kind, found.peer_mentor_id, found.external_id, found.version,
    nullif(found.there, 'null'), nullif(found.expected, 'null'), at
  from portal.reconciliations as run
  cross join rows from (
    jsonb_to_recordset(record_drift.drift) as (
      kind text, peer_mentor_id uuid, external_id text, version bigint, there jsonb, expected jsonb
    )
  ) with ordinality as found (kind, peer_mentor_id, external_id, version, there, expected, place)
  where run.id = record_drift.reconciliation_id
  -- Removals first: they are repaired in this order.
  order by found.kind <> 'listed_but_expired', found.place;
  get diagnostics noted = row_count;
  return noted;
end
$$;
comment on function portal.record_drift(bigint, jsonb, timestamptz) is 'Keeps what a run found, removals first; returns how much.';

create or replace function portal.repair_next(
  reconciliation_id bigint, after bigint, batch_size integer, as_of timestamptz default null
)
returns table (last_id bigint, marked integer)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := portal.renew_reconciliation(reconciliation_id, as_of);
  drift_ids bigint[];
  ids uuid[];
begin
  drift_ids := array(
    select found.id from portal.drift as found
    where found.reconciliation_id = repair_next.reconciliation_id and found.id > after
      and found.kind in ('listed_but_expired', 'missing', 'stale')
    order by found.id
    limit batch_size
  );
  -- Whom a change or a worker holds, or who has changed or is being told since, is told anyway.
  ids := array(
    select state.peer_mentor_id
    from portal.states as state
    join portal.drift as found on found.peer_mentor_id = state.peer_mentor_id and found.version = state.version
    where found.id = any(drift_ids) and coalesce(state.lease_until <= at, true)
      and (select not run.is_dry_run from portal.reconciliations as run where run.id = repair_next.reconciliation_id)
    order by state.peer_mentor_id
    for update of state skip locked
  );
  update portal.states as state
  set
    -- What the portal confirmed is not what it shows.
    confirmed = null,
    shown = case when (found.there ->> 'listed')::boolean then true else state.shown end,
    -- It passes over what is not above its own version. What no JSON reader holds exactly is no version.
    version = greatest(
      state.version,
      case when (found.there ->> 'version')::numeric < 9007199254740992 then (found.there ->> 'version')::bigint end
    )
  from portal.drift as found
  where found.id = any(drift_ids) and state.peer_mentor_id = found.peer_mentor_id and state.peer_mentor_id = any(ids);
  perform portal.enqueue_sync(ids);
  update portal.drift as found set marked_at = at
  where found.id = any(drift_ids) and found.peer_mentor_id = any(ids);
  return query select drift_ids[cardinality(drift_ids)], cardinality(ids);
end
$$;
comment on function portal.repair_next(bigint, bigint, integer, timestamptz) is
  'Has the portal told again of the next batch of what differs, after a drift row; last_id is null after the last. Waits for nobody.';

create or replace function portal.finish_reconciliation(
  reconciliation_id bigint, outcome text, reason text, read integer, compared integer, in_motion integer,
  drift_by_kind jsonb default '{}', read_from timestamptz default null, as_of timestamptz default null
)
returns void
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := portal.renew_reconciliation(reconciliation_id, as_of);
  run portal.reconciliations;
begin
  update portal.reconciliations as mine
  set
    finished_at = at, lease_until = null,
    outcome = finish_reconciliation.outcome, reason = finish_reconciliation.reason,
    read = finish_reconciliation.read, compared = finish_reconciliation.compared, in_motion = finish_reconciliation.in_motion,
    listed_but_expired = coalesce((drift_by_kind ->> 'listed_but_expired')::integer, 0),
    missing = coalesce((drift_by_kind ->> 'missing')::integer, 0),
    stale = coalesce((drift_by_kind ->> 'stale')::integer, 0),
    unknown_there = coalesce((drift_by_kind ->> 'unknown_there')::integer, 0),
    duplicate = coalesce((drift_by_kind ->> 'duplicate')::integer, 0),
    marked = (
      select count(drift.marked_at) from portal.drift as drift
      where drift.reconciliation_id = finish_reconciliation.reconciliation_id
    )
  where mine.id = finish_reconciliation.reconciliation_id
  returning mine.* into run;
  if run.is_dry_run then
    return;
  end if;

  -- Gone is what was found before and, having been compared, was not found now.
  update portal.drift as open set repaired_at = at
  where finish_reconciliation.outcome = 'done' and open.organisation_id = run.organisation_id and open.repaired_at is null
    and open.reconciliation_id < run.id
    and not exists (
      select from portal.drift as still
      where still.reconciliation_id = run.id and still.kind = open.kind
        and still.peer_mentor_id is not distinct from open.peer_mentor_id
        and still.external_id is not distinct from open.external_id
    )
    and (
      open.kind = 'unknown_there'
      or exists (
        select from portal.states as state
        where state.peer_mentor_id = open.peer_mentor_id and state.state = 'in_sync' and state.confirmed_at < read_from
      )
    );

  insert into portal.reconciliation_times as times (organisation_id, recent_at, full_at)
  select
    run.organisation_id,
    case when run.outcome = 'failed' then at + interval '10 minutes' else run.started_at + interval '1 hour' end,
    case
      when run.scope = 'full' and run.outcome = 'failed' then at + interval '10 minutes'
      when run.scope = 'full' then portal.full_reconciliation_after(at, organisation.time_zone)
      else portal.full_reconciliation_after(connection.changed_at, organisation.time_zone)
    end
  from portal.connections as connection
  join public.organisations as organisation on organisation.id = connection.organisation_id
  where connection.organisation_id = run.organisation_id
  on conflict on constraint reconciliation_times_pkey do update set
    recent_at = excluded.recent_at,
    full_at = case when run.scope = 'full' then excluded.full_at else times.full_at end;
end
$$;
comment on function portal.finish_reconciliation(bigint, text, text, integer, integer, integer, jsonb, timestamptz, timestamptz) is
  'Ends a run: keeps how much it found, notes what is gone since earlier ones, and sets when the next is due; after a failure soon.';

revoke execute on function
  portal.start_reconciliation(uuid, text, boolean, text, boolean, timestamptz), portal.renew_reconciliation(bigint, timestamptz),
  portal.record_drift(bigint, jsonb, timestamptz), portal.repair_next(bigint, bigint, integer, timestamptz),
  portal.finish_reconciliation(bigint, text, text, integer, integer, integer, jsonb, timestamptz, timestamptz)
from public, anon, authenticated, service_role;
