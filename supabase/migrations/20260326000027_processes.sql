-- What the login roles of the processes may do: of each, exactly what its commands ask.
--
-- mentorcert portal worker is mentorcert_portal, mentorcert portal receive is mentorcert_receiver. Both of them, and mentorcert worker, watch the
-- portals as mentorcert_monitoring: they read the columns that administrators read of their own organisation, of all organisations.

-- How the sync stands, and the alerts

grant usage on schema mentorcert_portal, mentorcert, mentorcert_private to mentorcert_monitoring;
grant select (id, slug, time_zone) on mentorcert.organisations to mentorcert_monitoring;
grant
  select (organisation_id, mode, mode_since, canary_peer_mentor_ids, changed_at, changed_by, reason, adapter, contract_version, misdirected_at, breaker, breaker_reason, breaker_since, held_since)
on mentorcert_portal.connections to mentorcert_monitoring;
grant
  select (organisation_id, peer_mentor_id, state, content, confirmed_version, shown, is_removal, removal_due_at, next_attempt_at, error_class, first_dirty_at)
on mentorcert_portal.states to mentorcert_monitoring;
grant select (organisation_id, outcome, attempts) on mentorcert_portal.attempt_counts to mentorcert_monitoring;
grant select (worker, started_at, seen_at) on mentorcert_portal.workers to mentorcert_monitoring;
grant select (organisation_id, place, expires) on mentorcert_portal.secrets to mentorcert_monitoring;
grant select (organisation_id, state, received_at, action) on mentorcert_portal.inbox to mentorcert_monitoring;
grant select (log, keep) on mentorcert_portal.retention to mentorcert_monitoring;
grant
  select (id, organisation_id, scope, is_dry_run, finished_at, outcome, reason)
on mentorcert_portal.reconciliations to mentorcert_monitoring;
grant
  select (id, organisation_id, kind, peer_mentor_id, external_id, found_at, repaired_at)
on mentorcert_portal.drift to mentorcert_monitoring;
grant select on mentorcert_portal.unconfirmed_removals, mentorcert_portal.state_overview to mentorcert_monitoring;
grant execute on function
  mentorcert_portal.plan_alerts, mentorcert_portal.claim_alert_notices, mentorcert_portal.report_alert_notices,
  mentorcert_portal.unsent_alerts, mentorcert_portal.heartbeat_url, mentorcert_portal.report_heartbeat
to mentorcert_monitoring;

drop policy if exists "processes read which organisations there are" on mentorcert.organisations;
create policy "processes read which organisations there are"
on mentorcert.organisations for select to mentorcert_monitoring
using (true);
comment on policy "processes read which organisations there are" on mentorcert.organisations is 'Their slugs, which stand in every log line and metric.';

drop policy if exists "processes read every connection" on mentorcert_portal.connections;
create policy "processes read every connection"
on mentorcert_portal.connections for select to mentorcert_monitoring
using (true);
comment on policy "processes read every connection" on mentorcert_portal.connections is 'But not its target.';

drop policy if exists "processes read every state" on mentorcert_portal.states;
create policy "processes read every state"
on mentorcert_portal.states for select to mentorcert_monitoring
using (true);
comment on policy "processes read every state" on mentorcert_portal.states is 'What should be sent is without names; see mentorcert_portal.unconfirmed_removals.';

drop policy if exists "processes read the counts of every organisation" on mentorcert_portal.attempt_counts;
create policy "processes read the counts of every organisation"
on mentorcert_portal.attempt_counts for select to mentorcert_monitoring
using (true);
comment on policy "processes read the counts of every organisation" on mentorcert_portal.attempt_counts is 'For metrics.';

drop policy if exists "processes read which workers live" on mentorcert_portal.workers;
create policy "processes read which workers live"
on mentorcert_portal.workers for select to mentorcert_monitoring
using (true);
comment on policy "processes read which workers live" on mentorcert_portal.workers is 'A worker that is silent is an alert.';

drop policy if exists "processes read when secrets expire" on mentorcert_portal.secrets;
create policy "processes read when secrets expire"
on mentorcert_portal.secrets for select to mentorcert_monitoring
using (true);
comment on policy "processes read when secrets expire" on mentorcert_portal.secrets is 'The secrets themselves lie in no table.';

drop policy if exists "processes count the messages" on mentorcert_portal.inbox;
create policy "processes count the messages"
on mentorcert_portal.inbox for select to mentorcert_monitoring
using (true);
comment on policy "processes count the messages" on mentorcert_portal.inbox is 'How many wait and since when; what they hold is not granted.';

drop policy if exists "processes read how long messages are kept" on mentorcert_portal.retention;
create policy "processes read how long messages are kept"
on mentorcert_portal.retention for select to mentorcert_monitoring
using (true);
comment on policy "processes read how long messages are kept" on mentorcert_portal.retention is 'A message that lapses soon is a warning.';

drop policy if exists "processes read every reconciliation" on mentorcert_portal.reconciliations;
create policy "processes read every reconciliation"
on mentorcert_portal.reconciliations for select to mentorcert_monitoring
using (true);
comment on policy "processes read every reconciliation" on mentorcert_portal.reconciliations is 'When the portals were compared last.';

drop policy if exists "processes read all drift" on mentorcert_portal.drift;
create policy "processes read all drift"
on mentorcert_portal.drift for select to mentorcert_monitoring
using (true);
comment on policy "processes read all drift" on mentorcert_portal.drift is 'What differs, without names.';

-- A process says that it is not ready while the database is older than its own files. The ledger is the Supabase CLI's as well.
do $$
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    grant usage on schema supabase_migrations to mentorcert_monitoring;
    grant select (version, statements, name) on supabase_migrations.schema_migrations to mentorcert_monitoring;
    grant usage on schema supabase_migrations to mentorcert_web, mentorcert_tasks;
    grant select (version) on supabase_migrations.schema_migrations to mentorcert_web, mentorcert_tasks;
  end if;
end
$$;

-- mentorcert portal worker

grant execute on function
  mentorcert_portal.due, mentorcert_portal.claim, mentorcert_portal.mode_of, mentorcert_portal.acknowledge, mentorcert_portal.fail,
  mentorcert_portal.release, mentorcert_portal.requeue, mentorcert_portal.heartbeat,
  mentorcert_portal.reconciliations_due, mentorcert_portal.start_reconciliation, mentorcert_portal.renew_reconciliation,
  mentorcert_portal.compare, mentorcert_portal.record_drift, mentorcert_portal.repair_next, mentorcert_portal.finish_reconciliation,
  mentorcert_portal.fetching_connections, mentorcert_portal.claim_fetches, mentorcert_portal.record_fetched,
  mentorcert_portal.give_up_fetch, mentorcert_portal.postpone_fetch,
  mentorcert_portal.requested_replay, mentorcert_portal.replay_next, mentorcert_portal.delete_outdated, mentorcert_portal.record_secrets
to mentorcert_portal;

-- mentorcert portal receive

grant execute on function
  mentorcert_portal.store_message, mentorcert_portal.claim_message, mentorcert_portal.settle_message, mentorcert_portal.postpone_message,
  mentorcert_portal.lock_record, mentorcert_portal.last_sequence, mentorcert_portal.delete_bodies, mentorcert_portal.find_peer_mentor,
  mentorcert_portal.renew, mentorcert_portal.withdraw_consent, mentorcert_portal.give_external_id, mentorcert_portal.record_secrets
to mentorcert_receiver;

-- The tasks: the people and certifications of an organisation, while a task that its administrator asked for is done.
--
-- mentorcert tasks work connects as mentorcert_tasks. Tasks are taken up and ended by functions; an import and an export read and write the tables
-- themselves, under policies of their own. An import needs temporary tables: a function makes them, so that no login role needs the right to.

create or replace function mentorcert_private.running_task_organisation_ids()
returns uuid[]
language sql
stable
security definer -- the tasks are for functions alone, and policies ask
set search_path = ''
as $$
  select coalesce(array_agg(distinct task.organisation_id), '{}') from mentorcert_private.tasks as task where task.state = 'running'
$$;
comment on function mentorcert_private.running_task_organisation_ids() is 'The organisations for which a task is being done now.';

create or replace function mentorcert_private.require_running_task(organisation_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if session_user <> current_user and organisation_id <> all(mentorcert_private.running_task_organisation_ids()) then
    raise exception using
      errcode = '42501', message = 'no task of this organisation is being done', hint = 'Ask for it in the pages.',
      schema = 'mentorcert_private', table = 'tasks', constraint = 'task_right';
  end if;
end
$$;
comment on function mentorcert_private.require_running_task(uuid) is 'Refuses (42501) to a login role an organisation without a running task.';

-- Imports

create or replace function mentorcert_private.lock_import(slug text)
returns table (id uuid, time_zone text)
language plpgsql
security definer -- an organisation is no task's to lock, nor the names of locks to choose
set search_path = ''
as $$
begin
  select organisation.id, organisation.time_zone into lock_import.id, lock_import.time_zone
  from mentorcert.organisations as organisation
  where organisation.slug = lock_import.slug
  -- The public list's triggers take this lock later, where waiting for it could be waiting in a circle.
  for share;
  if found then
    perform mentorcert_private.require_running_task(lock_import.id), mentorcert_private.take_lock('import ' || lock_import.id);
    return next;
  end if;
end
$$;
comment on function mentorcert_private.lock_import(text) is
  'The organisation into which a file is imported, locked: its imports run one after the other, so that the second sees what the first has written.';

create or replace function mentorcert_private.create_import_staging()
returns void
language plpgsql
security definer -- makes temporary tables, which no login role may: a temporary type could run with the rights of our functions
set search_path = ''
as $$
begin
  create temporary table import_rows (
    line integer primary key,
    row_is_bad boolean not null,
    person_is_bad boolean not null,
    external_id text,
    full_name text,
    email text,
    phone text,
    chapters text[],
    listing_consent boolean,
    certification_type text,
    issued date,
    expires date,
    past_starts date[],
    past_ends date[]
  ) on commit drop;
  create temporary table import_chapters (
    word text primary key,
    chapter_id uuid,
    code text,
    matches integer not null
  ) on commit drop;
  create temporary table import_types (
    word text primary key,
    code text,
    matches integer not null
  ) on commit drop;
  create temporary table import_certifications (
    line integer primary key,
    external_id text not null,
    certification_type text not null,
    validity_rule text not null,
    validity_months integer,
    early_renewal_days integer,
    issued date not null,
    stated_expires date,
    expires date,
    certification_id uuid,
    held_issued date,
    held_expires date,
    held_status text
  ) on commit drop;
  create temporary table import_periods (
    line integer not null,
    position integer not null,
    starts date not null,
    stated_ends date,
    ends date,
    is_current boolean not null,
    primary key (line, position)
  ) on commit drop;
  create temporary table import_history (
    certification_id uuid not null,
    position bigint not null,
    issued date not null,
    expires date not null,
    is_newest boolean not null
  ) on commit drop;
  -- One row for each chapter of a person, one without a chapter for a person in none.
  create temporary table import_memberships (
    peer_mentor_id uuid not null,
    chapter_id uuid
  ) on commit drop;
  create temporary table import_problems (
    line integer not null,
    column_name text not null,
    problem text not null,
    detail text,
    is_of_person boolean not null default false
  ) on commit drop;
  grant select, insert, update, delete on table
    pg_temp.import_rows, pg_temp.import_chapters, pg_temp.import_types, pg_temp.import_certifications, pg_temp.import_periods,
    pg_temp.import_history, pg_temp.import_memberships, pg_temp.import_problems
  to mentorcert_tasks;
end
$$;
comment on function mentorcert_private.create_import_staging() is 'Makes the temporary tables of an import, until the transaction ends.';

create or replace function mentorcert_private.drop_import_staging()
returns void
language plpgsql
security definer -- they are the owner's
set search_path = ''
as $$
begin
  drop table
    pg_temp.import_rows, pg_temp.import_chapters, pg_temp.import_types, pg_temp.import_certifications,
    pg_temp.import_periods, pg_temp.import_history, pg_temp.import_memberships, pg_temp.import_problems;
end
$$;
comment on function mentorcert_private.drop_import_staging() is 'Drops them before that, for another import in the same transaction.';

create or replace function mentorcert_private.analyze_import(step text)
returns void
language plpgsql
security definer -- only the owner of a table has its statistics taken
set search_path = ''
as $$
begin
  case step
    when 'rows' then
      analyze pg_temp.import_rows;
    when 'certifications' then
      analyze pg_temp.import_certifications, pg_temp.import_periods;
    when 'memberships' then
      analyze pg_temp.import_memberships;
    when 'peer_mentors' then
      -- By what the steps that follow join. Of the whole table, the server would also fold tens of thousands of names for its indexes.
      analyze mentorcert.peer_mentors (id, organisation_id, external_id);
  end case;
end
$$;
comment on function mentorcert_private.analyze_import(text) is 'Has statistics taken of what a step of an import has filled: rows, certifications, memberships, peer_mentors.';

create or replace function mentorcert_private.erased_kinds(organisation_id uuid, external_id text, email text)
returns setof text
language sql
stable
rows 1
security definer -- the hashes, and their key, are nobody's to read
set search_path = ''
as $$
  select erased.kind
  from mentorcert_private.matching_erasures(erased_kinds.organisation_id, erased_kinds.external_id, erased_kinds.email) as erased
  where
    session_user = current_user
    or erased_kinds.organisation_id = any(mentorcert_private.running_task_organisation_ids())
$$;
comment on function mentorcert_private.erased_kinds(uuid, text, text) is 'Of a number and an address: which was an erased person''s.';

create or replace function mentorcert_private.has_erased(organisation_id uuid)
returns boolean
language sql
stable
security definer -- the hashes are nobody's to read
set search_path = ''
as $$
  select exists (select from mentorcert_private.erased_identities as erased where erased.organisation_id = has_erased.organisation_id)
$$;
comment on function mentorcert_private.has_erased(uuid) is 'Whether anybody was erased in an organisation.';

-- What a process says of the task that it has taken up, by the token of its lease

create or replace function mentorcert_private.prolong_task(id uuid, lease_token uuid, step text, done bigint, total bigint, lease interval)
returns boolean
language plpgsql
security definer -- the tasks are for functions alone
set search_path = ''
as $$
begin
  update mentorcert_private.tasks as task
  set
    step = coalesce(prolong_task.step, task.step), done = prolong_task.done, total = prolong_task.total,
    lease_until = clock_timestamp() + least(lease, interval '1 hour')
  where task.id = prolong_task.id and task.lease_token = prolong_task.lease_token;
  return found;
end
$$;
comment on function mentorcert_private.prolong_task(uuid, uuid, text, bigint, bigint, interval) is
  'Notes how far a task has come; false where it was cancelled, or is somebody else''s by now.';

create or replace function mentorcert_private.add_task_rows(
  id uuid, lease_token uuid, lines integer[], verdicts text[], warnings boolean[], contents text[]
)
returns void
language sql
security definer -- the tasks are for functions alone
set search_path = ''
as $$
  insert into mentorcert_private.task_rows (task_id, line, organisation_id, verdict, has_warning, content)
  select task.id, row.line, task.organisation_id, row.verdict, row.has_warning, row.content::jsonb
  from mentorcert_private.tasks as task
  cross join lateral unnest(lines, verdicts, warnings, contents) as row (line, verdict, has_warning, content)
  where task.id = add_task_rows.id and task.lease_token = add_task_rows.lease_token
$$;
comment on function mentorcert_private.add_task_rows(uuid, uuid, integer[], text[], boolean[], text[]) is 'Keeps what a task does with rows of its file.';

create or replace function mentorcert_private.finish_task(
  id uuid, lease_token uuid, state text, result jsonb, result_file_name text, result_file bytea, error jsonb, notes jsonb
)
returns boolean
language plpgsql
security definer -- the tasks are for functions alone
set search_path = ''
as $$
begin
  update mentorcert_private.tasks as task
  set
    state = finish_task.state, result = finish_task.result, result_file_name = finish_task.result_file_name,
    result_file = finish_task.result_file, error = finish_task.error, notes = finish_task.notes,
    file = case when task.kind = 'import_preview' and finish_task.state = 'done' then task.file end,
    finished_at = clock_timestamp(), lease_token = null, lease_until = null
  where task.id = finish_task.id and task.lease_token = finish_task.lease_token;
  return found;
end
$$;
comment on function mentorcert_private.finish_task(uuid, uuid, text, jsonb, text, bytea, jsonb, jsonb) is
  'Writes the result of a task; false where it was cancelled, or is somebody else''s by now.';

create or replace function mentorcert_private.give_back_task(id uuid, lease_token uuid, attempts integer)
returns void
language sql
security definer -- the tasks are for functions alone
set search_path = ''
as $$
  update mentorcert_private.tasks as task
  set state = 'queued', attempts = greatest(give_back_task.attempts, 0), lease_token = null, lease_until = null
  where task.id = give_back_task.id and task.lease_token = give_back_task.lease_token
$$;
comment on function mentorcert_private.give_back_task(uuid, uuid, integer) is 'Leaves a task for the next process.';

revoke execute on function
  mentorcert_private.running_task_organisation_ids, mentorcert_private.require_running_task, mentorcert_private.lock_import,
  mentorcert_private.create_import_staging, mentorcert_private.drop_import_staging, mentorcert_private.analyze_import,
  mentorcert_private.erased_kinds, mentorcert_private.has_erased, mentorcert_private.prolong_task, mentorcert_private.add_task_rows,
  mentorcert_private.finish_task, mentorcert_private.give_back_task
from public, anon, authenticated, service_role;

-- The login role

grant usage on schema mentorcert, mentorcert_private to mentorcert_tasks;
grant execute on function
  mentorcert_private.claim_task, mentorcert_private.prolong_task, mentorcert_private.add_task_rows, mentorcert_private.finish_task,
  mentorcert_private.give_back_task, mentorcert_private.delete_outdated_tasks,
  mentorcert_private.lock_import, mentorcert_private.create_import_staging, mentorcert_private.drop_import_staging,
  mentorcert_private.analyze_import, mentorcert_private.erased_kinds, mentorcert_private.has_erased,
  mentorcert_private.running_task_organisation_ids
to mentorcert_tasks;
-- What their statements and the triggers of the tables call
grant execute on function
  mentorcert_private.acting_user, mentorcert_private.canonical_email, mentorcert_private.canonical_line,
  mentorcert_private.canonical_text, mentorcert_private.check_endpoint, mentorcert_private.counted_from,
  mentorcert_private.current_history_version, mentorcert_private.day_of, mentorcert_private.day_starts,
  mentorcert_private.entry_of_prolongation, mentorcert_private.entry_of_reversal, mentorcert_private.folded, mentorcert_private.history_is_in_events, mentorcert_private.is_email, mentorcert_private.is_number,
  mentorcert_private.is_phone, mentorcert_private.is_readable, mentorcert_private.is_readable_line,
  mentorcert_private.last_valid_day, mentorcert_private.number_key,
  mentorcert_private.replaced_history, mentorcert_private.require_certifications, mentorcert_private.search_key,
  mentorcert_private.search_keys, mentorcert_private.set_change_context, mentorcert_private.sort_key,
  mentorcert_private.unaccented, public.certification_history
to mentorcert_tasks;
grant select (id, slug, name, time_zone, version) on mentorcert.organisations to mentorcert_tasks;
grant select on mentorcert.chapters, mentorcert.certification_types, mentorcert.certification_renewal_events to mentorcert_tasks;
grant select (organisation_id, peer_mentor_id, is_given, recorded_at) on mentorcert.listing_consents to mentorcert_tasks;
grant
  select, insert (id, organisation_id, external_id, full_name, email, phone, listing_consent, chapter_ids),
  update (full_name, email, phone, listing_consent)
on mentorcert.peer_mentors to mentorcert_tasks;
grant select, insert (organisation_id, peer_mentor_id, chapter_id), update (ended_at)
on mentorcert.peer_mentor_chapters to mentorcert_tasks;
grant
  select, insert (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, status, renewal_history),
  update (issued_at, expires_at)
on public.peer_mentor_certifications to mentorcert_tasks;

drop policy if exists "tasks read their organisation" on mentorcert.organisations;
create policy "tasks read their organisation"
on mentorcert.organisations for select to mentorcert_tasks
using (id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read their organisation" on mentorcert.organisations is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read chapters of their organisation" on mentorcert.chapters;
create policy "tasks read chapters of their organisation"
on mentorcert.chapters for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read chapters of their organisation" on mentorcert.chapters is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read types of their organisation" on mentorcert.certification_types;
create policy "tasks read types of their organisation"
on mentorcert.certification_types for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read types of their organisation" on mentorcert.certification_types is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read peer mentors of their organisation" on mentorcert.peer_mentors;
create policy "tasks read peer mentors of their organisation"
on mentorcert.peer_mentors for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read peer mentors of their organisation" on mentorcert.peer_mentors is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks add peer mentors of their organisation" on mentorcert.peer_mentors;
create policy "tasks add peer mentors of their organisation"
on mentorcert.peer_mentors for insert to mentorcert_tasks
with check (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks add peer mentors of their organisation" on mentorcert.peer_mentors is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks change peer mentors of their organisation" on mentorcert.peer_mentors;
create policy "tasks change peer mentors of their organisation"
on mentorcert.peer_mentors for update to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]))
with check (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks change peer mentors of their organisation" on mentorcert.peer_mentors is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read chapters of peer mentors of their organisation" on mentorcert.peer_mentor_chapters;
create policy "tasks read chapters of peer mentors of their organisation"
on mentorcert.peer_mentor_chapters for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read chapters of peer mentors of their organisation" on mentorcert.peer_mentor_chapters is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks add chapters of peer mentors of their organisation" on mentorcert.peer_mentor_chapters;
create policy "tasks add chapters of peer mentors of their organisation"
on mentorcert.peer_mentor_chapters for insert to mentorcert_tasks
with check (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks add chapters of peer mentors of their organisation" on mentorcert.peer_mentor_chapters is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks change chapters of peer mentors of their organisation" on mentorcert.peer_mentor_chapters;
create policy "tasks change chapters of peer mentors of their organisation"
on mentorcert.peer_mentor_chapters for update to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]))
with check (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks change chapters of peer mentors of their organisation" on mentorcert.peer_mentor_chapters is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read certifications of their organisation" on public.peer_mentor_certifications;
create policy "tasks read certifications of their organisation"
on public.peer_mentor_certifications for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read certifications of their organisation" on public.peer_mentor_certifications is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks add certifications of their organisation" on public.peer_mentor_certifications;
create policy "tasks add certifications of their organisation"
on public.peer_mentor_certifications for insert to mentorcert_tasks
with check (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks add certifications of their organisation" on public.peer_mentor_certifications is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks change certifications of their organisation" on public.peer_mentor_certifications;
create policy "tasks change certifications of their organisation"
on public.peer_mentor_certifications for update to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]))
with check (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks change certifications of their organisation" on public.peer_mentor_certifications is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read histories of their organisation" on mentorcert.certification_renewal_events;
create policy "tasks read histories of their organisation"
on mentorcert.certification_renewal_events for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read histories of their organisation" on mentorcert.certification_renewal_events is
  'Of an organisation whose administrator has asked for a task, while it runs.';

drop policy if exists "tasks read consents of their organisation" on mentorcert.listing_consents;
create policy "tasks read consents of their organisation"
on mentorcert.listing_consents for select to mentorcert_tasks
using (organisation_id = any((select mentorcert_private.running_task_organisation_ids())::uuid[]));
comment on policy "tasks read consents of their organisation" on mentorcert.listing_consents is
  'Of an organisation whose administrator has asked for a task, while it runs.';
