\ir fixture.psql
-- Who reads and changes memberships.

select tests.everybody_gets(
  $$ select id from mentorcert.memberships $$, 'people read their own memberships, administrators all of the organisation',
  'adam: m.adam,m.cora,m.dora.alfa,m.gone,m.gone.admin,m.mia,m.mixa,m.mixa.mentor,m.paula,m.per,m.sev.1b,m.sev.2a',
  'bea: m.bea,m.bob,m.dora.beta', 'bob: m.bob', 'cora: m.cora', 'dora@alfa: m.dora.alfa',
  'dora@beta: m.dora.beta', 'mia: m.mia', 'mixa: m.mixa,m.mixa.mentor', 'paula: m.paula', 'per: m.per',
  'sev: m.sev.1b,m.sev.2a', 'dora gone nora: ', 'anon: 42501',
  'service_role: m.adam,m.bea,m.bob,m.cora,m.dora.alfa,m.dora.beta,m.gone,m.gone.admin,m.mia,m.mixa,m.mixa.mentor,m.paula,m.per,m.sev.1b,m.sev.2a'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.memberships (user_id, role) values (tests.id('nora'), 'org_admin')
    returning tests.name(organisation_id)
  $$,
  'administrators add memberships to their own organisation', 'adam: alfa', 'bea: beta', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ insert into mentorcert.memberships (user_id, role) values (auth.uid(), 'org_admin') $$,
  'nobody makes an administrator of himself', 'adam bea: 23505 memberships_current_key', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.memberships set ended_at = now() where role <> 'org_admin' $$, 'administrators end memberships of their own organisation',
  'adam: 10 rows', 'bea: 2 rows', 'service_role: 12 rows', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 0 rows'
);
select tests.everybody_gets(
  $$ update mentorcert.memberships set role = 'org_admin', chapter_id = null $$,
  'nobody promotes anybody by changing a membership',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501',
  'service_role: MC007 memberships_role_immutable'
);
select tests.everybody_gets(
  $$ delete from mentorcert.memberships $$, 'nobody deletes a membership', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select is(
  tests.attempt('adam', $$
    insert into mentorcert.memberships (user_id, role, chapter_id) values (tests.id('nora'), 'coordinator', tests.id('b1'))
  $$),
  '23503 memberships_chapter_id_fkey', 'a coordinator''s chapter is of the same organisation'
);

select * from finish();
rollback;
