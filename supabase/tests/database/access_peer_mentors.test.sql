\ir fixture.psql
-- Who reads and changes peer mentors.

select tests.everybody_gets(
  $$ select id from mentorcert.peer_mentors $$,
  'peer mentors read themselves, coordinators those of their chapters and of those below, administrators all',
  'adam: cait,lone,lost,mia,mixa,old,per', 'bea bob: bert,dora', 'cora dora@alfa mia: mia', 'mixa: mia,mixa',
  'sev: lone,mixa,per', 'paula: cait,mia,per', 'per: per', 'dora@beta: dora', 'dora gone nora: ', 'anon: 42501',
  'service_role: bert,cait,dora,lone,lost,mia,mixa,old,per'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.peer_mentors (external_id, full_name) values ('new', 'New')
    returning tests.name(organisation_id) || '/' || external_id
  $$,
  'administrators add peer mentors to their own organisation',
  'adam: alfa/new', 'bea: beta/new', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ insert into mentorcert.peer_mentors (external_id, full_name) values ('new', 'New') $$, 'also where nothing is returned',
  'adam bea: 1 rows', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.peer_mentors set phone = '+47 12' returning id $$,
  'administrators change the peer mentors of their own organisation',
  'adam: cait,lone,lost,mia,mixa,old,per', 'bea: bert,dora',
  'service_role: bert,cait,dora,lone,lost,mia,mixa,old,per', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: '
);
select tests.everybody_gets(
  $$ update mentorcert.peer_mentors set phone = null $$, 'nor does a change that reads nothing reach further',
  'adam: 7 rows', 'bea: 2 rows', 'service_role: 9 rows', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 0 rows'
);
select tests.everybody_gets(
  $$ delete from mentorcert.peer_mentors $$, 'nobody deletes a peer mentor', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select is(
  tests.attempt('mia', $$
    select id from mentorcert.peer_mentors where 1 / (case when id = tests.id('mia') then 1 else 0 end) = 1
  $$),
  'mia', 'a condition that fails is not tried on hidden rows'
);

-- The plan of a query in a function is kept from one caller to the next.
create function tests.visible_peer_mentors() returns text
language plpgsql set search_path = ''
as $$
begin
  return (select string_agg(tests.name(id), ',' order by tests.name(id)) from mentorcert.peer_mentors);
end
$$;
grant execute on function tests.visible_peer_mentors() to authenticated;
select results_eq(
  $$
    select tests.attempt(who, 'select tests.visible_peer_mentors()')
    from unnest(array['adam', 'mia', 'per', 'bob', 'adam', 'mia', 'per', 'bob']) as who
  $$,
  array[
    'cait,lone,lost,mia,mixa,old,per', 'mia', 'per', 'bert,dora', 'cait,lone,lost,mia,mixa,old,per', 'mia', 'per',
    'bert,dora'
  ],
  'a kept plan shows nobody another caller''s rows'
);

select * from finish();
rollback;
