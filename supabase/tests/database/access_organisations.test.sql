\ir fixture.psql
-- Who reads and changes organisations.

select tests.everybody_gets(
  $$ select id from mentorcert.organisations $$, 'members read the organisation they act in',
  'adam cora dora@alfa mia mixa paula per sev: alfa', 'bea bob dora@beta: beta', 'service_role: alfa,beta',
  'dora gone nora: ', 'anon: 42501'
);
select tests.everybody_gets(
  $$ insert into mentorcert.organisations (slug, name) values ('new', 'New') returning slug $$,
  'only the service key adds an organisation', 'service_role: new',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.organisations set name = 'New' $$, 'administrators rename their own organisation',
  'adam bea: 1 rows', 'service_role: 2 rows', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 0 rows'
);
select is(
  tests.attempt('adam', $$ update mentorcert.organisations set name = 'New' returning id $$), 'alfa',
  'which is the one that is renamed'
);
select tests.everybody_gets(
  $$ delete from mentorcert.organisations $$, 'nobody deletes an organisation', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);

select * from finish();
rollback;
