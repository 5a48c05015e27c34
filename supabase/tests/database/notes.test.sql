\ir fixture.psql
-- Notes and follow-ups: who reads and writes them, what they hold, and when they go.

create function tests.note(words text) returns uuid
language sql security definer set search_path = ''
as $$ select note.id from mentorcert_private.peer_mentor_notes as note where note.text = words $$;

select tests.everybody_gets(
  $$ select case when public.write_note(tests.id('mia'), 'Trial') is not null then 'written' end as done $$,
  'administrators and the chapter''s coordinators write, and nobody about themselves',
  'adam cora dora@alfa mixa paula: written', 'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right',
  'anon service_role: 42501'
);
select is(tests.perform('cora', $$ select public.write_note(tests.id('mia'), E' Called\u200b  her ') is not null as done $$), 'true', 'a coordinator writes');
select is(
  tests.perform('cora', $$ select public.write_note(tests.id('mia'), 'Call again', tests.today(7)) is not null as done $$), 'true', 'with a day it is a follow-up'
);
select is(
  tests.perform('adam', $$ select public.write_note(tests.id('mia'), 'Ask for the paper', tests.today(-1), tests.id('cora')) is not null as done $$), 'true',
  'an administrator lets the coordinator do it'
);
select tests.everybody_gets(
  $$ select text from public.peer_mentor_notes(tests.id('mia')) $$, 'those who write them read them',
  'adam cora dora@alfa mixa paula: Ask for the paper,Call again,Called her', 'bea bob dora dora@beta gone mia nora per sev: ',
  'anon service_role: 42501'
);
select is(
  tests.attempt('cora', $$ select string_agg(text, ', ') from public.peer_mentor_notes(tests.id('mia')) $$),
  'Ask for the paper, Call again, Called her', 'what is due first, then the newest'
);
select tests.everybody_gets(
  $$ select text from public.follow_ups() $$, 'everybody has the own follow-ups', 'cora: Ask for the paper,Call again',
  'adam bea bob dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select text from public.follow_ups(of_everybody => true) $$, 'and sees those within reach',
  'adam cora dora@alfa mixa paula: Ask for the paper,Call again', 'bea bob dora dora@beta gone mia nora per sev: ', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select tests.name(user_id) as who from public.note_responsibles(tests.id('mia')) $$, 'who can be responsible',
  'adam cora dora@alfa mixa paula: adam,cora,dora,mixa,paula',
  'bea bob dora dora@beta gone mia nora per sev: ', 'anon service_role: 42501'
);

-- What is refused
select is(tests.attempt('cora', format('select public.write_note(tests.id(''mia''), %s) is not null as done', given)), answer, given)
from (
  values
    ($$''$$, '23514 peer_mentor_notes_text_valid'), ($$null$$, '23502'),
    ($$repeat('x', 2001)$$, '23514 peer_mentor_notes_text_length'), ($$E'x\u0001'$$, '23514 peer_mentor_notes_text_characters'),
    ($$'x', 'infinity'$$, '23514 peer_mentor_notes_due_on_in_calendar'),
    ($$'x', null, tests.id('cora')$$, '23514 peer_mentor_notes_responsible_id_valid'),
    ($$'x', tests.today(), tests.id('bea')$$, 'MC008 responsible_id'), ($$'x', tests.today(), tests.id('mia')$$, 'MC008 responsible_id'),
    ($$'x', tests.today(), tests.id('sev')$$, 'MC008 responsible_id'), ($$'x', tests.today(), tests.id('gone')$$, 'MC008 responsible_id'),
    ($$'x', tests.today(), gen_random_uuid()$$, 'MC008 responsible_id'), ($$'x', tests.today(), tests.id('adam')$$, 'true')
) as calls (given, answer);
select is(
  tests.attempt('adam', format($$ select public.write_note('%s', 'x') is not null as done $$, mentor)), '42501 certification_right', 'nobody who is not there'
) from (values (gen_random_uuid()), (tests.id('bert'))) as others (mentor);

-- Changing, settling, removing
select tests.everybody_gets(
  format($$ select public.change_note('%s', 'Changed')::text as done $$, tests.note('Called her')),
  'the author and administrators change it', 'adam cora: ',
  'bea bob dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  format($$ select public.remove_note('%s')::text as done $$, tests.note('Ask for the paper')),
  'and remove it, but not who is responsible', 'adam: ',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  format($$ select public.settle_note('%s', true)::text as done $$, tests.note('Ask for the paper')),
  'who reads it settles it', 'adam cora dora@alfa mixa paula: ', 'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right',
  'anon service_role: 42501'
);
select is(tests.attempt('cora', format($$ select public.%s $$, format(call, tests.note(words)))), answer, call)
from (
  values
    ('Called her', $$settle_note('%s', true)$$, '23514 peer_mentor_notes_done_at_valid'),
    ('Called her', $$change_note('%s', 'x', null, null, 7)$$, 'PT409 peer_mentor_notes_version_current'),
    ('Call again', $$settle_note('%s', true, 7)$$, 'PT409 peer_mentor_notes_version_current'),
    ('Called her', $$remove_note('%s', 7)$$, 'PT409 peer_mentor_notes_version_current'),
    ('Called her', $$change_note('%s', '', null, null, 1)$$, '23514 peer_mentor_notes_text_valid'),
    ('Called her', $$change_note('%s', 'x', tests.today(), tests.id('bea'), 1)$$, 'MC008 responsible_id'),
    ('Called her', $$remove_note('%s', 1)$$, ''), ('Call again', $$settle_note('%s', false, 1)$$, '')
) as calls (words, call, answer);

create function tests.state(words text) returns text
language sql security definer set search_path = ''
as $$
  select concat_ws(
    '|', coalesce((note.due_on - tests.today())::text, 'no day'), coalesce(tests.name(note.responsible_id), 'nobody'),
    coalesce('done by ' || tests.name(note.done_by), 'open'), case when note.edited_at is not null then 'edited' end, note.version
  )
  from mentorcert_private.peer_mentor_notes as note where note.text = words
$$;
select is(tests.state('Call again'), '7|cora|open|1', 'who writes it is responsible');
select is(tests.perform('mixa', format($$ select public.settle_note('%s', true, 1) $$, tests.note('Call again'))), '', 'a colleague does it');
select is(tests.state('Call again'), '7|cora|done by mixa|2', 'who did it');
select is(tests.perform('cora', format($$ select public.settle_note('%s', true) $$, tests.note('Ask for the paper'))), '', 'done');
select is(tests.state('Ask for the paper'), '-1|cora|done by cora|2', 'by whom');
select is(tests.attempt('cora', $$ select coalesce(string_agg(text, ', '), '') from public.follow_ups() where text = 'Ask for the paper' $$), '', 'what is done is no follow-up');
select is(tests.perform('cora', format($$ select public.settle_note('%s', false, 2) $$, tests.note('Ask for the paper'))), '', 'opened again');
select is(tests.state('Ask for the paper'), '-1|cora|open|3', 'as it was');
select is(
  tests.perform('adam', format($$ select public.change_note('%s', 'Ask for the paper', tests.today(3), tests.id('adam'), 3) $$, tests.note('Ask for the paper'))), '',
  'another day, another one'
);
select is(tests.state('Ask for the paper'), '3|adam|open|4', 'the text is the same, and was not edited');
select is(
  tests.perform('cora', format($$ select public.change_note('%s', 'Called her twice') $$, tests.note('Called her'))), '', 'the text'
);
select is(tests.state('Called her twice'), 'no day|nobody|open|edited|2', 'is said to be edited');
select is(tests.perform('cora', format($$ select public.change_note('%s', 'Call again') $$, tests.note('Call again'))), '', 'without its day');
select matches(tests.state('Call again'), '^no day\|nobody\|open\|', 'it is a note, and nothing is done');

-- The audit log has who did it, and no text
select is(
  (
    select string_agg(distinct field, ',' order by field) from mentorcert.audit_log as entry
    cross join lateral jsonb_object_keys(coalesce(entry.before, '{}') || coalesce(entry.after, '{}')) as field
    where entry.table_name = 'peer_mentor_notes'
  ),
  'done_at,due_on,edited_at,peer_mentor_id,responsible_id', 'the fields that are logged'
);
select is(
  (select count(*) from mentorcert.audit_log as entry where entry::text ~ 'Called|Call again|paper'), 0::bigint, 'no note is in the log'
);
savepoint before_removing;
select is(tests.perform('cora', format($$ select public.remove_note('%s') $$, tests.note('Called her twice'))), '', 'removed');
select is(tests.note('Called her twice'), null, 'and gone');
select is(
  (select entry.actor ->> 'user_id' from mentorcert.audit_log as entry where entry.table_name = 'peer_mentor_notes' and entry.action = 'delete'),
  tests.id('cora')::text, 'the log has who removed it'
);
rollback to before_removing;

-- What nobody changes
select throws_ok(
  format('update mentorcert_private.peer_mentor_notes set %s', change), 'MC007', null, change
)
from (
  values ('id = gen_random_uuid()'), ('organisation_id = tests.id(''beta'')'), ('peer_mentor_id = tests.id(''per'')'), ('created_at = now()')
) as changes (change);

-- A bound
create function tests.fill_notes() returns void
language sql security definer set search_path = ''
as $$
  insert into mentorcert_private.peer_mentor_notes (organisation_id, peer_mentor_id, text)
  select tests.id('alfa'), tests.id('mia'), 'Nr. ' || number from generate_series(1, 497) as number
$$;
savepoint before_full;
select tests.fill_notes();
select is(tests.attempt('cora', $$ select public.write_note(tests.id('mia'), 'x') is not null as done $$), 'MC008 notes_number', 'of 500');
rollback to before_full;

-- Who is responsible and has no access any more
update mentorcert.memberships set ended_at = now() where user_id = tests.id('cora');
select is(tests.attempt('cora', $$ select count(*) from public.peer_mentor_notes(tests.id('mia')) $$), '0', 'who has no access reads nothing, not even the own');
select is(
  tests.attempt('cora', format($$ select public.change_note('%s', 'x') $$, tests.note('Called her twice'))), '42501 certification_right', 'and changes nothing'
);
update mentorcert.memberships set ended_at = null where user_id = tests.id('cora');

-- Nobody about themselves: mixa coordinates the chapter, and is a peer mentor in it now.
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('mixa'), tests.id('1a'));
select is(
  tests.perform('cora', $$ select public.write_note(tests.id('mixa'), 'About mixa', tests.today()) is not null as done $$), 'true', 'about a colleague'
);
select is(tests.attempt('mixa', statement), answer, statement)
from (
  values
    ($$ select public.write_note(tests.id('mixa'), 'x') $$, '42501 certification_right'),
    ($$ select count(*) from public.peer_mentor_notes(tests.id('mixa')) $$, '0'),
    ($$ select count(*) from public.follow_ups(true) where full_name like '%mixa' $$, '0'),
    ($$ select count(*) from public.note_responsibles(tests.id('mixa')) $$, '0'),
    (format($$ select public.settle_note('%s', true) $$, tests.note('About mixa')), '42501 certification_right')
) as attempts (statement, answer);
select is(
  tests.attempt('cora', $$ select public.write_note(tests.id('mixa'), 'x', tests.today(), tests.id('mixa')) $$), 'MC008 responsible_id', 'nor is anybody responsible for themselves'
);

-- A merge unites them, and its undoing parts them
create function tests.confirm(change text, subject uuid, options jsonb) returns text
language sql as $$
  select tests.perform('adam', format(
    'select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L, %3$L) ->> ''fingerprint'', %2$L, %3$L) is not null',
    change, subject, options
  ))
$$;
create function tests.notes_of(who text) returns text
language sql as $$
  select tests.attempt('adam', format('select coalesce(string_agg(text, %L order by text), %L) from public.peer_mentor_notes(tests.id(%L))', ', ', 'none', who))
$$;
select is(tests.perform('adam', $$ select public.write_note(tests.id('cait'), 'The other row', tests.today()) is not null as done $$), 'true', 'about the other row');
select is(tests.notes_of('cait'), 'The other row', 'before');
select is(tests.confirm('merge_peer_mentors', tests.id('mia'), jsonb_build_object('absorbed', tests.id('cait'), 'reason', 'One')), 'true', 'merged');
select is(tests.notes_of('mia'), 'Ask for the paper, Call again, Called her twice, The other row', 'the notes of both');
select is(tests.notes_of('cait'), 'none', 'of the kept row');
select is(
  tests.attempt('adam', $$ select string_agg(distinct full_name, ', ') from public.follow_ups() where text = 'The other row' $$), 'Full name of mia', 'to follow up'
);
select is(tests.perform('adam', format($$ select public.change_note('%s', 'Still the other row', tests.today()) $$, tests.note('The other row'))), '', 'and to change');
select is(
  tests.perform('adam', format(
    'select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L) ->> ''fingerprint'', %2$L) is not null', 'undo_merge',
    (select merge.id from mentorcert_private.peer_mentor_merges as merge where merge.absorbed_id = tests.id('cait'))
  )), 'true', 'two again'
);
select is(tests.notes_of('cait'), 'Still the other row', 'each with the own');

-- On its day, who is responsible gets a mail
create function tests.last_day() returns date
language sql as $$ select mentorcert_private.day_of(now() - interval '8 hours', 'Europe/Oslo') $$;
create function tests.follow_up_mails() returns text
language sql security definer set search_path = '' as $$
  select coalesce(string_agg(
    concat_ws(' ', tests.name(mail.user_id), mail.due_on - tests.last_day(), case when not mentorcert_private.may_be_mailed(mail.id) then 'not' end),
    ', ' order by mail.due_on, tests.name(mail.user_id)
  ), 'none')
  from mentorcert_private.notice_mails as mail where mail.kind = 'follow_up'
$$;
create function tests.queue(words text, day integer, who text default 'cora') returns text
language plpgsql security definer set search_path = '' as $$
begin
  update mentorcert_private.peer_mentor_notes as note set due_on = tests.last_day() + queue.day, responsible_id = tests.id(queue.who)
  where note.text = words;
  perform mentorcert_private.queue_follow_ups();
  return tests.follow_up_mails();
end
$$;
savepoint before_mails;
update auth.users set email = tests.name(id) || '@example.org', email_confirmed_at = now();
update mentorcert_private.peer_mentor_notes set due_on = null, responsible_id = null, done_at = null, done_by = null;
select is(tests.queue('Call again', 1), 'none', 'not before its day');
select is(tests.queue('Call again', -3), 'none', 'nor long after it');
select is(tests.queue('Call again', 0), 'cora 0', 'on its day, who is responsible');
select is(tests.queue('Call again', 0), 'cora 0', 'once');
select throws_ok(
  $$ insert into mentorcert_private.notice_mails (organisation_id, kind, state, user_id, note_id, due_on, queued_at) select organisation_id, kind, 'queued', user_id, note_id, due_on, queued_at from mentorcert_private.notice_mails where kind = 'follow_up' $$,
  '23505', null, 'whatever happens'
);
select is(tests.queue('Call again', 0, 'mixa'), 'cora 0 not, mixa 0', 'another responsible');
select is(tests.queue('Call again', -2), 'cora -2, cora 0 not, mixa 0 not', 'another day');
savepoint before_doing;
update mentorcert_private.peer_mentor_notes set done_at = now() where text = 'Call again';
select is(tests.follow_up_mails(), 'cora -2 not, cora 0 not, mixa 0 not', 'not what is done');
select is(tests.queue('Called her twice', -1, 'adam'), 'cora -2 not, adam -1, cora 0 not, mixa 0 not', 'each note by itself');
delete from mentorcert_private.notice_mails where kind = 'follow_up';
select is(tests.queue('Call again', 0), 'adam -1', 'nothing is queued of what is done');
rollback to before_doing;
update auth.users set email_confirmed_at = null where id = tests.id('cora');
select is(tests.follow_up_mails(), 'cora -2 not, cora 0 not, mixa 0 not', 'to a confirmed address');
rollback to before_doing;
update mentorcert.memberships set ended_at = now() where user_id = tests.id('cora');
select is(tests.follow_up_mails(), 'cora -2 not, cora 0 not, mixa 0 not', 'who still has access');
rollback to before_doing;
update mentorcert.peer_mentors set left_on = tests.today(-1) where id = tests.id('mia');
select is(tests.follow_up_mails(), 'cora -2 not, cora 0 not, mixa 0 not', 'about nobody who has left');
rollback to before_doing;
insert into mentorcert_private.restores (epoch, reason) values (1, 'test');
select is(tests.queue('Called her twice', -1, 'adam'), 'cora -2, cora 0 not, mixa 0 not', 'nothing of before a restore');
rollback to before_mails;

-- They are kept for as long as the setting says, once the person has left
update mentorcert.peer_mentors set left_on = tests.today(-100) where id = tests.id('cait');
select is(tests.notes_of('cait'), 'Still the other row', 'who left is still noted of');
create function tests.outdated(keep interval) returns text
language plpgsql as $$
begin
  update mentorcert_private.log_retention as retention set keep = outdated.keep where retention.log = 'notes';
  perform mentorcert_private.delete_outdated();
  return tests.notes_of('cait');
end
$$;
select is(tests.outdated('102 days'), 'Still the other row', 'before the time is over');
select is(tests.outdated('98 days'), 'none', 'and then no more');
select is(tests.notes_of('mia'), 'Ask for the paper, Call again, Called her twice', 'of nobody who is there');

-- A login that is gone, and an erasure
select is(tests.perform('adam', format($$ select public.settle_note('%s', true) $$, tests.note('Ask for the paper'))), '', 'done');
delete from auth.users where id = tests.id('cora');
select is(
  (select concat_ws('|', author_id, edited_at is not null) from mentorcert_private.peer_mentor_notes where text = 'Called her twice'), 't', 'a note outlives its author'
);
select is(mentorcert_private.erase_peer_mentor(tests.id('mia')), 'kept', 'erased');
select is((select count(*) from mentorcert_private.peer_mentor_notes where peer_mentor_id = tests.id('mia')), 0::bigint, 'and no note is left');

-- Switched off
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'test');
select is(tests.attempt('adam', statement), 'MC010 endpoint_enabled', statement)
from (
  values
    ('select * from public.peer_mentor_notes(tests.id(''mixa''))'), ('select * from public.follow_ups(true)'),
    ('select * from public.note_responsibles(tests.id(''mixa''))'), ('select public.write_note(tests.id(''mixa''), ''x'')'),
    (format('select public.settle_note(%L, true)', tests.note('About mixa'))), (format('select public.change_note(%L, ''x'')', tests.note('About mixa')))
) as statements (statement);

select * from finish();
rollback;
