\ir fixture.psql
-- An end may lie in the future: until then everything holds, from that instant nothing does, without a job.

-- As if time had passed: the end was written a day ago and comes in that number of seconds.
create function tests.end_link(link text, seconds integer) returns void
language sql set search_path = ''
as $$
  set local session_replication_role = replica;
  update mentorcert.peer_mentor_chapters
  set ended_at = now() + make_interval(secs => seconds), updated_at = now() - interval '1 day'
  where id = tests.id(link);
  set local session_replication_role = origin;
$$;

select is(
  tests.perform('adam', $$ update mentorcert.memberships set ended_at = now() + interval '1 minute' where id = tests.id('m.cora') $$),
  '1 rows', 'a membership is given an end that lies ahead'
);
select is(tests.attempt('cora', 'select id from mentorcert.peer_mentors'), 'mia', 'until then it holds');
update mentorcert.memberships set ended_at = now() where id = tests.id('m.cora');
select is(tests.attempt('cora', 'select id from mentorcert.peer_mentors'), '', 'and from that instant no longer');

-- The last administrator.
select is(
  tests.attempt('adam', format($$ update mentorcert.memberships set ended_at = %L where id = tests.id('m.adam') $$, ends)),
  'MC011 memberships_last_administrator', 'the last administrator does not leave: ' || ends
)
from unnest(array['now', 'tomorrow', '2100-01-01']) as ends;
insert into mentorcert.memberships (id, organisation_id, user_id, role, ended_at)
values (tests.id('m.nora'), tests.id('alfa'), tests.id('nora'), 'org_admin', '2100-01-01');
select is(
  tests.attempt('adam', $$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.adam') $$),
  'MC011 memberships_last_administrator', 'nor beside one whose end is known'
);
select is(
  tests.attempt('adam', $$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.nora') $$),
  '1 rows', 'that one may leave sooner'
);
update mentorcert.memberships set ended_at = null where id = tests.id('m.nora');
select is(
  tests.attempt('adam', $$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.adam') $$),
  '1 rows', 'who has a successor may leave'
);

-- One row of the same at a time.
update mentorcert.memberships set ended_at = now() + interval '1 day' where id = tests.id('m.bob');
select is(
  tests.attempt('bea', $$ insert into mentorcert.memberships (user_id, role, chapter_id) values (tests.id('bob'), 'coordinator', tests.id('b1')) $$),
  '23505 memberships_current_key', 'what holds to a known day is not given a second time'
);
select is(
  tests.attempt('bea', $$ update mentorcert.memberships set ended_at = null where id = tests.id('m.bob') $$),
  '1 rows', 'its end is taken away instead'
);

-- A peer mentor leaves a chapter at a known instant.
select is(
  tests.perform('adam', $$ update mentorcert.peer_mentor_chapters set ended_at = now() + interval '1 minute' where id = tests.id('per.2a') $$),
  '1 rows', 'a chapter is given an end that lies ahead'
);
select is(
  tests.attempt('adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('per'), tests.id('2a')) $$),
  '23505 peer_mentor_chapters_current_key', 'nobody enters a chapter twice'
);
select set_eq(
  $$ select tests.name(unnest(chapter_ids)) from mentorcert.peer_mentors where id = tests.id('per') $$, array['1b', '2a'],
  'until then the peer mentor is in it'
);
select is(tests.attempt('sev', 'select id from mentorcert.peer_mentors'), 'lone,mixa,per', 'and seen by its coordinator');
select is(tests.attempt('cora', 'select 1'), '1', 'a session works');
update mentorcert.memberships set ended_at = null where id = tests.id('m.cora');
select is(listed_until, tests.day(30), 'the entry of the public list holds as long as the certification')
from public.listed_peer_mentors where peer_mentor_id = tests.id('mia');
update mentorcert.peer_mentor_chapters set ended_at = now() + interval '1 hour' where id = tests.id('mia.1a');
select is(listed_until, now() + interval '1 hour', 'and no longer than the chapter that it shows')
from public.listed_peer_mentors where peer_mentor_id = tests.id('mia');
update mentorcert.peer_mentor_chapters set ended_at = null where id = tests.id('mia.1a');

select tests.end_link('mia.1a', 60);
select is(tests.attempt('cora', 'select id from mentorcert.peer_mentors'), 'mia', 'a minute before the end she is within reach');
select tests.end_link('mia.1a', 0);
select set_eq(
  $$ select tests.name(unnest(chapter_ids)) from mentorcert.peer_mentors where id = tests.id('mia') $$, array['1a'],
  'at the end no job has run, and the copy says what was'
);
select is(
  tests.attempt(who, 'select id from mentorcert.' || table_name), '',
  format('from that instant %s is out of reach of %s', table_name, who)
)
from unnest(array['cora', 'dora@alfa']) as who
cross join unnest(array['peer_mentors', 'peer_mentor_certifications', 'peer_mentor_chapters', 'listing_consents']) as table_name;
select is(
  tests.attempt('cora', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$),
  '42501 certification_right', 'nothing of hers is changed'
);
select is(
  tests.attempt('cora', $$ select public.register_certification(tests.id('mia'), 'life') $$),
  '42501 certification_right', 'nor registered'
);
select is(
  tests.attempt('cora', $$ insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at) values (tests.id('mia'), 'life', tests.day(-1)) $$),
  '42501 certification_right', 'by no path'
);
select is(tests.attempt('mia', 'select id from mentorcert.peer_mentors'), 'mia', 'she herself sees what is hers');
select is(
  tests.attempt('adam', $$ select id from mentorcert.peer_mentors where id = tests.id('mia') $$), 'mia', 'so does the administrator'
);
select tests.end_link('per.2a', 0);
select is(
  tests.attempt('sev', 'select id from mentorcert.peer_mentors'), 'lone,mixa,per', 'who is coordinated in another chapter stays within reach'
);
select is(tests.attempt('cora', 'select id from mentorcert.peer_mentors'), '', 'but not of those of the chapter that was left');

select is((select tests.name(chapter_ids[1]) from mentorcert.peer_mentors where id = tests.id('mia')), '1a', 'the night comes');
select is(mentorcert_private.next_nightly_at(now()), now(), 'which is called by the end');
select is((select count(*) from mentorcert_private.run_nightly() where error is not null), 0::bigint, 'it runs');
select is(chapter_ids, '{}', 'the copy agrees with the clock')
from mentorcert.peer_mentors where id = tests.id('mia');
select is(chapter_ids, '{}', 'that of the certification as well')
from public.peer_mentor_certifications where id = tests.id('mia.basic');
select is_empty(
  $$ select id from mentorcert.peer_mentor_chapters where ended_at > updated_at and ended_at <= now() $$, 'nothing waits for the next run'
);

select * from finish();
rollback;
