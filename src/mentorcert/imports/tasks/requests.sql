-- What an administrator asks for and sees; row-level security says of which organisation.

-- name: cancel(id)
select mentorcert_private.cancel_task(:id);

-- name: get(id)
select
  task.id, task.organisation_id, task.requested_by, task.kind, task.state, task.options, task.preview_id, task.file_name,
  task.step, task.done, task.total, task.result, task.error, task.notes, task.result_file_name is not null as has_file,
  task.created_at, task.started_at, task.finished_at, task.contents_deleted_at
from mentorcert_private.tasks as task
where task.id = :id;

-- name: recent(kinds, size)
select
  task.id, task.organisation_id, task.requested_by, task.kind, task.state, task.options, task.preview_id, task.file_name,
  task.step, task.done, task.total, task.result, task.error, task.notes, task.result_file_name is not null as has_file,
  task.created_at, task.started_at, task.finished_at, task.contents_deleted_at
from mentorcert_private.tasks as task
where task.organisation_id = (select mentorcert_private.administered_organisation_id()) and task.kind = any(:kinds::text[])
order by task.created_at desc, task.id
limit :size;

-- name: confirmed_by(id)
select task.id from mentorcert_private.tasks as task where task.preview_id = :id order by task.created_at limit 1;

-- name: result_file(id)
select task.result_file_name as name, task.result_file as content
from mentorcert_private.tasks as task
where task.id = :id and task.result_file is not null;

-- name: all_rows(id, after, size)
select kept.organisation_id, kept.line, kept.verdict, kept.content
from mentorcert_private.task_rows as kept
where kept.task_id = :id and kept.line > :after
order by kept.line
limit :size;

-- name: rows_of_verdict(id, verdict, after, size)
select kept.organisation_id, kept.line, kept.verdict, kept.content
from mentorcert_private.task_rows as kept
where kept.task_id = :id and kept.verdict = :verdict and kept.line > :after
order by kept.line
limit :size;

-- name: rows_with_problems(id, after, size)
-- Each of the three has an index of its own; as one condition they would have none.
select distinct on (found.line) found.organisation_id, found.line, found.verdict, found.content
from (
  (
    select bad.* from mentorcert_private.task_rows as bad
    where bad.task_id = :id and bad.verdict = 'bad' and bad.line > :after
    order by bad.line
    limit :size
  )
  union all
  (
    select left_out.* from mentorcert_private.task_rows as left_out
    where left_out.task_id = :id and left_out.verdict = 'left_out' and left_out.line > :after
    order by left_out.line
    limit :size
  )
  union all
  (
    select warned.* from mentorcert_private.task_rows as warned
    where warned.task_id = :id and warned.has_warning and warned.line > :after
    order by warned.line
    limit :size
  )
) as found
order by found.line
limit :size;
