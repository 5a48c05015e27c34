\ir fixture.psql
-- Courses: who plans them, who signs up, how seats are given, who says who attended, and what closing gives and takes back.

create function tests.course(name text) returns uuid
language sql security definer set search_path = ''
as $$ select course.id from mentorcert_private.courses as course where course.name_nb = name $$;

-- A course as somebody plans it; more is what else is written.
create function tests.plan(name text, day integer, chapters text, more text default '') returns text
language sql set search_path = ''
as $$
  select format(
    'select public.plan_course(%L, %L, %L, array[tests.today(%s)], chapter_ids => %s%s) is not null as done',
    case when name like 'Refresher%' then 'refresher' else 'course' end, name, '{basic}', day,
    case when chapters is null then '''{}''' else format('array[tests.id(%L)]', chapters) end, more
  )
$$;

create function tests.sign_ups(name text) returns text
language sql security definer set search_path = ''
as $$
  select coalesce(string_agg(concat_ws(':', tests.name(sign_up.peer_mentor_id), sign_up.state, sign_up.attendance), ' ' order by sign_up.rank, sign_up.state), 'nobody')
  from mentorcert_private.course_sign_ups as sign_up where sign_up.course_id = tests.course(name)
$$;

create function tests.preview(name text) returns text
language sql set search_path = ''
as $$ select format(
  'select string_agg(concat_ws('':'', tests.name(peer_mentor_id), certification_type, outcome, refusal, last_valid_day - tests.today()), '' '' order by tests.name(peer_mentor_id), certification_type) as done from public.preview_course_closing(%L)',
  tests.course(name)
) $$;

create function tests.close(name text) returns text
language sql set search_path = ''
as $$ select format('select public.close_course(%1$L, (select min(fingerprint) from public.preview_course_closing(%1$L))) as done', tests.course(name)) $$;

create function tests.state(name text) returns text
language sql security definer set search_path = ''
as $$
  select concat_ws('|', course.state, coalesce(tests.name(course.settled_by), 'nobody'), (course.batch_id is not null)::text, course.reason)
  from mentorcert_private.courses as course where course.name_nb = name
$$;

create function tests.merge(kept text, absorbed text) returns text
language sql as $$
  select tests.perform('adam', format(
    'select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L, %3$L) ->> ''fingerprint'', %2$L, %3$L) is not null',
    'merge_peer_mentors', tests.id(kept), jsonb_build_object('absorbed', tests.id(absorbed), 'reason', 'One')
  ))
$$;

-- How many days from today what is issued as of yesterday is valid.
create function tests.given() returns text
language sql security definer set search_path = ''
as $$ select (mentorcert_private.last_valid_day('months', 24, tests.today(-1)) - tests.today())::text $$;

grant execute on all functions in schema tests to authenticated;

-- Planning
select tests.everybody_gets(
  tests.plan('Trial', 20, '1a'), 'a course of a chapter is planned by who coordinates it', 'adam cora dora@alfa mixa paula: true',
  'bea: MC008 courses_chapter_ids_known', 'bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  tests.plan('Trial', 20, null), 'one of the whole organisation by the administrator', 'adam bea: true',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', tests.plan('Trial', 20, '1a', given)), answer, given)
from (
  values
    (', seats => 0', '23514 courses_seats_valid'), (', seats => 5001', '23514 courses_seats_valid'), (', seats => 5000', 'true'),
    (', name_en => ''''', '23514 courses_name_valid'), (', name_en => repeat(''x'', 201)', '23514 courses_name_length'),
    (', name_en => E''x\u0001''', '23514 courses_name_characters'), (', place => ''''', '23514 courses_place_valid'),
    (', place => repeat(''x'', 201)', '23514 courses_place_length'), (', place => E''x\u0001''', '23514 courses_place_characters'),
    (', link => ''javascript:x''', '23514 courses_link_valid'), (', link => ''https://example.org/'' || repeat(''x'', 500)', '23514 courses_link_length'),
    (', link => ''https://example.org/room?as=a@example.org''', 'true'), (', link => ''https://user:word@example.org/room''', '23514 courses_link_valid'),
    (', note => ''''', '23514 courses_note_valid'),
    (', note => repeat(''x'', 2001)', '23514 courses_note_length'), (', note => E''x\u0001''', '23514 courses_note_characters'),
    (', required_types => ''{basic}''', '23514 courses_types_valid'), (', required_types => ''{life}''', 'true'),
    (', required_types => ''{beta-only}''', 'MC002 certification_type_known'), (', responsible_id => tests.id(''mia'')', 'MC008 courses_responsible_id_known'),
    (', responsible_id => tests.id(''bea'')', 'MC008 courses_responsible_id_known'), (', responsible_id => tests.id(''gone'')', 'MC008 courses_responsible_id_known'),
    (', responsible_id => tests.id(''cora'')', 'true'), (', starts => ''{10:00}'', ends => ''{09:00}''', '23514 courses_times_valid'),
    (', starts => ''{10:00}'', ends => ''{16:00}''', 'true'), (', starts => ''{10:00}''', 'true'), (', ends => ''{10:00}''', '23514 courses_times_valid'),
    (', starts => ''{10:00,11:00}''', '23514 courses_times_valid')
) as calls (given, answer);
select is(tests.attempt('adam', format('select public.plan_course(%s) is not null as done', given)), answer, given)
from (
  values
    ($$'lecture', 'x', '{basic}', array[tests.today()]$$, '23514 courses_kind_valid'), ($$'course', '', '{basic}', array[tests.today()]$$, '23514 courses_name_valid'),
    ($$'course', 'x', '{}', array[tests.today()]$$, '23514 courses_types_valid'), ($$'course', 'x', '{nothing}', array[tests.today()]$$, 'MC002 certification_type_known'),
    ($$'course', 'x', '{basic,basic}', array[tests.today()]$$, '23514 courses_types_valid'),
    ($$'course', 'x', '{basic}', '{}'$$, '23514 courses_days_valid'), ($$'course', 'x', '{basic}', null$$, '23502'),
    ($$'course', 'x', '{basic}', array['infinity'::date]$$, 'MC008 days'),
    ($$'course', 'x', '{basic}', array[tests.today(1), tests.today()]$$, '23514 courses_days_valid'),
    ($$'course', 'x', '{basic}', array[tests.today(), tests.today()]$$, '23514 courses_days_valid'),
    ($$'course', 'x', '{basic}', array[tests.today(), tests.today(1)]$$, 'true'),
    ($$'course', 'x', '{basic}', array[tests.today()], chapter_ids => array[tests.id('b1')]$$, 'MC008 courses_chapter_ids_known'),
    ($$'course', 'x', '{basic}', array[tests.today()], chapter_ids => array[null::uuid]$$, 'MC008 courses_chapter_ids_known'),
    ($$'course', 'x', '{basic}', array[tests.today()], chapter_ids => array_fill(tests.id('1a'), array[501])$$, '23514 courses_chapter_ids_valid')
) as calls (given, answer);
savepoint before_retiring;
select is(tests.perform('owner', $$ update mentorcert.certification_types set retired_on = tests.today(-5), retired_reason = 'Over' where id = tests.id('alfa.basic') $$), '1 rows', 'written');
select is(tests.attempt('cora', tests.plan('Trial', 20, '1a')), 'MC024 certification_type_retired', 'of a type that is not given any more');
select is(tests.attempt('cora', tests.plan('Trial', -5, '1a')), 'MC024 certification_type_retired', 'from that day on');
select is(tests.attempt('cora', tests.plan('Trial', -6, '1a')), 'true', 'but before');
rollback to before_retiring;
select is(tests.perform('cora', tests.plan('Local', 20, '1a', ', seats => 1, note => E'' Bring\u200b a pen '', place => ''Midtvik''')), 'true', 'planned');
select is((select tests.name(responsible_id) || ' ' || version from mentorcert_private.courses), 'cora 1', 'by who is responsible');
select tests.everybody_gets(
  $$ select tests.name(user_id) as who from public.course_responsibles() $$, 'who can be made responsible', 'adam paula: adam,cora,dora,mixa,paula,sev', 'sev: adam,paula,sev',
  'bea bob: bea,bob', 'cora dora@alfa mixa: adam,cora,dora,mixa,paula', 'dora dora@beta gone mia nora per: ', 'anon service_role: 42501'
);
select is(tests.perform('adam', tests.plan('Whole', 20, null)), 'true', 'of the whole organisation');
select is(tests.perform('paula', tests.plan('County', 20, 'county1')), 'true', 'of a county');
select tests.everybody_gets(
  $$ select name_nb from public.courses() $$, 'who it is for reads it', 'adam cora dora@alfa mia mixa paula: County,Local,Whole',
  'per sev: County,Whole', 'bea bob dora dora@beta gone nora: ', 'anon service_role: 42501'
);
select is(
  tests.attempt('mia', $$ select concat_ws('|', name_nb, note, place, seats, state, seated, waiting, own_state, may_sign_up, may_manage, batch_id) as done from public.courses(tests.course('Local')) $$),
  'Local|Bring a pen|Midtvik|1|planned|0|0|t|f', 'what a peer mentor reads'
);
select is(tests.attempt('cora', $$ select concat_ws('|', name_nb, may_sign_up, may_manage) as done from public.courses() $$), 'County|f|f,Local|f|t,Whole|f|f', 'whose they are');
select is(tests.attempt('adam', format('select name_nb from public.courses(%s)', given)), answer, given)
from (
  values
    ('since => tests.today(20)', 'County,Local,Whole'), ('since => tests.today(21)', ''), ('until => tests.today(20)', 'County,Local,Whole'), ('until => tests.today(19)', ''),
    ('tests.id(''mia'')', '')
) as calls (given, answer);

-- Changing
select tests.everybody_gets(
  $$ select public.change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')])::text as done $$,
  'who manages it changes it', 'adam cora dora@alfa mixa paula: ', 'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select public.cancel_course(tests.course('County'), 'Nobody comes')::text as done $$, 'and cancels it', 'adam paula: ',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt(who, format('select public.%s', call)), answer, call)
from (
  values
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('county1')])$$, '42501 certification_right'),
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)])$$, '42501 certification_right'),
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')], version => 7)$$, 'PT409 courses_version_current'),
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{basic}', array['infinity'::date], chapter_ids => array[tests.id('1a')])$$, 'MC008 days'),
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{nothing}', array[tests.today(20)], chapter_ids => array[tests.id('1a')])$$, 'MC002 certification_type_known'),
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')], responsible_id => tests.id('mia'))$$, 'MC008 courses_responsible_id_known'),
    ('cora', $$change_course(gen_random_uuid(), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')])$$, '42501 certification_right'),
    ('cora', $$cancel_course(tests.course('Local'), '')$$, 'MC004 certification_reason_required'),
    ('cora', $$cancel_course(tests.course('Local'), repeat('x', 1001))$$, '23514 courses_reason_length'),
    ('cora', $$cancel_course(tests.course('Local'), E'x\u0001')$$, '23514 courses_reason_characters'),
    ('cora', $$cancel_course(tests.course('Local'), 'x', 7)$$, 'PT409 courses_version_current')
) as calls (who, call, answer);
savepoint planned;
select is(tests.perform('cora', $$ select public.cancel_course(tests.course('Local'), E' Nobody\u200b comes ', 1) $$), '', 'cancelled');
select is(tests.state('Local'), 'cancelled|cora|false|Nobody comes', 'for a reason');
select is((select version from mentorcert_private.courses where name_nb = 'Local'), 2::bigint, 'each change is counted');
select is(tests.attempt(who, format('select public.%s', call)), 'MC001 courses_transition', 'what is cancelled stays: ' || call)
from (
  values
    ('cora', $$cancel_course(tests.course('Local'), 'x')$$), ('mia', $$sign_up_for_course(tests.course('Local'))$$),
    ('cora', $$change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')])$$)
) as calls (who, call);
select is(tests.attempt('mia', $$ select may_sign_up from public.courses(tests.course('Local')) $$), 'false', 'nobody signs up');
rollback to planned;
select throws_ok(format('update mentorcert_private.courses set %s', change), 'MC007', null, change)
from (values ('id = gen_random_uuid()'), ('organisation_id = tests.id(''beta'')'), ('created_at = now() - interval ''1 day''')) as changes (change);
select throws_ok(format('update mentorcert_private.courses set %s', change), '23514', null, change)
from (values ('state = ''lost'''), ('state = ''closed'''), ('settled_at = now()'), ('reason = ''x'''), ('state = ''cancelled'', settled_at = now(), reason = ''''')) as changes (change);

-- Signing up
select tests.everybody_gets(
  $$ select public.sign_up_for_course(tests.course('Whole')) as done $$, 'a peer mentor signs up', 'mia mixa per: seated',
  'adam bea bob cora dora dora@alfa dora@beta gone nora paula sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select public.sign_up_for_course(tests.course('Local')) as done $$, 'for what the chapter has', 'mia: seated',
  'adam bea bob cora dora dora@alfa dora@beta gone mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select public.sign_up_for_course(tests.course('County'), tests.id('per')) as done $$, 'who has the person within reach, and the person', 'adam paula per sev: seated',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select public.sign_up_for_course(tests.course('Local'), tests.id('per')) as done $$, 'of another chapter the administrator', 'adam: seated',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select public.sign_up_for_course(tests.course('Whole'), tests.id('bert')) $$), '42501 certification_right', 'nobody of another organisation');
select is(tests.attempt('bea', $$ select public.sign_up_for_course(tests.course('Whole'), tests.id('bert')) $$), '42501 certification_right', 'for its courses');
savepoint before_leaving;
select is(tests.perform('owner', $$ update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('mia') $$), '1 rows', 'written');
select is(tests.attempt(who, $$ select public.sign_up_for_course(tests.course('Whole'), tests.id('mia')) $$), '42501 certification_right', 'who has left: ' || who)
from (values ('mia'), ('adam')) as people (who);
select is(tests.attempt('mia', $$ select name_nb from public.courses() $$), '', 'nor reads what is planned');
rollback to before_leaving;
select is(tests.perform('mia', $$ select public.sign_up_for_course(tests.course('Local')) $$), 'seated', 'the only seat');
select is(tests.perform('cora', $$ select public.sign_up_for_course(tests.course('Local'), tests.id('mia')) $$), '23505 course_sign_ups_one_of_a_person', 'once');
select is(tests.perform('adam', format('select public.sign_up_for_course(tests.course(''Local''), tests.id(%L))', who)), 'waiting', who || ' waits')
from (values ('per'), ('cait'), ('lone')) as people (who);
select is(tests.sign_ups('Local'), 'mia:seated per:waiting cait:waiting lone:waiting', 'in the order of signing up');
select is(tests.attempt('per', $$ select own_place from public.courses(tests.course('Local')) $$), '1', 'one''s place');
select is(tests.attempt('adam', $$ select string_agg(concat_ws(':', tests.name(peer_mentor_id), place), ' ' order by state, place) as done from public.course_sign_ups(tests.course('Local')) $$), 'mia per:1 cait:2 lone:3', 'the places');
select tests.everybody_gets(
  $$ select peer_mentor_id from public.course_sign_ups(tests.course('Local')) $$, 'within reach, and the own', 'adam: cait,lone,mia,per', 'cora dora@alfa mia mixa: mia',
  'paula: cait,mia,per', 'per: per', 'sev: lone,per', 'bea bob dora dora@beta gone nora: ', 'anon service_role: 42501'
);
select is(tests.attempt('cora', $$ select concat_ws('|', full_name, state, attendance, missing, is_own, by_peer_mentor, version) as done from public.course_sign_ups(tests.course('Local')) $$), 'Full name of mia|seated|{}|f|t|1', 'what a coordinator reads');
select is(tests.attempt('adam', $$ select by_peer_mentor from public.course_sign_ups(of_peer_mentor => tests.id('per')) $$), 'false', 'who signed up');
select is(tests.attempt('cora', $$ select * from public.course_sign_ups() $$), 'MC008 of_course', 'of whom');
select is(tests.attempt('cora', $$ select course_id from public.course_sign_ups(of_peer_mentor => tests.id('per')) $$), '', 'nobody out of reach');

-- Several at once
savepoint several;
select is(
  tests.perform('adam', $$ select string_agg(concat_ws(':', tests.name(peer_mentor_id), state), ' ') as done from public.sign_up_people_for_course(tests.course('County'), array[tests.id('per'), tests.id('mia'), tests.id('per')]) $$),
  'per:seated mia:seated', 'in the order given, each once'
);
select is(tests.perform('adam', $$ select string_agg(state, ' ') as done from public.sign_up_people_for_course(tests.course('County'), array[tests.id('mia'), tests.id('per')]) $$), '', 'who is on the list stays there');
rollback to several;
select is(tests.attempt('adam', $$ select state from public.sign_up_people_for_course(tests.course('Whole'), array[tests.id('per'), tests.id('bert')]) $$), '42501 certification_right', 'all of them or nobody');
select is(tests.attempt('adam', format('select state from public.sign_up_people_for_course(tests.course(''Whole''), %L)', ids)), 'MC008 peer_mentor_ids', 'how many')
from (values ('{}'::uuid[]), (null), (array[null::uuid]), (array_fill(tests.id('per'), array[501]))) as refused (ids);
select tests.everybody_gets(
  $$ select state from public.sign_up_people_for_course(tests.course('County'), array[tests.id('per')]) $$, 'who has all of them within reach, and the person', 'adam paula per sev: seated',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora: 42501 certification_right', 'anon service_role: 42501'
);

-- Withdrawing; the next one moves up
select tests.everybody_gets(
  $$ select public.withdraw_from_course(tests.course('Local'), tests.id('mia'))::text as done $$, 'who reads the person withdraws', 'adam cora dora@alfa mia mixa paula: ',
  'bea bob dora dora@beta gone nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select public.withdraw_from_course(tests.course('Local'), tests.id('mixa')) $$), '42501 certification_right', 'who is not on the list');
savepoint full_course;
select is(tests.perform('mia', $$ select public.withdraw_from_course(tests.course('Local')) $$), '', 'withdrawn');
select is(tests.sign_ups('Local'), 'mia:withdrawn per:seated cait:waiting lone:waiting', 'the first one has the seat');
select is(tests.attempt('mia', $$ select public.withdraw_from_course(tests.course('Local')) $$), 'MC001 course_sign_ups_transition', 'once');
select is(tests.perform('mia', $$ select public.sign_up_for_course(tests.course('Local')) $$), 'waiting', 'once more');
select is(tests.sign_ups('Local'), 'per:seated cait:waiting lone:waiting mia:waiting', 'as the last');
rollback to full_course;
select is(tests.perform('cora', $$ select public.change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')], seats => 3) $$), '', 'more seats');
select is(tests.sign_ups('Local'), 'mia:seated per:seated cait:seated lone:waiting', 'are taken');
select is(tests.attempt('cora', $$ select public.change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')], seats => 2) $$), 'MC008 courses_seats_taken', 'not fewer');
select is(tests.perform('cora', $$ select public.change_course(tests.course('Local'), 'course', 'Local', '{basic}', array[tests.today(20)], chapter_ids => array[tests.id('1a')]) $$), '', 'no limit');
select is(tests.sign_ups('Local'), 'mia:seated per:seated cait:seated lone:seated', 'all have one');
rollback to full_course;

-- Who leaves, is erased or merged
select is(tests.perform('owner', $$ update mentorcert.peer_mentors set left_on = tests.today(21) where id = tests.id('mia') $$), '1 rows', 'written');
select is(tests.sign_ups('Local'), 'mia:seated per:waiting cait:waiting lone:waiting', 'who leaves after it keeps the seat');
select is(tests.perform('owner', $$ update mentorcert.peer_mentors set left_on = tests.today(20) where id = tests.id('mia') $$), '1 rows', 'written');
select is(tests.sign_ups('Local'), 'mia:withdrawn per:seated cait:waiting lone:waiting', 'who leaves before gives it to who waits');
rollback to full_course;
select is(mentorcert_private.erase_peer_mentor(tests.id('mia')), 'kept', 'erased');
select is(tests.sign_ups('Local'), 'per:seated cait:waiting lone:waiting', 'and not on the list');
rollback to full_course;
select is(tests.merge('cait', 'mia'), 'true', 'merged');
select is(tests.sign_ups('Local'), 'cait:seated mia:withdrawn per:waiting lone:waiting', 'one of two stays, with the seat and the place');
rollback to full_course;
select is(tests.merge('cait', 'lone'), 'true', 'merged');
select is(tests.sign_ups('Local'), 'mia:seated per:waiting cait:waiting lone:withdrawn', 'with the better place');
rollback to full_course;
select is(tests.merge('lost', 'mia'), 'true', 'merged');
select is(tests.sign_ups('Local'), 'lost:seated per:waiting cait:waiting lone:waiting', 'moved');
select is(
  tests.perform('adam', $$
    select public.confirm_consequences('undo_merge', public.preview_consequences('undo_merge', merge.id, '{}') ->> 'fingerprint', merge.id, '{}') is not null as done
    from public.merges_of(tests.id('lost')) as merge
  $$), 'true', 'undone'
);
select is(tests.sign_ups('Local'), 'mia:seated per:waiting cait:waiting lone:waiting', 'and back');
select is((select count(*) from mentorcert_private.course_sign_ups where came_from <> '{}'), 0::bigint, 'as if it had never moved');
rollback to full_course;
select throws_ok(format('update mentorcert_private.course_sign_ups set %s', change), 'MC007', null, change)
from (
  values
    ('id = gen_random_uuid()'), ('organisation_id = tests.id(''beta'')'), ('course_id = tests.course(''Whole'')'),
    ('peer_mentor_id = tests.id(''mixa'') where peer_mentor_id = tests.id(''mia'')')
) as changes (change);
select throws_ok(format('update mentorcert_private.course_sign_ups set %s', change), '23514', null, change)
from (values ('state = ''lost'''), ('attendance = ''late''')) as changes (change);

-- What is required before
select is(tests.perform('adam', tests.plan('Strict', 20, null, ', required_types => ''{short,life}''')), 'true', 'a course that requires something');
select is(tests.attempt('mia', $$ select certification_type from public.missing_for_course(tests.course('Strict')) $$), 'life,short', 'what ends before is missing');
select is(tests.attempt('per', $$ select certification_type from public.missing_for_course(tests.course('Strict')) $$), 'short', 'what is not held');
select tests.everybody_gets(
  $$ select distinct peer_mentor_id from public.missing_for_course(tests.course('Strict'), array[tests.id('mia'), tests.id('per'), tests.id('bert')]) $$, 'of people within reach',
  'adam paula: mia,per', 'cora dora@alfa mia mixa: mia', 'per sev: per', 'bea bob dora dora@beta gone nora: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select * from public.missing_for_course(tests.course('Strict'), array_fill(tests.id('mia'), array[5001])) $$), 'MC008 peer_mentor_ids', 'not of too many');
select is(tests.attempt('mia', $$ select public.sign_up_for_course(tests.course('Strict')) $$), 'MC008 course_prerequisites_held', 'refused');
select is(tests.attempt('cora', $$ select public.sign_up_for_course(tests.course('Strict'), tests.id('mia')) $$), 'seated', 'who is responsible may');
select is(tests.perform('adam', $$ select public.register_certification(tests.id('per'), 'short', last_valid_day => tests.today(20)) is not null as done $$), 'true', 'registered');
savepoint qualified;
select is(tests.perform('per', $$ select public.sign_up_for_course(tests.course('Strict')) $$), 'seated', 'who holds it');
select is(tests.attempt('adam', $$ select array_to_string(missing, ',') as done from public.course_sign_ups(tests.course('Strict')) $$), '', 'nothing is missing');
select is(tests.perform('adam', $$ select (public.suspend_certification(tests.id('per.life'), 'x')).id is not null as done $$), 'true', 'suspended');
select is(tests.attempt('per', $$ select certification_type from public.missing_for_course(tests.course('Strict')) $$), 'life', 'is not held');
select is(tests.attempt('adam', $$ select array_to_string(missing, ',') as done from public.course_sign_ups(tests.course('Strict')) $$), 'life', 'as the list says');
rollback to full_course;

-- Who attended
select is(tests.attempt('cora', $$ select public.set_course_attendance(tests.course('Local'), array[tests.id('mia')]) $$), 'MC008 course_not_begun', 'not before it begins');
select is(tests.perform('owner', $$ update mentorcert_private.courses set days = array[tests.today(-1)] where name_nb = 'Local' $$), '1 rows', 'written');
select is(tests.attempt(who, format('select public.%s', call)), answer, who || ' ' || call)
from (
  values
    ('mia', $$withdraw_from_course(tests.course('Local'))$$, 'MC008 course_begun'), ('cora', $$withdraw_from_course(tests.course('Local'), tests.id('mia'))$$, ''),
    ('adam', $$sign_up_for_course(tests.course('Local'), tests.id('mixa'))$$, 'waiting')
) as calls (who, call, answer);
savepoint held;
select is(tests.perform('cora', $$ select public.withdraw_from_course(tests.course('Local'), tests.id('mia')) $$), '', 'withdrawn afterwards');
select is(tests.sign_ups('Local'), 'mia:withdrawn per:waiting cait:waiting lone:waiting', 'nobody moves up');
select is(tests.attempt('adam', $$ select public.sign_up_for_course(tests.course('Local'), tests.id('mixa')) $$), 'waiting', 'nor is a free seat given past those who wait');
select is(tests.attempt('mia', $$ select public.sign_up_for_course(tests.course('Local')) $$), 'MC008 course_begun', 'nor signs up by oneself');
select is(tests.attempt('mia', $$ select may_sign_up from public.courses(tests.course('Local')) $$), 'false', 'and reads so');
rollback to held;
select tests.everybody_gets(
  $$ select public.set_course_attendance(tests.course('Local'), array[tests.id('mia')])::text as done $$, 'who manages it says it', 'adam cora dora@alfa mixa paula: 1',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt(who, format('select public.set_course_attendance(tests.course(''Local''), %s)', given)), answer, who || ' ' || given)
from (
  values
    ('cora', $$array[tests.id('per')]$$, '42501 certification_right'), ('cora', $$array[gen_random_uuid()]$$, '42501 certification_right'),
    ('adam', $$array[tests.id('bert')]$$, '42501 certification_right'), ('cora', $$'{}'$$, 'MC008 peer_mentor_ids'), ('cora', $$null$$, 'MC008 peer_mentor_ids'),
    ('cora', $$array[tests.id('mia')], array[tests.id('mia')]$$, 'MC008 peer_mentor_ids'), ('cora', $$array[null::uuid]$$, 'MC008 peer_mentor_ids'),
    ('cora', $$array_fill(tests.id('mia'), array[5001])$$, 'MC008 peer_mentor_ids'),
    ('adam', $$array[tests.id('mia'), tests.id('per')], array[tests.id('cait'), tests.id('lone')]$$, '4'), ('adam', $$'{}', array[tests.id('mixa')]$$, '0')
) as calls (who, given, answer);
select is(tests.perform('owner', $$ insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('mixa'), tests.id('1a')) $$), '1 rows', 'written');
select is(tests.attempt('mixa', $$ select public.set_course_attendance(tests.course('Local'), array[tests.id('mixa')]) $$), '42501 certification_right', 'nobody about themselves');
rollback to held;
select is(tests.perform('adam', $$ select public.set_course_attendance(tests.course('Local'), array[tests.id('mia'), tests.id('mixa')], array[tests.id('per')]) $$), '3', 'said');
select is(tests.sign_ups('Local'), 'mia:seated:attended per:waiting:absent cait:waiting lone:waiting mixa:unannounced:attended', 'who came without signing up is on the list');
select is(tests.perform('adam', $$ select public.set_course_attendance(tests.course('Local'), array[tests.id('mia')]) $$), '0', 'said already');
select is(tests.perform('adam', $$ select public.set_course_attendance(tests.course('Local'), unset => array[tests.id('mixa'), tests.id('per')]) $$), '2', 'taken back');
select is(tests.sign_ups('Local'), 'mia:seated:attended per:waiting cait:waiting lone:waiting', 'and off it');
rollback to held;

-- Closing
select is(tests.attempt('cora', tests.preview('Local')), '', 'nobody attended');
select is(tests.attempt('cora', tests.close('Local')), '0', 'closed all the same');
select is(tests.perform('adam', $$ select public.set_course_attendance(tests.course('Local'), array[tests.id('mia'), tests.id('per'), tests.id('lone')], array[tests.id('cait')]) $$), '4', 'who attended');
select is(tests.attempt('cora', tests.preview('Local')), '42501 course_attendance_in_reach', 'not by who has not all of them within reach');
select tests.everybody_gets(
  tests.preview('Local'), 'who manages it sees what follows',
  format('adam: lone:basic:renew:%1$s mia:basic:renew:%1$s per:basic:issue:%1$s', tests.given()),
  'cora dora@alfa mixa paula: 42501 course_attendance_in_reach',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  tests.close('Local'), 'and closes it', 'adam: 3', 'cora dora@alfa mixa paula: 42501 course_attendance_in_reach',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select public.close_course(tests.course('Local'), given) from (values (null), ('other')) as given (given) limit 1 $$), 'PT409 course_outcomes_as_shown', 'as was previewed');
savepoint before_closing;

select is(tests.perform('adam', $$ select public.mark_left(tests.id('per'), tests.today(-1)) $$), '', 'left that day');
select is(tests.perform('adam', $$ select public.renew_certification(tests.id('mia.basic')) is not null as done $$), 'true', 'renewed since');
select is(tests.perform('owner', $$ update mentorcert_private.courses set kind = 'refresher', types = '{basic,life}' where name_nb = 'Local' $$), '1 rows', 'written');
select is(
  tests.attempt('adam', tests.preview('Local')),
  format(
    'lone:basic:renew:%1$s lone:life:refused:course_refresher_renews mia:basic:unchanged:%2$s mia:life:refused:course_refresher_renews '
    'per:basic:refused:peer_mentor_left per:life:refused:peer_mentor_left', tests.given(),
    (select mentorcert_private.day_of(expires_at, 'Europe/Oslo') - 1 - tests.today() from public.peer_mentor_certifications where id = tests.id('mia.basic'))
  ) || '', 'the rules against each'
);
rollback to before_closing;
select is(tests.perform('owner', $$ update mentorcert_private.courses set required_types = '{life}', types = '{basic,short}' where name_nb = 'Local' $$), '1 rows', 'written');
select is(tests.perform('owner', $$ update mentorcert.certification_types set retired_on = tests.today(-1), retired_reason = 'Over' where id = tests.id('alfa.short') $$), '1 rows', 'written');
select is(
  tests.attempt('adam', tests.preview('Local')),
  format(
    'lone:basic:refused:course_prerequisites_held:%s lone:short:refused:course_prerequisites_held mia:basic:refused:course_prerequisites_held:29 '
    'mia:short:refused:course_prerequisites_held:9 per:basic:issue:%s per:short:refused:certification_type_retired', '-71', tests.given()
  ), 'what is required, and what is given no more'
);
rollback to before_closing;
select is(tests.perform('owner', $$ update mentorcert.certification_types set refresher_months = 1 where id = tests.id('alfa.basic') $$), '1 rows', 'written');
select is(
  tests.attempt('adam', tests.preview('Local')), format('lone:basic:renew:%1$s mia:basic:renew:%1$s per:basic:issue:%1$s', tests.given()),
  'the whole course renews what has ended long ago'
);
select is(tests.attempt('adam', tests.close('Local')), '3', 'as closing does');
savepoint lapsed;
select is(tests.perform('owner', $$ update mentorcert_private.courses set kind = 'refresher' where name_nb = 'Local' $$), '1 rows', 'written');
select is(
  tests.attempt('adam', tests.preview('Local')),
  format('lone:basic:refused:certification_outdated_course:-71 mia:basic:renew:%s per:basic:refused:course_refresher_renews', tests.given()),
  'a refresher does not, and gives nobody a first one'
);
select is(tests.attempt('adam', tests.close('Local')), '1', 'as closing does');
rollback to lapsed;
select is(tests.perform('owner', $$ update mentorcert.certification_types set after_lapse = 'registration' where id = tests.id('alfa.basic') $$), '1 rows', 'written');
select is(
  tests.attempt('adam', tests.preview('Local')),
  format('lone:basic:refused:certification_outdated_registration:-71 mia:basic:renew:%1$s per:basic:issue:%1$s', tests.given()),
  'nor the whole course, where it takes a new registration'
);
rollback to before_closing;
select is(tests.perform('owner', $$ update mentorcert_private.courses set days = array[tests.today(-1), tests.today(1)], starts = '{null,null}', ends = '{null,null}' where name_nb = 'Local' $$), '1 rows', 'written');
select is(tests.attempt('adam', tests.preview('Local')), 'MC008 course_not_over', 'not before the last day');
rollback to before_closing;

select is(tests.perform('adam', tests.close('Local')), '3', 'closed');
select is(tests.state('Local'), 'closed|adam|true', 'by whom, as one batch');
select is((select change || ' ' || cardinality(certification_ids) from mentorcert_private.change_batches), 'course 3', 'of all');
select is(tests.kinds('mia.basic'), 'issued,renewed', 'one renewal');
select is(
  tests.newest('mia.basic') -> 'evidence',
  jsonb_build_object('seen', 'Local', 'seen_on', tests.today(-1), 'seen_by', tests.id('adam'), 'course_id', tests.course('Local'), 'basis', 'course'), 'its evidence is the course'
);
select is(
  (select tests.today() - mentorcert_private.day_of(issued_at, 'Europe/Oslo') || ' ' || status from public.peer_mentor_certifications where peer_mentor_id = tests.id('per') and certification_type = 'basic'),
  '1 active', 'as of the last day'
);
select is(tests.attempt('adam', format('select public.%s', call)), 'MC001 courses_transition', 'what is closed stays: ' || call)
from (
  values
    ($$close_course(tests.course('Local'), 'x')$$), ($$cancel_course(tests.course('Local'), 'x')$$), ($$set_course_attendance(tests.course('Local'), array[tests.id('mia')])$$),
    ($$withdraw_from_course(tests.course('Local'), tests.id('cait'))$$), ($$sign_up_for_course(tests.course('Local'), tests.id('mixa'))$$)
) as calls (call);
select is(tests.attempt('mia', $$ select own_attendance || coalesce(batch_id::text, '') as done from public.courses(tests.course('Local')) $$), 'attended', 'what a peer mentor reads');
select is(tests.attempt('adam', $$ select batch_id is not null as done from public.courses(tests.course('Local')) $$), 'true', 'and who manages it');
savepoint closed;

-- Evidence that names it
select is(tests.attempt('adam', $$ select mentorcert_private.close_locked_course(tests.course('Local')) $$), 'MC001 courses_transition', 'not twice');
rollback to before_closing;
create function tests.renew(certification text, day integer, course text) returns text
language sql set search_path = ''
as $$ select format(
  'select public.renew_certification(tests.id(%L), tests.today(%s), evidence => %L) is not null as done', certification, day,
  jsonb_build_object('seen', 'x', 'seen_on', tests.today(-1), 'course_id', tests.course(course))
) $$;
grant execute on function tests.renew to authenticated;
select is(tests.attempt(who, tests.renew(certification, day, course)), answer, concat_ws(' ', who, certification, day, course))
from (
  values
    ('adam', 'mia.basic', -1, 'Local', 'true'), ('cora', 'mia.basic', -1, 'Local', 'true'), ('cora', 'mia.basic', 0, 'Local', 'MC008 certification_evidence_valid'),
    ('adam', 'cait.basic', -1, 'Local', 'MC008 certification_evidence_valid'), ('adam', 'mia.short', -1, 'Local', 'MC008 certification_evidence_valid'),
    ('adam', 'mia.basic', -1, 'Whole', 'MC008 certification_evidence_valid'), ('sev', 'lone.basic', -1, 'Local', 'MC008 certification_evidence_valid')
) as calls (who, certification, day, course, answer);
select is(
  tests.attempt('adam', format(
    'select public.register_certification(tests.id(''cait''), ''short'', evidence => %L) is not null as done',
    jsonb_build_object('seen', 'x', 'seen_on', tests.today(-1), 'course_id', tests.course('Local'))
  )), 'MC008 certification_evidence_valid', 'nor a registration'
);
select is(tests.perform('adam', tests.close('Local')), '3', 'closed');
savepoint closed;

-- Taking it back
select tests.everybody_gets(
  $$ select public.reopen_course(tests.course('Local'), 'The wrong list') as done $$, 'whose batch it is', 'adam: 3',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select public.reopen_course(tests.course('Local'), '') $$), 'MC004 certification_reason_required', 'for a reason');
select is(tests.attempt('adam', $$ select public.reopen_course(tests.course('Whole'), 'x') $$), 'MC001 courses_transition', 'what is closed');
select is(
  tests.attempt('adam', $$
    select string_agg(concat_ws(':', tests.name(held.peer_mentor_id), outcome.status, outcome.refusal), ' ' order by tests.name(held.peer_mentor_id)) as done
    from mentorcert_private.preview_batch_reversal((select batch_id from mentorcert_private.change_batches)) as outcome
    join public.peer_mentor_certifications as held on held.id = outcome.certification_id
  $$), 'lone:expired mia:active per:suspended', 'what that gives'
);
select is(tests.perform('adam', $$ select public.reopen_course(tests.course('Local'), 'The wrong list') $$), '3', 'taken back');
select is(tests.state('Local'), 'planned|nobody|false', 'the course is open again');
select is(tests.sign_ups('Local'), 'mia:seated:attended per:waiting:attended cait:waiting:absent lone:waiting:attended', 'who attended stays');
select is(tests.kinds('mia.basic'), 'issued,renewed,reverted', 'renewals are taken back');
select is(
  (select status || ' ' || (renewal_history #>> '{-1,note}') from public.peer_mentor_certifications where peer_mentor_id = tests.id('per') and certification_type = 'basic'),
  'suspended The wrong list', 'what was issued is suspended'
);
select is(
  tests.attempt('adam', tests.preview('Local')), format('lone:basic:renew:%1$s mia:basic:renew:%1$s per:basic:reinstate:%1$s', tests.given()),
  'and reinstated by closing it once more'
);
select is(tests.perform('adam', tests.close('Local')), '3', 'closed once more');
select is(
  (select status from public.peer_mentor_certifications where peer_mentor_id = tests.id('per') and certification_type = 'basic'), 'active', 'reinstated'
);
select is(tests.perform('adam', $$ select public.reopen_course(tests.course('Local'), 'Once more') $$), '3', 'and taken back once more');
select is(
  (select status from public.peer_mentor_certifications where peer_mentor_id = tests.id('per') and certification_type = 'basic'), 'suspended', 'suspended'
);
select is(
  tests.attempt('adam', tests.preview('Local')), format('lone:basic:renew:%1$s mia:basic:renew:%1$s per:basic:reinstate:%1$s', tests.given()),
  'to be reinstated again'
);
rollback to closed;
select is(tests.perform('adam', $$ select public.renew_certification(tests.id('mia.basic')) is not null as done $$), 'true', 'renewed since');
select is(tests.attempt('adam', $$ select public.reopen_course(tests.course('Local'), 'x') $$), 'MC006 certification_change_revertible', 'what stands on it stays');
select is(tests.perform('adam', $$ select public.reopen_course(tests.course('Local'), 'x', leaves_out => true) $$), '2', 'and the rest is taken back');
select is(tests.state('Local'), 'planned|nobody|false', 'open again');
rollback to closed;
delete from mentorcert_private.change_batches;
select is(tests.perform('adam', $$ select public.reopen_course(tests.course('Local'), 'x') $$), '0', 'once the batch is not kept');
select is(tests.state('Local'), 'planned|nobody|false', 'it is opened alone');
rollback to closed;

-- What was merged since stands for itself
select is(tests.perform('owner', $$ insert into mentorcert.chapters (id, organisation_id, code, name) values (tests.id('past'), tests.id('alfa'), 'past', 'Chapter past') $$), '1 rows', 'written');
select is(tests.perform('owner', $$ update mentorcert.chapters set retired_on = tests.today(), retired_reason = 'x', merged_into_id = tests.id('1b') where id = tests.id('past') $$), '1 rows', 'written');
select is(array(select tests.name(id) from unnest(mentorcert_private.with_merged_chapters(array[tests.id('1b')], true)) as id order by 1)::text, '{1b,county1,past}', 'chapters above, and merged into these');
select is(array(select tests.name(id) from unnest(mentorcert_private.with_merged_chapters(array[tests.id('1b')])) as id order by 1)::text, '{1b,past}', 'without those above');
select is(tests.perform('owner', $$ update mentorcert.certification_types set retired_on = tests.today(-9), retired_reason = 'x', merged_into_id = tests.id('alfa.yearly') where id = tests.id('alfa.basic') $$), '1 rows', 'written');
select is(mentorcert_private.type_in_use(tests.id('alfa'), 'basic'), 'yearly', 'the type that stands for one');
rollback to closed;
select is(tests.perform('owner', $$ insert into mentorcert.chapters (id, organisation_id, code, name) values (tests.id('past'), tests.id('alfa'), 'past', 'Chapter past') $$), '1 rows', 'written');
select is(tests.perform('adam', tests.plan('Moved', 9, 'past')), 'true', 'a course of a chapter');
select is(tests.perform('owner', $$ update mentorcert.chapters set retired_on = tests.today(), retired_reason = 'x', merged_into_id = tests.id('1b') where id = tests.id('past') $$), '1 rows', 'written');
select tests.everybody_gets(
  $$ select may_manage::text || may_sign_up from public.courses(tests.course('Moved')) $$, 'which was merged since', 'adam paula sev: truefalse', 'per: falsetrue',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora: ', 'anon service_role: 42501'
);
rollback to closed;

-- The audit log has who did what, and no text
select is(
  (
    select string_agg(distinct field, ',' order by field) from mentorcert.audit_log as entry
    cross join lateral jsonb_object_keys(coalesce(entry.before, '{}') || coalesce(entry.after, '{}')) as field
    where entry.table_name in ('courses', 'course_sign_ups')
  ),
  'attendance,chapter_ids,course_id,days,kind,peer_mentor_id,required_types,responsible_id,seats,state,types', 'the fields that are logged'
);
select is(
  (select string_agg(distinct entry.table_name || ' ' || entry.action, ', ' order by entry.table_name || ' ' || entry.action) from mentorcert.audit_log as entry where entry.table_name ~ 'course'),
  'course_sign_ups insert, course_sign_ups update, courses insert, courses update', 'what is logged'
);
select is((select count(*) from mentorcert.audit_log as entry where entry::text ~ 'Midtvik|a pen|wrong list'), 0::bigint, 'no text is in the log');

-- Switched off
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt(who, statement), 'MC010 endpoint_enabled', statement)
from (
  values
    ('cora', 'select * from public.courses()'), ('cora', 'select * from public.course_sign_ups(tests.course(''Local''))'),
    ('mia', 'select * from public.missing_for_course(tests.course(''Local''))'), ('mia', 'select public.sign_up_for_course(tests.course(''Whole''))'),
    ('mia', 'select public.withdraw_from_course(tests.course(''Local''))'), ('cora', 'select public.set_course_attendance(tests.course(''Local''), array[tests.id(''mia'')])'),
    ('cora', tests.plan('x', 1, '1a')), ('cora', 'select public.cancel_course(tests.course(''Local''), ''x'')'), ('adam', tests.preview('Local')),
    ('adam', 'select public.close_course(tests.course(''Local''), ''x'')'), ('adam', 'select public.reopen_course(tests.course(''Local''), ''x'')'),
    ('cora', 'select public.change_course(tests.course(''Local''), ''course'', ''x'', ''{basic}'', array[tests.today(1)])')
) as statements (who, statement);

select * from finish();
rollback;
