\ir fixture.psql
-- Who reads and changes which chapters a peer mentor is in.

select tests.everybody_gets(
  $$ select id from mentorcert.peer_mentor_chapters $$,
  'peer mentors read their own, coordinators those of their chapters who have not left, administrators all of the organisation',
  'adam: cait.county1,lone.2a,mia.1a,mixa.2a,old.1a,per.1b,per.2a', 'bea bob: bert.b1,dora.b1',
  'cora dora@alfa mia: mia.1a', 'mixa: mia.1a,mixa.2a', 'sev: lone.2a,mixa.2a,per.1b,per.2a',
  'paula: cait.county1,mia.1a,per.1b', 'per: per.1b,per.2a', 'dora@beta: dora.b1',
  'dora gone nora: ', 'anon: 42501',
  'service_role: bert.b1,cait.county1,dora.b1,lone.2a,mia.1a,mixa.2a,old.1a,per.1b,per.2a'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('lost'), tests.id('1a'))
    returning tests.name(organisation_id)
  $$,
  'administrators put the peer mentors of their own organisation into its chapters',
  'adam: alfa', 'bea: 23503 peer_mentor_chapters_peer_mentor_id_fkey', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.peer_mentor_chapters set ended_at = now() $$,
  'administrators take the peer mentors of their own organisation out of chapters',
  'adam: 7 rows', 'bea: 2 rows', 'service_role: 9 rows', 'anon: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 0 rows'
);
select tests.everybody_gets(
  $$ delete from mentorcert.peer_mentor_chapters $$, 'nobody deletes what chapters a peer mentor was in', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select is(
  tests.attempt('adam', $$
    insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), tests.id('b1'))
  $$),
  '23503 peer_mentor_chapters_chapter_id_fkey', 'the chapter is of the same organisation'
);

select * from finish();
rollback;
