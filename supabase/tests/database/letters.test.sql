\ir fixture.psql
-- Letters: who writes to whom, at most once, and what the ledger, an erasure and an attacker make of it.

update auth.users as login set email = people.name || '@example.org', email_confirmed_at = now()
from unnest(array['adam', 'bea', 'cora', 'gone', 'mia', 'paula']) as people (name) where login.id = tests.id(people.name);
update mentorcert.peer_mentors set email = external_id || '@example.org' where external_id in ('mia', 'lone', 'bert', 'per');

create function tests.draft(who text, variadic mentors text[]) returns text
language sql
as $$
  select tests.perform(who, format(
    'select mentorcert_private.draft_letter(%L::uuid[])', (select array_agg(tests.id(name)) from unnest(mentors) as name)
  ))
$$;
create function tests.latest() returns uuid
language sql
as $$ select id from mentorcert_private.letters order by written_at desc limit 1 $$;
create function tests.written(who text, subject text default 'Meeting', body text default 'See you.') returns text
language sql
as $$ select tests.perform(who, format('select mentorcert_private.write_letter(%L, %L, %L)', tests.latest(), subject, body)) $$;
create function tests.sends(who text) returns text
language sql
as $$
  select tests.perform(who, format(
    'select mentorcert_private.send_letter(%L, %L)', tests.latest(), (select written_at from mentorcert_private.letters where id = tests.latest())
  ))
$$;
create function tests.mails() returns text
language sql
as $$
  select coalesce(string_agg(tests.name(mail.peer_mentor_id) || ':' || mail.state, ' ' order by tests.name(mail.peer_mentor_id)), '')
  from mentorcert_private.notice_mails as mail where mail.letter_id = tests.latest()
$$;

-- Whom each writes to
select tests.everybody_gets(
  $$ select peer_mentor_id from mentorcert_private.letter_recipients(array(select id from mentorcert.peer_mentors)) limit 0 $$,
  'asked of those who are signed in', 'anon service_role: 42501',
  'adam bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: '
);
create temporary table everybody as select array_agg(id) as ids from mentorcert.peer_mentors;
grant select on everybody to authenticated;
select is(
  tests.attempt(who, $$ select r.peer_mentor_id from everybody, mentorcert_private.letter_recipients(everybody.ids) as r where r.peer_mentor_id = tests.id('mia') $$),
  expected, who || ' and mia'
)
from (
  values ('adam', 'mia'), ('cora', 'mia'), ('bea', ''), ('bob', ''), ('mia', ''), ('nora', ''), ('per', ''), ('gone', ''), ('dora@beta', '')
) as reach (who, expected);
select is(
  tests.attempt('bea', $$ select count(*) from everybody, mentorcert_private.letter_recipients(everybody.ids) as r where r.organisation_id <> tests.id('beta') $$),
  '0', 'nobody of another organisation'
);
select is(tests.draft(who, 'mia'), '42501 certification_right', who || ' begins no letter to whom they do not reach')
from unnest(array['bea', 'mia', 'nora', 'per', 'gone', 'dora@beta']) as who;
select is(tests.attempt('anon', $$ select mentorcert_private.draft_letter('{}') $$), '42501', 'nor anon');
select is(
  tests.attempt('adam', $$ select mentorcert_private.draft_letter(array(select gen_random_uuid() from generate_series(1, 1001))) $$),
  'MC008 letters_recipient_ids_valid', 'nobody writes to more than a thousand at once'
);

-- What is done with each
update mentorcert.peer_mentors set left_on = tests.today(-1) where id = tests.id('lone');
insert into mentorcert_private.refused_addresses (peer_mentor_id, organisation_id)
select id, organisation_id from mentorcert.peer_mentors where external_id = 'per';
select is(
  tests.attempt('adam', $$
    select tests.name(r.peer_mentor_id) || ':' || r.outcome
    from mentorcert_private.letter_recipients(array[tests.id('mia'), tests.id('cait'), tests.id('lone'), tests.id('per')]) as r
  $$),
  'cait:no_address,lone:left,mia:mail,per:refused', 'who gets it, and who does not and why'
);
update mentorcert_private.refused_addresses set refused_at = now() - interval '31 days';
select is(mentorcert_private.address_fault('per@example.org', tests.id('per')), null, 'after a month a refused address is tried again');
select is(mentorcert_private.address_fault('=?x?=@example.org', tests.id('mia')), 'unusable', 'what no server takes');
update mentorcert.peer_mentors set email = 'per2@example.org' where id = tests.id('per');
select is_empty($$ select from mentorcert_private.refused_addresses $$, 'of another address nothing is known');
update mentorcert.peer_mentors set left_on = null where id = tests.id('lone');

-- A draft is its author's
select isnt(tests.draft('cora', 'mia', 'bert'), '', 'cora begins a letter');
select is((select recipient_ids from mentorcert_private.letters where id = tests.latest()), array[tests.id('mia')], 'to mia, whom she reaches, and not to bert');
select is(
  tests.attempt(who, $$ select 'seen' from mentorcert_private.letters $$), expected, who || ' and a draft of cora''s'
)
from (values ('cora', 'seen'), ('adam', ''), ('bea', ''), ('paula', ''), ('mia', '')) as readers (who, expected);
select is(tests.written(who), '42501 certification_right', who || ' writes no draft of cora''s')
from unnest(array['adam', 'bea', 'paula', 'mia', 'nora']) as who;
select is(tests.sends(who), '42501 certification_right', who || ' sends no draft of cora''s') from unnest(array['adam', 'bea', 'paula', 'mia']) as who;
select is(tests.written('cora', E'Bcc: x@example.org\nMeeting'), '', 'a line break in the subject');
select is((select subject from mentorcert_private.letters where id = tests.latest()), 'Bcc: x@example.org Meeting', 'is no header');
select is(tests.written('cora', E'a\u0001'), '23514 letters_subject_characters', 'no control character');
select is(tests.written('cora', repeat('a', 151)), '23514 letters_subject_length', 'no long subject');
select is(tests.written('cora', 'a', E'a\u0001'), '23514 letters_body_characters', 'none in the text');
select is(tests.written('cora', 'a', repeat('a', 5001)), '23514 letters_body_length', 'no long text');
select is(tests.written('cora', '', 'x'), '', 'a draft may lack a subject');
select is(tests.sends('cora'), '23514 letters_subject_given', 'and is not sent so');
select is(tests.written('cora', 'x', E' \n '), '', 'or a text');
select is(tests.sends('cora'), '23514 letters_body_given', 'nor so');
select is(tests.attempt('cora', statement), '42501', statement)
from unnest(array[
  $$ update mentorcert_private.letters set subject = 'x' $$, $$ delete from mentorcert_private.letters $$,
  $$ insert into mentorcert_private.letters (recipient_ids) values ('{}') $$, $$ select mentorcert_private.claim_queued() $$,
  $$ select mentorcert_private.claimed_letters('{}') $$,
  $$ select from mentorcert_private.notice_mails $$, $$ select from mentorcert_private.refused_addresses $$
]) as statement;
select throws_ok(
  $$ update mentorcert_private.letters set organisation_id = tests.id('beta') $$, 'MC007', null, 'a letter stays in its organisation'
);
select throws_ok(
  $$ update mentorcert_private.letters set mails = 1 $$, '23514', null, 'a draft has no mails'
);
select throws_ok(
  $$ insert into mentorcert_private.letters (organisation_id, recipient_ids) select tests.id('alfa'), array_agg(gen_random_uuid()) from generate_series(1, 1001) $$,
  '23514', null, 'nor more than a thousand recipients'
);

-- Sending: once, as it was shown, with an address to answer to
select is(tests.written('cora'), '', 'written');
select is(
  tests.perform('cora', format('select mentorcert_private.send_letter(%L, now() - interval ''1 day'')', tests.latest())),
  'PT409 letters_version_current', 'another text than the one that was shown is not sent'
);
update auth.users set email_confirmed_at = null where id = tests.id('cora');
select is(tests.sends('cora'), 'MC008 letters_reply_to', 'nobody writes who could not be answered');
select is(tests.attempt('cora', 'select mentorcert_private.reply_address()'), '', 'and sees it');
update auth.users set email_confirmed_at = now() where id = tests.id('cora');
select is(tests.attempt('cora', 'select mentorcert_private.reply_address()'), 'cora@example.org', 'a confirmed one');
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'test');
select is(tests.attempt('cora', statement), 'MC010 endpoint_enabled', 'while it is switched off: ' || statement)
from unnest(array[
  $$ select mentorcert_private.draft_letter(array[tests.id('mia')]) $$, $$ select mentorcert_private.write_letter(tests.id('x'), 'a', 'b') $$,
  $$ select mentorcert_private.send_letter(tests.id('x'), now()) $$, $$ select id from mentorcert_private.letters $$,
  $$ select mentorcert_private.letter_mails(tests.id('x')) $$, $$ select mentorcert_private.letters_to(tests.id('mia')) $$
]) as statement;
delete from mentorcert_private.disabled_endpoints;
update mentorcert.peer_mentors set email = null where id = tests.id('mia');
select is(tests.sends('cora'), 'MC008 letters_mails_valid', 'a letter that nobody would get is not sent');
update mentorcert.peer_mentors set email = 'mia@example.org' where id = tests.id('mia');
select is(tests.sends('cora'), '1', 'sent');
select is(tests.mails(), 'mia:queued', 'one mail waits');
select is(tests.sends('cora'), '0', 'a second click sends nothing');
select is(tests.mails(), 'mia:queued', 'nor is there a second mail');
select is(tests.written('cora'), '42501 certification_right', 'what was sent is not written any more');
select throws_ok(
  $$ insert into mentorcert_private.notice_mails (organisation_id, kind, state, peer_mentor_id, letter_id, queued_at)
     select organisation_id, kind, state, peer_mentor_id, letter_id, queued_at from mentorcert_private.notice_mails $$,
  '23505', null, 'nobody gets a letter twice'
);
select throws_ok($$ update mentorcert_private.letters set recipient_ids = array[tests.id('mia')] $$, '23514', null, 'the ledger says to whom');
select is(
  tests.attempt(who, $$ select 'seen' from mentorcert_private.letters $$), expected, who || ' and a letter of cora''s'
)
from (values ('cora', 'seen'), ('adam', 'seen'), ('bea', ''), ('paula', ''), ('mia', '')) as readers (who, expected);
select is(
  tests.attempt(who, format('select full_name || state from mentorcert_private.letter_mails(%L)', tests.latest())), expected, who || ' and its mails'
)
from (
  select who, case when who in ('cora', 'adam') then full_name || 'waiting' else '' end
  from mentorcert.peer_mentors, unnest(array['cora', 'adam', 'bea', 'paula', 'mia']) as who where id = tests.id('mia')
) as readers (who, expected);
select is(
  tests.attempt(who, $$ select written_by || subject from mentorcert_private.letters_to(tests.id('mia')) $$), expected, who || ' and what was written to mia'
)
from (values ('cora', 'cora@example.orgMeeting'), ('adam', 'cora@example.orgMeeting'), ('mia', ''), ('bea', '')) as readers (who, expected);

-- In the ledger: claimed, read in a later transaction, back again, refused
create temporary table claims as select mentorcert_private.claim_queued() as mail_id;
select is(tests.mails(), 'mia:sending', 'claimed');
select is_empty($$ select mentorcert_private.claim_queued() $$, 'nobody else claims it');
select is_empty(
  $$ select * from mentorcert_private.claimed_letters(array(select mail_id from claims)) $$, 'and nobody reads it in the transaction of the claim'
);
update mentorcert_private.notice_mails set claimed_in = '1';
select is(
  (select concat_ws(' ', address, reply_to, subject, body) from mentorcert_private.claimed_letters(array(select mail_id from claims))),
  'mia@example.org cora@example.org Meeting See you.', 'in a later one it is read'
);
select mentorcert_private.report_notices('{}', array(select mail_id from claims));
select is(tests.mails(), 'mia:queued', 'what was not sent is still to be sent');
select is_empty($$ select mentorcert_private.claim_queued() $$, 'a little later');
update mentorcert_private.notice_mails set claimed_at = claimed_at - interval '6 minutes', queued_at = queued_at - interval '7 minutes';
select is((select count(*) from mentorcert_private.claim_queued()), 1::bigint, 'then it is claimed again');
select mentorcert_private.refuse_mails(array(select mail_id from claims));
select is(tests.mails(), 'mia:refused', 'an address that takes no mail');
select is((select count(*) from mentorcert_private.refused_addresses where peer_mentor_id = tests.id('mia')), 1::bigint, 'is remembered');
update mentorcert_private.notice_mails set state = 'sending';
select mentorcert_private.report_notices(array(select mail_id from claims), '{}');
select is_empty($$ select from mentorcert_private.refused_addresses $$, 'until a mail goes out to it');

-- What must not be sent any more
create function tests.dropped(change text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  update mentorcert_private.notice_mails set state = 'queued', sent_at = null, claimed_at = now(), queued_at = now();
  execute change;
  perform mentorcert_private.claim_queued();
  answer := tests.mails();
  raise exception sqlstate 'TESTS';
exception when sqlstate 'TESTS' then
  return answer;
end
$$;
select is(tests.dropped(change), expected, change)
from (
  values
    ('select 1', 'mia:sending'),
    ($$ update mentorcert_private.notice_mails set queued_at = now() - interval '4 days', claimed_at = now() - interval '4 days' $$, 'mia:released'),
    ($$ update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('mia') $$, 'mia:released'),
    ($$ update mentorcert.peer_mentors set email = null where id = tests.id('mia') $$, 'mia:released'),
    ($$ update mentorcert.memberships set ended_at = now() where user_id = tests.id('cora') $$, 'mia:released'),
    ($$ update auth.users set email_confirmed_at = null where id = tests.id('cora') $$, 'mia:released'),
    ($$ delete from auth.users where id = tests.id('cora') $$, 'mia:released'),
    ($$ insert into mentorcert_private.restores (epoch, reason, restored_by) values (1000000000, 'test', 'test') $$, 'mia:queued')
) as changes (change, expected);
update mentorcert_private.notice_mails set state = 'released', sent_at = null where letter_id is not null;
update public.peer_mentor_certifications set expires_at = tests.day(5) where id = tests.id('mia.basic');
create function tests.reminded() returns text
language plpgsql
as $$
declare
  answer text;
begin
  answer := (select count(*) from mentorcert_private.claim_notices(array[tests.id('mia')])) || ' ' || tests.mails();
  raise exception sqlstate 'TESTS';
exception when sqlstate 'TESTS' then
  return answer;
end
$$;
select is(tests.reminded(), '1 mia:released', 'a reminder is another mail than the letter');

-- Few at once
update mentorcert_private.letters set written_at = written_at - interval '1 day';
select is(string_agg(tests.draft('cora', 'mia') || tests.written('cora') || tests.sends('cora'), '' order by n) ~ 'MC008 letters_an_hour$', true, 'ten an hour')
from generate_series(1, 10) as n;
select is((select count(*) from mentorcert_private.letters where sent_at is not null), 10::bigint, 'and not one more');
select is((select count(tests.draft('cora', 'mia')) from generate_series(1, 25)), 25::bigint, 'drafts');
select is((select count(*) from mentorcert_private.letters where sent_at is null), 20::bigint, 'of which twenty stay');

-- Retention, and an erased person
select isnt(tests.draft('adam', 'mia', 'lone'), '', 'to two');
select is(tests.written('adam') || tests.sends('adam'), '2', 'sent to two');
select is(tests.mails(), 'lone:queued mia:queued', 'each a mail');
select isnt(tests.draft('adam', 'mia', 'lone'), '', 'a draft to two');
select isnt(tests.perform('owner', $$ select mentorcert_private.erase_peer_mentor(tests.id('mia')) $$), '', 'mia is erased');
select is_empty($$ select from mentorcert_private.notice_mails where letter_id is not null and peer_mentor_id = tests.id('mia') $$, 'no mail of hers stays');
select is((select count(*) from mentorcert_private.letters where written_by = tests.id('cora')), 0::bigint, 'nor what was written to her alone');
select is((select recipient_ids from mentorcert_private.letters where id = tests.latest()), array[tests.id('lone')], 'nor she in a draft');
update mentorcert_private.notice_mails set state = 'released' where letter_id is not null;
update mentorcert_private.letters set written_at = now() - interval '2 years', sent_at = case when sent_at is not null then now() - interval '2 years' end;
select is(
  (select sum(deleted) from mentorcert_private.delete_outdated() where log in ('letters', 'letter_drafts')), 2::bigint,
  'what is old goes'
);
select is_empty($$ select from mentorcert_private.notice_mails where letter_id is not null $$, 'with its mails');
select * from finish();
rollback;
