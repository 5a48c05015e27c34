\ir fixture.psql
-- After a restore: an epoch, a hold, removals at once, and a person who decides about what a portal holds newer.

select mentorcert_portal.connect(tests.id('alfa'), 'webhook', 'v1', 'test');
select mentorcert_portal.set_mode(tests.id('alfa'), 'live', 'test');
create table tests.claimed as select * from mentorcert_portal.claim(tests.id('alfa'), 1000);
select is((select max(epoch) from tests.claimed), 0, 'a registry that was never restored is in epoch 0');
select mentorcert_portal.acknowledge(
  tests.id('alfa'),
  (select jsonb_agg(to_jsonb(claimed) || '{"outcome": "applied"}') from tests.claimed), 'test', now()
);
create table tests.epoch as select mentorcert_portal.begin_epoch('the disk was lost') as epoch;
select ok(epoch between 29000000 and 2147483647, 'the epoch is a minute') from tests.epoch;
select is(mentorcert_private.current_epoch(), epoch, 'and is the current one') from tests.epoch;
select lives_ok($$ select mentorcert_portal.begin_epoch('once more') $$, 'another restore in the same minute');
select is(mentorcert_private.current_epoch(), epoch + 1, 'has its own') from tests.epoch;
select ok(mentorcert_private.notices_are_held(), 'notices are held');
select throws_ok($$ select mentorcert_portal.begin_epoch(' ') $$, '23514', null, 'a reason is required');
select ok(held_since is not null, 'and so is what shows somebody') from mentorcert_portal.connections;
delete from tests.claimed;
insert into tests.claimed select * from mentorcert_portal.claim(tests.id('alfa'), 1000);
select is_empty(
  $$ select from tests.claimed where lease_token is not null and (content ->> 'listed')::boolean $$, 'nobody is sent as listed'
);
select isnt_empty($$ select from tests.claimed where lease_token is not null $$, 'but removals are');
select is_empty(
  $$ select from tests.claimed, tests.epoch where lease_token is not null and claimed.epoch <= tests.epoch.epoch $$, 'in the new epoch'
);
select is_empty(
  $$ select from mentorcert_portal.claim(tests.id('alfa'), 1000) $$, 'who waits is not looked at again before the listing ends'
);

insert into mentorcert_portal.conflicts (id, organisation_id, peer_mentor_id, kind, there, found_at)
select '00000000-0000-4000-8000-00000000c0f1', state.organisation_id, state.peer_mentor_id, 'newer', '{"version": 90, "epoch": 7}', now()
from mentorcert_portal.states as state
join public.listed_peer_mentors as listed on listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > now()
where state.organisation_id = tests.id('alfa')
order by state.peer_mentor_id limit 1;
select mentorcert_portal.release_held(tests.id('alfa'));
select mentorcert_portal.enqueue_sync(array[conflict.peer_mentor_id]) from mentorcert_portal.conflicts as conflict;
delete from tests.claimed;
insert into tests.claimed select * from mentorcert_portal.claim(tests.id('alfa'), 1000);
select is_empty(
  $$ select from tests.claimed join mentorcert_portal.conflicts using (peer_mentor_id) where lease_token is not null $$,
  'about whom the portal knows something newer waits for a person'
);
select is(tests.perform(who, $$ select count(*) from mentorcert_portal.conflicts $$), answer, who)
from (values ('adam', '1'), ('bert', '0'), ('cora', '0'), ('mia', '0')) as expected (who, answer);
select is(
  tests.perform('adam', $$ select mentorcert_private.decide_portal_conflict('00000000-0000-4000-8000-00000000c0f1', 'ours', ' ') $$),
  'MC004 certification_reason_required', 'not without a reason'
);
select isnt(
  tests.perform('cora', $$ select mentorcert_private.decide_portal_conflict('00000000-0000-4000-8000-00000000c0f1', 'ours', 'why') $$),
  '', 'a coordinator does not decide'
);
select is((select decided_at from mentorcert_portal.conflicts), null, 'nothing is decided yet');
select lives_ok($$ select mentorcert_portal.decide_conflict('00000000-0000-4000-8000-00000000c0f1', 'ours', 'asked') $$, 'it is decided');
select ok(version > 90, 'ours is sent above what the portal holds')
from mentorcert_portal.states where peer_mentor_id = (select peer_mentor_id from mentorcert_portal.conflicts);
select throws_ok(
  $$ select mentorcert_portal.decide_conflict('00000000-0000-4000-8000-00000000c0f1', 'ours', 'asked') $$, 'MC008', null, 'once'
);

-- The server and the journal: what a forgotten restore is known by.
select is((select count(*) from mentorcert_private.known_server), 1::bigint, 'a restore that was reported notes the server');
select mentorcert_private.see_server();
select is((select reason from mentorcert_private.known_server), 'once more', 'a look changes nothing of it');
select is((select unreported from mentorcert_private.registry_watch()), null, 'all is known');
update mentorcert_private.known_server set timeline = timeline - 1;
select isnt((select unreported from mentorcert_private.registry_watch()), null, 'another timeline is noticed');
select throws_ok($$ select mentorcert_private.accept_server(' ') $$, '23514', null, 'not without a reason');
select lives_ok($$ select mentorcert_private.accept_failover('a standby took over', null) $$, 'it is accepted');
select is((select unreported from mentorcert_private.registry_watch()), null, 'and known again');
select is((select journal_late_s from mentorcert_private.registry_watch()), null, 'no journal is kept');
select ok(mentorcert_private.journal_lacks(), 'a new one lacks everything');
create table tests.mark as select * from mentorcert_private.mark_journal(null);
select mentorcert_private.note_journal(mark, at, null) from tests.mark;
select ok(mentorcert_private.journal_lacks() is not null, 'and may lack what is of the last minute');
update mentorcert_private.journals set complete_at = now() + interval '2 minutes';
select ok(not mentorcert_private.journal_lacks(), 'what is complete lacks nothing');
select is((select mark from mentorcert_private.mark_journal('00000000-0000-4000-8000-00000000f0f0')), '00000000-0000-4000-8000-00000000f0f0'::uuid,
  'a mark that was not made here stays in the journal');
select isnt((select unreported from mentorcert_private.registry_watch()), null, 'and is noticed');
select throws_ok($$ select mentorcert_private.accept_failover('nothing was lost', null) $$, 'MC008', null, 'it proves a loss');
select lives_ok($$ select mentorcert_portal.begin_epoch('said so') $$, 'a restore is reported');
select is((select unreported from mentorcert_private.registry_watch()), null, 'a restore that was reported ends it');
select throws_ok(
  $$ select mentorcert_private.accept_failover('nothing was lost', '00000000-0000-4000-8000-00000000f0f0') $$, 'MC008', null,
  'nor with a mark that nobody knows'
);
select mentorcert_private.repeat_journal('[{"kind": "mark", "digest": "0000000000004000800000000000f0f0"}]');
select lives_ok(
  $$ select mentorcert_private.accept_failover('nothing was lost', '00000000-0000-4000-8000-00000000f0f0') $$,
  'a journal that was repeated is known'
);
select mentorcert_private.note_journal(null, null, 'the disk is full');
select is((select journal_error from mentorcert_private.registry_watch()), 'the disk is full', 'why it is late is said');
select mentorcert_private.end_journal();
select is((select journal_late_s from mentorcert_private.registry_watch()), null, 'one that was ended is not late');

select mentorcert_private.release_notices('checked', now());
select ok(not mentorcert_private.notices_are_held(), 'notices go out again');
select throws_ok($$ select mentorcert_private.release_notices('checked', now()) $$, 'MC008', null, 'and are not held any more');
select * from finish();
rollback;
