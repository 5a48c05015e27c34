\ir fixture.psql
-- Mails about courses: which step is written to whom, once, and whether it may still be sent.

create function tests.course(name text) returns uuid
language sql security definer set search_path = ''
as $$ select course.id from mentorcert_private.courses as course where course.name_nb = name $$;

create function tests.plan(name text, first_day integer, seats text default 'null', place text default null) returns text
language sql set search_path = ''
as $$
  select tests.perform('adam', format(
    case when tests.course(name) is null then 'select public.plan_course(' else 'select public.change_course(%6$L, ' end
    || '%1$L, %2$L, %3$L, array[tests.today(%4$s), tests.today(%4$s + 1)], seats => %5$s, place => %7$L) is not null as done',
    'course', name, '{basic}', first_day, seats, tests.course(name), place
  ))
$$;

create function tests.signed_up(who text, name text, by text default 'adam') returns text
language sql set search_path = ''
as $$ select tests.perform(by, format('select public.sign_up_for_course(%L, %L) as done', tests.course(name), tests.id(who))) $$;

create function tests.withdrawn(who text, name text, by text default 'adam') returns text
language sql set search_path = ''
as $$ select tests.perform(by, format('select public.withdraw_from_course(%L, %L)::text as done', tests.course(name), tests.id(who))) $$;

-- What waits to be sent, those that may not be sent any more in brackets; then all of it is sent.
create function tests.sent(of text default null) returns text
language plpgsql set search_path = ''
as $$
declare
  said text;
begin
  select coalesce(string_agg(
    format(case when mentorcert_private.may_be_mailed(mail.id) then '%s:%s' else '(%s:%s)' end, tests.name(mail.peer_mentor_id), mail.course_step),
    ' ' order by tests.name(mail.peer_mentor_id), mail.course_step
  ), 'nothing') into said
  from mentorcert_private.notice_mails as mail where mail.kind = 'course' and mail.state = 'queued';
  update mentorcert_private.notice_mails as mail
  set state = 'sent', sent_at = clock_timestamp(), queued_at = mail.queued_at - interval '20 days'
  where mail.kind = 'course' and mail.state = 'queued';
  return said;
end
$$;
grant execute on all functions in schema tests to authenticated;

update mentorcert.peer_mentors set email = tests.name(id) || '@example.org' where external_id in ('mia', 'per', 'lone', 'cait');
do $$ begin perform tests.plan('Course', 30, '2'); end $$;

-- Signing up, waiting, moving up
do $$ begin perform tests.signed_up(who, 'Course') from unnest(array['mia', 'per', 'lone', 'mixa']) as who; end $$;
select is(tests.sent(), 'lone:waiting mia:seated per:seated', 'a seat and a place are said to each who has an address');
select is(tests.sent(), 'nothing', 'once');
do $$ begin perform tests.withdrawn('per', 'Course', 'per'); end $$;
select is(tests.sent(), 'lone:moved_up', 'moving up is said to who waited, who withdraws knows it');
do $$ begin perform tests.withdrawn('mia', 'Course'); end $$;
select is(tests.sent(), 'mia:withdrawn', 'being taken off is said to who was taken off');
do $$ begin perform tests.signed_up('mia', 'Course'), tests.withdrawn('mia', 'Course'); end $$;
select is(tests.sent(), '(mia:waiting)', 'of a sign-up that was not said yet the end is not said either');
do $$ begin perform tests.signed_up('per', 'Course'), tests.withdrawn('lone', 'Course'), tests.signed_up('lone', 'Course'); end $$;
select is(tests.sent(), 'lone:waiting (lone:withdrawn) per:moved_up (per:waiting)', 'what is not true any more is not sent');

-- Another day or place, and nothing else; and what it is now is said once
do $$ begin perform tests.plan('Course', 30, '9'); end $$;
select is(tests.sent(), 'lone:moved_up', 'more seats are news to who waits');
do $$ begin perform tests.plan('Course', 30, '9', 'Oslo'); end $$;
select is(tests.sent(), 'lone:changed per:changed', 'another place to who has a seat');
do $$ begin perform tests.plan('Course', 31, '9', 'Oslo'), tests.plan('Course', 32, '9', 'Oslo'); end $$;
select is(tests.sent(), 'lone:changed per:changed', 'two changes are one mail');
do $$ begin perform tests.signed_up('cait', 'Course'), tests.plan('Course', 33, '9', 'Oslo'); end $$;
select is(tests.sent(), 'cait:seated lone:changed per:changed', 'a new seat says the day with it');

-- A reminder, for who has a seat
create function tests.reminded() returns integer language sql as $$ select mentorcert_private.queue_course_reminders() $$;
do $$ begin perform tests.plan('Course', 2, '9', 'Oslo'); end $$;
select is(tests.sent(), 'cait:changed lone:changed per:changed', 'a course that is near');
update mentorcert.peer_mentors set reminders_paused = true where id = tests.id('cait');
update mentorcert_private.course_sign_ups set signed_up_at = now() - interval '20 days';
do $$ begin perform tests.reminded(), tests.reminded(); end $$;
select is(tests.sent(), 'lone:reminder per:reminder', 'who has a seat is reminded, whose reminders are not paused');
do $$ begin perform tests.reminded(); end $$;
select is(tests.sent(), 'nothing', 'once for a day');

-- What is over, cancelled, or of somebody who is gone
do $$ begin perform tests.plan('Past', -5); perform tests.signed_up('mia', 'Past'); perform tests.plan('Past', -4, place => 'Oslo'); perform tests.withdrawn('mia', 'Past'); end $$;
select is(tests.sent(), 'nothing', 'of what is over nothing is said');
do $$ begin perform tests.plan('Course', 2, '9', 'Bergen'); end $$;
update mentorcert.peer_mentors set left_on = tests.today(-1) where id = tests.id('lone');
select is(tests.sent(), 'cait:changed (lone:changed) (lone:withdrawn) per:changed', 'who has left is not written to');
do $$ begin perform tests.perform('adam', format('select public.cancel_course(%L, ''Too few'')::text as done', tests.course('Course'))); end $$;
select is(tests.sent(), 'cait:cancelled per:cancelled', 'a course that is cancelled');
do $$ begin perform tests.plan('Other', 30); perform tests.signed_up('mia', 'Other'); end $$;
update mentorcert_private.notice_mails set queued_at = now() - interval '4 days' where state = 'queued';
select is(tests.sent(), '(mia:seated)', 'what nobody could send for days is news no more');

select throws_like(
  format('update mentorcert_private.notice_mails set course_step = %L where kind = ''course''', given), '%notice_mails_course_valid%', given || ' is no step'
)
from unnest(array['other', '']) as given;

select * from finish();
rollback;
