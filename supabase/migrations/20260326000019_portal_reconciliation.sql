-- Reconciliations: whether the portal shows what it should. A confirmation is what the portal said; this is what it does.

create table if not exists mentorcert_portal.reconciliations (
  id bigint generated always as identity,
  organisation_id uuid not null,
  scope text not null,
  is_dry_run boolean not null default false,
  worker text not null,
  started_at timestamptz not null,
  lease_until timestamptz,
  finished_at timestamptz,
  outcome text,
  reason text,
  read integer not null default 0,
  compared integer not null default 0,
  in_motion integer not null default 0,
  listed_but_expired integer not null default 0,
  missing integer not null default 0,
  stale integer not null default 0,
  unknown_there integer not null default 0,
  duplicate integer not null default 0,
  marked integer not null default 0,
  constraint reconciliations_pkey primary key (id),
  constraint reconciliations_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint reconciliations_scope_valid check (scope in ('recent', 'full')),
  constraint reconciliations_outcome_valid check (outcome in ('done', 'stopped', 'unverified', 'failed')),
  constraint reconciliations_finished_valid check (
    (finished_at is null) = (outcome is null) and (finished_at is null) = (lease_until is not null)
  ),
  constraint reconciliations_reason_valid check ((outcome <> 'done') = (reason is not null))
);
create unique index if not exists reconciliations_running_key on mentorcert_portal.reconciliations (organisation_id) where finished_at is null;
create index if not exists reconciliations_organisation_id_idx on mentorcert_portal.reconciliations (organisation_id, id);
create index if not exists reconciliations_done_idx
on mentorcert_portal.reconciliations (organisation_id, scope, id) where outcome = 'done' and not is_dry_run;
alter table mentorcert_portal.reconciliations enable row level security;
revoke all on mentorcert_portal.reconciliations from public, anon, authenticated, service_role;
grant select (
  id, organisation_id, scope, is_dry_run, started_at, finished_at, outcome, reason, read, compared, in_motion,
  listed_but_expired, missing, stale, unknown_there, duplicate, marked
) on mentorcert_portal.reconciliations to authenticated;
comment on table mentorcert_portal.reconciliations is
  'Every comparison of what an organisation''s portal shows with what it should; one at a time for each organisation.';
comment on column mentorcert_portal.reconciliations.scope is
  'full: everybody is compared; recent: those who changed or were sent since the last that was done, must not be listed, is shown otherwise than confirmed, or differed before.';
comment on column mentorcert_portal.reconciliations.is_dry_run is 'Nothing is repaired: asked for, or because the mode does not send.';
comment on column mentorcert_portal.reconciliations.lease_until is 'Until when its process need not report; then another may start over.';
comment on column mentorcert_portal.reconciliations.outcome is
  'done: compared, and what differs is repaired as far as we can; stopped: too much differs, or the portal''s list is not whole, and only removals are repeated; unverified: the portal cannot be read; failed: no answer, or a fault of ours.';
comment on column mentorcert_portal.reconciliations.reason is 'Why it is not done; without personal data.';
comment on column mentorcert_portal.reconciliations.read is 'Records that the portal has given.';
comment on column mentorcert_portal.reconciliations.compared is 'Peer mentors compared.';
comment on column mentorcert_portal.reconciliations.in_motion is 'Peer mentors who were changed or sent meanwhile; the next comparison is about them.';
comment on column mentorcert_portal.reconciliations.listed_but_expired is 'Peer mentors whom the portal shows though it must not: the alarm.';
comment on column mentorcert_portal.reconciliations.marked is 'Peer mentors who are sent to the portal again.';

drop policy if exists "administrators read the reconciliations of their organisation" on mentorcert_portal.reconciliations;
create policy "administrators read the reconciliations of their organisation"
on mentorcert_portal.reconciliations for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the reconciliations of their organisation" on mentorcert_portal.reconciliations is
  'When the own portal was compared.';

create table if not exists mentorcert_portal.drift (
  id bigint generated always as identity,
  reconciliation_id bigint not null,
  organisation_id uuid not null,
  kind text not null,
  peer_mentor_id uuid,
  external_id text,
  version bigint,
  there jsonb,
  expected jsonb,
  found_at timestamptz not null,
  marked_at timestamptz,
  repaired_at timestamptz,
  constraint drift_pkey primary key (id),
  constraint drift_reconciliation_id_fkey foreign key (reconciliation_id) references mentorcert_portal.reconciliations (id) on delete cascade,
  constraint drift_kind_valid check (kind in ('listed_but_expired', 'missing', 'stale', 'unknown_there', 'duplicate')),
  constraint drift_peer_mentor_valid check (kind = 'unknown_there' or peer_mentor_id is not null),
  constraint drift_marked_valid check (marked_at is null or kind in ('listed_but_expired', 'missing', 'stale'))
);
create index if not exists drift_reconciliation_id_idx on mentorcert_portal.drift (reconciliation_id, id);
create index if not exists drift_open_idx on mentorcert_portal.drift (organisation_id, peer_mentor_id) where repaired_at is null;
create index if not exists drift_listed_idx on mentorcert_portal.drift (organisation_id, found_at)
where repaired_at is null and kind = 'listed_but_expired';
alter table mentorcert_portal.drift enable row level security;
revoke all on mentorcert_portal.drift from public, anon, authenticated, service_role;
grant select (
  id, reconciliation_id, organisation_id, kind, peer_mentor_id, external_id, there, expected, found_at, marked_at, repaired_at
) on mentorcert_portal.drift to authenticated;
comment on table mentorcert_portal.drift is
  'What a reconciliation found to differ, appended only, without personal data. Every run lists all that it found; one that was stopped the first thousand.';
comment on column mentorcert_portal.drift.kind is
  'listed_but_expired: shown there though it must not be; missing; stale: an older version, another status, or other dates or certifications; unknown_there: shows somebody we do not know; duplicate: more than one record of the same.';
comment on column mentorcert_portal.drift.peer_mentor_id is 'Ours; of kind unknown_there the id that the portal gives. Without a foreign key: it is a log.';
comment on column mentorcert_portal.drift.external_id is 'The number that the portal gives of somebody unknown.';
comment on column mentorcert_portal.drift.version is 'Our version when it was compared.';
comment on column mentorcert_portal.drift.there is 'What the portal says: records, version, status, listed; null: nothing.';
comment on column mentorcert_portal.drift.expected is 'What it should say: version, status, listed.';
comment on column mentorcert_portal.drift.marked_at is 'When it was set to be sent again; null where we cannot repair, or must not.';
comment on column mentorcert_portal.drift.repaired_at is 'When a later reconciliation no longer found it: the portal''s word alone does not repair.';

drop policy if exists "administrators read the drift of their organisation" on mentorcert_portal.drift;
create policy "administrators read the drift of their organisation"
on mentorcert_portal.drift for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the drift of their organisation" on mentorcert_portal.drift is
  'What the own portal shows otherwise.';

create table if not exists mentorcert_portal.reconciliation_times (
  organisation_id uuid not null,
  recent_at timestamptz not null,
  full_at timestamptz not null,
  constraint reconciliation_times_pkey primary key (organisation_id),
  constraint reconciliation_times_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id)
);
alter table mentorcert_portal.reconciliation_times enable row level security;
revoke all on mentorcert_portal.reconciliation_times from public, anon, authenticated, service_role;
comment on table mentorcert_portal.reconciliation_times is 'When an organisation is reconciled next.';
comment on column mentorcert_portal.reconciliation_times.full_at is 'Three hours into a local day; recent_at comes every hour.';

-- Guards

create or replace trigger reject_change
before update on mentorcert_portal.reconciliations
for each row when (old.finished_at is not null)
execute function mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');

create or replace trigger reject_removal
before delete on mentorcert_portal.reconciliations
for each row when (old.started_at > now() - interval '1 month')
execute function mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');

create or replace trigger reject_truncation
before truncate on mentorcert_portal.reconciliations
for each statement execute function mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');

create or replace trigger reject_change
before update on mentorcert_portal.drift
for each row
when (
  (to_jsonb(old) - '{marked_at,repaired_at}'::text[]) <> (to_jsonb(new) - '{marked_at,repaired_at}'::text[])
  or old.marked_at is not null and new.marked_at is distinct from old.marked_at
  or old.repaired_at is not null and new.repaired_at is distinct from old.repaired_at
)
execute function mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');

create or replace trigger reject_removal
before delete on mentorcert_portal.drift
for each row when (old.found_at > now() - interval '1 month')
execute function mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');

create or replace trigger reject_truncation
before truncate on mentorcert_portal.drift
for each statement execute function mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');

-- When

create or replace function mentorcert_portal.full_reconciliation_after(instant timestamptz, time_zone text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select min(three_o_clock.at)
  from generate_series(0, 1) as days
  cross join lateral (
    select mentorcert_private.day_starts(mentorcert_private.day_of(instant, time_zone) + days, time_zone) + interval '3 hours' as at
  ) as three_o_clock
  where three_o_clock.at > instant
$$;
comment on function mentorcert_portal.full_reconciliation_after(timestamptz, text) is
  'The next time for everything: three hours into a local day, when the nightly run is over and nobody works at the portal.';

create or replace function mentorcert_portal.reconciliations_due(as_of timestamptz default null)
returns table (organisation_id uuid, organisation text, scope text)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select mentorcert_portal.instant(as_of); -- a statement of its own, since no plan may leave it out
  select connection.organisation_id, organisation.slug, case when full_.is_due then 'full' else 'recent' end
  from (select mentorcert_portal.instant(as_of) as at) as clock
  cross join mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  left join mentorcert_portal.reconciliation_times as times on times.organisation_id = connection.organisation_id
  cross join lateral (
    select clock.at >= coalesce(
      times.full_at, mentorcert_portal.full_reconciliation_after(connection.changed_at, organisation.time_zone)
    ) as is_due
  ) as full_
  -- Also while the breaker is open: just then nobody else would see whom the portal shows.
  where connection.mode in ('canary', 'live')
    and (full_.is_due or clock.at >= coalesce(times.recent_at, connection.changed_at + interval '1 hour'))
    and not exists (
      select from mentorcert_portal.reconciliations as running
      where running.organisation_id = connection.organisation_id
        and running.finished_at is null and running.lease_until > clock.at
    )
$$;
comment on function mentorcert_portal.reconciliations_due(timestamptz) is
  'Which organisations are due for a reconciliation now, and whether of everything: each hour, and at night, counted from the latest change of mode.';

-- What the portal shows against what it should show: one statement for all that was read, without any lock.

create or replace function mentorcert_portal.shows_otherwise(content jsonb, details jsonb)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from jsonb_each_text(details) as shown (name, value)
    cross join lateral (
      select case
        when shown.name in ('listed_until', 'effective_at') then content ->> shown.name
        when shown.name = 'certifications' then (
          select coalesce(string_agg(held ->> 'certification_type', ',' order by held ->> 'certification_type' collate "C"), '')
          from jsonb_array_elements(content -> 'certifications') as held
        )
        else (
          select held ->> split_part(shown.name, ' ', 3) from jsonb_array_elements(content -> 'certifications') as held
          where held ->> 'certification_type' = split_part(shown.name, ' ', 2)
        )
      end as value
    ) as ours
    where case
      when shown.value is null or ours.value is null then shown.value is distinct from ours.value
      -- A day of a time zone: of an end the last valid one.
      when shown.value ~ '^\d{4}-\d\d-\d\d/' and ours.value ~ '^\d{4}-\d\d-\d\dT' then split_part(shown.value, '/', 1)::date <> (
        (ours.value::timestamptz - case when shown.name ~ '(until|expires_at)$' then interval '1 microsecond' else interval '0' end)
        at time zone regexp_replace(shown.value, '^[^/]*/', '')
      )::date
      -- Portals keep whole seconds.
      when shown.value ~ '^\d{4}-\d\d-\d\dT' and ours.value ~ '^\d{4}-\d\d-\d\dT'
        then date_trunc('second', shown.value::timestamptz) <> date_trunc('second', ours.value::timestamptz)
      else shown.value <> ours.value
    end
  )
$$;
comment on function mentorcert_portal.shows_otherwise(jsonb, jsonb) is
  'Whether a portal shows a date, a status or a set of certifications otherwise than a content says; what it does not show is not compared.';

create or replace function mentorcert_portal.compare(
  reconciliation_id bigint, read_from timestamptz,
  peer_mentor_ids uuid[], external_ids text[], versions bigint[], epochs integer[], statuses text[], listings boolean[],
  details jsonb[],
  as_of timestamptz default null
)
returns table (compared integer, expected integer, in_motion integer, drift jsonb)
language plpgsql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
set plan_cache_mode = force_custom_plan -- how many records there are decides the plan
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  run mentorcert_portal.reconciliations;
  organisation uuid;
  sends boolean;
  canary uuid[];
  since timestamptz;
begin
  select * into strict run from mentorcert_portal.reconciliations as running where running.id = reconciliation_id;
  organisation := run.organisation_id;
  select
    connection.mode in ('canary', 'live'),
    case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end
  into sends, canary
  from mentorcert_portal.connections as connection where connection.organisation_id = organisation;
  if run.scope = 'recent' then
    select max(earlier.started_at) into since from mentorcert_portal.reconciliations as earlier
    where earlier.organisation_id = organisation and earlier.outcome = 'done' and not earlier.is_dry_run;
  end if;

  return query
  with numbers as materialized (
    -- By the number that was sent to the portal: a new one comes with the next message.
    select distinct on (named.number) named.number, named.peer_mentor_id, named.rank = 3 as is_former
    from (
      select sent.sent_external_id, sent.peer_mentor_id, 1 from mentorcert_portal.states as sent
      where sent.organisation_id = organisation and sent.sent_external_id is not null
      union all
      select mentor.external_id, mentor.id, 2 from mentorcert.peer_mentors as mentor where mentor.organisation_id = organisation
      union all
      select former.external_id, sent.peer_mentor_id, 3 from mentorcert_portal.states as sent
      cross join lateral unnest(sent.former_external_ids) as former (external_id)
      where sent.organisation_id = organisation
    ) as named (number, peer_mentor_id, rank)
    order by named.number, named.rank, named.peer_mentor_id
  ),
  records as materialized (
    select
      record.*, coalesce(by_id.peer_mentor_id, case when not by_number.is_former then by_number.peer_mentor_id end) as known,
      case when by_number.is_former then by_number.peer_mentor_id end as former
    from unnest(
      compare.peer_mentor_ids, compare.external_ids, compare.versions, compare.epochs, compare.statuses, compare.listings,
      compare.details
    ) with ordinality as record (id, number, version, epoch, status, listed, details, place)
    left join mentorcert_portal.states as by_id on by_id.organisation_id = organisation and by_id.peer_mentor_id = record.id
    left join numbers as by_number on record.id is null and by_number.number = record.number
  ),
  seen as materialized (
    select distinct on (records.known)
      records.known, records.version, records.epoch, records.status, records.number, records.details,
      count(*) over same as records,
      -- Of several records one that is shown decides, and the newest version is the one that a message changes.
      case when bool_or(records.listed) over same then true else records.listed end as listed
    from records
    where records.known is not null
    window same as (partition by records.known)
    order by records.known, records.epoch desc nulls last, records.version desc nulls last, records.place
  ),
  mentors as materialized (
    select
      state.*, seen.records, seen.version as there_version,
      -- A portal that keeps no epochs is compared by the version alone.
      coalesce(seen.epoch, state.epoch) as there_epoch, seen.status as there_status,
      seen.number as there_number, seen.listed as there_listed, seen.known is not null as is_there,
      -- What the record says may be older or newer than what we have noted.
      coalesce(state.lease_until > at, false)
        or greatest(state.changed_at, state.attempted_at, state.confirmed_at) >= read_from as is_moving,
      settled.is_so as is_settled,
      -- What was sent beside the content; of what is still to be sent the instant is another one.
      case when settled.is_so then jsonb_build_object('effective_at', state.effective_at) else '{}' end as sent_besides,
      case when settled.is_so then seen.details else seen.details - 'effective_at' end as there_details
    from mentorcert_portal.states as state
    cross join lateral (select state.state = 'in_sync' and coalesce(state.next_attempt_at > at, true) as is_so) as settled
    left join seen on seen.known = state.peer_mentor_id
    where state.organisation_id = organisation and (canary is null or state.peer_mentor_id = any(canary))
  ),
  chosen as materialized (
    select mentors.*
    from mentors
    where run.scope = 'full' or since is null
      or greatest(mentors.changed_at, mentors.attempted_at, mentors.confirmed_at) >= since
      or (mentors.records, mentors.there_epoch, mentors.there_version, mentors.there_status, mentors.there_listed) is distinct from (
        1, mentors.epoch, mentors.confirmed_version, mentors.confirmed ->> 'status', (mentors.confirmed ->> 'listed')::boolean
      )
      or mentors.confirmed ->> 'status' <> 'erased'
      and mentorcert_portal.shows_otherwise(mentors.confirmed || mentors.sent_besides, mentors.there_details)
      or not exists (
        select from public.listed_peer_mentors as listed
        where listed.peer_mentor_id = mentors.peer_mentor_id and listed.listed_until > at
      )
      or exists (
        select from mentorcert_portal.drift as open
        where open.organisation_id = organisation and open.peer_mentor_id = mentors.peer_mentor_id and open.repaired_at is null
      )
  ),
  desired as materialized (
    select * from mentorcert_portal.desired_content(array(select id.peer_mentor_id from chosen as id where not id.is_moving), at)
  ),
  wanted as materialized (
    select
      chosen.*,
      desired.content as truth,
      -- No drift where nothing was sent yet: then what it confirmed last is the measure.
      case when chosen.is_settled or not sends then desired.content else chosen.confirmed end as measure,
      -- Behind for longer than it takes to send.
      not sends or chosen.is_settled
        or coalesce(chosen.first_dirty_at, chosen.next_attempt_at) <= at - interval '15 minutes' as is_due
    from chosen
    join desired on desired.peer_mentor_id = chosen.peer_mentor_id
  ),
  judged as materialized (
    select
      wanted.*,
      case
        -- What is not false is listed; of somebody erased the portal keeps no more than id and version.
        when (wanted.there_listed or wanted.is_there and wanted.there_listed is null and wanted.truth ->> 'status' <> 'erased')
          and not (wanted.truth ->> 'listed')::boolean and wanted.is_due
          then 'listed_but_expired'
        when wanted.measure is null then null
        when not wanted.is_there then case
          when wanted.measure ->> 'status' <> 'erased' and (wanted.confirmed is not null or (wanted.measure ->> 'listed')::boolean)
            then 'missing'
        end
        when sends and (
          (wanted.there_epoch, wanted.there_version) < (wanted.epoch, wanted.confirmed_version)
          or (wanted.there_epoch, wanted.there_version)
            > (wanted.epoch, case when wanted.is_settled then wanted.confirmed_version else wanted.sent_version end)
        )
          then 'stale'
        -- In between: what was under way when it was given up is there.
        when sends and (wanted.there_epoch, wanted.there_version) <> (wanted.epoch, wanted.confirmed_version) then null
        when wanted.there_status <> wanted.measure ->> 'status'
          -- Of somebody erased the portal keeps no more than id and version.
          or wanted.measure ->> 'status' <> 'erased' and (
            wanted.there_number <> wanted.measure ->> 'external_id'
            or wanted.there_listed is distinct from (wanted.measure ->> 'listed')::boolean
            or mentorcert_portal.shows_otherwise(wanted.measure || wanted.sent_besides, wanted.there_details)
          )
          then 'stale'
      end as kind
    from wanted
  ),
  found as (
    select
      judged.kind, judged.peer_mentor_id, null::text as external_id, judged.version, judged.records,
      judged.there_version, judged.there_epoch, judged.there_status, judged.there_listed,
      coalesce(judged.measure, judged.truth) as measure, judged.confirmed_version
    from judged
    where judged.kind is not null
    union all
    -- Shown under a number that was theirs.
    select
      'listed_but_expired', records.former, null, state.version, count(*),
      max(records.version), max(records.epoch), min(records.status), true, '{"status": "erased", "listed": false}'::jsonb,
      state.confirmed_version
    from records
    join mentorcert_portal.states as state on state.peer_mentor_id = records.former
    where records.listed is distinct from false
      and not coalesce(state.lease_until > at, false) and coalesce(state.confirmed_at < read_from, true)
    group by records.former, state.version, state.confirmed_version
    union all
    select
      'duplicate', judged.peer_mentor_id, null, judged.version, judged.records,
      judged.there_version, judged.there_epoch, judged.there_status, judged.there_listed,
      coalesce(judged.measure, judged.truth), judged.confirmed_version
    from judged
    where judged.records > 1
    union all
    select
      'unknown_there', records.id, records.number, null, count(*), max(records.version), max(records.epoch), min(records.status),
      bool_or(records.listed), null, null
    from records
    where records.known is null and records.former is null and records.listed is distinct from false
    group by records.id, records.number
  )
  select
    (select count(*) from judged)::integer,
    (
      select count(*) from mentors
      where mentors.confirmed is not null and not mentors.is_moving and mentors.confirmed ->> 'status' <> 'erased'
    )::integer,
    (select count(*) from chosen where chosen.is_moving)::integer,
    coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'kind', found.kind, 'peer_mentor_id', found.peer_mentor_id, 'external_id', found.external_id,
            'version', found.version,
            'there', case when found.records > 0 then jsonb_build_object(
              'records', found.records, 'version', found.there_version, 'epoch', found.there_epoch, 'listed', found.there_listed,
              -- Another text could be anything, also somebody's name.
              'status', case
                when found.there_status in ('certified', 'expired', 'suspended', 'uncertified', 'erased') then found.there_status
                when found.there_status is not null then 'other'
              end
            ) end,
            'expected', case when found.measure is not null then jsonb_build_object(
              'version', found.confirmed_version, 'status', found.measure -> 'status', 'listed', found.measure -> 'listed'
            ) end
          )
          order by array_position(
            array['listed_but_expired', 'missing', 'stale', 'duplicate', 'unknown_there'], found.kind
          ), found.peer_mentor_id, found.external_id
        )
        from found
      ),
      '[]'
    );
end
$$;
comment on function mentorcert_portal.compare(bigint, timestamptz, uuid[], text[], bigint[], integer[], text[], boolean[], jsonb[], timestamptz) is
  'Compares the records that were read from an instant on, given as columns, with what the portal should show, in the scope of a run. expected: how many it must have a record of. Who was changed or sent since that instant is in motion, and not judged.';

-- The course of a reconciliation: one run at a time for each organisation, under a lease; what it found, and the repair.
--
-- No transaction is open while the portal is read. A run that has lost the lease changes nothing more.

create or replace function mentorcert_portal.start_reconciliation(
  organisation_id uuid, scope text, dry_run boolean, worker text, only_due boolean default false,
  as_of timestamptz default null
)
returns table (
  id bigint, organisation text, mode text, adapter text, contract_version text, target jsonb, is_dry_run boolean,
  peer_mentors integer
)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
#variable_conflict use_column
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  new_id bigint;
begin
  perform mentorcert_portal.require_connection(start_reconciliation.organisation_id);
  -- The second one waits here, and then finds that it is no longer due, or running.
  perform from mentorcert_portal.connections as connection
  where connection.organisation_id = start_reconciliation.organisation_id
  for no key update;
  if only_due and not exists (
    select from mentorcert_portal.reconciliations_due(at) as due where due.organisation_id = start_reconciliation.organisation_id
  ) then
    return;
  end if;
  update mentorcert_portal.reconciliations as running
  set finished_at = at, lease_until = null, outcome = 'failed', reason = 'Its process no longer reported.'
  where running.organisation_id = start_reconciliation.organisation_id and running.finished_at is null
    and running.lease_until <= at;
  insert into mentorcert_portal.reconciliations as run (organisation_id, scope, is_dry_run, worker, started_at, lease_until)
  select
    connection.organisation_id, start_reconciliation.scope,
    dry_run or connection.mode not in ('canary', 'live'), start_reconciliation.worker,
    at, at + interval '5 minutes'
  from mentorcert_portal.connections as connection
  where connection.organisation_id = start_reconciliation.organisation_id
  on conflict (organisation_id) where finished_at is null do nothing
  returning run.id into new_id;
  return query
  select
    run.id, organisation.slug, connection.mode, connection.adapter, connection.contract_version, connection.target,
    run.is_dry_run,
    (
      select count(*)::integer from mentorcert_portal.states as state
      where state.organisation_id = run.organisation_id
    )
  from mentorcert_portal.reconciliations as run
  join mentorcert_portal.connections as connection on connection.organisation_id = run.organisation_id
  join mentorcert.organisations as organisation on organisation.id = run.organisation_id
  where run.id = new_id;
end
$$;
comment on function mentorcert_portal.start_reconciliation(uuid, text, boolean, text, boolean, timestamptz) is
  'Starts a run, unless one is running, or none is due; returns nothing then. Where the mode does not send, it is dry.';

create or replace function mentorcert_portal.renew_reconciliation(reconciliation_id bigint, as_of timestamptz default null)
returns timestamptz
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
begin
  update mentorcert_portal.reconciliations as run set lease_until = at + interval '5 minutes'
  where run.id = reconciliation_id and run.finished_at is null;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'the reconciliation is no longer running',
      hint = 'It was not heard of for five minutes, and another has begun.',
      schema = 'mentorcert_portal', table = 'reconciliations', constraint = 'portal_reconciliation_running';
  end if;
  return at;
end
$$;
comment on function mentorcert_portal.renew_reconciliation(bigint, timestamptz) is
  'Says that a run lives, and returns the database''s time; refuses (MC008) a run that has ended.';

create or replace function mentorcert_portal.record_drift(reconciliation_id bigint, drift jsonb, as_of timestamptz default null)
returns integer
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.renew_reconciliation(reconciliation_id, as_of);
  noted integer;
begin
  insert into mentorcert_portal.drift (
    reconciliation_id, organisation_id, kind, peer_mentor_id, external_id, version, there, expected, found_at
  )
  select
    run.id, run.organisation_id, found.kind, found.peer_mentor_id, found.external_id, found.version,
    nullif(found.there, 'null'), nullif(found.expected, 'null'), at
  from mentorcert_portal.reconciliations as run
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
comment on function mentorcert_portal.record_drift(bigint, jsonb, timestamptz) is 'Keeps what a run found, removals first; returns how much.';

create or replace function mentorcert_portal.repair_next(
  reconciliation_id bigint, after bigint, batch_size integer, only_removals boolean default false, as_of timestamptz default null
)
returns table (last_id bigint, marked integer)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.renew_reconciliation(reconciliation_id, as_of);
  drift_ids bigint[];
  ids uuid[];
begin
  drift_ids := array(
    select found.id from mentorcert_portal.drift as found
    where found.reconciliation_id = repair_next.reconciliation_id and found.id > after
      and (found.kind = 'listed_but_expired' or not only_removals and found.kind in ('missing', 'stale'))
    order by found.id
    limit batch_size
  );
  -- What the portal holds newer than we do is shown again only if a person says so; a removal rises above it.
  insert into mentorcert_portal.conflicts (organisation_id, peer_mentor_id, kind, there, found_at)
  select found.organisation_id, found.peer_mentor_id, 'newer', found.there - 'records', at
  from mentorcert_portal.drift as found
  join mentorcert_portal.states as state on state.peer_mentor_id = found.peer_mentor_id
  join mentorcert_portal.reconciliations as run on run.id = found.reconciliation_id and not run.is_dry_run
  where found.id = any(drift_ids) and mentorcert_portal.is_newer(found.there, state.epoch, state.version) and exists (
    select from public.listed_peer_mentors as listed
    where listed.peer_mentor_id = found.peer_mentor_id and listed.listed_until > at
  )
  on conflict do nothing;
  -- A row that a change or a worker holds, or that has changed or is being sent since, is sent anyway.
  ids := array(
    select state.peer_mentor_id
    from mentorcert_portal.states as state
    join mentorcert_portal.drift as found on found.peer_mentor_id = state.peer_mentor_id and found.version = state.version
    where found.id = any(drift_ids) and coalesce(state.lease_until <= at, true)
      and not exists (
        select from mentorcert_portal.conflicts as conflict
        where conflict.peer_mentor_id = state.peer_mentor_id and conflict.decided_at is null
      )
      and (select not run.is_dry_run from mentorcert_portal.reconciliations as run where run.id = repair_next.reconciliation_id)
    order by state.peer_mentor_id
    for update of state skip locked
  );
  update mentorcert_portal.states as state
  set
    -- What the portal confirmed is not what it shows.
    confirmed = null,
    shown = case when found.kind = 'listed_but_expired' or (found.there ->> 'listed')::boolean then true else state.shown end,
    -- It passes over what is not above its own version.
    version = greatest(state.version, mentorcert_portal.credible_version((found.there ->> 'version')::numeric)),
    epoch = greatest(state.epoch, (found.there ->> 'epoch')::integer)
  from mentorcert_portal.drift as found
  where found.id = any(drift_ids) and state.peer_mentor_id = found.peer_mentor_id and state.peer_mentor_id = any(ids);
  perform mentorcert_portal.enqueue_sync(ids);
  update mentorcert_portal.drift as found set marked_at = at
  where found.id = any(drift_ids) and found.peer_mentor_id = any(ids);
  return query select drift_ids[cardinality(drift_ids)], cardinality(ids);
end
$$;
comment on function mentorcert_portal.repair_next(bigint, bigint, integer, boolean, timestamptz) is
  'Has the next batch of what differs sent to the portal again, after a drift row; last_id is null after the last. What is newer there waits for a person. Waits for nobody.';

create or replace function mentorcert_portal.finish_reconciliation(
  reconciliation_id bigint, outcome text, reason text, read integer, compared integer, in_motion integer,
  drift_by_kind jsonb default '{}', read_from timestamptz default null, as_of timestamptz default null
)
returns void
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.renew_reconciliation(reconciliation_id, as_of);
  run mentorcert_portal.reconciliations;
begin
  update mentorcert_portal.reconciliations as mine
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
      select count(drift.marked_at) from mentorcert_portal.drift as drift
      where drift.reconciliation_id = finish_reconciliation.reconciliation_id
    )
  where mine.id = finish_reconciliation.reconciliation_id
  returning mine.* into run;
  if run.is_dry_run then
    return;
  end if;

  -- Gone is what was found before and, having been compared, was not found now.
  update mentorcert_portal.drift as open set repaired_at = at
  where finish_reconciliation.outcome = 'done' and open.organisation_id = run.organisation_id and open.repaired_at is null
    and open.reconciliation_id < run.id
    and not exists (
      select from mentorcert_portal.drift as still
      where still.reconciliation_id = run.id and still.kind = open.kind
        and still.peer_mentor_id is not distinct from open.peer_mentor_id
        and still.external_id is not distinct from open.external_id
    )
    and (
      open.kind = 'unknown_there'
      or exists (
        select from mentorcert_portal.states as state
        where state.peer_mentor_id = open.peer_mentor_id and state.state = 'in_sync' and state.confirmed_at < read_from
      )
    );

  insert into mentorcert_portal.reconciliation_times as times (organisation_id, recent_at, full_at)
  select
    run.organisation_id,
    case when run.outcome = 'failed' then at + interval '10 minutes' else run.started_at + interval '1 hour' end,
    case
      when run.scope = 'full' and run.outcome = 'failed' then at + interval '10 minutes'
      when run.scope = 'full' then mentorcert_portal.full_reconciliation_after(at, organisation.time_zone)
      else mentorcert_portal.full_reconciliation_after(connection.changed_at, organisation.time_zone)
    end
  from mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  where connection.organisation_id = run.organisation_id
  on conflict on constraint reconciliation_times_pkey do update set
    recent_at = excluded.recent_at,
    full_at = case when run.scope = 'full' then excluded.full_at else times.full_at end;
end
$$;
comment on function mentorcert_portal.finish_reconciliation(bigint, text, text, integer, integer, integer, jsonb, timestamptz, timestamptz) is
  'Ends a run: keeps how much it found, notes what is gone since earlier ones, and sets when the next is due; after a failure soon.';

revoke execute on function
  mentorcert_portal.full_reconciliation_after, mentorcert_portal.reconciliations_due, mentorcert_portal.shows_otherwise, mentorcert_portal.compare,
  mentorcert_portal.start_reconciliation, mentorcert_portal.renew_reconciliation, mentorcert_portal.record_drift, mentorcert_portal.repair_next,
  mentorcert_portal.finish_reconciliation
from public, anon, authenticated, service_role;
