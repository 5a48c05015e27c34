\ir fixture.psql
-- Who reads the audit log.

-- Setting up the fixture is in it, too.
set local session_replication_role = replica;
delete from mentorcert.audit_log;
set local session_replication_role = origin;
insert into mentorcert.audit_log (id, organisation_id, table_name, row_id, action, actor) values
  (tests.id('of alfa'), tests.id('alfa'), 'peer_mentors', '1', 'erase', '{}'),
  (tests.id('of beta'), tests.id('beta'), 'peer_mentors', '2', 'erase', '{}'),
  (tests.id('of all'), null, 'disabled_endpoints', 'certifications', 'erase', '{}');

select tests.everybody_gets(
  $$ select id from mentorcert.audit_log $$, 'administrators read the log of their organisation',
  'adam: of alfa', 'bea: of beta', 'service_role: of alfa,of all,of beta',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon: 42501'
);
select tests.everybody_gets(
  $$ insert into mentorcert.audit_log (table_name, row_id, action, actor) values ('peer_mentors', '3', 'erase', '{}') $$,
  'nobody adds to the log', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.audit_log set actor = '{}' $$,
  'nobody changes the log', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ delete from mentorcert.audit_log $$,
  'nobody takes from the log', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);

select * from finish();
rollback;
