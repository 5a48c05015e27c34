\ir fixture.psql
-- What is taken away from somebody is gone with the next statement, whatever the token says.

select is(tests.attempt('cora', 'select id from mentorcert.peer_mentors'), 'mia', 'a coordinator reads the chapter');
select is(
  tests.perform('adam', $$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.cora') returning id $$),
  'm.cora', 'the membership is ended'
);
select set_eq(
  $$
    select tests.attempt('cora', format('select 1 from %s.%I', relnamespace::regnamespace, relname))
    from pg_catalog.pg_class
    where
      relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) and relkind in ('r', 'v')
      and relname <> 'listed_peer_mentors'
  $$,
  array[''], 'with the next statement the former coordinator reads nothing'
);
select is(
  tests.attempt('cora', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$),
  '42501 certification_right', 'and changes nothing'
);
select is(
  tests.attempt('cora', $$
    update public.peer_mentor_certifications set status = 'suspended'
    where id = tests.id('mia.basic') returning id
  $$),
  '', 'by no path'
);
select is(
  tests.attempt('cora', $$ select public.register_certification(tests.id('mia'), 'life') $$),
  '42501 certification_right', 'and registers nothing'
);

-- Demoted: no longer administrator, coordinator of one chapter instead.
select is(
  tests.perform('service_role', $$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.adam') $$),
  '1 rows', 'the administrator is one no more'
);
insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
values (tests.id('alfa'), tests.id('adam'), 'coordinator', tests.id('1a'));
select is(tests.attempt('adam', 'select id from mentorcert.peer_mentors'), 'mia', 'and reads the one chapter only');
select is(tests.attempt('adam', $$ update mentorcert.peer_mentors set phone = '113' $$), '0 rows', 'and changes no peer mentor');
select is(
  tests.attempt('adam', $$ insert into mentorcert.memberships (user_id, role) values (tests.id('adam'), 'org_admin') $$),
  '42501', 'and does not promote himself'
);

-- Moved from one chapter to another.
update mentorcert.memberships set ended_at = now() where id = tests.id('m.sev.1b');
select is(tests.attempt('sev', 'select id from mentorcert.peer_mentors'), 'lone,mixa,per', 'per is still seen through the other chapter');
update mentorcert.peer_mentor_chapters set ended_at = now() where id = tests.id('per.2a');
select is(tests.attempt('sev', 'select id from mentorcert.peer_mentors'), 'lone,mixa', 'until per leaves that one too');
select is(
  tests.attempt('sev', 'select id from public.peer_mentor_certifications'), 'lone.basic,mixa.basic',
  'and so are the certifications'
);
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
values (tests.id('alfa'), tests.id('lost'), tests.id('2a'));
select is(
  tests.attempt('sev', 'select id from public.peer_mentor_certifications'), 'lone.basic,lost.basic,mixa.basic',
  'who joins a chapter is seen there, certifications and all'
);

-- A chapter that is put under another one.
select is(
  tests.perform('service_role', $$ update mentorcert.chapters set parent_id = tests.id('county1') where id = tests.id('2a') $$),
  '1 rows', 'a chapter moves to another county'
);
select is(
  tests.attempt('paula', 'select id from mentorcert.peer_mentors'), 'cait,lone,lost,mia,mixa,per',
  'the coordinator of the county sees those below'
);

-- The login of a peer mentor is taken away.
update mentorcert.peer_mentors set user_id = null where id = tests.id('mia');
select is(tests.attempt('mia', 'select id from public.peer_mentor_certifications'), '', 'without the link to the login nothing is one''s own');
update mentorcert.memberships set ended_at = now() where id = tests.id('m.per');
select is(tests.attempt('per', 'select id from mentorcert.peer_mentors'), '', 'nor without a membership');

select * from finish();
rollback;
