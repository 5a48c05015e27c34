-- Mails about courses, through the ledger of the notices, and courses in calendar feeds.
--
-- Each step is one mail, for who has a seat or waits: signed up, waiting, moved up, another day or place, taken off the list, cancelled,
-- and a reminder some days before. What is written is read when it is sent: a step that is not true any more is not sent.

alter table mentorcert_private.notice_mails add column if not exists sign_up_id uuid;
alter table mentorcert_private.notice_mails add column if not exists course_step text;
alter table mentorcert_private.notice_mails add column if not exists course_version bigint;
alter table mentorcert_private.notice_mails add column if not exists course_day date;
comment on column mentorcert_private.notice_mails.course_step is
  'seated, waiting, moved_up or withdrawn of the sign-up; changed or cancelled of its course; reminder.';
comment on column mentorcert_private.notice_mails.course_version is 'Which version of the sign-up, or of its course, the step is of; 0 for a reminder.';
comment on column mentorcert_private.notice_mails.course_day is 'The first day of the course when the mail was asked for: one reminder is sent of each.';
do $$
begin
  if not exists (select from pg_catalog.pg_constraint as known where known.conname = 'notice_mails_sign_up_id_fkey') then
    alter table mentorcert_private.notice_mails
      add constraint notice_mails_sign_up_id_fkey foreign key (sign_up_id)
        references mentorcert_private.course_sign_ups (id) on delete cascade,
      add constraint notice_mails_course_day_in_calendar check (course_day between '1899-12-31' and '9999-12-31'),
      add constraint notice_mails_course_valid check (
        num_nonnulls(sign_up_id, course_step, course_version, course_day) = case kind when 'course' then 4 else 0 end
        and course_step in ('seated', 'waiting', 'moved_up', 'withdrawn', 'changed', 'cancelled', 'reminder')
      ),
      drop constraint notice_mails_kind_valid,
      add constraint notice_mails_kind_valid check (
        kind = 'reminder' and num_nonnulls(user_id, week, covered_until, invitation_id, letter_id) = 0 and peer_mentor_id is not null
        or kind = 'digest' and num_nonnulls(user_id, week, covered_until) = 3 and num_nonnulls(peer_mentor_id, invitation_id, letter_id, queued_at) = 0
        or kind = 'invitation' and num_nonnulls(user_id, week, covered_until, peer_mentor_id, letter_id, queued_at) = 0 and invitation_id is not null
        or kind = 'letter' and num_nonnulls(user_id, week, covered_until, invitation_id) = 0
        and num_nonnulls(peer_mentor_id, letter_id, queued_at) = 3
        or kind = 'request' and num_nonnulls(week, covered_until, invitation_id, letter_id) = 0
        and num_nonnulls(peer_mentor_id, user_id) = 1 and queued_at is not null
        or kind = 'follow_up' and num_nonnulls(week, covered_until, invitation_id, letter_id, peer_mentor_id) = 0
        and num_nonnulls(user_id, queued_at) = 2
        or kind = 'course' and num_nonnulls(user_id, week, covered_until, invitation_id, letter_id) = 0
        and num_nonnulls(peer_mentor_id, queued_at) = 2
      );
  end if;
end
$$;
create unique index if not exists notice_mails_one_of_a_course
on mentorcert_private.notice_mails (sign_up_id, course_step, course_day, course_version) where sign_up_id is not null;
create index if not exists courses_first_day_idx on mentorcert_private.courses (first_day) where state = 'planned';

create or replace function mentorcert_private.queue_course_mails(
  course mentorcert_private.courses, step text, version bigint, sign_up_ids uuid[]
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into mentorcert_private.notice_mails (
    organisation_id, kind, state, peer_mentor_id, sign_up_id, course_step, course_version, course_day, queued_at, claimed_at
  )
  select
    course.organisation_id, 'course', 'queued', mentor.id, sign_up.id, step, queue_course_mails.version, course.first_day, statement_timestamp(),
    statement_timestamp()
  from mentorcert_private.course_sign_ups as sign_up
  join mentorcert.peer_mentors as mentor on mentor.id = sign_up.peer_mentor_id
  where
    sign_up.id = any(sign_up_ids) and mentorcert_private.address_fault(mentor.email, mentor.id) is null
    -- What waits to be sent says the same, or how it is now.
    and not exists (
      select from mentorcert_private.notice_mails as waiting
      where
        waiting.sign_up_id = sign_up.id and waiting.state = 'queued'
        and (waiting.course_step = step or step = 'changed' and waiting.course_step in ('seated', 'waiting', 'moved_up'))
    )
  on conflict (sign_up_id, course_step, course_day, course_version) where sign_up_id is not null do nothing;
end
$$;
comment on function mentorcert_private.queue_course_mails(mentorcert_private.courses, text, bigint, uuid[]) is
  'Has a step of a course written to those of the sign-ups who have a usable address: each once.';

create or replace function mentorcert_private.queue_sign_up_mail()
returns trigger
language plpgsql
security definer -- the ledger is nobody's to write
set search_path = ''
as $$
declare
  course mentorcert_private.courses;
  step text := new.state;
begin
  if tg_op = 'UPDATE' and old.state = 'waiting' and new.state = 'seated' then
    step := 'moved_up';
  elsif step = 'withdrawn' and (
    -- Who withdraws knows it; and of a sign-up that was not said yet, the end need not be said.
    exists (select from mentorcert.peer_mentors as mentor where mentor.id = new.peer_mentor_id and mentor.user_id = auth.uid())
    or exists (
      select from mentorcert_private.notice_mails as unsent
      where unsent.sign_up_id = new.id and unsent.state = 'queued' and unsent.course_step in ('seated', 'waiting')
    )
  ) then
    return null;
  end if;
  select * into course from mentorcert_private.courses as of
  where
    of.id = new.course_id and of.state = 'planned'
    and of.first_day >= mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(of.organisation_id));
  if found then
    perform mentorcert_private.queue_course_mails(course, step, new.version, array[new.id]);
  end if;
  return null;
end
$$;
comment on function mentorcert_private.queue_sign_up_mail() is
  'Lets a peer mentor know of a seat in a course to come, of a place on its waiting list, of moving up, and of having been taken off by somebody else.';

create or replace trigger queue_mail_on_insert
after insert on mentorcert_private.course_sign_ups
for each row when (new.state in ('seated', 'waiting'))
execute function mentorcert_private.queue_sign_up_mail();

create or replace trigger queue_mail_on_update
after update of state on mentorcert_private.course_sign_ups
for each row when (new.state in ('seated', 'waiting', 'withdrawn') and old.state is distinct from new.state)
execute function mentorcert_private.queue_sign_up_mail();

create or replace function mentorcert_private.queue_mails_of_course()
returns trigger
language plpgsql
security definer -- the ledger is nobody's to write
set search_path = ''
as $$
begin
  if new.last_day >= mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(new.organisation_id)) then
    perform mentorcert_private.queue_course_mails(
      new, case new.state when 'cancelled' then 'cancelled' else 'changed' end, new.version,
      array(
        select sign_up.id from mentorcert_private.course_sign_ups as sign_up
        where sign_up.course_id = new.id and sign_up.state in ('seated', 'waiting')
      )
    );
  end if;
  return null;
end
$$;
comment on function mentorcert_private.queue_mails_of_course() is
  'Lets those who have a seat in a course, or wait, know of another day, time or place, and that it is cancelled; not once it is over.';

create or replace trigger queue_mails
after update on mentorcert_private.courses
for each row when (
  old.state = 'planned' and (
    new.state = 'cancelled'
    or new.state = 'planned' and (new.days, new.starts, new.ends, new.place, new.link)
    is distinct from (old.days, old.starts, old.ends, old.place, old.link)
  )
)
execute function mentorcert_private.queue_mails_of_course();

create or replace function mentorcert_private.queue_course_reminders()
returns integer
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  course mentorcert_private.courses;
  -- Since a restore nobody knows which of before were sent.
  restored_at constant timestamptz := coalesce((select max(restore.restored_at) from mentorcert_private.restores as restore), '-infinity');
  due_at timestamptz;
  number integer := 0;
begin
  if mentorcert_private.notices_are_held() then
    return 0;
  end if;
  for course in
    select of.* from mentorcert_private.courses as of
    where of.state = 'planned' and of.first_day between current_date and current_date + 4
    order by of.id
  loop
    -- Three days before, at eight in the morning.
    due_at := mentorcert_private.day_starts(course.first_day - 3, mentorcert_private.time_zone_of(course.organisation_id)) + interval '8 hours';
    if now() >= due_at and due_at > restored_at
      and course.first_day > mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(course.organisation_id)) then
      perform mentorcert_private.queue_course_mails(
        course, 'reminder', 0,
        array(
          select sign_up.id from mentorcert_private.course_sign_ups as sign_up
          join mentorcert.peer_mentors as mentor on mentor.id = sign_up.peer_mentor_id
          where
            sign_up.course_id = course.id and sign_up.state = 'seated' and sign_up.signed_up_at < due_at and not mentor.reminders_paused
            -- Who was written to since knows it.
            and not exists (
              select from mentorcert_private.notice_mails as said where said.sign_up_id = sign_up.id and said.queued_at >= due_at
            )
        )
      );
      number := number + 1;
    end if;
  end loop;
  return number;
end
$$;
comment on function mentorcert_private.queue_course_reminders() is
  'Has those who have a seat reminded of their course, three days before at eight in the morning: each once for a first day, unless the person was written to about it since. Returns how many courses are that near.';

create or replace function mentorcert_private.is_course_mail_due(mail mentorcert_private.notice_mails)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from mentorcert_private.course_sign_ups as sign_up
    join mentorcert_private.courses as course on course.id = sign_up.course_id
    where
      sign_up.id = mail.sign_up_id and sign_up.peer_mentor_id = mail.peer_mentor_id
      and course.last_day >= mentorcert_private.day_of(clock_timestamp(), mentorcert_private.time_zone_of(course.organisation_id))
      and case mail.course_step
        when 'waiting' then course.state = 'planned' and sign_up.state = 'waiting'
        when 'changed' then course.state = 'planned' and sign_up.state in ('seated', 'waiting')
        when 'withdrawn' then course.state = 'planned' and sign_up.state = 'withdrawn'
        when 'cancelled' then course.state = 'cancelled' and sign_up.state in ('seated', 'waiting')
        when 'reminder' then course.state = 'planned' and sign_up.state = 'seated' and course.first_day = mail.course_day
        else course.state = 'planned' and sign_up.state = 'seated'
      end
  );
end
$$;
comment on function mentorcert_private.is_course_mail_due(mentorcert_private.notice_mails) is
  'Whether what a mail about a course says is still so, and the course is not over.';

create or replace function mentorcert_private.may_be_mailed(mail_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from mentorcert_private.notice_mails as mail
    join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
    left join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
    left join mentorcert_private.letters as letter on letter.id = mail.letter_id
    where
      mail.id = may_be_mailed.mail_id
      -- What nobody could send for days is news no more.
      and mail.queued_at > clock_timestamp() - interval '3 days'
      and (
        mail.peer_mentor_id is null and mail.kind in ('request', 'follow_up')
        or mentor.erased_at is null and mentor.merged_into is null
        and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(clock_timestamp(), organisation.time_zone))
        and mentorcert_private.is_address(mentor.email)
      )
      and case mail.kind
        when 'letter' then mentorcert_private.confirmed_address(letter.written_by) is not null and exists (
          select from mentorcert.memberships as membership
          where
            membership.user_id = letter.written_by and membership.organisation_id = mail.organisation_id
            and membership.role in ('coordinator', 'org_admin')
            and (membership.ended_at is null or membership.ended_at > clock_timestamp())
        )
        when 'course' then mentorcert_private.is_course_mail_due(mail)
        when 'request' then exists (
          select from mentorcert_private.request_recipient(mail.id) as recipient where mentorcert_private.is_address(recipient.address)
        )
        when 'follow_up' then mentorcert_private.is_address(
          (select recipient.address from mentorcert_private.follow_up_recipient(mail.id) as recipient)
        )
        else exists (
          select from mentorcert_private.notices as notice
          join public.peer_mentor_certifications as certification on certification.id = notice.certification_id
          where
            notice.mail_id = mail.id and notice.outcome = 'mailed' and certification.expires_at = notice.expires_at
            and certification.status <> 'suspended'
        )
      end
  );
end
$$;
comment on function mentorcert_private.may_be_mailed(uuid) is
  'Whether what was asked for may still be sent: within three days, to somebody who is there and has a usable address; a letter of somebody who may write and be answered, a reminder of an end that still is the end, a step of a request that still is the latest, a follow-up that is not done yet, what is still true of a sign-up for a course.';

create or replace function mentorcert_private.claimed_courses(mail_ids uuid[])
returns table (
  mail_id uuid, organisation text, language text, address text, full_name text, step text, course text, days date[], starts time[],
  ends time[], place text, link text, note text, reason text, waits_at bigint
)
language plpgsql
stable
security definer -- so that the role of the jobs reads the address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
begin
  return query
  select
    mail.id, organisation.name, mentor.language, mentor.email, mentor.full_name, mail.course_step,
    case mentor.language when 'en' then coalesce(of.name_en, of.name_nb) else of.name_nb end, of.days, of.starts, of.ends, of.place, of.link,
    of.note, of.reason,
    case
      when sign_up.state = 'waiting' then (
        select count(*) from mentorcert_private.course_sign_ups as ahead
        where ahead.course_id = of.id and ahead.state = 'waiting' and ahead.rank <= sign_up.rank
      )
    end
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.course_sign_ups as sign_up on sign_up.id = mail.sign_up_id
  join mentorcert_private.courses as of on of.id = sign_up.course_id
  join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.may_be_mailed(mail.id);
end
$$;
comment on function mentorcert_private.claimed_courses(uuid[]) is
  'What to write in mails about courses that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

-- Calendar feeds

create or replace function public.courses_of_calendar(token text)
returns table (
  id uuid, name_nb text, name_en text, days date[], starts time[], ends time[], place text, link text, is_cancelled boolean,
  is_waiting boolean, version bigint
)
language sql
stable
security definer -- the caller is not signed in: the token is all there is to go by
set search_path = ''
as $$
  select
    course.id, course.name_nb, course.name_en, course.days, course.starts, course.ends, course.place, course.link,
    course.state = 'cancelled', sign_up.state = 'waiting', course.version
  from mentorcert_private.calendar_feeds as feed
  join mentorcert_private.course_sign_ups as sign_up
    on sign_up.organisation_id = feed.organisation_id and sign_up.peer_mentor_id = feed.peer_mentor_id
  join mentorcert_private.courses as course on course.id = sign_up.course_id
  where
    feed.token_hash = sha256(convert_to(courses_of_calendar.token, 'UTF8'))
    and sign_up.state in ('seated', 'waiting') and course.last_day >= current_date - 90
    -- What ends the feed ends this, too.
    and exists (select from public.calendar_of(courses_of_calendar.token))
  order by course.first_day, course.id
$$;
comment on function public.courses_of_calendar(text) is
  'The courses that the calendar feed with this token shows: those in which the peer mentor has a seat, or waits, to come and of the last 90 days; none for a token that calendar_of does not take. Never a name of a person.';

revoke execute on function
  mentorcert_private.queue_course_mails, mentorcert_private.queue_sign_up_mail, mentorcert_private.queue_mails_of_course,
  mentorcert_private.queue_course_reminders, mentorcert_private.is_course_mail_due, mentorcert_private.claimed_courses,
  public.courses_of_calendar
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.queue_course_reminders, mentorcert_private.claimed_courses to mentorcert_jobs;
grant execute on function public.courses_of_calendar to anon, authenticated, service_role;
