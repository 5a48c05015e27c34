\ir fixture.psql
-- Reminders seen: what was and will be written to a person, by those who answer for the person; and paused for one.

create function tests.states(who text) returns text
language sql
as $$
  select tests.attempt(who, format($q$
    select string_agg(days_before || ':' || state, ' ' order by day, days_before) from public.reminders_of(tests.id('mia'))
    where certification_id = tests.id('mia.basic')
  $q$))
$$;
update mentorcert.peer_mentors set email = 'mia@example.org' where id = tests.id('mia');
update mentorcert.certification_types set reminder_days = '{90,30,7}' where code = 'basic';
update public.peer_mentor_certifications set expires_at = tests.day(80) where id = tests.id('mia.basic');
select is(tests.states('cora'), '90:planned 30:planned 7:planned 0:planned', 'the one that is current, and those to come');
select is(tests.states('mia'), tests.states('cora'), 'the person sees them');
select is(tests.states('adam'), tests.states('cora'), 'as does the administrator');
select is(tests.states(who), '', who || ' sees nothing') from unnest(array['bea', 'bob', 'nora', 'per', 'dora@beta']) as who;
select is(tests.states('anon'), '42501', 'nor is anon asked');

update mentorcert.peer_mentors set email = null where id = tests.id('mia');
select is(tests.states('cora'), '90:no_address 30:no_address 7:no_address 0:no_address', 'without an address all wait');
update mentorcert.peer_mentors set email = 'mia@example.org' where id = tests.id('mia');

select tests.everybody_gets(
  $$ select public.pause_reminders(tests.id('mia'), true) $$, 'the administrator and the chapter''s coordinators pause them',
  'adam cora dora@alfa mixa paula: ', 'bea bob dora dora@beta gone mia nora per service_role sev: 42501 certification_right', 'anon: 42501'
);
select is(tests.perform('cora', $$ select public.pause_reminders(tests.id('mia'), true) $$), '', 'paused');
select is(tests.states('cora'), '90:paused 30:paused 7:paused 0:paused', 'and all wait');
select is(
  (select string_agg(outcome, ' ') from mentorcert_private.due_notices(now()) where certification_id = tests.id('mia.basic')), 'paused',
  'as a run sees it'
);
select is_empty(
  $$ select mentorcert_private.claim_notices(array[tests.id('mia')]) $$, 'and nothing is taken up'
);
select is(
  (
    select after ->> 'reminders_paused' from mentorcert.audit_log
    where table_name like '%peer_mentors' and row_id = tests.id('mia')::text and after ? 'reminders_paused' order by recorded_at desc limit 1
  ),
  'true', 'the audit log has it'
);
select is(tests.perform('adam', $$ select public.pause_reminders(tests.id('mia'), false) $$), '', 'they go on');
select is((select count(*) from mentorcert_private.claim_notices(array[tests.id('mia')])), 1::bigint, 'and one is taken up');
select is(tests.states('cora'), '90:in_doubt 30:planned 7:planned 0:planned', 'in doubt until the mail server took it');
update mentorcert_private.notice_mails set state = 'sent', sent_at = now();
select is(tests.states('cora'), '90:sent 30:planned 7:planned 0:planned', 'sent');
update public.peer_mentor_certifications set expires_at = tests.day(21) where id = tests.id('mia.basic');
select is(
  tests.states('cora'), '90:sent 30:planned 7:planned 0:planned', 'for another end they begin again: what was sent stays'
);
select is(tests.perform('cora', $$ select public.mark_left(tests.id('mia'), tests.today(10)) $$), '', 'leaves in ten days');
select is(tests.states('cora'), '90:sent 30:planned 7:left 0:left', 'nobody is written to after that');

-- Sent now: the next one, once a day, by those who answer for the person
create function tests.reminds(who text) returns text
language sql
as $$ select tests.perform(who, $q$ select public.remind_now(tests.id('mia.basic')) $q$) $$;
select is(tests.perform('cora', $$ select public.mark_returned(tests.id('mia')) $$) ~ '^42|^MC', false, 'back again');
delete from mentorcert_private.notices;
update public.peer_mentor_certifications set expires_at = tests.day(80) where id = tests.id('mia.basic');
select tests.everybody_gets(
  $$ select public.remind_now(tests.id('mia.basic')) $$, 'the administrator and the chapter''s coordinators send one now',
  'adam cora dora@alfa mixa paula: ', 'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt('cora', statement), 'MC010 endpoint_enabled', 'switched off: ' || statement)
from unnest(array[
  $$ select public.remind_now(tests.id('mia.basic')) $$, $$ select peer_mentor_id from mentorcert_private.reminders_ahead() $$,
  $$ select peer_mentor_id from mentorcert_private.reminders_sent() $$, $$ select state from public.reminders_of(tests.id('mia')) $$
]) as statement;
delete from mentorcert_private.disabled_endpoints;
create function tests.refused(change text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  execute change;
  answer := tests.reminds('cora');
  raise exception sqlstate 'TESTS';
exception when sqlstate 'TESTS' then
  return answer;
end
$$;
select is(tests.refused(change), expected, change)
from (
  values
    ($$ update mentorcert.peer_mentors set email = null where id = tests.id('mia') $$, 'MC008 reminder_waits'),
    ($$ update mentorcert.peer_mentors set reminders_paused = true where id = tests.id('mia') $$, 'MC008 reminder_waits'),
    ($$ update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('mia') $$, 'MC008 reminder_waits'),
    ($$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic') $$, 'MC008 reminder_waits'),
    ($$ update public.peer_mentor_certifications set expires_at = null where id = tests.id('mia.basic') $$, 'MC008 reminder_none'),
    ($$ update mentorcert.certification_types set reminder_days = '{0}' where code = 'basic' $$, 'MC008 reminder_none')
) as changes (change, expected);
create function tests.ahead(who text, only_failing boolean default false) returns text
language sql
as $$
  select tests.attempt(who, format($q$
    select days_before || ':' || state from mentorcert_private.reminders_ahead(%L) where certification_id = tests.id('mia.basic')
  $q$, only_failing))
$$;
select is(tests.ahead(who), expected, who || ' and what comes')
from (values ('cora', '90:planned'), ('adam', '90:planned'), ('bea', ''), ('bob', ''), ('mia', ''), ('nora', ''), ('gone', '')) as seen (who, expected);
savepoint before_leaving;
set local session_replication_role = replica;
update mentorcert.peer_mentor_chapters set ended_at = now(), updated_at = now() - interval '1 day' where peer_mentor_id = tests.id('mia');
set local session_replication_role = origin;
select is(tests.ahead('cora'), '', 'not of somebody whose time in the chapter is over');
select is(tests.ahead('adam'), '90:planned', 'whom the administrator still sees');
rollback to before_leaving;
select is(tests.ahead('cora', true), '', 'it reaches her, as far as is known');
insert into mentorcert_private.refused_addresses (peer_mentor_id, organisation_id) values (tests.id('mia'), tests.id('alfa'));
select is(tests.ahead('cora', true), '90:refused', 'until her address was refused');
delete from mentorcert_private.refused_addresses;
select is(tests.reminds('cora'), '', 'sent now');
select is(tests.reminds('adam'), 'MC008 reminder_today', 'and no other one on that day');
select is(tests.states('cora'), '90:queued 30:planned 7:planned 0:planned', 'it is seen');
select is(tests.ahead('cora'), '30:planned', 'and the next one comes');
select is(
  tests.attempt(who, $$ select days_before || ':' || state from mentorcert_private.reminders_sent() $$), expected, who || ' and what was sent'
)
from (values ('cora', '90:waiting'), ('adam', '90:waiting'), ('bea', ''), ('bob', ''), ('mia', ''), ('nora', '')) as seen (who, expected);
create temporary table sent_now as select mentorcert_private.claim_queued() as mail_id;
update mentorcert_private.notice_mails set claimed_in = '1' where id in (select mail_id from sent_now);
select is(
  (select string_agg(address || ' ' || jsonb_array_length(certifications), ',') from mentorcert_private.claimed_notices(array(select mail_id from sent_now))),
  'mia@example.org 1', 'its contents are those of any reminder'
);
select is_empty($$ select mentorcert_private.claim_notices(array[tests.id('mia')]) $$, 'a run does not send it again');
select mentorcert_private.refuse_mails(array(select mail_id from sent_now));
select is(tests.states('cora'), '90:planned 30:planned 7:planned 0:planned', 'one that was refused is due again');
select is(tests.reminds('cora'), '', 'and may be sent again');
update public.peer_mentor_certifications set expires_at = tests.day(400) where id = tests.id('mia.basic');
select is_empty($$ select mentorcert_private.claim_queued() $$, 'what was renewed meanwhile is not reminded of');

select is(tests.perform('owner', $$ select mentorcert_private.erase_peer_mentor(tests.id('mia')) $$) is not null, true, 'erased');
select is(tests.states('adam'), '', 'of whom nothing is said');
select * from finish();
rollback;
