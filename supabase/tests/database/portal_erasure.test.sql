\ir fixture.psql
-- What the portal sent about a person goes with the person: settled at once, the rest when the portal has confirmed.

update mentorcert.peer_mentors set external_id = 'N-4711', email = 'mia@hemmelig.example' where id = tests.id('mia');
update mentorcert.peer_mentors set external_id = '7' where id = tests.id('cait');

create function tests.receive(name text, state text, body text, peer_mentor_id uuid default null) returns void
language sql
as $$
  insert into mentorcert_portal.inbox (organisation_id, message_id, digest, headers, body, stripped, state, worked_at, peer_mentor_id)
  values (
    tests.id('alfa'), name, sha256(convert_to(name, 'UTF8')), '{}', convert_to(body, 'UTF8'), false, state,
    case when state <> 'received' then now() end, peer_mentor_id
  )
$$;
select tests.receive('by rule', 'worked', '{}', tests.id('mia'));
select tests.receive('by id', 'ignored', format('{"id":"%s"}', upper(tests.id('mia')::text)));
select tests.receive('by number', 'echo', '{"hlf_number":"N-4711"}');
select tests.receive('by mail', 'unknown', '{"mail":"Mia@Hemmelig.example"}');
select tests.receive('waits', 'needs_person', '{"hlf_number":"N-4711"}');
select tests.receive('comes', 'received', '{"hlf_number":"N-4711"}');
select tests.receive('of others', 'worked', '{"hlf_number":"N-47110","status":"7","mia":"@hemmelig.example"}');
insert into mentorcert_portal.inbox (organisation_id, message_id, digest, headers, body, stripped, state, worked_at)
values (tests.id('alfa'), 'no text', sha256('\x00'), '{}', '\xff00', false, 'unknown', now());

create function tests.about(who text) returns text
language sql
as $$
  select string_agg(message.message_id, ', ' order by message.message_id)
  from mentorcert.peer_mentors as mentor
  cross join mentorcert_portal.messages_about(mentor.organisation_id, mentor.id, mentor.external_id, mentor.email) as message
  where mentor.id = tests.id(who)
$$;
create function tests.emptied() returns text
language sql
as $$ select string_agg(message_id, ', ' order by message_id) from mentorcert_portal.inbox where body is null $$;

select is(tests.about('mia'), 'by id, by mail, by number, by rule, comes, waits', 'what is about somebody is found');
select is(tests.about('cait'), null, 'and a short number finds nothing of others');
select is(mentorcert_portal.body_text('\xff00'), '\377\000', 'what is no text can be read all the same');

insert into mentorcert_portal.replays (organisation_id, selection, total, reason)
values
  (tests.id('alfa'), jsonb_build_object('peer_mentor_ids', jsonb_build_array(tests.id('mia'))), 1, 'Mia asked for it'),
  (tests.id('alfa'), '{}', 9, 'All of them');

select mentorcert_portal.connect(tests.id('alfa'), 'webhook', 'v1', 'test');
select mentorcert_portal.set_mode(tests.id('alfa'), 'live', 'test');
create function tests.confirm() returns void
language sql
as $$
  select mentorcert_portal.acknowledge(
    tests.id('alfa'),
    (
      select jsonb_agg(jsonb_build_object(
        'peer_mentor_id', claimed.peer_mentor_id, 'lease_token', claimed.lease_token, 'version', claimed.version,
        'attempt', claimed.attempt, 'outcome', 'applied'
      ))
      from mentorcert_portal.claim(tests.id('alfa'), 100, '60 s', clock_timestamp()) as claimed
    ),
    'test', clock_timestamp()
  )
$$;
select tests.confirm();
select is(tests.emptied(), null, 'a confirmation of anything else empties nothing');

select mentorcert_private.erase_peer_mentor(tests.id('mia'));
select is(tests.emptied(), 'by id, by number, by rule', 'an erasure empties what is settled');
select is(tests.about('mia'), 'by id, by mail, by number, by rule, comes, waits', 'and keeps in mind whose the rest is');
select set_eq('select reason from mentorcert_portal.replays', array['erased', 'All of them'], 'with the reasons of replays');

-- The portal has not heard of it yet.
select tests.receive('late', 'needs_person', '{"hlf_number":"N-4711"}');
select tests.confirm();
select is(
  tests.emptied(), 'by id, by mail, by number, by rule, comes, late, waits', 'the confirmation empties all that is left'
);
select set_eq(
  $$ select message_id || ': ' || state || coalesce(' ' || reason, '') from mentorcert_portal.inbox where body is null $$,
  array[
    'by rule: worked', 'by id: ignored', 'by number: echo', 'by mail: lapsed was unknown: the person was erased',
    'waits: lapsed was needs_person: the person was erased', 'late: lapsed was needs_person: the person was erased',
    'comes: lapsed was received: the person was erased'
  ],
  'and says why'
);
select is(
  (select count(*) from mentorcert_portal.inbox where body is not null), 2::bigint, 'the messages of others stay as they were'
);

select * from finish();
rollback;
