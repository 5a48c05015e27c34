\ir fixture.psql
-- How people reach each other: details that the person and the coordinators keep, and to whom people turn.

select tests.everybody_gets(
  $$ select public.set_contact(tests.id('mia'), 'Mia', 'new@example.org', '12345678', 'en') $$,
  'the person, the chapter''s coordinators and the administrator write them',
  'adam cora dora@alfa mia mixa paula: ', 'bea bob dora dora@beta gone nora per service_role sev: 42501 certification_right', 'anon: 42501'
);
select is(
  tests.attempt('mia', format('select public.set_contact(tests.id(''mia''), %s)', given)), answer, given
)
from (
  values
    ($$null, null, null, 'nb'$$, ''),
    ($$'Mia', 'no-address', null, 'nb'$$, '23514 peer_mentors_email_valid'),
    ($$'Mia', null, 'abc', 'nb'$$, '23514 peer_mentors_phone_valid'),
    ($$repeat('M', 201), null, null, 'nb'$$, '23514 peer_mentors_display_name_length'),
    ($$'Mia', null, null, 'sv'$$, '23514 peer_mentors_language_valid'),
    ($$'Mia', null, null, null$$, '23502')
) as calls (given, answer);
select is(
  tests.attempt('mia', format($$ select public.set_contact(tests.id('mia'), null, null, null, 'nb', (select version from mentorcert.peer_mentors where id = tests.id('mia')) - %s) $$, older)),
  answer, 'of the version that was seen'
) from (values (0, ''), (1, 'PT409 peer_mentors_version_current')) as versions (older, answer);
select is(tests.perform('cora', $$ select public.set_contact(tests.id('mia'), ' Mia  M ', 'Mia@Example.ORG', '', 'en') $$), '', 'written');
select is(
  (select concat_ws('|', display_name, email, coalesce(phone, 'none'), language) from mentorcert.peer_mentors where id = tests.id('mia')),
  'Mia M|Mia@example.org|none|en', 'in their canonical form'
);

-- To whom people turn
update mentorcert.memberships set full_name = ' Cora  Coordinator ' where user_id = tests.id('cora');
select is((select distinct full_name from mentorcert.memberships where user_id = tests.id('cora')), 'Cora Coordinator', 'a name has its canonical form');
select matches(tests.attempt('mia', 'select full_name from public.my_coordinators()'), 'Cora Coordinator', 'the coordinators of the chapter, by name');
update mentorcert.memberships set full_name = 'Adam Administrator' where user_id = tests.id('adam');
select matches(tests.attempt('cora', 'select full_name from public.my_coordinators()'), 'Adam Administrator', 'a coordinator turns to the administrators');
select is(tests.attempt(who, $$ select full_name from public.my_coordinators() where full_name like 'C%' $$), '', who || ' sees no other coordinator')
from unnest(array['cora', 'adam']) as who;
select is(tests.attempt('adam', 'select full_name from public.my_coordinators()'), '', 'an administrator to nobody here');
update mentorcert.memberships set ended_at = now() where role = 'coordinator';
select matches(
  tests.attempt('mia', 'select coalesce(chapter, ''-'') from public.my_coordinators()'), '^-', 'where there is none, the administrators'
);
select is(
  tests.attempt('cora', $$ update mentorcert.memberships set full_name = 'X' where user_id = tests.id('cora') returning id $$), '',
  'only administrators write names'
);
select is(tests.attempt('adam', $$ insert into mentorcert.memberships (user_id, role, full_name) values (tests.id('sev'), 'org_admin', E'a\u0001') $$), '23514 memberships_full_name_characters', 'readable');
select is(
  (
    select count(*) from mentorcert.audit_log as entry
    where entry.table_name = 'memberships' and (entry.before ? 'full_name' or entry.after ? 'full_name')
  ),
  0::bigint, 'and no name is in the audit log'
);
select * from finish();
rollback;
