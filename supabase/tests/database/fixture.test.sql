\ir fixture.psql
-- The fixture itself: a test of access on an empty table, or as superuser, proves nothing.

select is(tests.attempt('owner', 'select current_user'), session_user::text, 'the owner acts as the one who connected');
select is(tests.attempt('cora', 'select current_user'), 'authenticated', 'a person acts as authenticated');
select is(tests.attempt('cora', 'select auth.uid()'), 'cora', 'a person is the one in the token');
select is(tests.attempt('dora@beta', $$ select auth.jwt() #>> '{app_metadata,organisation_id}' $$), 'beta', 'a token names the organisation');
select is(tests.attempt('anon', 'select current_user'), 'anon', 'anon acts as anon');
select is(tests.attempt('anon', 'select auth.uid()'), '', 'anon is nobody');
select is(tests.attempt('service_role', 'select current_user'), 'service_role', 'the service key acts as service_role');
select is(current_user, session_user, 'afterwards the owner acts again');
select is(auth.uid(), null, 'and nobody is signed in');

select results_eq(
  $$ select rolname::text from pg_catalog.pg_roles where (rolsuper or rolbypassrls) and rolname in ('anon', 'authenticated', 'authenticator') $$,
  $$ select 'none' where false $$,
  'no client''s role is above row-level security'
);

select is(tests.attempt('owner', 'select id from mentorcert.organisations'), 'alfa,beta', 'there are organisations');
select is(tests.attempt('owner', 'select id from mentorcert.chapters'), '1a,1b,2a,b1,county1,county2,countyb', 'there are chapters');
select is(
  tests.attempt('owner', 'select id from mentorcert.peer_mentors'),
  'bert,cait,dora,lone,lost,mia,mixa,old,per', 'there are peer mentors'
);
select is(
  tests.attempt('owner', 'select id from public.peer_mentor_certifications'),
  'bert.basic,cait.basic,dora.basic,lone.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life',
  'there are certifications'
);
select is((select count(*) from mentorcert.memberships), 15::bigint, 'there are memberships');
select is((select count(*) from mentorcert.peer_mentor_chapters), 9::bigint, 'there are chapters of peer mentors');
select is((select count(*) from mentorcert.certification_types), 6::bigint, 'there are types');
select is(tests.attempt('owner', 'select peer_mentor_id from public.listed_peer_mentors'), 'bert,mia', 'there are listed peer mentors');

select is(tests.attempt('owner', $$ update mentorcert.organisations set name = 'x' $$), '2 rows', 'changes are counted');
select is((select name from mentorcert.organisations where slug = 'alfa'), 'Alfa', 'and undone by attempt');
select is(tests.perform('owner', $$ update mentorcert.organisations set name = 'x' $$), '2 rows', 'perform counts them as well');
select is((select name from mentorcert.organisations where slug = 'alfa'), 'x', 'and keeps them');

select * from finish();
rollback;
