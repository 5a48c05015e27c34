\ir fixture.psql
-- Requests for renewals: who asks and who settles, what they hold, and that nothing is renewed but by who has the right.

create function tests.request(words text) returns uuid
language sql security definer set search_path = ''
as $$ select request.id from mentorcert_private.renewal_requests as request where request.text = words $$;

create function tests.request_state(words text) returns text
language sql security definer set search_path = ''
as $$
  select concat_ws('|', request.state, coalesce(tests.name(request.settled_by), 'nobody'), request.version, request.reply, request.answer)
  from mentorcert_private.renewal_requests as request where request.text = words
$$;

-- Whom mails wait for, by the step.
create function tests.mails_of(words text) returns text
language sql security definer set search_path = ''
as $$
  select string_agg(
    concat_ws(' ', mail.request_version, coalesce(tests.name(mail.user_id), tests.name(mail.peer_mentor_id))), ', '
    order by mail.request_version, coalesce(tests.name(mail.user_id), tests.name(mail.peer_mentor_id))
  )
  from mentorcert_private.notice_mails as mail
  where mail.request_id = tests.request(words) and mail.kind = 'request' and mail.state = 'queued'
$$;

create function tests.leaves(day date) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  -- As if that day had been written before it came.
  alter table mentorcert.peer_mentors disable trigger close_requests;
  update mentorcert.peer_mentors set left_on = day where id = tests.id('mia');
  alter table mentorcert.peer_mentors enable trigger close_requests;
end
$$;

create function tests.merge() returns text
language sql as $$
  select tests.perform('adam', format(
    'select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L, %3$L) ->> ''fingerprint'', %2$L, %3$L) is not null',
    'merge_peer_mentors', tests.id('cait'), jsonb_build_object('absorbed', tests.id('mia'), 'reason', 'One', 'login', 'absorbed')
  ))
$$;

create function tests.outdated(settled date) returns bigint
language plpgsql as $$
begin
  update mentorcert_private.renewal_requests set state = 'withdrawn', settled_at = tests.day(settled - tests.today());
  perform mentorcert_private.delete_outdated();
  return (select count(*) from mentorcert_private.renewal_requests);
end
$$;

create function tests.may_be_mailed() returns text
language sql security definer set search_path = ''
as $$
  select coalesce(string_agg(
    concat_ws(' ', mail.request_version, coalesce(tests.name(mail.user_id), tests.name(mail.peer_mentor_id))), ', '
    order by mail.request_version, coalesce(tests.name(mail.user_id), tests.name(mail.peer_mentor_id))
  ), 'none')
  from mentorcert_private.notice_mails as mail where mail.kind = 'request' and mentorcert_private.may_be_mailed(mail.id)
$$;

update mentorcert.memberships set full_name = 'Cora C' where id = tests.id('m.cora');
update mentorcert.peer_mentors set email = external_id || '@example.org' where id in (tests.id('mia'), tests.id('per'), tests.id('mixa'));

select tests.everybody_gets(
  $$ select case when public.request_renewal(tests.id('mia.basic'), 'Trial', tests.today(-3)) is not null then 'asked' end as done $$,
  'the peer mentor asks, and nobody else', 'mia: asked',
  'adam bea bob cora dora dora@alfa dora@beta gone mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(
  tests.perform('mia', $$ select public.request_renewal(tests.id('mia.basic'), E' Course\u200b in Midtvik ', tests.today(-3)) is not null as done $$),
  'true', 'asked'
);
select is(tests.request_state('Course in Midtvik'), 'open|nobody|1', 'it waits');
select is(tests.kinds('mia.basic'), 'issued', 'and renews nothing');
select tests.everybody_gets(
  $$ select text from public.renewal_requests() $$, 'who reads the certification reads the request',
  'adam cora dora@alfa mia mixa paula: Course in Midtvik', 'bea bob dora dora@beta gone nora per sev: ', 'anon service_role: 42501'
);
select is(
  tests.attempt('cora', $$ select concat_ws('|', tests.name(peer_mentor_id), full_name, certification_type, tests.today() - done_on, state, is_own, version)
    from public.renewal_requests(of_request => tests.request('Course in Midtvik')) $$),
  'mia|Full name of mia|basic|3|open|f|1', 'what a coordinator reads'
);
select is(tests.attempt('mia', $$ select is_own from public.renewal_requests(of_certification => tests.id('mia.basic')) $$), 'true', 'one''s own');
select is(tests.attempt('cora', $$ select count(*) from public.renewal_requests(of_certification => tests.id('mia.short')) $$), '0', 'of one certification');
select is(tests.attempt('cora', $$ select count(*) from public.renewal_requests(of_request => tests.id('mia')) $$), '0', 'or by its id');

-- What is refused
select is(tests.attempt('mia', format('select public.request_renewal(%s) is not null as done', given)), answer, given)
from (
  values
    ($$tests.id('mia.basic'), 'Again', tests.today(-1)$$, '23505 renewal_requests_one_open'),
    ($$tests.id('mia.short'), '', tests.today(-1)$$, '23514 renewal_requests_text_valid'),
    ($$tests.id('mia.short'), null, tests.today(-1)$$, '23502'),
    ($$tests.id('mia.short'), 'x', null$$, '23502'),
    ($$tests.id('mia.short'), repeat('x', 401), tests.today(-1)$$, '23514 renewal_requests_text_length'),
    ($$tests.id('mia.short'), E'x\u0001', tests.today(-1)$$, '23514 renewal_requests_text_characters'),
    ($$tests.id('mia.short'), 'x', 'infinity'$$, 'MC008 done_on'),
    ($$tests.id('mia.short'), 'x', tests.today(1)$$, 'MC008 renewal_requests_done_on_valid'),
    ($$tests.id('mia.short'), 'x', tests.today(-10)$$, 'MC008 renewal_requests_done_on_valid'),
    ($$tests.id('mia.short'), 'x', tests.today(-9)$$, 'true'),
    ($$tests.id('mia.short'), 'x', tests.today()$$, 'true'),
    ($$tests.id('lone.basic'), 'x', tests.today()$$, '42501 certification_right'),
    ($$gen_random_uuid(), 'x', tests.today()$$, '42501 certification_right')
) as calls (given, answer);
savepoint before_refusals;
update mentorcert.certification_types set retired_on = tests.today(), retired_reason = 'Over' where id = tests.id('alfa.short');
select is(tests.attempt('mia', $$ select public.request_renewal(tests.id('mia.short'), 'x', tests.today()) is not null as done $$), 'MC024 certification_type_retired', 'of a type that is not given any more');
rollback to before_refusals;
update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('mia');
select is(tests.attempt('mia', $$ select public.request_renewal(tests.id('mia.short'), 'x', tests.today()) is not null as done $$), '42501 certification_right', 'of who has left');
rollback to before_refusals;
create function tests.ask_often() returns void
language sql security definer set search_path = ''
as $$
  insert into mentorcert_private.renewal_requests (organisation_id, certification_id, text, done_on, held_from, state, settled_at)
  select tests.id('alfa'), tests.id('mia.short'), 'Nr. ' || number, tests.today(), tests.day(-10), 'withdrawn', now() from generate_series(1, 5) as number
$$;
select tests.ask_often();
select is(tests.attempt('mia', $$ select public.request_renewal(tests.id('mia.short'), 'x', tests.today()) is not null as done $$), 'MC008 renewal_requests_a_day', 'five a day');
rollback to before_refusals;

-- Asking back and answering
select tests.everybody_gets(
  format($$ select public.ask_back_renewal_request('%s', 'Which course?')::text as done $$, tests.request('Course in Midtvik')),
  'who may renew asks back', 'adam cora dora@alfa mixa paula: ',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('mia', format($$ select public.answer_renewal_request('%s', 'The second') $$, tests.request('Course in Midtvik'))), 'MC001 renewal_requests_transition', 'nothing was asked');
select is(tests.attempt('cora', format($$ select public.ask_back_renewal_request('%s', %s) $$, tests.request('Course in Midtvik'), given)), answer, given)
from (
  values
    ($$'x', 7$$, 'PT409 renewal_requests_version_current'), ($$''$$, '23514 renewal_requests_reply_valid'), ($$null$$, '23514 renewal_requests_reply_valid'),
    ($$repeat('x', 1001)$$, '23514 renewal_requests_reply_length'), ($$E'x\u0001'$$, '23514 renewal_requests_reply_characters')
) as calls (given, answer);
select is(tests.perform('cora', format($$ select public.ask_back_renewal_request('%s', ' Which course? ', 1) $$, tests.request('Course in Midtvik'))), '', 'asked back');
select is(tests.request_state('Course in Midtvik'), 'asked_back|nobody|3|Which course?', 'it waits for the peer mentor');
select is(
  (select count(*) from mentorcert_private.renewal_requests where settled_at is null), 1::bigint, 'and is still the one that is open'
);
select tests.everybody_gets(
  format($$ select public.answer_renewal_request('%s', 'The second')::text as done $$, tests.request('Course in Midtvik')),
  'the peer mentor answers', 'mia: ',
  'adam bea bob cora dora dora@alfa dora@beta gone mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('mia', format($$ select public.answer_renewal_request('%s', %s) $$, tests.request('Course in Midtvik'), given)), answer, given)
from (
  values
    ($$'x', null, 1$$, 'PT409 renewal_requests_version_current'), ($$''$$, 'MC004 renewal_requests_answer_valid'),
    ($$repeat('x', 1001)$$, '23514 renewal_requests_answer_length'), ($$E'x\u0001'$$, '23514 renewal_requests_answer_characters'),
    ($$'x', tests.today(1)$$, 'MC008 renewal_requests_done_on_valid'), ($$'x', tests.today(-100)$$, 'MC008 renewal_requests_done_on_valid'),
    ($$'x', 'infinity'$$, 'MC008 done_on'), ($$'x', tests.today(-99)$$, '')
) as calls (given, answer);
select is(tests.perform('mia', format($$ select public.answer_renewal_request('%s', 'The second', tests.today(-2), 3) $$, tests.request('Course in Midtvik'))), '', 'answered');
select is(tests.request_state('Course in Midtvik'), 'open|nobody|5|Which course?|The second', 'it waits again');
select is((select tests.today() - done_on from mentorcert_private.renewal_requests), 2, 'for another day');
select is(tests.perform('cora', format($$ select public.ask_back_renewal_request('%s', 'Who led it?') $$, tests.request('Course in Midtvik'))), '', 'once more');
select is(tests.perform('mia', format($$ select public.answer_renewal_request('%s', 'Kari') $$, tests.request('Course in Midtvik'))), '', 'answered');
select matches(tests.request_state('Course in Midtvik'), E'The second\n\nKari$', 'all answers are kept');
select is((select tests.today() - done_on from mentorcert_private.renewal_requests), 2, 'for the same day');
select is(
  tests.mails_of('Course in Midtvik'),
  '1 cora, 1 dora, 1 mixa, 1 paula, 3 mia, 5 cora, 5 dora, 5 mixa, 5 paula, 7 mia, 9 cora, 9 dora, 9 mixa, 9 paula',
  'each step is a mail to those for whom it waits: the coordinators, or the peer mentor'
);

-- Withdrawing and refusing
select tests.everybody_gets(
  format($$ select public.withdraw_renewal_request('%s')::text as done $$, tests.request('Course in Midtvik')),
  'the peer mentor withdraws', 'mia: ',
  'adam bea bob cora dora dora@alfa dora@beta gone mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  format($$ select public.refuse_renewal_request('%s', 'No')::text as done $$, tests.request('Course in Midtvik')),
  'who may renew refuses', 'adam cora dora@alfa mixa paula: ',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt(who, format(call, tests.request('Course in Midtvik'))), answer, call)
from (
  values
    ('cora', $$ select public.refuse_renewal_request('%s', '') $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.refuse_renewal_request('%s', 'No', 1) $$, 'PT409 renewal_requests_version_current'),
    ('mia', $$ select public.withdraw_renewal_request('%s', 1) $$, 'PT409 renewal_requests_version_current')
) as calls (who, call, answer);
savepoint before_settling;
select is(tests.perform('cora', format($$ select public.refuse_renewal_request('%s', 'Not this course', 9) $$, tests.request('Course in Midtvik'))), '', 'refused');
select matches(tests.request_state('Course in Midtvik'), '^refused\|cora\|11\|Not this course', 'for a reason');
select matches(tests.mails_of('Course in Midtvik'), ', 11 mia$', 'which the peer mentor gets');
select is(tests.attempt('mia', $$ select coalesce(settled_by, 'no name') as who from public.renewal_requests(only_open => false) $$), 'no name', 'the peer mentor reads no name');
select is(tests.attempt('adam', $$ select settled_by from public.renewal_requests(only_open => false) $$), 'Cora C', 'others do');
select is(
  tests.attempt('cora', format(
    $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "x", "seen_on": "%s", "request_id": "%s"}') is not null as done $$,
    tests.today(), tests.request('Course in Midtvik')
  )), 'MC008 certification_evidence_valid', 'no renewal names it any more'
);
select is(tests.attempt('cora', $$ select count(*) from public.renewal_requests() $$), '0', 'it does not wait any more');
select is(tests.attempt(who, format(call, tests.request('Course in Midtvik'))), 'MC001 renewal_requests_transition', 'what is settled stays: ' || call)
from (
  values
    ('cora', $$ select public.refuse_renewal_request('%s', 'No') $$), ('cora', $$ select public.ask_back_renewal_request('%s', 'x') $$),
    ('cora', $$ select public.approve_renewal_request('%s') $$), ('mia', $$ select public.withdraw_renewal_request('%s') $$),
    ('mia', $$ select public.answer_renewal_request('%s', 'x') $$)
) as calls (who, call);
select throws_ok('update mentorcert_private.renewal_requests set state = ''open'', settled_at = null', 'MC001', null, 'also for the owner');
select is(tests.attempt('mia', $$ select public.request_renewal(tests.id('mia.basic'), 'Again', tests.today(-1)) is not null as done $$), 'true', 'the peer mentor may ask again');
rollback to before_settling;
select is(tests.perform('mia', format($$ select public.withdraw_renewal_request('%s', 9) $$, tests.request('Course in Midtvik'))), '', 'withdrawn');
select matches(tests.request_state('Course in Midtvik'), '^withdrawn\|mia\|11', 'by whom');
select matches(tests.mails_of('Course in Midtvik'), '9 paula$', 'and nobody gets a mail of it');
rollback to before_settling;

-- Approving renews, by the rights of who approves
select tests.everybody_gets(
  format($$ select public.approve_renewal_request('%s') is not null as done $$, tests.request('Course in Midtvik')),
  'who may renew approves', 'adam cora dora@alfa mixa paula: true',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('cora', format($$ select public.approve_renewal_request('%s', version => 1) $$, tests.request('Course in Midtvik'))), 'PT409 renewal_requests_version_current', 'of the version that was read');
select is(tests.perform('cora', format($$ select public.approve_renewal_request('%s', note => 'Well done', version => 9) is not null as done $$, tests.request('Course in Midtvik'))), 'true', 'approved');
select matches(tests.request_state('Course in Midtvik'), '^approved\|cora\|', 'by whom');
select is(tests.kinds('mia.basic'), 'issued,renewed', 'one renewal');
select is(
  tests.newest('mia.basic') -> 'evidence',
  jsonb_build_object(
    'seen', 'Course in Midtvik', 'seen_on', tests.today(-2), 'seen_by', tests.id('cora'), 'request_id', tests.request('Course in Midtvik')
  ), 'its evidence is the request'
);
select is(tests.newest('mia.basic') ->> 'note', 'Well done', 'with a remark');
select is((tests.newest('mia.basic') #>> '{after,issued_at}')::timestamptz, tests.day(-2), 'as of the day on which it was done');
select matches(tests.mails_of('Course in Midtvik'), ' mia$', 'the peer mentor gets a mail');
rollback to before_settling;
select is(tests.perform('adam', $$ update public.peer_mentor_certifications set issued_at = tests.day(-120) where id = tests.id('mia.basic') $$), '1 rows', 'corrected since');
select is(tests.perform('cora', format($$ select public.approve_renewal_request('%s', tests.today(-110)) is not null as done $$, tests.request('Course in Midtvik'))), 'true', 'as of a day before the request');
select matches(tests.request_state('Course in Midtvik'), '^approved\|cora\|', 'approved all the same');
rollback to before_settling;
select is(tests.perform('cora', format($$ select public.approve_renewal_request('%s', tests.today(-1), tests.today(40)) is not null as done $$, tests.request('Course in Midtvik'))), 'true', 'as of another day');
select is((select tests.today() - mentorcert_private.day_of(issued_at, 'Europe/Oslo') || ' ' || mentorcert_private.day_of(expires_at, 'Europe/Oslo') - tests.today() from public.peer_mentor_certifications where id = tests.id('mia.basic')), '1 41', 'to another day');
rollback to before_settling;

-- Renewed otherwise, it closes
select is(tests.perform('paula', $$ select public.renew_certification(tests.id('mia.basic')) is not null as done $$), 'true', 'renewed by somebody else');
select matches(tests.request_state('Course in Midtvik'), '^closed\|paula\|', 'closed');
rollback to before_settling;
select is(tests.perform('cora', $$ select public.change_certifications('renew', array[tests.id('mia.basic')]) $$), '1', 'with many');
select matches(tests.request_state('Course in Midtvik'), '^closed\|cora\|', 'closed');
rollback to before_settling;
select is(tests.perform('adam', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') is not null as done $$), 'true', 'suspended');
select matches(tests.request_state('Course in Midtvik'), '^open\|', 'it waits');
rollback to before_settling;

-- What is no renewal after the request leaves it open
select is(tests.perform('cora', $$ select public.renew_certification(tests.id('mia.short'), tests.today(-5)) is not null as done $$), 'true', 'renewed before');
select is(tests.perform('mia', $$ select public.request_renewal(tests.id('mia.short'), 'Short', tests.today(-1)) is not null as done $$), 'true', 'asked');
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('mia'), tests.id('1b'));
select matches(tests.request_state('Short'), '^open\|', 'another chapter');
rollback to before_settling;
select is(tests.perform('adam', $$ update public.peer_mentor_certifications set issued_at = tests.day(-20) where id = tests.id('mia.short') $$), '1 rows', 'corrected');
select is(tests.perform('mia', $$ select public.request_renewal(tests.id('mia.short'), 'Short', tests.today(-1)) is not null as done $$), 'true', 'asked');
select is(
  tests.perform('adam', format($$ select public.revert_change(tests.id('mia.short'), '%s'::uuid, 'why') is not null as done $$, tests.newest('mia.short') ->> 'entry_id')),
  'true', 'the correction is taken back'
);
select matches(tests.request_state('Short'), '^open\|', 'it waits');
rollback to before_settling;

-- Evidence names a request that waits, for just this renewal, and nobody's own
select is(
  tests.attempt('cora', format(
    $$ select public.renew_certification(%s, evidence => '{"seen": "x", "seen_on": "%s", "request_id": "%s"}') is not null as done $$,
    held, tests.today(), named
  )), answer, held || ' by ' || named
)
from (
  values
    ($$tests.id('mia.basic')$$, gen_random_uuid()::text, 'MC008 certification_evidence_valid'),
    ($$tests.id('mia.basic')$$, tests.request('Course in Midtvik')::text, 'true'),
    ($$tests.id('mia.short')$$, tests.request('Course in Midtvik')::text, 'MC008 certification_evidence_valid')
) as requests (held, named, answer);
select is(tests.attempt(who, format(call, tests.request('Course in Midtvik'), tests.today())), answer, who || call)
from (
  values
    ('adam', $$ select public.change_certifications('renew', array[tests.id('mia.short')], evidence => '{"seen": "x", "seen_on": "%2$s", "request_id": "%1$s"}') $$, 'MC008 certification_evidence_valid'),
    ('adam', $$ select public.change_certifications('renew', array[tests.id('mia.basic')], evidence => '{"seen": "x", "seen_on": "%2$s", "request_id": "%1$s"}') $$, '1'),
    ('adam', $$ select public.change_certifications('suspend', array[tests.id('mia.basic')], note => 'why', evidence => '{"seen": "x", "seen_on": "%2$s", "request_id": "%1$s"}') $$, 'MC008 certification_evidence_valid'),
    ('adam', $$ select public.register_certification(tests.id('cait'), 'short', evidence => '{"seen": "x", "seen_on": "%2$s", "request_id": "%1$s"}') is not null as done $$, 'MC008 certification_evidence_valid')
) as calls (who, call, answer);

-- Who leaves, and comes back
update mentorcert.peer_mentors set left_on = tests.today(5) where id = tests.id('mia');
select matches(tests.request_state('Course in Midtvik'), '^open\|', 'who is to leave is there');
update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('mia');
select matches(tests.request_state('Course in Midtvik'), '^closed\|', 'who has left asks for nothing');
rollback to before_settling;
select tests.leaves(tests.today(-1));
select is(tests.attempt('cora', $$ select count(*) from public.renewal_requests() $$), '0', 'when the day has come it waits no more');
select is(tests.attempt('adam', $$ select state from public.renewal_requests(only_open => false) $$), 'closed', 'but is closed');
select is(tests.attempt('adam', format($$ select public.approve_renewal_request('%s') $$, tests.request('Course in Midtvik'))), 'MC001 renewal_requests_transition', 'and not approved');
update mentorcert.peer_mentors set left_on = null where id = tests.id('mia');
select matches(tests.request_state('Course in Midtvik'), '^closed\|', 'who returns asks again');
rollback to before_settling;

-- Nobody about the own
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('mixa'), tests.id('1a'));
select is(tests.perform('mixa', $$ select public.request_renewal(tests.id('mixa.basic'), 'My own', tests.today(-1)) is not null as done $$), 'true', 'a coordinator asks');
select is(tests.attempt('mixa', format($$ select public.approve_renewal_request('%s') $$, tests.request('My own'))), '42501 certification_right', 'and does not approve it');
select is(
  tests.attempt('mixa', format(
    $$ select public.renew_certification(tests.id('mixa.basic'), evidence => '{"seen": "x", "seen_on": "%s", "request_id": "%s"}') is not null as done $$,
    tests.today(), tests.request('My own')
  )), 'MC008 certification_evidence_valid', 'nor by evidence that names it'
);
select is(tests.attempt('cora', format($$ select public.approve_renewal_request('%s') is not null as done $$, tests.request('My own'))), 'true', 'a colleague does');
select is(tests.mails_of('My own'), '1 cora, 1 dora, 1 paula, 1 sev', 'and gets the mail');
rollback to before_settling;

-- Where there is no coordinator, the administrators
update mentorcert.memberships set ended_at = now() where role = 'coordinator' and organisation_id = tests.id('alfa');
select is(tests.perform('mia', $$ select public.request_renewal(tests.id('mia.short'), 'Nobody there', tests.today(-1)) is not null as done $$), 'true', 'asked');
select is(tests.mails_of('Nobody there'), '1 adam', 'the administrator gets the mail');
rollback to before_settling;

-- The audit log has who did what, and no text
select is(tests.perform('cora', format($$ select public.refuse_renewal_request('%s', 'Not this course') $$, tests.request('Course in Midtvik'))), '', 'refused');
select is(
  (
    select string_agg(distinct field, ',' order by field) from mentorcert.audit_log as entry
    cross join lateral jsonb_object_keys(coalesce(entry.before, '{}') || coalesce(entry.after, '{}')) as field
    where entry.table_name = 'renewal_requests'
  ),
  'certification_id,done_on,state', 'the fields that are logged'
);
select is((select count(*) from mentorcert.audit_log as entry where entry::text ~ 'Course in|Which|second|Not this'), 0::bigint, 'no text is in the log');
rollback to before_settling;

-- What nobody changes
select throws_ok(format('update mentorcert_private.renewal_requests set %s', change), 'MC007', null, change)
from (
  values
    ('id = gen_random_uuid()'), ('organisation_id = tests.id(''beta'')'), ('certification_id = tests.id(''per.life'')'), ('held_from = now()'),
    ('asked_at = now()')
) as changes (change);
select throws_ok(format('update mentorcert_private.renewal_requests set %s', change), '23514', null, change)
from (values ('state = ''lost'''), ('state = ''approved'''), ('settled_at = now()')) as changes (change);

-- A merge takes along what it moves; what it replaces is seen by nobody
select is(tests.perform('mia', $$ select public.request_renewal(tests.id('mia.short'), 'Short', tests.today(-1)) is not null as done $$), 'true', 'another certification');
select is(tests.merge(), 'true', 'merged');
select is(tests.attempt('adam', $$ select tests.name(peer_mentor_id) || ' ' || text from public.renewal_requests() $$), 'cait Short', 'what moved is of the kept row');
select is(tests.attempt('adam', format($$ select public.refuse_renewal_request('%s', 'x') $$, tests.request('Course in Midtvik'))), '42501 certification_right', 'nobody settles the other');
select is(tests.attempt('mia', $$ select text from public.renewal_requests() $$), 'Short', 'the login goes along');
rollback to before_settling;

-- How long they are kept
select is(tests.outdated(tests.today(-360)), 1::bigint, 'before the time is over');
rollback to before_settling;
select is(tests.outdated(tests.today(-370)), 0::bigint, 'and then no more');
rollback to before_settling;
select tests.leaves(tests.today(-360));
do $$ begin perform mentorcert_private.delete_outdated(); end $$;
select is((select count(*) from mentorcert_private.renewal_requests), 1::bigint, 'of who left');
select tests.leaves(tests.today(-370));
do $$ begin perform mentorcert_private.delete_outdated(); end $$;
select is((select count(*) from mentorcert_private.renewal_requests), 0::bigint, 'a year ago');
rollback to before_settling;

-- Mails are of the latest step, to who still can settle it
update auth.users set email = tests.name(id) || '@example.org', email_confirmed_at = now();
select is(tests.may_be_mailed(), '9 cora, 9 dora, 9 mixa, 9 paula', 'the latest step');
update mentorcert.memberships set ended_at = now() where id = tests.id('m.cora');
update auth.users set email_confirmed_at = null where id = tests.id('mixa');
select is(tests.may_be_mailed(), '9 dora, 9 paula', 'who has access, and an address');
savepoint before_leaving;
select tests.leaves(tests.today(-1));
select is(tests.may_be_mailed(), 'none', 'of who has left it waits for nobody');
rollback to before_leaving;
select is(tests.perform('paula', format($$ select public.ask_back_renewal_request('%s', 'x') $$, tests.request('Course in Midtvik'))), '', 'asked');
select is(tests.may_be_mailed(), '11 mia', 'the peer mentor');
update mentorcert.peer_mentors set email = null where id = tests.id('mia');
select is(tests.may_be_mailed(), 'none', 'who has an address');
rollback to before_settling;
select throws_ok(
  format('insert into mentorcert_private.notice_mails (organisation_id, kind, state, user_id, request_id, request_version, queued_at) select organisation_id, kind, ''queued'', user_id, request_id, request_version, queued_at from mentorcert_private.notice_mails limit 1'),
  '23505', null, 'one mail of a step'
);

-- An erasure
select is(mentorcert_private.erase_peer_mentor(tests.id('mia')), 'kept', 'erased');
select is((select count(*) from mentorcert_private.renewal_requests), 0::bigint, 'and no request is left');
rollback to before_settling;

-- Switched off
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt(who, format(statement, tests.request('Course in Midtvik'))), 'MC010 endpoint_enabled', statement)
from (
  values
    ('cora', 'select * from public.renewal_requests()'), ('mia', 'select public.request_renewal(tests.id(''mia.short''), ''x'', tests.today())'),
    ('cora', 'select public.refuse_renewal_request(%L, ''x'')'), ('cora', 'select public.approve_renewal_request(%L)'),
    ('cora', 'select public.ask_back_renewal_request(%L, ''x'')'), ('mia', 'select public.withdraw_renewal_request(%L)'),
    ('mia', 'select public.answer_renewal_request(%L, ''x'')')
) as statements (who, statement);

select * from finish();
rollback;
