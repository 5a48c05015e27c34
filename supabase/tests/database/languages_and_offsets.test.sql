\ir fixture.psql
-- Who sets the language of what is written to somebody, and the offsets of reminders; and that the ledger is nobody's to write.

select tests.everybody_gets(
  $$ select public.set_my_language('en') as is_peer_mentor $$, 'a peer mentor sets the own language',
  'dora@beta mia mixa per: true', 'adam bea bob cora dora dora@alfa gone nora paula service_role sev: false', 'anon: 42501'
);
select is(tests.perform('mia', statement), expected, statement)
from (
  values
    ($$ select public.set_my_language('sv') $$, 'MC008 language'),
    ($$ select public.set_my_language(null) $$, 'MC008 language'),
    ($$ select public.set_my_language('en') $$, 'true')
) as tried (statement, expected);
select set_eq(
  $$ select tests.name(id) from mentorcert.peer_mentors where language = 'en' $$, array['mia'], 'of nobody else'
);
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'why');
select is(
  tests.perform('mia', $$ select public.set_my_language('nb') $$), 'MC010 endpoint_enabled', 'not while the endpoint is off'
);
delete from mentorcert_private.disabled_endpoints;

select tests.everybody_gets(
  $$ update mentorcert.peer_mentors set language = 'en' where id = tests.id('per') returning id $$, 'administrators set it of everybody',
  'adam service_role: per', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.certification_types set reminder_days = '{60,0}' where code = 'basic' and organisation_id = tests.id('alfa') returning code $$,
  'administrators set the offsets', 'adam service_role: basic',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon: 42501'
);
select tests.everybody_gets(
  statement, statement, 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
)
from unnest(array[
  'select id from mentorcert_private.notice_mails', 'select mail_id from mentorcert_private.notices', 'delete from mentorcert_private.notices',
  'select mentorcert_private.claim_notices(''{}'')', 'select mentorcert_private.due_notices(now())', 'select mentorcert_private.due_digests(now())'
]) as statement;

select * from finish();
rollback;
