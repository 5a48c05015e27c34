-- What the process with the owner's rights asks and writes.

-- name: claim(lease_s, most_bytes)
select
  task.id, task.organisation_id, organisation.slug as organisation, task.kind, task.options, task.file_name, task.file,
  task.lease_token, task.attempts,
  exists (
    select from mentorcert.memberships as membership
    where membership.organisation_id = task.organisation_id and membership.user_id = task.requested_by
      and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ) as is_allowed
from mentorcert_private.claim_task(make_interval(secs => :lease_s), :most_bytes) as task
join mentorcert.organisations as organisation on organisation.id = task.organisation_id;

-- name: beat(id, lease_token, step, done, total, lease_s)$
-- No row: the task was cancelled, or is somebody else's by now.
update mentorcert_private.tasks as task
set
  step = coalesce(:step, task.step), done = :done, total = :total,
  lease_until = clock_timestamp() + make_interval(secs => :lease_s)
where task.id = :id and task.lease_token = :lease_token
returning task.id;

-- name: copy_rows()$
copy mentorcert_private.task_rows (task_id, line, organisation_id, verdict, has_warning, content) from stdin;

-- name: finish(id, lease_token, state, result, result_file_name, result_file, error, notes)$
update mentorcert_private.tasks as task
set
  state = :state, result = :result, result_file_name = :result_file_name, result_file = :result_file, error = :error,
  notes = :notes,
  file = case when task.kind = 'import_preview' and :state = 'done' then task.file end,
  finished_at = clock_timestamp(), lease_token = null, lease_until = null
where task.id = :id and task.lease_token = :lease_token
returning task.id;

-- name: give_back(id, lease_token, attempts)$
update mentorcert_private.tasks as task
set state = 'queued', attempts = :attempts, lease_token = null, lease_until = null
where task.id = :id and task.lease_token = :lease_token
returning task.id;

-- name: delete_outdated()$
select mentorcert_private.delete_outdated_tasks();

-- name: waiting(minutes)
select organisation.slug, count(*) as tasks
from mentorcert_private.tasks as task
join mentorcert.organisations as organisation on organisation.id = task.organisation_id
where
  task.state = 'queued' and task.created_at < now() - make_interval(mins => :minutes)
  or task.state = 'running' and task.lease_until < now() - make_interval(mins => :minutes)
group by organisation.slug
order by organisation.slug;
