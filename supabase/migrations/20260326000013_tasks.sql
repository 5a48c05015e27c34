-- Long work that an administrator asks for in the pages: an import with its preview, an export.
--
-- Who answers requests has few rights and little time. So a request only stores the work; a process with rights of
-- its own (mentorcert tasks work) does it, and the pages show how far it has come.

create table if not exists mentorcert_private.tasks (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  requested_by uuid not null,
  kind text not null,
  state text not null default 'queued',
  options jsonb not null default '{}',
  preview_id uuid,
  file_name text,
  file bytea,
  step text,
  done bigint not null default 0,
  total bigint not null default 0,
  result jsonb,
  result_file_name text,
  result_file bytea,
  error jsonb,
  notes jsonb,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  contents_deleted_at timestamptz,
  attempts integer not null default 0,
  lease_token uuid,
  lease_until timestamptz,
  constraint tasks_pkey primary key (id),
  constraint tasks_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint tasks_preview_id_fkey foreign key (preview_id) references mentorcert_private.tasks (id) on delete set null,
  constraint tasks_kind_valid check (kind in ('import_preview', 'import', 'export')),
  constraint tasks_state_valid check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  constraint tasks_file_valid check (octet_length(file) between 1 and 20971520),
  constraint tasks_file_name_valid check (char_length(file_name) between 1 and 200),
  constraint tasks_lease_valid check ((state = 'running') = (lease_token is not null and lease_until is not null)),
  constraint tasks_finished_at_valid check ((state in ('queued', 'running')) = (finished_at is null)),
  constraint tasks_error_valid check ((state = 'failed') = (error is not null))
);
create index if not exists tasks_organisation_id_idx on mentorcert_private.tasks (organisation_id, created_at desc, id);
create index if not exists tasks_open_idx on mentorcert_private.tasks (created_at) where state in ('queued', 'running');
create index if not exists tasks_contents_idx on mentorcert_private.tasks (finished_at) where contents_deleted_at is null;
create index if not exists tasks_finished_at_idx on mentorcert_private.tasks (finished_at);
create index if not exists tasks_preview_id_idx on mentorcert_private.tasks (preview_id);
alter table mentorcert_private.tasks enable row level security;
revoke all on mentorcert_private.tasks from public, anon, authenticated, service_role;
grant select (
  id, organisation_id, requested_by, kind, state, options, preview_id, file_name, step, done, total, result,
  result_file_name, result_file, error, notes, created_at, started_at, finished_at, contents_deleted_at
) on mentorcert_private.tasks to authenticated;
comment on table mentorcert_private.tasks is
  'Imports and exports that administrators asked for. What holds personal data (file, result_file, task_rows, names) is deleted when it is needed no more, at the latest a day after the end; the rest after 90 days.';
comment on column mentorcert_private.tasks.requested_by is 'The login; must still be an administrator when the work begins.';
comment on column mentorcert_private.tasks.options is
  'import: skip_bad; export: format (csv, xlsx) and language (nb, en).';
comment on column mentorcert_private.tasks.preview_id is 'Of an import: the preview that it confirms, whose very file it is.';
comment on column mentorcert_private.tasks.step is 'What is being done, with how much of it is done, of how much.';
comment on column mentorcert_private.tasks.result is 'Counts, without personal data.';
comment on column mentorcert_private.tasks.result_file is 'An export, or the rows that an import left out.';
comment on column mentorcert_private.tasks.error is 'Why it failed: kind, and the text and hint with their values apart, so that it can be translated.';
comment on column mentorcert_private.tasks.notes is
  'What of the file was read, and what somebody may have missed (sheets, hidden rows); names of sheets may be personal data.';
comment on column mentorcert_private.tasks.attempts is 'How often a process has taken it up.';
comment on column mentorcert_private.tasks.lease_until is 'Until when the process that holds it is believed to live; then another takes it up.';

drop policy if exists "administrators read the tasks of their organisation" on mentorcert_private.tasks;
create policy "administrators read the tasks of their organisation"
on mentorcert_private.tasks for select to authenticated
using (
  (select mentorcert_private.check_endpoint('peer_mentors'))
  and (select mentorcert_private.check_endpoint('certifications'))
  and organisation_id = (select mentorcert_private.administered_organisation_id())
);
comment on policy "administrators read the tasks of their organisation" on mentorcert_private.tasks is
  'An import and an export hold what the endpoints peer_mentors and certifications do; with them they are switched off.';

-- What an import does, or would do, with each row of its file.

create table if not exists mentorcert_private.task_rows (
  task_id uuid not null,
  line integer not null,
  organisation_id uuid not null,
  verdict text not null,
  has_warning boolean not null,
  content jsonb not null,
  constraint task_rows_pkey primary key (task_id, line),
  constraint task_rows_task_id_fkey foreign key (task_id) references mentorcert_private.tasks (id) on delete cascade,
  constraint task_rows_verdict_valid check (verdict in ('added', 'changed', 'unchanged', 'left_out', 'bad'))
);
create index if not exists task_rows_verdict_idx on mentorcert_private.task_rows (task_id, verdict, line);
create index if not exists task_rows_warning_idx on mentorcert_private.task_rows (task_id, line) where has_warning;
alter table mentorcert_private.task_rows enable row level security;
revoke all on mentorcert_private.task_rows from public, anon, authenticated, service_role;
grant select (task_id, line, organisation_id, verdict, has_warning, content) on mentorcert_private.task_rows to authenticated;
comment on table mentorcert_private.task_rows is 'What an import does, or would do, with each row of its file, and the row''s problems. Personal data: deleted with the file.';
comment on column mentorcert_private.task_rows.verdict is
  'left_out: the row is good, but the person''s own columns are bad on another; bad: it has an error. The others: what changes in the registry.';

drop policy if exists "administrators read the rows of their organisation's tasks" on mentorcert_private.task_rows;
create policy "administrators read the rows of their organisation's tasks"
on mentorcert_private.task_rows for select to authenticated
using (
  (select mentorcert_private.check_endpoint('peer_mentors'))
  and (select mentorcert_private.check_endpoint('certifications'))
  and organisation_id = (select mentorcert_private.administered_organisation_id())
);
comment on policy "administrators read the rows of their organisation's tasks" on mentorcert_private.task_rows is 'As the tasks.';

-- For clients

create or replace function mentorcert_private.task_organisation()
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  organisation_id constant uuid := mentorcert_private.require_administered_organisation('task_right');
begin
  perform mentorcert_private.check_endpoint('peer_mentors'), mentorcert_private.check_endpoint('certifications');
  -- One at a time, so that two requests at once do not both find room, nor confirm the same preview.
  perform mentorcert_private.take_lock('tasks ' || organisation_id);
  return organisation_id;
end
$$;
comment on function mentorcert_private.task_organisation() is
  'The organisation whose tasks the caller may request and end, locked; refuses (42501) everybody but an administrator.';

create or replace function mentorcert_private.reject_task(violated text, message text, hint text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC008', message = message, hint = hint, schema = 'mentorcert_private', table = 'tasks', constraint = violated;
end
$$;
comment on function mentorcert_private.reject_task(text, text, text) is 'Refuses (MC008) what is asked about a task.';

create or replace function mentorcert_private.delete_task_contents(ids uuid[])
returns void
language sql
set search_path = ''
as $$
  delete from mentorcert_private.task_rows as content where content.task_id = any(ids);
  update mentorcert_private.tasks as task
  set
    file = null, file_name = null, result_file = null, result_file_name = null, notes = null,
    -- The text may quote the file.
    error = case when task.error is not null then jsonb_build_object('kind', task.error -> 'kind') end,
    contents_deleted_at = clock_timestamp()
  where task.id = any(ids);
$$;
comment on function mentorcert_private.delete_task_contents(uuid[]) is 'Deletes whatever of these tasks is or may be personal data; that they were, and their counts, stay.';

create or replace function mentorcert_private.request_task(
  kind text, file_name text default null, file bytea default null, options jsonb default '{}', preview_id uuid default null
)
returns uuid
language plpgsql
security definer -- the tasks are no client's to write
set search_path = ''
as $$
declare
  own_id constant uuid := mentorcert_private.task_organisation();
  preview mentorcert_private.tasks;
  task mentorcert_private.tasks;
begin
  if (
    select count(*) >= 3 from mentorcert_private.tasks as other
    where other.organisation_id = own_id and other.state in ('queued', 'running')
  ) then
    perform mentorcert_private.reject_task(
      'task_open_limit', 'three tasks of the organisation are not finished yet', 'Wait for one of them, or cancel it.'
    );
  end if;
  if kind = 'import' then
    select * into preview from mentorcert_private.tasks as confirmed
    where confirmed.id = request_task.preview_id and confirmed.organisation_id = own_id
      and confirmed.kind = 'import_preview'
    for update;
    if preview.id is null then
      raise exception using
        errcode = '42501', message = 'no such preview, or no right to it', hint = 'Upload the file once more.',
        schema = 'mentorcert_private', table = 'tasks', constraint = 'task_right';
    elsif preview.state <> 'done' or preview.file is null then
      perform mentorcert_private.reject_task(
        'task_preview_usable', 'the preview is not finished, was confirmed already, or its file is deleted',
        'Upload the file once more.'
      );
    elsif (preview.result ->> 'lines_bad')::integer > 0 and not coalesce((options ->> 'skip_bad')::boolean, false) then
      perform mentorcert_private.reject_task(
        'task_preview_good', 'the file has bad rows', 'Correct them and upload the file again, or leave them out.'
      );
    end if;
    file_name := preview.file_name;
    file := preview.file;
  elsif preview_id is not null or kind = 'export' and (file is not null or file_name is not null)
    or kind = 'import_preview' and (file is null or file_name is null)
  then
    perform mentorcert_private.reject_task('task_file', 'a preview needs a file, an export none', 'Leave out what the kind does not take.');
  end if;
  if octet_length(file) > 20971520 then
    perform mentorcert_private.reject_task('task_file_size', 'the file is larger than 20 MiB', 'Divide it into several files.');
  end if;
  insert into mentorcert_private.tasks (organisation_id, requested_by, kind, file_name, file, options, preview_id)
  values (
    own_id, mentorcert_private.acting_user(), kind, file_name, file,
    case kind
      when 'import' then jsonb_build_object('skip_bad', coalesce((options ->> 'skip_bad')::boolean, false))
      when 'export' then jsonb_build_object(
        'format', case options ->> 'format' when 'xlsx' then 'xlsx' else 'csv' end,
        'language', case options ->> 'language' when 'en' then 'en' else 'nb' end
      )
      else '{}'
    end,
    request_task.preview_id
  )
  returning * into task;
  if kind = 'import' then
    perform mentorcert_private.delete_task_contents(array[preview.id]);
  end if;
  perform mentorcert_private.audit(
    'tasks', 'insert', 'id', '{kind,options,preview_id}',
    -- Not the row itself: its file is large, and nobody's to read in a log.
    jsonb_build_array(jsonb_build_object('after', jsonb_build_object(
      'id', task.id, 'organisation_id', task.organisation_id, 'kind', task.kind, 'options', task.options,
      'preview_id', task.preview_id
    )))
  );
  return task.id;
end
$$;
comment on function mentorcert_private.request_task(text, text, bytea, jsonb, uuid) is
  'Has something done for the caller''s organisation: import_preview of a file; import, which confirms a preview and takes its file over; export. Administrators only, three at a time.';

create or replace function mentorcert_private.cancel_task(id uuid)
returns void
language plpgsql
security definer -- the tasks are no client's to write
set search_path = ''
as $$
declare
  own_id constant uuid := mentorcert_private.task_organisation();
  task mentorcert_private.tasks;
begin
  select * into task from mentorcert_private.tasks as asked
  where asked.id = cancel_task.id and asked.organisation_id = own_id
  for update; -- waits while what it does is being committed
  if task.id is null then
    raise exception using
      errcode = '42501', message = 'no such task, or no right to it', hint = 'It may have been deleted.',
      schema = 'mentorcert_private', table = 'tasks', constraint = 'task_right';
  elsif task.state not in ('queued', 'running') and not (task.state = 'done' and task.kind = 'import_preview') then
    perform mentorcert_private.reject_task('task_open', 'the task is finished', 'An import can be taken back change by change.');
  end if;
  update mentorcert_private.tasks as cancelled
  set
    state = 'cancelled', finished_at = coalesce(task.finished_at, clock_timestamp()),
    lease_token = null, lease_until = null
  where cancelled.id = task.id;
  perform mentorcert_private.delete_task_contents(array[task.id]);
end
$$;
comment on function mentorcert_private.cancel_task(uuid) is
  'Ends a task that is not finished, of which nothing is kept then, or throws away a preview; deletes its file at once.';

-- For the process that does the work

create or replace function mentorcert_private.claim_task(lease interval, most_bytes integer default null)
returns table (
  id uuid, organisation_id uuid, organisation text, kind text, options jsonb, file_name text, file bytea, lease_token uuid, attempts integer,
  is_allowed boolean
)
language plpgsql
security definer -- the tasks are for functions alone, and who is an administrator is nobody's to read
set search_path = ''
as $$
declare
  most_attempts constant integer := 3;
begin
  -- What took its process down three times would take the next one down too.
  update mentorcert_private.tasks as task
  set
    state = 'failed', error = '{"kind": "AbandonedTaskError"}', finished_at = clock_timestamp(), file = null,
    lease_token = null, lease_until = null
  where task.state = 'running' and task.lease_until < clock_timestamp() and task.attempts >= most_attempts;
  return query
  with claimed as (
    update mentorcert_private.tasks as task
    set
      state = 'running', attempts = task.attempts + 1, started_at = coalesce(task.started_at, clock_timestamp()),
      step = null, done = 0, total = 0, lease_token = gen_random_uuid(), lease_until = clock_timestamp() + least(lease, interval '1 hour')
    where task.id = (
      select waiting.id from mentorcert_private.tasks as waiting
      where
        (waiting.state = 'queued' or waiting.state = 'running' and waiting.lease_until < clock_timestamp())
        and (claim_task.most_bytes is null or octet_length(waiting.file) <= claim_task.most_bytes)
      order by waiting.created_at
      limit 1
      for update skip locked
    )
    returning task.*
  )
  select
    claimed.id, claimed.organisation_id, organisation.slug, claimed.kind, claimed.options, claimed.file_name, claimed.file,
    claimed.lease_token, claimed.attempts,
    exists (
      select from mentorcert.memberships as membership
      where membership.organisation_id = claimed.organisation_id and membership.user_id = claimed.requested_by
        and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    )
  from claimed
  join mentorcert.organisations as organisation on organisation.id = claimed.organisation_id;
end
$$;
comment on function mentorcert_private.claim_task(interval, integer) is
  'Takes the oldest task that waits, or whose process is silent, and says whether who asked for it is still an administrator; gives up the one that silenced three of them.';

create or replace function mentorcert_private.delete_outdated_tasks()
returns integer
language plpgsql
security definer -- so that the process needs this function only
set search_path = ''
as $$
declare
  ids uuid[];
begin
  with given_up as (
    update mentorcert_private.tasks as task
    set state = 'failed', error = '{"kind": "AbandonedTaskError"}', finished_at = clock_timestamp()
    where task.state = 'queued' and task.created_at < now() - interval '24 hours'
    returning task.id
  )
  select coalesce(array_agg(outdated.id), '{}') into ids
  from (
    select given_up.id from given_up
    union all
    select task.id from mentorcert_private.tasks as task
    where task.contents_deleted_at is null and task.finished_at < now() - interval '24 hours'
  ) as outdated;
  perform mentorcert_private.delete_task_contents(ids);
  delete from mentorcert_private.tasks as task where task.finished_at < now() - interval '90 days';
  return cardinality(ids);
end
$$;
comment on function mentorcert_private.delete_outdated_tasks() is
  'Deletes files and rows of tasks that ended a day ago, tasks that ended 90 days ago, and gives up what waited for a day; returns how many lost their contents.';

revoke execute on function
  mentorcert_private.task_organisation, mentorcert_private.reject_task, mentorcert_private.delete_task_contents, mentorcert_private.request_task,
  mentorcert_private.cancel_task, mentorcert_private.claim_task, mentorcert_private.delete_outdated_tasks
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.request_task, mentorcert_private.cancel_task to authenticated;
