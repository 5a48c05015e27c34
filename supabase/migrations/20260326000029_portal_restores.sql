-- After a restore of the registry: what a portal holds newer than we do is found, and a person decides about it.

create table if not exists mentorcert_portal.conflicts (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  peer_mentor_id uuid,
  external_id text,
  kind text not null,
  there jsonb not null,
  found_at timestamptz not null,
  decided_at timestamptz,
  decision text,
  decided_by text,
  reason text,
  constraint conflicts_pkey primary key (id),
  constraint conflicts_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint conflicts_kind_valid check (kind in ('newer', 'other', 'gone', 'unknown')),
  constraint conflicts_peer_mentor_valid check (kind = 'unknown' or peer_mentor_id is not null),
  constraint conflicts_there_length check (length(there::text) <= 5000),
  constraint conflicts_external_id_length check (length(external_id) <= 200),
  constraint conflicts_decision_valid check (decision in ('ours', 'withdrawn')),
  constraint conflicts_decided_valid check (
    num_nulls(decided_at, decision, decided_by, reason) in (0, 4)
  ),
  constraint conflicts_reason_valid check (reason <> '' and mentorcert_private.is_readable(reason)),
  constraint conflicts_reason_length check (length(reason) <= 2000)
);
create unique index if not exists conflicts_open_key on mentorcert_portal.conflicts (peer_mentor_id) where decided_at is null;
create unique index if not exists conflicts_open_unknown_key
on mentorcert_portal.conflicts (organisation_id, external_id) nulls not distinct where decided_at is null and kind = 'unknown' and peer_mentor_id is null;
create index if not exists conflicts_open_idx on mentorcert_portal.conflicts (organisation_id, found_at) where decided_at is null;
create or replace trigger canonicalise
before insert or update of reason on mentorcert_portal.conflicts
for each row execute function mentorcert_private.canonicalise('text', 'reason');
alter table mentorcert_portal.conflicts enable row level security;
revoke all on mentorcert_portal.conflicts from public, anon, authenticated, service_role;
grant select (id, organisation_id, peer_mentor_id, external_id, kind, there, found_at, decided_at, decision, decided_by, reason)
on mentorcert_portal.conflicts to authenticated;
comment on table mentorcert_portal.conflicts is
  'What a portal holds that the registry does not know to have sent: the registry was restored, or lost writes. Without personal data. Nobody is shown again before a person decides; removals don''t wait.';
comment on column mentorcert_portal.conflicts.peer_mentor_id is 'Ours; of kind unknown the id that the portal gives, if any. Without a foreign key, like the drift.';
comment on column mentorcert_portal.conflicts.kind is
  'newer: a later version than we ever sent; other: our version with another content; gone: confirmed once, and no longer there; unknown: the portal shows somebody we do not know.';
comment on column mentorcert_portal.conflicts.there is 'What the portal says: version, epoch, status, listed.';
comment on column mentorcert_portal.conflicts.decision is
  'ours: what the registry says is right, and is sent above what the portal holds; withdrawn: the consent to the public list was withdrawn.';

drop policy if exists "administrators read the conflicts of their organisation" on mentorcert_portal.conflicts;
create policy "administrators read the conflicts of their organisation"
on mentorcert_portal.conflicts for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the conflicts of their organisation" on mentorcert_portal.conflicts is
  'What the own portal holds newer than the registry.';

grant select (organisation_id, decided_at) on mentorcert_portal.conflicts to mentorcert_monitoring;
drop policy if exists "processes count what waits for a decision" on mentorcert_portal.conflicts;
create policy "processes count what waits for a decision"
on mentorcert_portal.conflicts for select to mentorcert_monitoring
using (true);
comment on policy "processes count what waits for a decision" on mentorcert_portal.conflicts is 'As long as something does, it is an error.';

create or replace function mentorcert_portal.is_newer(there jsonb, epoch integer, version bigint)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    (coalesce((there ->> 'epoch')::integer, is_newer.epoch), (there ->> 'version')::numeric) > (is_newer.epoch, is_newer.version::numeric),
    false
  )
$$;
comment on function mentorcert_portal.is_newer(jsonb, integer, bigint) is
  'Whether what a portal holds is newer than an epoch and version of ours; one without epochs is compared by the version alone.';

create or replace function mentorcert_portal.begin_epoch(reason text, restored_by text default session_user)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  begun integer;
begin
  insert into mentorcert_private.restores (epoch, reason, restored_by)
  values (
    greatest(mentorcert_private.current_epoch() + 1, floor(extract(epoch from clock_timestamp()) / 60)::integer),
    begin_epoch.reason, begin_epoch.restored_by
  )
  returning epoch into begun;
  -- Which were withdrawn or overtaken after the backup, nobody knows any more.
  update mentorcert_private.invitations as invitation set withdrawn_at = clock_timestamp()
  where invitation.accepted_at is null and invitation.withdrawn_at is null;
  -- And which of these were sent.
  update mentorcert_private.notice_mails as mail set state = 'released' where mail.state = 'queued';
  perform mentorcert_private.accept_server(begin_epoch.reason, begin_epoch.restored_by);
  update mentorcert_private.journals as journal set foreign_since = null;
  update mentorcert_portal.connections as connection set held_since = now();
  update mentorcert_portal.states as state
  set
    state = 'pending', confirmed = null, attempts = 0, failing_since = null, error_class = null, error = null,
    lease_token = null, lease_until = null, next_attempt_at = now(), first_dirty_at = coalesce(state.first_dirty_at, now()),
    -- What was confirmed was confirmed before the backup: the portal may show everybody of whom it ever heard.
    shown = case when state.sent_version is not null then true else state.shown end,
    is_removal = (state.sent_version is not null or state.shown is distinct from false) and not exists (
      select from public.listed_peer_mentors as listed
      where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > now()
    );
  return begun;
end
$$;
comment on function mentorcert_portal.begin_epoch(text, text) is
  'After a restore, in one transaction: raises the epoch, holds the notices and everything that shows somebody, withdraws open invitations and mails that wait, forgets what portals have confirmed, and makes every removal due again. Returns the epoch.';

create or replace function mentorcert_portal.compare_epochs(
  organisation_id uuid, peer_mentor_ids uuid[], external_ids text[], versions bigint[], epochs integer[], statuses text[], listings boolean[]
)
returns table (known integer, newer integer, other integer, gone integer, unknown integer)
language plpgsql
set search_path = ''
set plan_cache_mode = force_custom_plan -- how many records there are decides the plan
as $$
begin
  return query
  with numbers as (
    select distinct on (named.number) named.number, named.id
    from (
      select sent.sent_external_id, sent.peer_mentor_id, 1 from mentorcert_portal.states as sent
      where sent.organisation_id = compare_epochs.organisation_id and sent.sent_external_id is not null
      union all
      select mentor.external_id, mentor.id, 2 from mentorcert.peer_mentors as mentor
      where mentor.organisation_id = compare_epochs.organisation_id
    ) as named (number, id, rank)
    order by named.number, named.rank
  ),
  records as materialized (
    select record.*, coalesce(by_id.peer_mentor_id, by_number.id) as known_id
    from unnest(
      compare_epochs.peer_mentor_ids, compare_epochs.external_ids, compare_epochs.versions, compare_epochs.epochs,
      compare_epochs.statuses, compare_epochs.listings
    ) as record (id, number, version, epoch, status, listed)
    left join mentorcert_portal.states as by_id
      on by_id.organisation_id = compare_epochs.organisation_id and by_id.peer_mentor_id = record.id
    left join numbers as by_number on record.id is null and by_number.number = record.number
  ),
  seen as materialized (
    select distinct on (records.known_id)
      records.known_id, records.status, bool_or(records.listed is distinct from false) over (partition by records.known_id) as listed,
      jsonb_strip_nulls(jsonb_build_object(
        'version', records.version, 'epoch', records.epoch, 'listed', records.listed,
        -- Another text could be anything, also somebody's name.
        'status', case
          when records.status in ('certified', 'expired', 'suspended', 'uncertified', 'erased') then records.status
          when records.status is not null then 'other'
        end
      )) as there
    from records
    where records.known_id is not null
    order by records.known_id, records.epoch desc nulls last, records.version desc nulls last
  ),
  desired as materialized (
    select wanted.peer_mentor_id, wanted.content
    from mentorcert_portal.desired_content(
      array(
        select state.peer_mentor_id from mentorcert_portal.states as state
        where state.organisation_id = compare_epochs.organisation_id
      ),
      now()
    ) as wanted
  ),
  found as (
    select
      state.peer_mentor_id as id, null::text as number, coalesce(seen.there, '{}') as there,
      case
        when mentorcert_portal.is_newer(seen.there, state.epoch, coalesce(state.sent_version, state.version)) then 'newer'
        -- One version of ours never stands for two contents, except from two histories.
        when (seen.there ->> 'version')::bigint = state.sent_version and state.sent_version = state.version
          and coalesce((seen.there ->> 'epoch')::integer, state.epoch) = state.epoch
          and (desired.content ->> 'listed')::boolean
          and (seen.status, seen.listed) is distinct from (desired.content ->> 'status', true)
          then 'other'
        when seen.known_id is null and state.confirmed_version is not null and (desired.content ->> 'listed')::boolean then 'gone'
      end as kind
    from mentorcert_portal.states as state
    join desired on desired.peer_mentor_id = state.peer_mentor_id
    left join seen on seen.known_id = state.peer_mentor_id
    where state.organisation_id = compare_epochs.organisation_id
      -- What was sent in this epoch is ours.
      and state.epoch < mentorcert_private.current_epoch()
    union all
    select distinct on (records.id, records.number)
      records.id, left(records.number, 200),
      jsonb_strip_nulls(jsonb_build_object('version', records.version, 'epoch', records.epoch, 'listed', records.listed)), 'unknown'
    from records
    where records.known_id is null and records.listed is distinct from false
  ),
  noted as (
    insert into mentorcert_portal.conflicts (organisation_id, peer_mentor_id, external_id, kind, there, found_at)
    select compare_epochs.organisation_id, found.id, found.number, found.kind, found.there, now()
    from found where found.kind is not null
    on conflict do nothing
  )
  select
    (select count(*) from seen)::integer,
    count(*) filter (where found.kind = 'newer')::integer, count(*) filter (where found.kind = 'other')::integer,
    count(*) filter (where found.kind = 'gone')::integer, count(*) filter (where found.kind = 'unknown')::integer
  from found;
end
$$;
comment on function mentorcert_portal.compare_epochs(uuid, uuid[], text[], bigint[], integer[], text[], boolean[]) is
  'Compares what a portal holds, given as columns, with what the restored registry knows to have sent; each difference waits for a person. Returns how many of it are known here, and the differences by kind.';

create or replace function mentorcert_portal.release_held(organisation_id uuid)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  released integer;
begin
  perform mentorcert_portal.require_connection(organisation_id);
  update mentorcert_portal.connections as connection set held_since = null
  where connection.organisation_id = release_held.organisation_id;
  update mentorcert_portal.states as state set state = 'pending', is_removal = false, next_attempt_at = now()
  where state.organisation_id = release_held.organisation_id and state.state = 'held' and not exists (
    select from mentorcert_portal.conflicts as conflict
    where conflict.peer_mentor_id = state.peer_mentor_id and conflict.decided_at is null
  );
  get diagnostics released = row_count;
  return released;
end
$$;
comment on function mentorcert_portal.release_held(uuid) is
  'Ends an organisation''s hold after a restore: all are sent again but those about whom a person decides. Returns how many had waited.';

create or replace function mentorcert_portal.decide_conflict(conflict_id uuid, decision text, reason text, decided_by text default session_user)
returns void
language plpgsql
set search_path = ''
as $$
declare
  conflict mentorcert_portal.conflicts;
begin
  update mentorcert_portal.conflicts as open
  set
    decided_at = now(), decision = decide_conflict.decision, reason = decide_conflict.reason, decided_by = decide_conflict.decided_by
  where open.id = conflict_id and open.decided_at is null
  returning open.* into conflict;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'there is no such difference, or it is decided',
      hint = 'List them with `mentorcert portal conflicts`.',
      schema = 'mentorcert_portal', table = 'conflicts', constraint = 'portal_conflict_open';
  end if;
  if decision = 'withdrawn' then
    perform mentorcert_private.withdraw_consents(
      array(select mentor.id from mentorcert.peer_mentors as mentor where mentor.id = conflict.peer_mentor_id and conflict.kind <> 'unknown'),
      decide_conflict.reason
    );
  end if;
  update mentorcert_portal.states as state
  set
    version = greatest(state.version, mentorcert_portal.credible_version((conflict.there ->> 'version')::numeric)),
    epoch = greatest(state.epoch, (conflict.there ->> 'epoch')::integer), confirmed = null
  where state.peer_mentor_id = conflict.peer_mentor_id and state.organisation_id = conflict.organisation_id;
  perform mentorcert_portal.enqueue_sync(array(
    select state.peer_mentor_id from mentorcert_portal.states as state
    where state.peer_mentor_id = conflict.peer_mentor_id and state.organisation_id = conflict.organisation_id
  ));
end
$$;
comment on function mentorcert_portal.decide_conflict(uuid, text, text, text) is
  'Decides about what a portal holds newer: ours is sent above it, or the consent is withdrawn and the removal is sent above it.';

create or replace function mentorcert_private.decide_portal_conflict(conflict_id uuid, decision text, reason text)
returns void
language plpgsql
security definer -- conflicts are no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
begin
  perform mentorcert_private.require_reason(reason);
  if not exists (
    select from mentorcert_portal.conflicts as conflict
    where conflict.id = conflict_id and conflict.organisation_id = organisation
  ) then
    perform mentorcert_private.raise_forbidden();
  end if;
  perform mentorcert_portal.decide_conflict(conflict_id, decision, reason, mentorcert_private.acting_user()::text);
end
$$;
comment on function mentorcert_private.decide_portal_conflict(uuid, text, text) is
  'Decides about what the portal of the organisation that the caller administers holds newer, for a reason.';

-- Notices: what was mailed after the backup is in no ledger.

create or replace function mentorcert_private.release_notices(reason text, skip_before timestamptz, released_by text default session_user)
returns table (reminders integer, digests integer)
language plpgsql
set search_path = ''
as $$
begin
  perform mentorcert_private.require_instants(jsonb_build_object('skip_before', skip_before));
  update mentorcert_private.restores as restore
  set
    notices_released_at = now(), notices_released_by = released_by, notices_reason = release_notices.reason,
    notices_skipped_before = skip_before
  where restore.notices_released_at is null;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'no notices are held', hint = 'They are held by `mentorcert restored`.',
      schema = 'mentorcert_private', table = 'restores', constraint = 'notices_held';
  end if;
  insert into mentorcert_private.notices (certification_id, expires_at, days_before, organisation_id, outcome)
  select due.certification_id, due.expires_at, due.days_before, due.organisation_id, 'skipped'
  from mentorcert_private.due_notices(now(), 365) as due
  join mentorcert.organisations as organisation on organisation.id = due.organisation_id
  where (due.last_valid_day + 1 - due.days_before + time '08:00') at time zone organisation.time_zone < skip_before
  on conflict on constraint notices_pkey do nothing;
  get diagnostics reminders = row_count;
  insert into mentorcert_private.notice_mails (organisation_id, kind, user_id, week, covered_until, state)
  select due.organisation_id, 'digest', due.user_id, due.week, due.covered_until, 'empty'
  from mentorcert_private.due_digests(now()) as due
  join mentorcert.organisations as organisation on organisation.id = due.organisation_id
  where (due.week + time '08:00') at time zone organisation.time_zone < skip_before
  on conflict (organisation_id, user_id, week) where state <> 'released' do nothing;
  get diagnostics digests = row_count;
  return next;
end
$$;
comment on function mentorcert_private.release_notices(text, timestamptz, text) is
  'Lets notices go out again after a restore; those that were due before an instant count as sent. Returns how many reminders and digests those are.';

-- The journal: erasures, withdrawals and ended memberships as keyed hashes, kept where a restore of the database does not reach.

create table if not exists mentorcert_private.journals (
  is_only boolean not null default true,
  complete_at timestamptz not null default now(),
  error text,
  foreign_since timestamptz,
  constraint journals_pkey primary key (is_only),
  constraint journals_is_only_valid check (is_only),
  constraint journals_error_length check (length(error) <= 500)
);
alter table mentorcert_private.journals enable row level security;
revoke all on mentorcert_private.journals from public, anon, authenticated, service_role;
comment on table mentorcert_private.journals is 'The journal that is kept outside, one at most: how far it goes.';
comment on column mentorcert_private.journals.complete_at is 'What was recorded before is in it.';
comment on column mentorcert_private.journals.error is 'Why it could not be written the last time; null: it could.';
comment on column mentorcert_private.journals.foreign_since is
  'Since when it is known to hold a mark that this database never made: the database went back in time.';

create table if not exists mentorcert_private.journal_marks (
  mark uuid not null default gen_random_uuid(),
  marked_at timestamptz not null default clock_timestamp(),
  constraint journal_marks_pkey primary key (mark)
);
alter table mentorcert_private.journal_marks enable row level security;
revoke all on mentorcert_private.journal_marks from public, anon, authenticated, service_role;
comment on table mentorcert_private.journal_marks is
  'Each writing of the journal leaves a mark here, then there. A mark that is there and not here was made after the backup that was restored.';

create index if not exists peer_mentors_erased_at_idx on mentorcert.peer_mentors (erased_at) where erased_at is not null;
create index if not exists listing_consents_withdrawn_idx on mentorcert.listing_consents (recorded_at) where not is_given;
create index if not exists memberships_ended_administrators_idx on mentorcert.memberships (ended_at) where role = 'org_admin';

create or replace function mentorcert_private.journal_entries()
returns table (at timestamptz, kind text, digest text)
language sql
stable
security definer -- so that a process's role learns no id
set search_path = ''
as $$
  select
    happened.at, happened.kind,
    encode(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(concat_ws(' ', 'journal', happened.kind, happened.id), 'UTF8'))), 'hex')
  from mentorcert_private.erasure_keys as key
  cross join (
    select mentor.erased_at, 'erased', mentor.id from mentorcert.peer_mentors as mentor where mentor.erased_at is not null
    union all
    select act.recorded_at, 'withdrawn', act.peer_mentor_id from mentorcert.listing_consents as act where not act.is_given
    union all
    select membership.ended_at, 'ended', membership.id from mentorcert.memberships as membership
    where membership.role = 'org_admin' and membership.ended_at <= statement_timestamp()
  ) as happened (at, kind, id)
$$;
comment on function mentorcert_private.journal_entries() is
  'What must not be forgotten by a restore: each erasure, withdrawal of a consent and ended membership of an administrator. The digest says whose to nobody without the key, which is in every backup.';

create or replace function mentorcert_private.journal_lacks()
returns boolean
language sql
stable
security definer -- so that a process's role needs this function only
set search_path = ''
as $$
  select since.at is null
    or exists (select from mentorcert.peer_mentors as mentor where mentor.erased_at > since.at)
    or exists (select from mentorcert.listing_consents as act where not act.is_given and act.recorded_at > since.at)
    or exists (
      select from mentorcert.memberships as membership
      where membership.role = 'org_admin' and membership.ended_at > since.at and membership.ended_at <= statement_timestamp()
    )
  -- What began a minute before, and has ended since; longer transactions wait for the next full look.
  from (select (select journal.complete_at - interval '1 minute' from mentorcert_private.journals as journal) as at) as since
$$;
comment on function mentorcert_private.journal_lacks() is
  'Whether the journal may lack something of late, by three looks at an index: asked before removals are sent.';

create or replace function mentorcert_private.mark_journal(mark_there uuid)
returns table (mark uuid, at timestamptz)
language plpgsql
security definer -- so that a process's role needs this function only
set search_path = ''
as $$
begin
  at := clock_timestamp();
  if mark_there is not null and not exists (select from mentorcert_private.journal_marks as known where known.mark = mark_there) then
    insert into mentorcert_private.journals as journal (foreign_since) values (at)
    on conflict on constraint journals_pkey do update set foreign_since = coalesce(journal.foreign_since, excluded.foreign_since);
    -- It stays: it is what proves it.
    mark := mark_there;
  else
    insert into mentorcert_private.journal_marks as made default values returning made.mark into mark;
  end if;
  return next;
end
$$;
comment on function mentorcert_private.mark_journal(uuid) is
  'Given the mark that the journal holds, returns the one to write into it now, and the instant: what was recorded before is among the entries that are read next. Committed before the journal is written. A mark that was not made here is kept, and is an alarm.';

create or replace function mentorcert_private.note_journal(mark uuid, at timestamptz, error text)
returns void
language sql
security definer -- so that a process's role needs this function only
set search_path = ''
as $$
  insert into mentorcert_private.journals as journal (complete_at, error)
  values (coalesce(note_journal.at, now()), left(note_journal.error, 500))
  on conflict on constraint journals_pkey do update
  set
    complete_at = case when excluded.error is null then greatest(journal.complete_at, excluded.complete_at) else journal.complete_at end,
    error = excluded.error;
  -- What is there now is this mark or a later one.
  delete from mentorcert_private.journal_marks as earlier
  using mentorcert_private.journal_marks as written
  where note_journal.error is null and written.mark = note_journal.mark and earlier.marked_at < written.marked_at
$$;
comment on function mentorcert_private.note_journal(uuid, timestamptz, text) is
  'Notes that the journal was written, with this mark and all that was recorded before the instant; or why it could not be.';

create or replace function mentorcert_private.end_journal()
returns void
language sql
set search_path = ''
as $$
  delete from mentorcert_private.journal_marks;
  delete from mentorcert_private.journals
$$;
comment on function mentorcert_private.end_journal() is 'Says that no journal is kept any more, so that none can be late.';

create or replace function mentorcert_private.registry_watch()
returns table (unreported text, journal_late_s double precision, journal_error text)
language sql
stable
security definer -- so that a process's role needs this function only
set search_path = ''
as $$
  select
    case
      when journal.foreign_since is not null then 'the journal was written by this database in a time that it does not know'
      when server.system_identifier <> known.system_identifier then 'the database is on another server than before'
      when server.timeline > known.timeline then 'the server was recovered, or a standby took over'
      when server.timeline < known.timeline then 'the server went back to an earlier timeline'
    end,
    extract(epoch from now() - journal.complete_at)::double precision,
    journal.error
  from (select) as one
  left join mentorcert_private.journals as journal on true
  left join mentorcert_private.known_server as known on true
  left join mentorcert_private.current_server() as server on true
$$;
comment on function mentorcert_private.registry_watch() is
  'Why a restore may have been forgotten, null: it was not; for how long the journal has not been complete, null: none is kept; and why.';

create or replace function mentorcert_private.accept_failover(reason text, mark uuid, accepted_by text default session_user)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if mark is not null and not exists (select from mentorcert_private.journal_marks as known where known.mark = accept_failover.mark)
    or exists (select from mentorcert_private.journals as journal where journal.foreign_since is not null)
  then
    raise exception using
      errcode = 'MC008', message = 'the journal knows more than the database: something was lost',
      hint = 'Run `mentorcert restored --reason …` without --nothing-lost.',
      schema = 'mentorcert_private', table = 'journals', constraint = 'journal_knows_more';
  end if;
  perform mentorcert_private.accept_server(reason, accepted_by);
end
$$;
comment on function mentorcert_private.accept_failover(text, uuid, text) is
  'Says that the database moved to another server without losing anything; refused where the journal, whose mark is given, proves otherwise.';

create or replace function mentorcert_private.repeat_journal(lines jsonb)
returns table (kind text, id uuid)
language plpgsql
set search_path = ''
as $$
declare
  line record;
begin
  -- What it holds is known from here on.
  insert into mentorcert_private.journal_marks (mark)
  select given.digest::uuid from jsonb_to_recordset(lines) as given (kind text, digest text)
  where given.kind = 'mark'
  on conflict on constraint journal_marks_pkey do nothing;
  for line in
    with known as (
      select candidate.kind, candidate.id,
        encode(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(concat_ws(' ', 'journal', candidate.kind, candidate.id), 'UTF8'))), 'hex') as digest
      from mentorcert_private.erasure_keys as key
      cross join (
        select 'erased', mentor.id from mentorcert.peer_mentors as mentor where mentor.erased_at is null and mentor.merged_into is null
        union all
        select 'withdrawn', mentor.id from mentorcert.peer_mentors as mentor where mentor.listing_consent
        union all
        select 'ended', membership.id from mentorcert.memberships as membership
        where membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      ) as candidate (kind, id)
    )
    select known.kind, known.id, max(given.at) as at
    from jsonb_to_recordset(lines) as given (at timestamptz, kind text, digest text)
    join known on known.kind = given.kind and known.digest = given.digest
    group by known.kind, known.id
    order by known.kind <> 'erased', known.kind, known.id
  loop
    if line.kind = 'erased' then
      perform mentorcert_private.erase_peer_mentor(line.id);
    elsif line.kind = 'ended' then
      update mentorcert.memberships as membership set ended_at = now() where membership.id = line.id;
    -- A consent that was given again later, by what the backup knows, stands.
    elsif exists (
      select from mentorcert.listing_consents as act where act.peer_mentor_id = line.id and act.recorded_at >= line.at
    ) then
      continue;
    else
      update mentorcert.peer_mentors as mentor set listing_consent = false where mentor.id = line.id and mentor.listing_consent;
      -- An erasure has withdrawn it.
      continue when not found;
    end if;
    kind := line.kind;
    id := line.id;
    return next;
  end loop;
end
$$;
comment on function mentorcert_private.repeat_journal(jsonb) is
  'Repeats what a restored database has forgotten, given as the lines of the journal: erases, withdraws, ends. Returns what it was.';

revoke execute on function
  mentorcert_private.journal_entries, mentorcert_private.journal_lacks, mentorcert_private.mark_journal,
  mentorcert_private.note_journal, mentorcert_private.end_journal, mentorcert_private.registry_watch,
  mentorcert_private.accept_failover, mentorcert_private.repeat_journal,
  mentorcert_portal.is_newer, mentorcert_portal.begin_epoch, mentorcert_portal.compare_epochs, mentorcert_portal.release_held,
  mentorcert_portal.decide_conflict, mentorcert_private.decide_portal_conflict, mentorcert_private.release_notices
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.decide_portal_conflict to authenticated;
grant execute on function
  mentorcert_private.see_server, mentorcert_private.journal_entries, mentorcert_private.journal_lacks, mentorcert_private.mark_journal,
  mentorcert_private.note_journal, mentorcert_private.registry_watch
to mentorcert_monitoring;
