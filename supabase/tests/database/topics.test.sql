\ir fixture.psql
-- What peer mentors can be asked about: who keeps the list, who chooses, and what the public sees of it.

create function tests.topic(name text) returns uuid
language sql security definer set search_path = ''
as $$ select topic.id from mentorcert_private.topics as topic where topic.name_en = name $$;

select tests.everybody_gets(
  $$ select name_en from public.organisation_topics() $$, 'without a list there is nothing',
  'adam bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select case when public.save_organisation_topic(null, 'topic', 'Øresus', 'Tinnitus') is not null then 'saved' end as saved $$,
  'administrators keep the list', 'adam bea: saved',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);

select is(
  tests.perform('adam', format('select public.save_organisation_topic(null, %L, %L, %L) is not null as saved', kind, nb, en)), 'true', en || ' is on the list'
)
from (values ('topic', E' Øre\u200bsus ', 'Tinnitus'), ('topic', 'Arv', 'Heredity'), ('language', 'Engelsk', 'English')) as wanted (kind, nb, en);
select is(
  tests.perform('bea', $$ select public.save_organisation_topic(null, 'topic', 'Beta', 'Beta') is not null as saved $$), 'true', 'another organisation has its own'
);
select tests.everybody_gets(
  $$ select kind || ' ' || name_nb as topic from public.organisation_topics() $$, 'members read the list of their organisation',
  'adam cora dora@alfa mia mixa paula per sev: language Engelsk,topic Arv,topic Øresus', 'bea bob dora@beta: topic Beta',
  'dora gone nora: ', 'anon service_role: 42501'
);
select is(tests.perform('adam', statement), expected, statement)
from (
  values
    ($$ select public.save_organisation_topic(null, 'topic', 'ARV', 'Again') $$, '23505 topics_name_key'),
    ($$ select public.save_organisation_topic(null, 'other', 'Nytt', 'New') $$, '23514 topics_kind_valid'),
    ($$ select public.save_organisation_topic(null, 'topic', ' ', 'New') $$, '23514 topics_name_valid'),
    ($$ select public.save_organisation_topic(null, 'topic', repeat('x', 101), 'New') $$, '23514 topics_name_length'),
    ($$ select public.save_organisation_topic(null, 'topic', E'x\u0001', 'New') $$, '23514 topics_name_characters'),
    ($$ select public.save_organisation_topic(gen_random_uuid(), 'topic', 'Nytt', 'New') $$, '42501 certification_right'),
    ($$ select public.save_organisation_topic(tests.topic('Beta'), 'topic', 'Nytt', 'New') $$, '42501 certification_right'),
    ($$ select public.save_organisation_topic(tests.topic('Heredity'), 'topic', 'Arv', 'Heredity', true, 7) $$, 'PT409 topics_version_current'),
    ($$ select public.save_organisation_topic(tests.topic('Heredity'), 'topic', 'Arvelig', 'Heredity', true, 1) is not null as saved $$, 'true')
) as attempts (statement, expected);
select is(
  (select count(*)::text from mentorcert.audit_log where table_name = 'topics' and action = 'insert'), '4', 'the audit log has who changed the list'
);
create function tests.fill_the_list() returns void
language sql security definer set search_path = ''
as $$
  insert into mentorcert_private.topics (organisation_id, kind, name_nb, name_en)
  select tests.id('alfa'), 'topic', 'Nr. ' || number, 'No. ' || number from generate_series(1, 197) as number
$$;
savepoint before_full;
select tests.fill_the_list();
select is(tests.perform('adam', $$ select public.save_organisation_topic(null, 'topic', 'En til', 'Another') $$), 'MC008 topics_number', 'the list has a bound');
rollback to before_full;

-- Choices
select tests.everybody_gets(
  $$ select public.set_peer_mentor_topics(tests.id('mia'), array[tests.topic('Tinnitus')])::text as done $$,
  'the person, the chapter''s coordinators and the administrator choose', 'adam cora dora@alfa mia mixa paula: ',
  'bea bob dora dora@beta gone nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select cardinality(public.peer_mentor_topics(tests.id('mia')))::text as chosen $$, 'and read what is chosen',
  'adam cora dora@alfa mia mixa paula: 0', 'bea bob dora dora@beta gone nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
create function tests.shown() returns text
language sql set search_path = ''
as $$
  select tests.attempt('anon', $q$
    select topic.name_en from public.listed_peer_mentors as listed
    join public.public_topics('alfa') as topic on topic.id = any(listed.topic_ids)
    where listed.peer_mentor_id = tests.id('mia')
  $q$)
$$;
select is(tests.shown(), '', 'nothing is shown yet');
select is(
  tests.perform('mia', $$ select public.set_peer_mentor_topics(tests.id('mia'), array[tests.topic('Tinnitus'), tests.topic('English')])::text as done $$), '', 'mia chooses'
);
select is(tests.shown(), 'English,Tinnitus', 'the public sees it at once');
select is(tests.perform('cora', $$ select public.set_peer_mentor_topics(tests.id('per'), array[tests.topic('Heredity')]) $$), '42501 certification_right', 'not of others');
select is(tests.perform('adam', $$ select public.set_peer_mentor_topics(tests.id('per'), array[tests.topic('Heredity')])::text as done $$), '', 'per is not listed');
select is(tests.attempt('anon', $$ select name_en from public.public_topics('alfa') $$), 'English,Tinnitus', 'what nobody on the list has chosen is no choice');
select is(tests.attempt('anon', $$ select name_en from public.public_topics('beta') $$), '', 'each organisation its own');
select is(tests.perform('mia', $$ select public.set_peer_mentor_topics(tests.id('mia'), array[tests.topic('Beta')]) $$), 'MC008 topic_ids', 'of the own list alone');
select is(
  tests.perform('adam', $$ select public.save_organisation_topic(tests.topic('English'), 'language', 'Engelsk', 'English', false) is not null as saved $$), 'true', 'English is offered no longer'
);
select is(tests.shown(), 'Tinnitus', 'and shown no longer');
select is(tests.perform('mia', $$ select public.set_peer_mentor_topics(tests.id('mia'), array[tests.topic('English')]) $$), 'MC008 topic_ids', 'nor chosen');
select is(tests.perform('mia', $$ select public.set_peer_mentor_topics(tests.id('mia'), '{}')::text as done $$), '', 'mia chooses nothing');
select is(tests.shown(), '', 'nothing is shown');
select is(
  (select cardinality(topic_ids)::text from public.listed_peer_mentors where peer_mentor_id = tests.id('mia')), '1', 'the entry has what is left'
);
select is(
  tests.perform('mia', $$ select cardinality(public.peer_mentor_topics(tests.id('mia')))::text as chosen $$), '1', 'what is not offered stays chosen, for the day it is again'
);
select is(
  (select count(*)::text from mentorcert.audit_log where before::text || after::text ~ 'peer_mentor_topics'), '0', 'no log has what somebody talks about'
);

-- Only while listed
select is(tests.perform('adam', $$ select public.save_organisation_topic(tests.topic('English'), 'language', 'Engelsk', 'English') is not null as saved $$), 'true', 'offered again');
select is(tests.shown(), 'English', 'and shown again');
select is(tests.perform('mia', $$ select public.set_listing_consent(tests.id('mia'), false) $$), 'true', 'without consent');
select is(tests.attempt('anon', $$ select name_en from public.public_topics('alfa') $$), '', 'nothing');
select is(tests.perform('owner', $$ select mentorcert_private.erase_peer_mentor(tests.id('mia')) $$), 'kept', 'mia is erased');
select is((select count(*)::text from mentorcert_private.peer_mentor_topics where peer_mentor_id = tests.id('mia')), '0', 'and so is what she chose');
select is(tests.perform('adam', $$ select public.set_peer_mentor_topics(tests.id('mia'), '{}') $$), '42501 certification_right', 'for good');

select * from finish();
rollback;
