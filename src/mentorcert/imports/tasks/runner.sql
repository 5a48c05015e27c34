-- What the process of the tasks asks and writes.

-- name: claim(lease_s, most_bytes)
select id, organisation_id, organisation, kind, options, file_name, file, lease_token, attempts, is_allowed
from mentorcert_private.claim_task(make_interval(secs => :lease_s), :most_bytes);

-- name: prolong_lease(id, lease_token, step, done, total, lease_s)$
select mentorcert_private.prolong_task(:id, :lease_token, :step, :done, :total, make_interval(secs => :lease_s));

-- name: add_rows(id, lease_token, lines, verdicts, warnings, contents)$
select mentorcert_private.add_task_rows(:id, :lease_token, :lines::integer[], :verdicts::text[], :warnings::boolean[], :contents::text[]);

-- name: finish(id, lease_token, state, result, result_file_name, result_file, error, notes)$
select mentorcert_private.finish_task(
  :id, :lease_token, :state, :result, :result_file_name, :result_file, :error, :notes
);

-- name: give_back(id, lease_token, attempts)$
select mentorcert_private.give_back_task(:id, :lease_token, :attempts);

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
