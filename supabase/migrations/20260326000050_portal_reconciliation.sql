-- Reconciliations: whether the portal shows what it should. A confirmation is what the portal said; this is what it does.

create table if not exists portal.reconciliations (
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
  constraint reconciliations_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint reconciliations_scope_valid check (scope in ('recent', 'full')),
  constraint reconciliations_outcome_valid check (outcome in ('done', 'stopped', 'unverified', 'failed')),
  constraint reconciliations_finished_valid check (
    (finished_at is null) = (outcome is null) and (finished_at is null) = (lease_until is not null)
  ),
  constraint reconciliations_reason_valid check ((outcome <> 'done') = (reason is not null))
);
create unique index if not exists reconciliations_running_key on portal.reconciliations (organisation_id) where finished_at is null;
create index if not exists reconciliations_organisation_id_idx on portal.reconciliations (organisation_id, id);
alter table portal.reconciliations enable row level security;
comment on table portal.reconciliations is
  'Every comparison of what an organisation''s portal shows with what it should; one at a time for each organisation.';
comment on column portal.reconciliations.scope is
  'full: everybody is compared; recent: whoever changed or was told since the last that was done, must not be listed, is shown otherwise than confirmed, or differed before.';
comment on column portal.reconciliations.is_dry_run is 'Nothing is repaired: asked for, or because the mode does not send.';
comment on column portal.reconciliations.lease_until is 'Until when whoever runs it need not be heard of; then another may begin anew.';
comment on column portal.reconciliations.outcome is
  'done: compared, and what differs is repaired as far as we can; stopped: too much differs, or the portal''s list is not whole; unverified: the portal cannot be read; failed: no answer, or a fault of ours.';
comment on column portal.reconciliations.reason is 'Why it is not done; without personal data.';
comment on column portal.reconciliations.read is 'Records that the portal has given.';
comment on column portal.reconciliations.compared is 'Peer mentors compared.';
comment on column portal.reconciliations.in_motion is 'Peer mentors who were changed or told meanwhile; the next comparison is about them.';
comment on column portal.reconciliations.listed_but_expired is 'Peer mentors whom the portal shows though it must not: the alarm.';
comment on column portal.reconciliations.marked is 'Peer mentors of whom the portal is told again.';

create table if not exists portal.drift (
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
  constraint drift_reconciliation_id_fkey foreign key (reconciliation_id) references portal.reconciliations (id) on delete cascade,
  constraint drift_kind_valid check (kind in ('listed_but_expired', 'missing', 'stale', 'unknown_there', 'duplicate')),
  constraint drift_peer_mentor_valid check (kind = 'unknown_there' or peer_mentor_id is not null),
  constraint drift_marked_valid check (marked_at is null or kind in ('listed_but_expired', 'missing', 'stale'))
);
create index if not exists drift_reconciliation_id_idx on portal.drift (reconciliation_id, id);
create index if not exists drift_open_idx on portal.drift (organisation_id, peer_mentor_id) where repaired_at is null;
alter table portal.drift enable row level security;
comment on table portal.drift is
  'What a reconciliation found to differ, appended only, without personal data. Every run lists all that it found; one that was stopped the first thousand.';
comment on column portal.drift.kind is
  'listed_but_expired: shown there though it must not be; missing; stale: an older version or another status; unknown_there: shows somebody we do not know; duplicate: more than one record of the same.';
comment on column portal.drift.peer_mentor_id is 'Ours; of kind unknown_there the id that the portal gives. Without a foreign key: it is a log.';
comment on column portal.drift.external_id is 'The number that the portal gives of somebody unknown.';
comment on column portal.drift.version is 'Our version when it was compared.';
comment on column portal.drift.there is 'What the portal says: records, version, status, listed; null: nothing.';
comment on column portal.drift.expected is 'What it should say: version, status, listed.';
comment on column portal.drift.marked_at is 'When the portal was set to be told again; null where we cannot repair, or must not.';
comment on column portal.drift.repaired_at is 'When a later reconciliation no longer found it: the portal''s word alone does not repair.';

create table if not exists portal.reconciliation_times (
  organisation_id uuid not null,
  recent_at timestamptz not null,
  full_at timestamptz not null,
  constraint reconciliation_times_pkey primary key (organisation_id),
  constraint reconciliation_times_organisation_id_fkey foreign key (organisation_id) references public.organisations (id)
);
alter table portal.reconciliation_times enable row level security;
comment on table portal.reconciliation_times is 'When an organisation is reconciled next.';
comment on column portal.reconciliation_times.full_at is 'Three hours into a local day; recent_at comes every hour.';

-- Guards

create or replace function portal.keep_reconciliations()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC005', message = format('rows of %s are appended only', tg_table_name),
    hint = 'What is older than a month may be deleted.',
    schema = tg_table_schema, table = tg_table_name, constraint = 'portal_reconciliations_append_only';
end
$$;
comment on function portal.keep_reconciliations() is 'Refuses (MC005) a change of what a reconciliation has found.';

create or replace trigger reject_change
before update on portal.reconciliations
for each row when (old.finished_at is not null) execute function portal.keep_reconciliations();

create or replace trigger reject_removal
before delete on portal.reconciliations
for each row when (old.started_at > now() - interval '1 month') execute function portal.keep_reconciliations();

create or replace trigger reject_truncation
before truncate on portal.reconciliations
for each statement execute function portal.keep_reconciliations();

create or replace trigger reject_change
before update on portal.drift
for each row
when (
  (to_jsonb(old) - '{marked_at,repaired_at}'::text[]) <> (to_jsonb(new) - '{marked_at,repaired_at}'::text[])
  or old.marked_at is not null and new.marked_at is distinct from old.marked_at
  or old.repaired_at is not null and new.repaired_at is distinct from old.repaired_at
)
execute function portal.keep_reconciliations();

create or replace trigger reject_removal
before delete on portal.drift
for each row when (old.found_at > now() - interval '1 month') execute function portal.keep_reconciliations();

create or replace trigger reject_truncation
before truncate on portal.drift
for each statement execute function portal.keep_reconciliations();

-- When

create or replace function portal.full_reconciliation_after(instant timestamptz, time_zone text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select min(three_o_clock.at)
  from generate_series(0, 1) as days
  cross join lateral (
    select private.day_starts(private.day_of(instant, time_zone) + days, time_zone) + interval '3 hours' as at
  ) as three_o_clock
  where three_o_clock.at > instant
$$;
comment on function portal.full_reconciliation_after(timestamptz, text) is
  'The next time for everything: three hours into a local day, when the nightly run is over and nobody works at the portal.';

create or replace function portal.reconciliations_due(as_of timestamptz default null)
returns table (organisation_id uuid, organisation text, scope text)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select connection.organisation_id, organisation.slug, case when full_.is_due then 'full' else 'recent' end
  from (select coalesce(as_of, clock_timestamp()) as at) as clock
  cross join portal.connections as connection
  join public.organisations as organisation on organisation.id = connection.organisation_id
  left join portal.reconciliation_times as times on times.organisation_id = connection.organisation_id
  cross join lateral (
    select clock.at >= coalesce(
      times.full_at, portal.full_reconciliation_after(connection.changed_at, organisation.time_zone)
    ) as is_due
  ) as full_
  -- Also of a blocked connection: just then nobody else would see whom the portal shows.
  where connection.mode in ('canary', 'live')
    and (full_.is_due or clock.at >= coalesce(times.recent_at, connection.changed_at + interval '1 hour'))
    and not exists (
      select from portal.reconciliations as running
      where running.organisation_id = connection.organisation_id
        and running.finished_at is null and running.lease_until > clock.at
    )
$$;
comment on function portal.reconciliations_due(timestamptz) is
  'Which organisations are to be reconciled now, and whether everything: each hour, and at night, counted from the latest change of mode.';

revoke all on portal.reconciliations, portal.drift, portal.reconciliation_times from public, anon, authenticated, service_role;
revoke execute on function
  portal.keep_reconciliations(), portal.full_reconciliation_after(timestamptz, text), portal.reconciliations_due(timestamptz)
from public, anon, authenticated, service_role;
