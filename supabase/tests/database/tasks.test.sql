\ir fixture.psql
-- Imports and exports as tasks, and replays to the portal: who asks for them, sees them, ends them.

insert into mentorcert_private.tasks (id, organisation_id, requested_by, kind, state, file_name, file, result, result_file, result_file_name, finished_at)
values
  (tests.id('p.alfa'), tests.id('alfa'), tests.id('adam'), 'import_preview', 'done', 'a.csv', 'a', '{"lines_bad": 0}', 'bad', 'bad.csv', now()),
  (tests.id('p.beta'), tests.id('beta'), tests.id('bea'), 'import_preview', 'done', 'b.csv', 'b', '{"lines_bad": 1}', null, null, now());
insert into mentorcert_private.task_rows (task_id, line, organisation_id, verdict, has_warning, content)
values (tests.id('p.alfa'), 2, tests.id('alfa'), 'added', false, '{}'), (tests.id('p.beta'), 2, tests.id('beta'), 'added', false, '{}');
insert into mentorcert_portal.connections (organisation_id, adapter, contract_version, reason)
values (tests.id('alfa'), 'file', 'v1', 'test'), (tests.id('beta'), 'file', 'v1', 'test');
insert into mentorcert_portal.replays (id, organisation_id, selection, reason, total)
values (tests.id('r.alfa'), tests.id('alfa'), '{"error_class": "x"}', 'test', 1), (tests.id('r.beta'), tests.id('beta'), '{"error_class": "x"}', 'test', 1);

-- Who sees them

select tests.everybody_gets(
  'select id from mentorcert_private.tasks', 'the tasks of the own organisation',
  'adam: p.alfa', 'bea: p.beta', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select tests.everybody_gets(
  'select task_id from mentorcert_private.task_rows', 'and their rows',
  'adam: p.alfa', 'bea: p.beta', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select tests.everybody_gets(
  'select id from mentorcert_portal.replays', 'the replays of the own organisation',
  'adam: r.alfa', 'bea: r.beta', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select is(tests.attempt('adam', statement), '42501', statement)
from unnest(array[
  'select file from mentorcert_private.tasks', 'select lease_token from mentorcert_private.tasks', 'select last_id from mentorcert_portal.replays',
  'insert into mentorcert_private.tasks (kind) values (''export'')', 'update mentorcert_private.tasks set state = ''cancelled''',
  'delete from mentorcert_private.task_rows', 'update mentorcert_portal.replays set marked = 1',
  'select mentorcert_private.claim_task(interval ''1 minute'')', 'select mentorcert_private.delete_outdated_tasks()',
  'select mentorcert_private.delete_task_contents(array[tests.id(''p.alfa'')])'
]) as statement;
select is(tests.attempt('adam', 'select result_file from mentorcert_private.tasks'), '\x626164', 'the rows left out can be downloaded');

-- Who asks for them

select tests.everybody_gets(
  $$ select 'yes' from mentorcert_private.request_task('export') $$, 'administrators export',
  'adam bea: yes', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 task_right',
  'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select 'yes' from mentorcert_private.request_task('import_preview', 'c.csv', 'c') $$, 'and upload',
  'adam bea: yes', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 task_right',
  'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select 'yes' from mentorcert_private.request_task('import', preview_id => tests.id('p.alfa')) $$, 'the own preview is confirmed',
  'adam: yes', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 task_right',
  'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select mentorcert_private.cancel_task(tests.id('p.alfa')) $$, 'and thrown away',
  'adam: ', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 task_right',
  'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select 'yes' from mentorcert_portal.request_replay('{}', 'why') $$, 'administrators replay',
  'adam bea: yes', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 replay_right',
  'anon service_role: 42501'
);

-- What is refused

select is(tests.attempt(who, statement), expected, statement)
from (
  values
    ('adam', $$ select mentorcert_private.request_task('import', preview_id => tests.id('none')) $$, '42501 task_right'),
    ('bea', $$ select mentorcert_private.request_task('import', preview_id => tests.id('p.beta')) $$, 'MC008 task_preview_good'),
    ('bea', $$ select mentorcert_private.request_task('import', preview_id => tests.id('p.beta'), options => '{"skip_bad": false}') $$, 'MC008 task_preview_good'),
    ('adam', $$ select mentorcert_private.request_task('import_preview') $$, 'MC008 task_file'),
    ('adam', $$ select mentorcert_private.request_task('import_preview', 'a.csv') $$, 'MC008 task_file'),
    ('adam', $$ select mentorcert_private.request_task('import_preview', 'a.csv', 'a', preview_id => tests.id('p.alfa')) $$, 'MC008 task_file'),
    ('adam', $$ select mentorcert_private.request_task('export', 'a.csv', 'a') $$, 'MC008 task_file'),
    ('adam', $$ select mentorcert_private.request_task('other') $$, '23514 tasks_kind_valid'),
    ('adam', $$ select mentorcert_private.request_task('import_preview', 'a.csv', '') $$, '23514 tasks_file_valid'),
    ('adam', $$ select mentorcert_private.request_task('import_preview', '', 'a') $$, '23514 tasks_file_name_valid'),
    ('adam', $$ select mentorcert_private.cancel_task(tests.id('none')) $$, '42501 task_right'),
    ('adam', $$ select mentorcert_portal.request_replay('{}', ' ') $$, 'MC004 certification_reason_required'),
    ('adam', $$ select mentorcert_portal.request_replay('[]', 'why') $$, 'MC008 replay_selection'),
    ('adam', $$ select mentorcert_portal.request_replay(null, 'why') $$, 'MC008 replay_selection'),
    ('adam', $$ select mentorcert_portal.request_replay('{"organisation": "beta"}', 'why') $$, 'MC008 replay_selection'),
    ('adam', $$ select mentorcert_portal.request_replay('{"since": "soon"}', 'why') $$, 'MC008 replay_selection'),
    ('adam', $$ select mentorcert_portal.request_replay('{"peer_mentor_ids": "x"}', 'why') $$, 'MC008 replay_selection'),
    ('adam', $$ select mentorcert_portal.request_replay('{"error_class": ["x"]}', 'why') $$, 'MC008 replay_selection')
) as refused (who, statement, expected);
select is(
  tests.attempt('bea', $$ select 'yes' from mentorcert_private.request_task('import', preview_id => tests.id('p.beta'), options => '{"skip_bad": true}') $$),
  'yes', 'bad rows are left out by choice'
);
update mentorcert_private.tasks set state = 'failed', error = '{}' where id = tests.id('p.alfa');
select is(
  tests.attempt('adam', $$ select mentorcert_private.request_task('import', preview_id => tests.id('p.alfa')) $$), 'MC008 task_preview_usable',
  'a preview that failed is not confirmed'
);
update mentorcert_private.tasks set state = 'done', error = null, kind = 'export' where id = tests.id('p.alfa');
select is(
  tests.attempt('adam', statement), expected, 'an export is: ' || statement
)
from (
  values
    ($$ select mentorcert_private.request_task('import', preview_id => tests.id('p.alfa')) $$, '42501 task_right'),
    ($$ select mentorcert_private.cancel_task(tests.id('p.alfa')) $$, 'MC008 task_open')
) as refused (statement, expected);
update mentorcert_private.tasks set kind = 'import_preview' where id = tests.id('p.alfa');

-- What is kept of them

select tests.perform('adam', $$ select mentorcert_private.request_task('import', preview_id => tests.id('p.alfa')) $$);
select is(
  (select concat_ws(' ', file_name, convert_from(file, 'UTF8'), options, tests.name(requested_by), state) from mentorcert_private.tasks where kind = 'import'),
  'a.csv a {"skip_bad": false} adam queued', 'the import takes the file over'
);
select is(
  (select num_nulls(file, file_name, result_file, result_file_name) from mentorcert_private.tasks where id = tests.id('p.alfa')), 4,
  'and the preview has it no more'
);
select is((select count(*) from mentorcert_private.task_rows where task_id = tests.id('p.alfa')), 0::bigint, 'nor the rows');
select is(
  tests.attempt('adam', $$ select mentorcert_private.request_task('import', preview_id => tests.id('p.alfa')) $$), 'MC008 task_preview_usable',
  'it is confirmed once'
);
select tests.perform('adam', $$ select mentorcert_private.request_task('export', options => '{"format": "exe", "language": "../"}') $$);
select is(
  (select options from mentorcert_private.tasks where kind = 'export'), '{"format": "csv", "language": "nb"}', 'options are what they may be'
);
select is(
  (select count(*) from mentorcert.audit_log where table_name = 'tasks' and actor ->> 'user_id' = tests.id('adam')::text), 2::bigint,
  'who asked stands in the audit log'
);
select tests.perform('adam', $$ select mentorcert_private.request_task('export') $$);
select is(
  tests.attempt('adam', $$ select mentorcert_private.request_task('export') $$), 'MC008 task_open_limit', 'three at a time'
);
select is(tests.attempt('bea', $$ select 'yes' from mentorcert_private.request_task('export') $$), 'yes', 'of each organisation');
select tests.perform('adam', format('select mentorcert_private.cancel_task(%L)', (select id from mentorcert_private.tasks where kind = 'import')));
select is(
  (select concat_ws(' ', state, num_nulls(file, file_name), contents_deleted_at is not null) from mentorcert_private.tasks where kind = 'import'),
  'cancelled 2 t', 'what is cancelled is deleted at once'
);
select is(tests.attempt('adam', $$ select 'yes' from mentorcert_private.request_task('export') $$), 'yes', 'and makes room');

-- Replays

select tests.perform('adam', $$ select mentorcert_portal.request_replay('{"error_class": "x"}', 'because') $$);
select is(
  (select concat_ws(' ', reason, is_requested) from mentorcert_portal.replays where id = tests.id('r.alfa')), 'because t',
  'one that was interrupted goes on'
);
select is(
  (select actor ->> 'user_id' from mentorcert.audit_log where table_name = 'replays'), tests.id('adam')::text, 'who asked stands in the audit log'
);
delete from mentorcert_portal.connections;
select is(
  tests.attempt('adam', $$ select mentorcert_portal.request_replay('{}', 'why') $$), 'MC008 portal_connection_known', 'without a portal there is no replay'
);

-- Switched off

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'test');
select is(tests.attempt('adam', statement), 'MC010 endpoint_enabled', statement)
from unnest(array[
  'select id from mentorcert_private.tasks', 'select line from mentorcert_private.task_rows', 'select mentorcert_private.request_task(''export'')',
  'select mentorcert_private.cancel_task(tests.id(''p.alfa''))'
]) as statement;
delete from mentorcert_private.disabled_endpoints;
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
insert into mentorcert_private.task_rows (task_id, line, organisation_id, verdict, has_warning, content)
values (tests.id('p.alfa'), 3, tests.id('alfa'), 'added', false, '{}');
select is(tests.attempt('adam', statement), 'MC010 endpoint_enabled', statement)
from unnest(array[
  'select id from mentorcert_private.tasks', 'select line from mentorcert_private.task_rows', 'select mentorcert_private.request_task(''export'')',
  'select mentorcert_private.cancel_task(tests.id(''p.alfa''))'
]) as statement;

select * from finish();
rollback;
