\ir fixture.psql
-- Who reads and changes certification types.

select tests.everybody_gets(
  $$ select id from mentorcert.certification_types $$, 'members read the types of the organisation they act in',
  'adam cora dora@alfa mia mixa paula per sev: alfa.basic,alfa.life,alfa.short,alfa.yearly',
  'bea bob dora@beta: beta.basic,beta.beta-only',
  'service_role: alfa.basic,alfa.life,alfa.short,alfa.yearly,beta.basic,beta.beta-only',
  'dora gone nora: ', 'anon: 42501'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.certification_types (code, name_nb, name_en, validity_rule)
    values ('new', 'Ny', 'New', 'unlimited') returning tests.name(organisation_id) || '/' || code
  $$,
  'administrators add types to their own organisation',
  'adam: alfa/new', 'bea: beta/new', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.certification_types set name_nb = 'Ny' $$,
  'administrators change the types of their own organisation',
  'adam: 4 rows', 'bea: 2 rows', 'service_role: 6 rows', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 0 rows'
);
select tests.everybody_gets(
  $$ delete from mentorcert.certification_types $$, 'nobody deletes a type', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);

select * from finish();
rollback;
