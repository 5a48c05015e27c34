\ir fixture.psql
-- Invitations: who invites, who reads them, and what a sign-in makes of them, whatever an attacker has in mind.

update auth.users as login set email = people.name || '@example.org', email_confirmed_at = now()
from unnest(array['adam', 'bea', 'cora', 'nora', 'gone', 'mia']) as people (name) where login.id = tests.id(people.name);
update mentorcert.peer_mentors set email = external_id || '@example.org' where external_id in ('lone', 'lost', 'old', 'mia', 'bert');
alter table auth.users add column if not exists banned_until timestamptz;

create function tests.invited(who text, address text, chapter text default '1a') returns text
language sql
as $$
  select tests.perform(
    who, format('select mentorcert_private.invite(tests.id(''alfa''), array[%L], ''coordinator'', tests.id(%L))', address, chapter)
  )
$$;
create function tests.invited_mentor(who text, mentor text) returns text
language sql
as $$
  select tests.perform(who, format('select mentorcert_private.invite_peer_mentors(tests.id(''alfa''), array[tests.id(%L)])', mentor))
$$;
create function tests.signs_in(who text, claims jsonb default '{}') returns text
language sql
as $$ select tests.perform(who, 'select public.accept_invitations()', claims) $$;
create function tests.is_coordinator(who text, chapter text) returns boolean
language sql
as $$
  select exists (
    select from mentorcert.memberships
    where user_id = tests.id(who) and chapter_id = tests.id(chapter) and (ended_at is null or ended_at > now())
  )
$$;
-- The result of each invitation, in order of the addresses.
create function tests.states() returns text
language sql
as $$
  select string_agg(
    concat_ws(
      ' ', split_part(email, '@', 1),
      case when accepted_at is not null then 'accepted' when withdrawn_at is not null then 'withdrawn' end, failure
    ),
    ', ' order by email, invited_at
  )
  from mentorcert_private.invitations
$$;
create function tests.failure(who text) returns text
language sql
as $$
  select failure from mentorcert_private.invitations
  where email = who || '@example.org' and accepted_at is null and withdrawn_at is null
$$;

-- Who invites, and who reads it
select tests.everybody_gets(
  $$ select mentorcert_private.invite(tests.id('alfa'), '{new@example.org}', 'coordinator', tests.id('1a')) $$,
  'the administrator invites into the own organisation', 'adam: 1', 'anon service_role: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 invitation_right'
);
select tests.everybody_gets(
  $$ select mentorcert_private.invite_peer_mentors(tests.id('alfa')) $$,
  'and all peer mentors with an address of their own and no login', 'adam: 3', 'anon service_role: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 invitation_right'
);
select is(tests.attempt(who, statement), expected, who || ': ' || statement)
from (
  values
    ('bea', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org}', 'org_admin') $$, '42501 invitation_right'),
    ('bea', $$ select mentorcert_private.invite(tests.id('beta'), '{x@example.org}', 'coordinator', tests.id('1a')) $$,
      '23503 invitations_chapter_id_fkey'),
    ('adam', $$ select mentorcert_private.invite_peer_mentors(tests.id('alfa'), array[tests.id('bert')]) $$, '0'),
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org}', 'peer_mentor') $$, 'MC008 invitations_role_valid'),
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org}', 'coordinator') $$, '23514 invitations_chapter_id_valid'),
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org}', 'org_admin', null, 91) $$, 'MC008 valid_days'),
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org}', 'org_admin', null, 0) $$, 'MC008 valid_days'),
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), array(select n || '@x.org' from generate_series(1, 5001) as n), 'org_admin') $$,
      'MC008 invitations_at_once'),
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org,X@example.org,"",x@x,Kari <k@example.org>}', 'org_admin') $$, '1')
) as attempts (who, statement, expected);
select set_eq(
  $$ select external_id, outcome from mentorcert_private.peer_mentors_to_invite(tests.id('alfa')) $$,
  $$
    values ('mia', 'has_login'), ('per', 'has_login'), ('mixa', 'has_login'), ('lone', 'invite'), ('lost', 'invite'), ('old', 'invite'),
    ('cait', 'no_address')
  $$,
  'a preview says what happens to each'
);
select is(tests.invited('adam', 'nora@example.org'), '1', 'an address that has a login');
select is(tests.invited('adam', 'nobody@example.org'), '1', 'and one that has none: the answer is the same');
select is(tests.invited('adam', 'Nora@Example.org'), '0', 'nobody is invited twice');
select set_eq(
  $$ select * from mentorcert_private.addresses_to_invite(tests.id('alfa'), '{NORA@example.org,new@example.org,x}', 'coordinator', tests.id('1a')) $$,
  $$ values ('NORA@example.org', 'open'), ('new@example.org', 'invite'), ('x', 'no_address') $$, 'which a preview says too'
);
select tests.everybody_gets(
  $$ select 'seen' from mentorcert_private.invitations limit 1 $$, 'administrators read them; not even the invited do',
  'adam: seen', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select is(tests.attempt('adam', statement), '42501', statement)
from unnest(array[
  $$ update mentorcert_private.invitations set expires_at = now() $$, $$ delete from mentorcert_private.invitations $$,
  $$ insert into mentorcert_private.invitations (role) values ('org_admin') $$,
  $$ select mentorcert_private.accept_invitation(tests.id('x'), tests.id('nora'), 'nora@example.org') $$,
  $$ select mentorcert_private.confirmed_address(tests.id('nora')) $$, $$ select mentorcert_private.claim_invitations() $$
]) as statement;
update mentorcert_private.invitations set invited_at = invited_at - interval '1 hour';
select is(
  tests.attempt('bea', format('select mentorcert_private.%s(tests.id(''beta''), %L)', name, (select array_agg(id) from mentorcert_private.invitations))),
  '0', name || ': what one does not see, one does not change'
)
from unnest(array['withdraw_invitations', 'resend_invitations']) as name;
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('memberships', 'test');
select is(tests.attempt(who, statement), 'MC010 endpoint_enabled', who || ' while it is switched off: ' || statement)
from (
  values
    ('adam', $$ select mentorcert_private.invite(tests.id('alfa'), '{x@example.org}', 'org_admin') $$),
    ('adam', $$ select id from mentorcert_private.invitations $$), ('nora', $$ select public.accept_invitations() $$)
) as attempts (who, statement);
delete from mentorcert_private.disabled_endpoints;

-- Only a confirmed address counts, that of the login and no other's
select is(tests.attempt('nora', $$ select public.accept_invitations() $$), '1', 'a confirmed address is accepted');
update auth.users set email_confirmed_at = null where id = tests.id('nora');
select is(tests.signs_in('nora'), '0', 'one that is not confirmed is not');
select is(
  tests.signs_in('nora', '{"email": "nora@example.org", "email_verified": true, "user_metadata": {"email_verified": true}}'), '0',
  'whatever the token says'
);
select is(tests.signs_in('cora', '{"email": "nora@example.org"}'), '0', 'nor does another login by its token');
update auth.users set email_confirmed_at = now() where id = tests.id('nora');
update auth.users set deleted_at = now() where id = tests.id('nora');
select is(tests.signs_in('nora'), '0', 'a deleted login accepts nothing');
update auth.users set deleted_at = null where id = tests.id('nora');
insert into auth.users (id, email) values (tests.id('twin'), 'NORA@example.org');
select is(tests.signs_in('nora'), '0', 'nor does one whose address another has');
delete from auth.users where id = tests.id('twin');
update auth.users set banned_until = now() + interval '1 day' where id = tests.id('nora');
select is(tests.signs_in('nora'), '0', 'nor a banned one');
update auth.users set banned_until = now() - interval '1 day' where id = tests.id('nora');
select is(tests.states(), 'nobody, nora', 'and none of it shows');

select is(tests.signs_in('nora'), '1', 'then it is accepted');
select ok(tests.is_coordinator('nora', '1a'), 'which gives the right');
select is(tests.signs_in('nora'), '0', 'once');
select is(tests.states(), 'nobody, nora accepted', 'and shows');
select isnt_empty(
  $$ select from mentorcert.audit_log where table_name = 'memberships' and action = 'insert' and actor ->> 'user_id' = tests.id('nora')::text $$,
  'the audit log says who took the right'
);
select set_eq(
  $$ select action, actor ->> 'user_id' from mentorcert.audit_log where table_name = 'invitations' $$,
  $$ values ('insert', tests.id('adam')::text), ('update', tests.id('nora')::text) $$, 'and who gave it'
);
select is_empty($$ select from mentorcert.audit_log where concat(before, after) like '%example.org%' $$, 'without an address');

-- A right that was ended does not come back
select is(tests.invited('adam', 'nora@example.org', '1b'), '1', 'invited to another chapter');
update mentorcert.memberships set ended_at = now() where user_id = tests.id('nora');
select is(tests.states(), 'nobody, nora accepted, nora withdrawn', 'the end of a membership withdraws it');
select is(tests.signs_in('nora'), '0', 'so it is not accepted');
update mentorcert_private.invitations set withdrawn_at = null, invited_at = now() - interval '1 minute' where withdrawn_at is not null;
select is(tests.signs_in('nora'), '0', 'not even were it open, as for a login that had another address at the time');
select is(tests.failure('nora'), 'invitation_ended', 'and the administrator sees why');
select is(
  tests.attempt('adam', format('select mentorcert_private.resend_invitations(tests.id(''alfa''), %L)', (select array_agg(id) from mentorcert_private.invitations))),
  '2', 'who may make it again'
);
delete from mentorcert.memberships where user_id = tests.id('nora');
select is(tests.failure('nora'), null, 'a membership that is deleted withdraws it as well');
insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id, ended_at, updated_at)
values (tests.id('alfa'), tests.id('nora'), 'coordinator', tests.id('1b'), now() - interval '1 day', now() - interval '1 day');

-- Until when, and by whom
select is(tests.invited('adam', 'nora@example.org', '2a'), '1', 'once more');
update mentorcert_private.invitations set invited_at = now() - interval '20 days', expires_at = now() where chapter_id = tests.id('2a');
select is(tests.signs_in('nora'), '0', 'what has expired is not accepted');
select is(tests.failure('nora'), null, 'and is no failure');
select is(tests.invited('adam', 'nora@example.org', '2a'), '1', 'it makes place for another');
update mentorcert.memberships set ended_at = now() where user_id = tests.id('adam');
select is(tests.signs_in('nora'), '0', 'nobody accepts from one who may not invite any more');
select is(tests.failure('nora'), 'invitation_inviter', 'which shows');
update mentorcert.memberships set ended_at = null where user_id = tests.id('adam');
update auth.users set banned_until = now() + interval '1 day' where id = tests.id('adam');
select is(tests.signs_in('nora'), '0', 'nor from one who is banned');
update auth.users set banned_until = null where id = tests.id('adam');
savepoint inviter;
update mentorcert_private.invitations set invited_by = null where chapter_id = tests.id('2a');
select is(tests.signs_in('nora'), '0', 'nor from a login that is gone, which is not the operator');
rollback to savepoint inviter;

-- One that can't be given is in nobody's way
insert into mentorcert_private.invitations (id, organisation_id, email, role, chapter_id, is_by_operator, expires_at)
values (tests.id(''), tests.id('beta'), 'nora@example.org', 'coordinator', tests.id('b1'), true, now() + interval '1 day');
alter table mentorcert.chapters disable trigger user;
update mentorcert.chapters set retired_on = tests.today(-1), retired_reason = 'closed' where id = tests.id('b1');
alter table mentorcert.chapters enable trigger user;
select is(tests.signs_in('nora'), '1', 'the others are accepted');
select ok(tests.is_coordinator('nora', '2a'), 'and give their right');
select is(tests.failure('nora'), 'chapters_not_retired', 'and this one says why it failed');

-- Peer mentors
select is(tests.invited_mentor('adam', mentor), expected, mentor || ' is invited by the row')
from (values ('lone', '1'), ('lone', '0'), ('mia', '0'), ('cait', '0'), ('bert', '0')) as mentors (mentor, expected);
insert into auth.users (id, email, email_confirmed_at)
select tests.id('u.' || name), name || '@example.org', now() from unnest(array['lone', 'lost']) as name;
select is(tests.attempt('u.lone', $$ select public.accept_invitations() $$), '1', 'the login is linked');

-- What happens after a change, with the trigger that withdraws, and where that has not seen it.
create function tests.after_change(change text) returns text
language plpgsql
as $$
declare
  way text;
  said text := '';
begin
  foreach way in array array['enable', 'disable'] loop
    begin
      perform tests.act_as_owner();
      -- Merges are previewed; what is asked here is not how.
      alter table mentorcert.peer_mentors disable trigger keep_merged;
      execute format('alter table mentorcert.peer_mentors %s trigger withdraw_invitations', way);
      execute change;
      said := said || tests.signs_in('u.lone') || ' ';
      said := said || (
        select case when withdrawn_at is not null then 'withdrawn ' else coalesce(failure, 'open') end
        from mentorcert_private.invitations where peer_mentor_id = tests.id('lone')
      );
      raise exception sqlstate 'TESTS' using message = said;
    exception when sqlstate 'TESTS' then
      said := sqlerrm;
    end;
  end loop;
  return said;
end
$$;
select is(tests.after_change(format('update mentorcert.peer_mentors set %s where id = tests.id(''lone'')', change)), '0 withdrawn 0 invitation_peer_mentor', change)
from unnest(array['left_on = tests.today(0)', 'email = ''other@example.org''', 'user_id = tests.id(''nora'')', 'merged_into = tests.id(''lost'')']) as change;
savepoint shared;
update mentorcert.peer_mentors set email = 'lone@example.org' where id = tests.id('lost');
select is(tests.signs_in('u.lone'), '0', 'whose address two peer mentors have, is neither');
select is(tests.failure('lone'), 'invitation_shared_address', 'and it shows');
rollback to savepoint shared;
savepoint erased;
select mentorcert_private.erase_peer_mentor(tests.id('lone'));
select is(tests.signs_in('u.lone'), '0', 'the erased do not come back by an invitation');
select results_eq(
  $$ select email, withdrawn_at is not null from mentorcert_private.invitations where peer_mentor_id = tests.id('lone') $$,
  $$ values (null::text, true) $$, 'and no address of theirs stays'
);
rollback to savepoint erased;
savepoint other;
update mentorcert.peer_mentors set user_id = tests.id('u.lone') where id = tests.id('old');
select is(tests.signs_in('u.lone'), '0', 'a login that is another peer mentor''s is not given a second one');
select is(tests.failure('lone'), 'peer_mentors_user_id_key', 'by an error that is kept');
rollback to savepoint other;
select is(tests.signs_in('u.lone'), '1', 'accepted');
select is(tests.perform('u.lone', 'select id from mentorcert.peer_mentors'), 'lone', 'who sees the own row from now on');

-- Withdrawing, and making again
create function tests.change_all(name text) returns text
language sql
as $$
  select tests.perform('adam', format(
    'select mentorcert_private.%s(tests.id(''alfa''), %L)', name,
    (select array_agg(id) from mentorcert_private.invitations where email in ('lone@example.org', 'lost@example.org'))
  ))
$$;
select is(tests.invited_mentor('adam', 'lost'), '1', 'another one');
select is(tests.change_all('resend_invitations'), '0', 'two clicks are one mail');
update mentorcert_private.invitations set invited_at = now() - interval '1 hour', mailed_at = now() where email in ('lone@example.org', 'lost@example.org');
select is(tests.change_all('resend_invitations'), '1', 'what is open is made again, not what was accepted');
select is((select mailed_at from mentorcert_private.invitations where email = 'lost@example.org'), null, 'and mailed again');
select is(tests.change_all('withdraw_invitations'), '1', 'what is open is withdrawn');
select is(tests.signs_in('u.lost'), '0', 'and closed');
select is(
  tests.perform('owner', format('select mentorcert_private.accept_invitation(%L, tests.id(''u.lost''), ''lost@example.org'')', id)), 'false',
  'also for a sign-in that had found it open, and then waited for the one who withdrew it'
)
from mentorcert_private.invitations where email = 'lost@example.org';

-- Mails
update mentorcert_private.invitations set withdrawn_at = now() where accepted_at is null and withdrawn_at is null;
select is(tests.invited_mentor('adam', 'lost'), '1', 'invited again');
create table tests.claims as select mentorcert_private.claim_invitations() as mail_id;
select is((select count(*) from tests.claims), 1::bigint, 'a mail is due');
select is_empty($$ select mentorcert_private.claim_invitations() $$, 'once');
select is_empty(
  $$ select mentorcert_private.claimed_invitations(array(select mail_id from tests.claims)) $$, 'its contents are another transaction''s to read'
);
update mentorcert_private.notice_mails set claimed_in = '3';
select results_eq(
  $$ select address, full_name, role, invited_by, language from mentorcert_private.claimed_invitations(array(select mail_id from tests.claims)) $$,
  $$ values ('lost@example.org', 'Full name of lost', 'peer_mentor', 'adam@example.org', 'nb') $$, 'to whom, and by whom'
);
select mentorcert_private.report_notices('{}', array(select mail_id from tests.claims));
select set_eq('select mentorcert_private.claim_invitations()', 'select mail_id from tests.claims', 'what was not sent is due again, as the same mail');
select mentorcert_private.refuse_mails(array(select mail_id from tests.claims));
select is(tests.failure('lost'), 'invitation_mail_refused', 'a refusal shows');
select is_empty('select mentorcert_private.claim_invitations()', 'and is not tried again by itself');
select is(tests.change_all('resend_invitations'), '1', 'but by hand');
select set_eq('select mentorcert_private.claim_invitations()', 'select mail_id from tests.claims', 'it is due');
select mentorcert_private.report_notices(array(select mail_id from tests.claims), '{}');
select isnt((select mailed_at from mentorcert_private.invitations where email = 'lost@example.org' and withdrawn_at is null), null, 'sent');
select is_empty('select mentorcert_private.claim_invitations()', 'and done');
update mentorcert_private.notice_mails set state = 'sending', sent_at = null;
update mentorcert_private.invitations set mailed_at = null, invited_at = clock_timestamp() where email = 'lost@example.org' and withdrawn_at is null;
select mentorcert_private.report_notices(array(select mail_id from tests.claims), '{}');
select is(
  (select mailed_at from mentorcert_private.invitations where email = 'lost@example.org' and withdrawn_at is null), null,
  'a mail from before it was made again is not the current one'
);
savepoint ended;
update mentorcert.memberships set ended_at = now() where user_id = tests.id('adam');
select is_empty('select mentorcert_private.claim_invitations()', 'nobody is written to in the name of one who may not invite');
select is(tests.failure('lost'), 'invitation_inviter', 'which shows');
rollback to savepoint ended;
savepoint expired;
delete from mentorcert_private.notice_mails;
update mentorcert_private.invitations set invited_at = now() - interval '20 days', expires_at = now() where email = 'lost@example.org';
select is_empty('select mentorcert_private.claim_invitations()', 'nor about what has expired');
rollback to savepoint expired;
select is(mentorcert_portal.begin_epoch('test') > 0, true, 'the registry is restored');
select is_empty(
  'select from mentorcert_private.invitations where withdrawn_at is null and accepted_at is null',
  'then nothing stays open: what was withdrawn since the backup, nobody knows'
);
update mentorcert_private.invitations set withdrawn_at = null
where email = 'lost@example.org' and invited_at = (select max(invited_at) from mentorcert_private.invitations where email = 'lost@example.org');
select is_empty('select mentorcert_private.claim_invitations()', 'and mails wait');

select * from finish();
rollback;
