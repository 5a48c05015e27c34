\ir fixture.psql
-- Who reads and changes chapters.
-- The consequences of changes are seen here: consequences.test.sql is about those that are not.
select set_config('mentorcert.noted_state', '{}', true);

select tests.everybody_gets(
  $$ select id from mentorcert.chapters $$, 'members read the chapters of the organisation they act in',
  'adam cora dora@alfa mia mixa paula per sev: 1a,1b,2a,county1,county2', 'bea bob dora@beta: b1,countyb',
  'service_role: 1a,1b,2a,b1,county1,county2,countyb', 'dora gone nora: ', 'anon: 42501'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.chapters (code, name) values ('new', 'New')
    returning tests.name(organisation_id) || '/' || code
  $$,
  'administrators add chapters to their own organisation',
  'adam: alfa/new', 'bea: beta/new', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.chapters set name = 'New' $$, 'administrators change the chapters of their own organisation',
  'adam: 5 rows', 'bea: 2 rows', 'service_role: 7 rows', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 0 rows'
);
select tests.everybody_gets(
  $$ delete from mentorcert.chapters $$, 'nobody deletes a chapter', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select is(
  tests.attempt('adam', $$ update mentorcert.chapters set parent_id = tests.id('countyb') where id = tests.id('1a') $$),
  '23503 chapters_parent_id_fkey', 'a parent chapter is of the same organisation'
);

select * from finish();
rollback;
