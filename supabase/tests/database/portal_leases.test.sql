\ir fixture.psql
-- Claims, fences and the breaker, step by step; the clock is a parameter.

select mentorcert_portal.connect(tests.id('alfa'), 'webhook', 'v1', 'test', as_of => now());
select is((select mode from mentorcert_portal.connections), 'capture', 'a new connection captures');
select is_empty($$ select * from mentorcert_portal.claim(tests.id('alfa')) $$, 'and claims nothing');
select mentorcert_portal.set_mode(tests.id('alfa'), 'live', 'test', as_of => now());
select throws_ok($$ select mentorcert_portal.set_mode(tests.id('alfa'), 'live', ' ') $$, '23514', null, 'a reason is required');
select throws_ok(
  $$ select mentorcert_portal.set_mode(tests.id('alfa'), 'canary', 'why', array[tests.id('bert')]) $$, 'MC008', null,
  'a canary is one of the organisation''s own'
);
select throws_ok($$ select mentorcert_portal.set_mode(tests.id('beta'), 'live', 'why') $$, 'MC008', null, 'without a connection there is no mode');

-- The latest claim, and reports of it.
create table tests.claimed as select * from mentorcert_portal.claim(tests.id('alfa'), 0);
create function tests.claim(batch_size integer, seconds integer) returns text
language plpgsql
as $$
begin
  delete from tests.claimed;
  insert into tests.claimed
  select * from mentorcert_portal.claim(tests.id('alfa'), batch_size, '60 seconds', now() + seconds * interval '1 second');
  return (select coalesce(string_agg(tests.name(peer_mentor_id), ',' order by tests.name(peer_mentor_id)), '') from tests.claimed);
end
$$;
create function tests.report(outcome text, more jsonb default '{}') returns jsonb
language sql
as $$ select jsonb_agg(to_jsonb(claimed) || jsonb_build_object('outcome', outcome) || more) from tests.claimed $$;
create function tests.state(who text) returns text
language sql
as $$ select concat_ws(' ', state, version, confirmed_version, attempts) from mentorcert_portal.states where peer_mentor_id = tests.id(who) $$;
create function tests.settle() returns void
language plpgsql
as $$
begin
  perform tests.claim(50, 0);
  perform mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now());
end
$$;

select ok(tests.claim(1, 0) <> 'mia', 'who is on the list does not come first');
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now());
select tests.settle();
select is(
  (select string_agg(distinct state, ',') from mentorcert_portal.states where organisation_id = tests.id('alfa')), 'in_sync', 'all are sent'
);
select is((select string_agg(distinct state, ',') from mentorcert_portal.states where organisation_id = tests.id('beta')), 'pending', 'of alfa');
select is(tests.claim(50, 0), '', 'nothing is due');

-- The calendar.
select is(tests.claim(50, 86400 * 31), 'mia', 'when her listing has ended, mia is due');
select is((select content ->> 'listed' from tests.claimed), 'false', 'and is sent as not listed');
select is(
  (select version from tests.claimed),
  (select confirmed_version + 1 from mentorcert_portal.states where peer_mentor_id = tests.id('mia')),
  'in a version of its own'
);
update mentorcert_portal.states set lease_token = null, lease_until = null;
select mentorcert_portal.replay_next((mentorcert_portal.start_replay(tests.id('alfa'), '{}', 'test')).id, 100);
select tests.settle();

-- A change while the lease is out.
update mentorcert.peer_mentors set external_id = 'mia-2' where id = tests.id('mia');
create temporary table before as select version from mentorcert_portal.states where peer_mentor_id = tests.id('mia');
select is(tests.claim(50, 0), 'mia', 'a change is due');
update mentorcert.peer_mentors set external_id = 'mia-3' where id = tests.id('mia');
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now());
select is(
  tests.state('mia'), (select format('pending %s %s 0', version + 1, version) from before), 'what came meanwhile still waits'
);
select tests.settle();
select is(tests.state('mia'), (select format('in_sync %s %s 0', version + 1, version + 1) from before), 'and then is');

-- A lease that was lost.
update mentorcert.peer_mentors set external_id = 'mia-4' where id = tests.id('mia');
select is(tests.claim(50, 0), 'mia', 'a change is due');
create temporary table slow as select tests.report('applied') as results;
select is(tests.claim(50, 59), '', 'a lease holds');
select is(tests.claim(50, 60), 'mia', 'and ends');
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now() + interval '60 seconds');
select is(left(tests.state('mia'), 7), 'in_sync', 'the holder of the new one confirms');
select mentorcert_portal.acknowledge(tests.id('alfa'), (select results from slow), 'test', now() + interval '60 seconds');
select is(left(tests.state('mia'), 7), 'pending', 'the one who lost it makes the row dirty again');
select is((select outcome from mentorcert_portal.attempts order by id desc limit 1), 'lost_lease', 'which the log says');
select is(tests.claim(50, 60), 'mia', 'and it is sent again');
select isnt((select lease_token from tests.claimed), null, 'though the portal has confirmed just that');
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now() + interval '60 seconds');

update mentorcert.peer_mentors set external_id = 'mia-5' where id = tests.id('mia');
select is(tests.claim(50, 60), 'mia', 'a change is due');
delete from slow;
insert into slow select tests.report('applied');
select is(tests.claim(50, 120), 'mia', 'the lease ends, and somebody else has it');
select mentorcert_portal.acknowledge(tests.id('alfa'), (select results from slow), 'test', now() + interval '121 seconds');
select is(
  (select lease_token from mentorcert_portal.states where peer_mentor_id = tests.id('mia')), (select lease_token from tests.claimed),
  'whom the late one does not disturb'
);
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now() + interval '122 seconds');
select is(left(tests.state('mia'), 7), 'pending', 'but it is sent once more');

-- Three refusals stay with their rows; twenty failures in a row without a success open the breaker.
update mentorcert.peer_mentors set external_id = external_id || 'x' where organisation_id = tests.id('alfa');
select is(tests.claim(3, 122) <> '', true, 'three are claimed');
select mentorcert_portal.fail(tests.id('alfa'), tests.report('rejected'), 'test', now() + interval '122 seconds');
select is((select breaker from mentorcert_portal.connections), 'closed', 'three refusals are about three rows');
update mentorcert_portal.connections set failures = 19;
select is(tests.claim(1, 122) <> '', true, 'another is claimed');
select mentorcert_portal.fail(tests.id('alfa'), tests.report('unavailable'), 'test', now() + interval '122 seconds');
select is((select breaker from mentorcert_portal.connections), 'open', 'the twentieth failure in a row opens the breaker');
select is(tests.claim(50, 122), '', 'nothing is claimed');
select is(tests.claim(50, 153) ~ '^[a-z]+$', true, 'half a minute later one is');
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now() + interval '153 seconds');
select is((select breaker from mentorcert_portal.connections), 'closed', 'a success closes it');
select is(tests.claim(50, 153) like '%,%,%', true, 'all of them: nothing is lost');

-- The parts of the breaker: a refused row counts once, a success ends the count, an open one tries one row, of all a removal.
update mentorcert_portal.connections set failures = 0;
select is(tests.claim(2, 1000) like '%,%', true, 'two are claimed');
select mentorcert_portal.fail(tests.id('alfa'), tests.report('rejected', '{"attempt": 1}'), 'test', now() + interval '1000 seconds');
select is((select failures from mentorcert_portal.connections), 2, 'two rows that are refused count once each');
select is(tests.claim(2, 100000) like '%,%', true, 'two are claimed');
select mentorcert_portal.fail(tests.id('alfa'), tests.report('rejected', '{"attempt": 5}'), 'test', now() + interval '100000 seconds');
select is((select failures from mentorcert_portal.connections), 2, 'refused again, they are about themselves');
select is(tests.claim(1, 200000) <> '', true, 'another is claimed');
select mentorcert_portal.acknowledge(tests.id('alfa'), tests.report('applied'), 'test', now() + interval '200000 seconds');
select is((select failures from mentorcert_portal.connections), 0, 'in a row: a success ends the count');
select tests.settle();
update mentorcert.peer_mentors set external_id = external_id || 'y' where organisation_id = tests.id('alfa');
update mentorcert.peer_mentors set listing_consent = false where id = tests.id('mia');
update mentorcert_portal.states set lease_token = null, lease_until = null, attempts = 0, next_attempt_at = now() where organisation_id = tests.id('alfa');
select is(tests.claim(1, 300000), 'mia', 'a removal first');
select mentorcert_portal.fail(tests.id('alfa'), tests.report('unavailable', '{"retry_after": 86400}'), 'test', now() + interval '300000 seconds');
select is(
  (select next_attempt_at - now() from mentorcert_portal.states where peer_mentor_id = tests.id('mia')), interval '300900 seconds',
  'a removal waits a quarter of an hour at most, whatever the portal asks for'
);
select isnt(tests.claim(1, 300000), 'mia', 'another');
select mentorcert_portal.fail(tests.id('alfa'), tests.report('unavailable', '{"retry_after": 86400}'), 'test', now() + interval '300000 seconds');
select is(
  (select next_attempt_at - now() from mentorcert_portal.states where peer_mentor_id = (select peer_mentor_id from tests.claimed)),
  interval '321600 seconds', 'another six hours'
);
update mentorcert_portal.states set attempts = 1 where organisation_id = tests.id('alfa');
update mentorcert_portal.connections set failures = 20, breaker = 'open', resume_at = now() + interval '400030 seconds';
select is(tests.claim(50, 400000), '', 'an open breaker waits');
select is(tests.claim(50, 400030), 'mia', 'and tries one row: of those that failed as often, the removal');
delete from slow;
insert into slow select tests.report('applied');
select is(tests.claim(50, 400031), '', 'one at a time');
select mentorcert_portal.acknowledge(tests.id('alfa'), (select results from slow), 'test', now() + interval '400031 seconds');
select is((select breaker from mentorcert_portal.connections), 'closed', 'a success closes it');

-- One absurd version is not ours to rise above.
select throws_ok(
  $$ update mentorcert_portal.states set version = 9007199254740992 where peer_mentor_id = tests.id('mia') $$,
  '23514', null, 'a version stays below 2^53'
);
select is(mentorcert_portal.credible_version(1e30), null, 'a version that a portal names is bounded');

-- The log.
select is(tests.attempt('owner', statement), 'MC005 portal_attempts_append_only', statement)
from unnest(array['update mentorcert_portal.attempts set worker = ''x''', 'delete from mentorcert_portal.attempts', 'truncate mentorcert_portal.attempts']) as statement;

select * from finish();
rollback;
