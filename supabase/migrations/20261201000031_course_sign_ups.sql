-- Who comes to a course: sign-ups, the waiting list, and who attended.
--
-- One row for each person and course. Who has no seat waits, in the order of signing up, and moves up in the transaction that frees
-- one, until the first day. Who came without having signed up is on the list as 'unannounced'. Sign-ups follow a person through a
-- merge, and back; those of the erased are deleted, and
-- leave a row without a person where the course is over.

create table if not exists mentorcert_private.course_sign_ups (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  course_id uuid not null,
  peer_mentor_id uuid,
  state text not null,
  rank integer not null,
  attendance text,
  signed_up_by uuid,
  signed_up_at timestamptz not null default clock_timestamp(),
  came_from uuid[] not null default '{}',
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint course_sign_ups_pkey primary key (id),
  constraint course_sign_ups_one_of_a_person unique (course_id, peer_mentor_id),
  constraint course_sign_ups_course_id_fkey foreign key (organisation_id, course_id)
    references mentorcert_private.courses (organisation_id, id),
  constraint course_sign_ups_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint course_sign_ups_signed_up_by_fkey foreign key (signed_up_by) references auth.users (id) on delete set null,
  constraint course_sign_ups_state_valid check (state in ('seated', 'waiting', 'withdrawn', 'unannounced')),
  constraint course_sign_ups_attendance_valid check (attendance in ('attended', 'absent')),
  constraint course_sign_ups_signed_up_at_in_calendar check (signed_up_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint course_sign_ups_updated_at_in_calendar check (updated_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z')
);
create index if not exists course_sign_ups_course_id_idx on mentorcert_private.course_sign_ups (organisation_id, course_id);
create index if not exists course_sign_ups_peer_mentor_id_idx on mentorcert_private.course_sign_ups (peer_mentor_id, organisation_id);
create index if not exists course_sign_ups_signed_up_by_idx on mentorcert_private.course_sign_ups (signed_up_by);
alter table mentorcert_private.course_sign_ups enable row level security;
revoke all on mentorcert_private.course_sign_ups from public, anon, authenticated, service_role;
comment on table mentorcert_private.course_sign_ups is 'Who is signed up for a course, waits, or came. Read by public.course_sign_ups.';
comment on column mentorcert_private.course_sign_ups.peer_mentor_id is 'Null where an erasure left that somebody had a seat or came, for figures.';
comment on column mentorcert_private.course_sign_ups.state is
  'seated: has one of the seats; waiting: for one; withdrawn; unannounced: came without having signed up.';
comment on column mentorcert_private.course_sign_ups.rank is 'The order of signing up within the course.';
comment on column mentorcert_private.course_sign_ups.attendance is 'attended or absent; null while nobody has said it.';
comment on column mentorcert_private.course_sign_ups.came_from is 'The rows of the person that merges brought it from, the latest last: an undoing moves it back.';

create or replace trigger keep_identity
before update on mentorcert_private.course_sign_ups
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'course_id');

create or replace trigger keep_peer_mentor
before update of peer_mentor_id on mentorcert_private.course_sign_ups
for each row when (old.peer_mentor_id is distinct from new.peer_mentor_id) execute function mentorcert_private.keep_peer_mentor();

create or replace trigger set_version
before update on mentorcert_private.course_sign_ups
for each row execute function mentorcert_private.set_version();

do $$
begin
  -- Of what is removed, too, figures ask whose it was.
  perform mentorcert_private.audit_table('mentorcert_private.course_sign_ups', columns => '{course_id,peer_mentor_id,state,attendance}');
end
$$;

-- What must be held before

create or replace function mentorcert_private.type_in_use(organisation_id uuid, code text)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  into_id uuid;
begin
  loop
    select type.merged_into_id into into_id from mentorcert.certification_types as type
    where type.organisation_id = type_in_use.organisation_id and type.code = type_in_use.code;
    exit when into_id is null;
    select type.code into code from mentorcert.certification_types as type where type.id = into_id;
  end loop;
  return code;
end
$$;
comment on function mentorcert_private.type_in_use(uuid, text) is 'The code of the type that stands for one now: itself, or the one that it was merged into.';

create or replace function mentorcert_private.missing_types(course mentorcert_private.courses, peer_mentor_ids uuid[], on_day date)
returns table (peer_mentor_id uuid, certification_type text)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  at constant timestamptz := mentorcert_private.day_starts(on_day, mentorcert_private.time_zone_of(course.organisation_id));
begin
  return query
  select person.id, required.code
  from unnest(peer_mentor_ids) as person (id)
  cross join (
    select distinct mentorcert_private.type_in_use(course.organisation_id, named.code) as code from unnest(course.required_types) as named (code)
  ) as required
  where not exists (
    select from public.peer_mentor_certifications as held
    where
      held.organisation_id = course.organisation_id and held.peer_mentor_id = person.id and held.certification_type = required.code
      and held.status <> 'suspended'
      and case
        when held.issued_at <= at then coalesce(held.expires_at, 'infinity') > at
        -- Renewed since: the history says how it was.
        else public.certification_as_of(held.id, at)
      end
  )
  order by 1, 2;
end
$$;
comment on function mentorcert_private.missing_types(mentorcert_private.courses, uuid[], date) is
  'Which of the types that a course requires these people do not hold, valid, at the beginning of a day.';

-- Seats

create or replace function mentorcert_private.fill_seats(course mentorcert_private.courses)
returns void
language plpgsql
set search_path = ''
as $$
declare
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(course.organisation_id));
begin
  if course.state = 'planned' and today <= course.first_day then
    update mentorcert_private.course_sign_ups as sign_up set state = 'seated'
    where sign_up.id in (
      select waiting.id from mentorcert_private.course_sign_ups as waiting
      where waiting.course_id = course.id and waiting.state = 'waiting'
      order by waiting.rank
      limit case
        when course.seats is not null then greatest(course.seats - (
          select count(*) from mentorcert_private.course_sign_ups as taken where taken.course_id = course.id and taken.state = 'seated'
        ), 0)
      end
    );
  end if;
end
$$;
comment on function mentorcert_private.fill_seats(mentorcert_private.courses) is
  'Gives the free seats of a course, which the caller has locked, to those who wait, the first first; until the first day.';

create or replace function mentorcert_private.keep_seats()
returns trigger
language plpgsql
security definer -- sign-ups are no client's to write
set search_path = ''
as $$
begin
  if new.seats < (
    select count(*) from mentorcert_private.course_sign_ups as taken where taken.course_id = new.id and taken.state = 'seated'
  ) then
    raise exception using
      errcode = 'MC008', message = 'more seats are taken', hint = 'Withdraw some of those who are signed up first.',
      schema = 'mentorcert_private', table = 'courses', column = 'seats', constraint = 'courses_seats_taken';
  end if;
  perform mentorcert_private.fill_seats(new);
  return null;
end
$$;
comment on function mentorcert_private.keep_seats() is 'Refuses (MC008) fewer seats than are taken, and fills those that come.';

create or replace trigger keep_seats
after update of seats, days on mentorcert_private.courses
for each row execute function mentorcert_private.keep_seats();

-- Signing up

create or replace function mentorcert_private.is_own_sign_up(course_id uuid, peer_mentor_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  asked record;
begin
  perform mentorcert_private.check_endpoint('certifications');
  select
    mentor.id = any(mentorcert_private.own_peer_mentor_ids()) as is_own,
    mentor.organisation_id = mentorcert_private.administered_organisation_id() as is_administered,
    course.chapter_ids = '{}' or course.chapter_ids && mentorcert_private.with_merged_chapters(
      mentorcert_private.current_chapter_ids(mentor.id), with_above => true
    ) as is_for,
    mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id)) as is_in_reach
  into asked
  from mentorcert_private.courses as course
  join mentorcert.peer_mentors as mentor on mentor.organisation_id = course.organisation_id
  where
    course.id = is_own_sign_up.course_id and mentor.id = is_own_sign_up.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
    -- Who has left by the first day is none of the course's, as follow_person says.
    and (mentor.left_on is null or mentor.left_on > greatest(
      mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(mentor.organisation_id)), course.first_day
    ));
  if (asked.is_administered or asked.is_for and (asked.is_own or asked.is_in_reach)) is not true then
    perform mentorcert_private.raise_forbidden('no such course or peer mentor, or no right to it');
  end if;
  return asked.is_own;
end
$$;
comment on function mentorcert_private.is_own_sign_up(uuid, uuid) is
  'Whether a sign-up would be the caller''s own; 42501 where it is neither that nor one of somebody in reach, or the course is not for the person''s chapters (administrators: for anybody of the organisation).';

create or replace function public.sign_up_for_course(course_id uuid, peer_mentor_id uuid default null)
returns text
language plpgsql
security definer -- sign-ups are no client's to write
set search_path = ''
as $$
#variable_conflict use_variable
declare
  person constant uuid := coalesce(peer_mentor_id, (mentorcert_private.own_peer_mentor_ids())[1]);
  course mentorcert_private.courses;
  is_own boolean := mentorcert_private.is_own_sign_up(course_id, person);
  missing text[];
  given text;
begin
  -- Asked again under the locks: the person may have left, or been merged or erased, while they were waited for.
  perform mentorcert_private.lock_peer_mentors(array[person]);
  course := mentorcert_private.locked_course(course_id);
  is_own := mentorcert_private.is_own_sign_up(course_id, person);
  if is_own and mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(course.organisation_id)) > course.first_day then
    raise exception using
      errcode = 'MC008', message = 'the course has begun', hint = 'Ask who is responsible for it.', constraint = 'course_begun';
  elsif is_own then
    missing := array(
      select lacks.certification_type from mentorcert_private.missing_types(course, array[person], course.first_day) as lacks
    );
    if missing <> '{}' then
      raise exception using
        errcode = 'MC008', message = format('not valid on the first day: %s', array_to_string(missing, ', ')), detail = to_jsonb(missing),
        hint = 'Have it registered or renewed first, or ask who is responsible for the course.', constraint = 'course_prerequisites_held';
    end if;
  end if;
  if exists (
    select from mentorcert_private.course_sign_ups as live
    where live.course_id = course.id and live.peer_mentor_id = person and live.state <> 'withdrawn'
  ) then
    raise exception using
      errcode = 'unique_violation', message = 'the peer mentor is signed up already', hint = 'Look at the course again.',
      schema = 'mentorcert_private', table = 'course_sign_ups', constraint = 'course_sign_ups_one_of_a_person';
  end if;
  -- After the first day no seat moves by itself: one that is free then is not given past those who wait.
  select
    case
      when count(*) filter (where taken.state = 'seated') < coalesce(course.seats, 2147483647)
        and count(*) filter (where taken.state = 'waiting') = 0 then 'seated'
      else 'waiting'
    end
  into given
  from mentorcert_private.course_sign_ups as taken where taken.course_id = course.id;
  insert into mentorcert_private.course_sign_ups as sign_up (organisation_id, course_id, peer_mentor_id, state, rank, signed_up_by)
  select course.organisation_id, course.id, person, given, coalesce(max(earlier.rank), 0) + 1, auth.uid()
  from mentorcert_private.course_sign_ups as earlier where earlier.course_id = course.id
  on conflict on constraint course_sign_ups_one_of_a_person do update set
    state = excluded.state, rank = excluded.rank, signed_up_by = excluded.signed_up_by, signed_up_at = excluded.signed_up_at;
  return given;
end
$$;
comment on function public.sign_up_for_course(uuid, uuid) is
  'Signs the caller up for a course, or somebody within reach. Returns seated, or waiting where no seat is free or others wait for one. The own sign-up is until the first day, and refused (MC008) without what the course requires.';

create or replace function public.sign_up_people_for_course(course_id uuid, peer_mentor_ids uuid[])
returns table (peer_mentor_id uuid, state text)
language plpgsql
security definer -- it locks people before each is signed up
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform mentorcert_private.check_endpoint('certifications');
  if coalesce(cardinality(peer_mentor_ids), 0) not between 1 and 500 or exists (select from unnest(peer_mentor_ids) as id where id is null) then
    raise exception using
      errcode = 'MC008', message = 'nobody is named, or more than 500 are', hint = 'Name from 1 to 500 peer mentors.', constraint = 'peer_mentor_ids';
  end if;
  -- First whether they may be locked at all; then all at once, in the order that everybody keeps: people, then the course.
  perform mentorcert_private.is_own_sign_up(sign_up_people_for_course.course_id, id) from unnest(peer_mentor_ids) as id;
  perform mentorcert_private.lock_peer_mentors(peer_mentor_ids);
  perform mentorcert_private.locked_course(sign_up_people_for_course.course_id);
  for peer_mentor_id in
    select named.id from unnest(peer_mentor_ids) with ordinality as named (id, position)
    where not exists (
      select from mentorcert_private.course_sign_ups as live
      where live.course_id = sign_up_people_for_course.course_id and live.peer_mentor_id = named.id and live.state <> 'withdrawn'
    )
    group by named.id order by min(named.position)
  loop
    state := public.sign_up_for_course(sign_up_people_for_course.course_id, peer_mentor_id);
    return next;
  end loop;
end
$$;
comment on function public.sign_up_people_for_course(uuid, uuid[]) is
  'Signs several people up for a course, in the order given: all of them or nobody. Returns seated or waiting of each who was not on the list yet.';

create or replace function public.withdraw_from_course(course_id uuid, peer_mentor_id uuid default null)
returns void
language plpgsql
security definer -- sign-ups are no client's to write
set search_path = ''
as $$
#variable_conflict use_variable
declare
  person constant uuid := coalesce(peer_mentor_id, (mentorcert_private.own_peer_mentor_ids())[1]);
  course mentorcert_private.courses;
  is_own boolean;
begin
  perform mentorcert_private.check_endpoint('certifications');
  select mentor.id = any(mentorcert_private.own_peer_mentor_ids()) into is_own
  from mentorcert_private.course_sign_ups as sign_up
  join mentorcert.peer_mentors as mentor on mentor.id = sign_up.peer_mentor_id
  where sign_up.course_id = withdraw_from_course.course_id and mentor.id = person and mentorcert_private.reads_peer_mentor(mentor.id);
  if not found then
    perform mentorcert_private.raise_forbidden('no such sign-up, or no right to it');
  end if;
  course := mentorcert_private.locked_course(course_id);
  if is_own and mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(course.organisation_id)) > course.first_day then
    raise exception using
      errcode = 'MC008', message = 'the course has begun', hint = 'Ask who is responsible for it.', constraint = 'course_begun';
  end if;
  update mentorcert_private.course_sign_ups as sign_up set state = 'withdrawn'
  where sign_up.course_id = course.id and sign_up.peer_mentor_id = person and sign_up.state in ('seated', 'waiting');
  if not found then
    raise exception using
      errcode = 'MC001', message = 'the sign-up is withdrawn already', hint = 'Look at the course again.',
      schema = 'mentorcert_private', table = 'course_sign_ups', column = 'state', constraint = 'course_sign_ups_transition';
  end if;
  perform mentorcert_private.fill_seats(course);
end
$$;
comment on function public.withdraw_from_course(uuid, uuid) is
  'Withdraws the caller''s sign-up, until the first day, or that of somebody within reach. The seat goes to who waits first.';

-- Attendance

create or replace function public.set_course_attendance(
  course_id uuid, attended uuid[] default '{}', absent uuid[] default '{}', unset uuid[] default '{}'
)
returns integer
language plpgsql
security definer -- sign-ups are no client's to write
set search_path = ''
as $$
#variable_conflict use_column
declare
  course mentorcert_private.courses := mentorcert_private.require_course(set_course_attendance.course_id);
  named constant uuid[] := coalesce(attended, '{}') || coalesce(absent, '{}') || coalesce(unset, '{}');
  changed integer;
  added integer;
begin
  if cardinality(named) not between 1 and 5000 or exists (select from unnest(named) as id where id is null)
    or cardinality(named) <> (select count(distinct id) from unnest(named) as id) then
    raise exception using
      errcode = 'MC008', message = 'nobody is named, more than 5000 are, or somebody twice',
      hint = 'Name each peer mentor once, as attended, absent or unset.', constraint = 'peer_mentor_ids';
  end if;
  -- First whether they may be locked at all, then what holds under the locks.
  for attempt in 1..2 loop
    if cardinality(named) <> (
      select count(*) from mentorcert.peer_mentors as mentor
      where
        mentor.id = any(named) and mentor.erased_at is null and mentor.merged_into is null
        -- Nobody about themselves.
        and mentor.user_id is distinct from auth.uid()
        and mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))
    ) then
      perform mentorcert_private.raise_forbidden();
    end if;
    perform mentorcert_private.lock_peer_mentors(named) where attempt = 1;
  end loop;
  course := mentorcert_private.locked_course(course.id);
  -- Asked again under the lock: the course may have been moved to other chapters meanwhile.
  perform mentorcert_private.require_course(course.id);
  if mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(course.organisation_id)) < course.first_day then
    raise exception using
      errcode = 'MC008', message = 'the course has not begun', hint = 'Say who attended from the first day on.',
      constraint = 'course_not_begun';
  end if;
  delete from mentorcert_private.course_sign_ups as sign_up
  where sign_up.course_id = course.id and sign_up.peer_mentor_id = any(absent || unset) and sign_up.state = 'unannounced';
  get diagnostics changed = row_count;
  insert into mentorcert_private.course_sign_ups as sign_up (organisation_id, course_id, peer_mentor_id, state, rank, attendance, signed_up_by)
  select
    course.organisation_id, course.id, said.id, 'unannounced',
    (select coalesce(max(earlier.rank), 0) from mentorcert_private.course_sign_ups as earlier where earlier.course_id = course.id) + said.position,
    said.attendance, auth.uid()
  from (
    select each.id, each.position, case when each.id = any(attended) then 'attended' when each.id = any(absent) then 'absent' end as attendance
    from unnest(named) with ordinality as each (id, position)
  ) as said
  where
    said.attendance = 'attended' or exists (
      select from mentorcert_private.course_sign_ups as known where known.course_id = course.id and known.peer_mentor_id = said.id
    )
  on conflict on constraint course_sign_ups_one_of_a_person do update set attendance = excluded.attendance
  where sign_up.attendance is distinct from excluded.attendance;
  get diagnostics added = row_count;
  return changed + added;
end
$$;
comment on function public.set_course_attendance(uuid, uuid[], uuid[], uuid[]) is
  'Says of many at once who attended, was absent, or neither, from the first day of a course until it is closed; for who manages it, of others within reach. Who attended without having signed up comes on the list; who then did not, off it. Returns how many were changed.';

-- What happens to the person happens to the sign-ups.

create or replace function mentorcert_private.courses_of_change(person mentorcert.peer_mentors, merged_before uuid)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A merge may be of somebody who has left.
  if person.erased_at is null and person.merged_into is distinct from merged_before then
    return array(
      select sign_up.course_id from mentorcert_private.course_sign_ups as sign_up
      where sign_up.peer_mentor_id in (person.id, person.merged_into, merged_before)
    );
  end if;
  return array(
    select sign_up.course_id from mentorcert_private.course_sign_ups as sign_up
    join mentorcert_private.courses as of on of.id = sign_up.course_id
    where
      sign_up.peer_mentor_id = person.id
      and (person.erased_at is not null or of.state = 'planned' and of.first_day >= person.left_on and sign_up.state in ('seated', 'waiting'))
  );
end
$$;
comment on function mentorcert_private.courses_of_change(mentorcert.peer_mentors, uuid) is
  'The courses whose sign-ups follow a change of a person, who was merged into another one before.';

create or replace function mentorcert_private.follow_person(person mentorcert.peer_mentors, merged_before uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  course mentorcert_private.courses;
begin
  for course in
    select of.* from mentorcert_private.courses as of where of.id = any(mentorcert_private.courses_of_change(person, merged_before)) order by of.id for no key update
  loop
    if person.erased_at is not null then
      -- That somebody came stays, as nobody's, who is in no list: counts of past years do not change.
      insert into mentorcert_private.course_sign_ups as left_behind (organisation_id, course_id, state, rank, attendance)
      select course.organisation_id, course.id, sign_up.state, sign_up.rank, sign_up.attendance
      from mentorcert_private.course_sign_ups as sign_up
      where
        sign_up.course_id = course.id and sign_up.peer_mentor_id = person.id
        and (
          sign_up.attendance is not null or sign_up.state <> 'withdrawn'
          and course.last_day < mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(course.organisation_id))
        );
      delete from mentorcert_private.course_sign_ups as sign_up where sign_up.course_id = course.id and sign_up.peer_mentor_id = person.id;
    elsif person.merged_into is distinct from merged_before and person.merged_into is null then
      update mentorcert_private.course_sign_ups as sign_up
      set peer_mentor_id = person.id, came_from = trim_array(sign_up.came_from, 1)
      where
        sign_up.course_id = course.id and sign_up.peer_mentor_id = merged_before
        and sign_up.came_from[cardinality(sign_up.came_from)] = person.id;
    elsif person.merged_into is distinct from merged_before then
      -- Of two in one course, one stays: with what was better of both.
      update mentorcert_private.course_sign_ups as kept
      set
        state = case
          when 'seated' in (kept.state, other.state) then 'seated' when 'waiting' in (kept.state, other.state) then 'waiting'
          when 'unannounced' in (kept.state, other.state) then 'unannounced' else 'withdrawn'
        end,
        -- Who has withdrawn keeps no place in the order.
        rank = case 'withdrawn' when other.state then kept.rank when kept.state then other.rank else least(kept.rank, other.rank) end,
        attendance = case when 'attended' in (kept.attendance, other.attendance) then 'attended' else coalesce(kept.attendance, other.attendance) end
      from mentorcert_private.course_sign_ups as other
      where
        kept.course_id = course.id and kept.peer_mentor_id = person.merged_into
        and other.course_id = course.id and other.peer_mentor_id = person.id;
      if found then
        update mentorcert_private.course_sign_ups as other set state = 'withdrawn', attendance = null
        where other.course_id = course.id and other.peer_mentor_id = person.id;
      else
        update mentorcert_private.course_sign_ups as sign_up
        set peer_mentor_id = person.merged_into, came_from = sign_up.came_from || person.id
        where sign_up.course_id = course.id and sign_up.peer_mentor_id = person.id;
      end if;
    else
      update mentorcert_private.course_sign_ups as sign_up set state = 'withdrawn'
      where sign_up.course_id = course.id and sign_up.peer_mentor_id = person.id and sign_up.state in ('seated', 'waiting');
    end if;
    perform mentorcert_private.fill_seats(course);
  end loop;
end
$$;
comment on function mentorcert_private.follow_person(mentorcert.peer_mentors, uuid) is
  'Withdraws who leaves from the courses that begin from that day on, moves sign-ups with a merge and back, deletes those of the erased, of which a number stays; the seats go to who waits.';

create or replace function mentorcert_private.follow_people()
returns trigger
language plpgsql
security definer -- sign-ups are no client's to write
set search_path = ''
as $$
declare
  changed_ids uuid[];
  merged_before uuid[];
  course_ids uuid[];
begin
  select array_agg(latest.id order by latest.id), array_agg(former.merged_into order by latest.id) into changed_ids, merged_before
  from former_rows as former
  join mentorcert.peer_mentors as latest on latest.id = former.id
  where (former.left_on, former.erased_at, former.merged_into) is distinct from (latest.left_on, latest.erased_at, latest.merged_into);
  -- Nearly always nobody.
  if changed_ids is not null then
    course_ids := array(
      select of.id
      from unnest(changed_ids, merged_before) as changed (id, merged_before)
      join mentorcert.peer_mentors as person on person.id = changed.id
      cross join lateral unnest(mentorcert_private.courses_of_change(person, changed.merged_before)) as of (id)
    );
  end if;
  if course_ids <> '{}' then
    -- Of everybody at once, in the order in which all lock courses: two changes of many do not wait in a circle.
    perform from mentorcert_private.courses as course where course.id = any(course_ids) order by course.id for no key update;
    perform mentorcert_private.follow_person(person, changed.merged_before)
    from unnest(changed_ids, merged_before) as changed (id, merged_before)
    join mentorcert.peer_mentors as person on person.id = changed.id;
  end if;
  return null;
end
$$;
comment on function mentorcert_private.follow_people() is
  'Lets the sign-ups follow everybody whom a statement changed, with the courses locked in one order.';

create or replace trigger follow_people
after update on mentorcert.peer_mentors
referencing old table as former_rows
for each statement execute function mentorcert_private.follow_people();

-- Reading

create or replace function public.courses(of_course uuid default null, since date default null, until date default null)
returns table (
  id uuid, organisation_id uuid, kind text, name_nb text, name_en text, types text[], required_types text[], chapter_ids uuid[],
  days date[], starts time[], ends time[], place text, link text, seats integer, responsible_id uuid, responsible text, note text,
  state text, reason text, settled_at timestamptz, batch_id uuid, seated bigint, waiting bigint, own_state text, own_place bigint,
  own_attendance text, may_sign_up boolean, may_manage boolean, version bigint
)
language plpgsql
stable
security definer -- courses are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
declare
  organisation constant uuid := public.get_user_organisation_id();
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  managed constant uuid[] := mentorcert_private.with_merged_chapters(coordinated);
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation));
  own_id uuid;
  left_on date;
  own_chapters uuid[] := '{}'::uuid[];
  is_here boolean := false;
  served uuid[];
begin
  perform mentorcert_private.check_endpoint('certifications');
  select mentor.id, mentor.left_on into own_id, left_on
  from mentorcert.peer_mentors as mentor where mentor.id = any(mentorcert_private.own_peer_mentor_ids());
  is_here := own_id is not null and (left_on > today) is not false;
  if is_here then
    own_chapters := mentorcert_private.with_merged_chapters(mentorcert_private.current_chapter_ids(own_id), with_above => true);
  end if;
  served := own_chapters || mentorcert_private.with_merged_chapters(coordinated, with_above => true);
  return query
  select
    course.id, course.organisation_id, course.kind, course.name_nb, course.name_en, course.types, course.required_types,
    course.chapter_ids, course.days, course.starts, course.ends, course.place, course.link, course.seats, course.responsible_id,
    case when course.responsible_id is not null then mentorcert_private.member_name(course.organisation_id, course.responsible_id) end,
    course.note, course.state, course.reason, course.settled_at,
    case when right_to.manage then course.batch_id end,
    counted.seated, counted.waiting, own.state,
    case
      when own.state = 'waiting' then (
        select count(*) from mentorcert_private.course_sign_ups as ahead
        where ahead.course_id = course.id and ahead.state = 'waiting' and ahead.rank <= own.rank
      )
    end,
    own.attendance,
    is_here and (left_on > course.first_day) is not false and course.state = 'planned' and today <= course.first_day and coalesce(own.state, 'withdrawn') = 'withdrawn'
    and (course.chapter_ids = '{}' or course.chapter_ids && own_chapters),
    right_to.manage, course.version
  from mentorcert_private.courses as course
  left join mentorcert_private.course_sign_ups as own on own.course_id = course.id and own.peer_mentor_id = own_id
  cross join lateral (
    select administered is not null or course.chapter_ids <> '{}' and course.chapter_ids <@ managed as manage
  ) as right_to
  cross join lateral (
    select
      count(*) filter (where sign_up.state = 'seated') as seated, count(*) filter (where sign_up.state = 'waiting') as waiting
    from mentorcert_private.course_sign_ups as sign_up where sign_up.course_id = course.id
  ) as counted
  where
    course.organisation_id = organisation
    and (of_course is null or course.id = of_course)
    and (since is null or course.last_day >= since)
    and (until is null or course.first_day <= until)
    and (
      administered is not null
      or (is_here or coordinated <> '{}') and (course.chapter_ids = '{}' or course.chapter_ids && served)
      or own.id is not null
    )
  order by course.last_day, course.id
  limit 200;
end
$$;
comment on function public.courses(uuid, date, date) is
  'The courses for the caller''s chapters (administrators: all), one of them, or those of a span of days, the earliest first, with how many have a seat and wait, the caller''s own sign-up, and whether the caller may sign up and manage; the first 200.';

create or replace function public.course_sign_ups(of_course uuid default null, of_peer_mentor uuid default null)
returns table (
  id uuid, organisation_id uuid, course_id uuid, peer_mentor_id uuid, full_name text, state text, place bigint, attendance text,
  missing text[], is_own boolean, by_peer_mentor boolean, signed_up_at timestamptz, version bigint
)
language plpgsql
stable
security definer -- sign-ups are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
declare
  organisation constant uuid := public.get_user_organisation_id();
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
  own constant uuid[] := mentorcert_private.own_peer_mentor_ids();
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation));
begin
  perform mentorcert_private.check_endpoint('certifications');
  if num_nonnulls(of_course, of_peer_mentor) = 0 then
    raise exception using
      errcode = 'MC008', message = 'neither a course nor a peer mentor is named', hint = 'Name one of the two.', constraint = 'of_course';
  end if;
  return query
  with listed as materialized (
    select
      sign_up, course, mentor.id as mentor_id, mentor.full_name, mentor.user_id,
      array_position('{seated,unannounced,waiting,withdrawn}'::text[], sign_up.state) as position
    from mentorcert_private.course_sign_ups as sign_up
    join mentorcert_private.courses as course on course.id = sign_up.course_id
    join mentorcert.peer_mentors as mentor on mentor.id = sign_up.peer_mentor_id
    where
      sign_up.organisation_id = organisation
      and (of_course is null or sign_up.course_id = of_course)
      and (of_peer_mentor is null or sign_up.peer_mentor_id = of_peer_mentor)
      and mentor.merged_into is null
      and (mentor.organisation_id = administered or mentor.chapter_ids && coordinated and mentor.id <> all(gone) or mentor.id = any(own))
    order by case when of_course is null then course.last_day end desc, position, sign_up.rank
    limit 5000
  ),
  -- Once for each course, not for each person. The list counts all who wait, also out of reach.
  ahead as (
    select waiting.id, row_number() over (partition by waiting.course_id order by waiting.rank) as place
    from mentorcert_private.course_sign_ups as waiting
    where waiting.state = 'waiting' and waiting.course_id in (select (listed.sign_up).course_id from listed)
  ),
  lacking as (
    select (attended.course).id as course_id, lacks.peer_mentor_id, array_agg(lacks.certification_type) as types
    from (
      select listed.course, array_agg(listed.mentor_id) as mentor_ids from listed
      where (listed.course).required_types <> '{}' group by listed.course
    ) as attended
    cross join lateral mentorcert_private.missing_types(
      attended.course, attended.mentor_ids,
      case when today > (attended.course).first_day then (attended.course).last_day else (attended.course).first_day end
    ) as lacks
    group by (attended.course).id, lacks.peer_mentor_id
  )
  select
    (listed.sign_up).id, (listed.sign_up).organisation_id, (listed.sign_up).course_id, listed.mentor_id, listed.full_name,
    (listed.sign_up).state, ahead.place, (listed.sign_up).attendance, coalesce(lacking.types, '{}'), listed.mentor_id = any(own),
    coalesce((listed.sign_up).signed_up_by = listed.user_id, false), (listed.sign_up).signed_up_at, (listed.sign_up).version
  from listed
  left join ahead on ahead.id = (listed.sign_up).id
  left join lacking on lacking.course_id = (listed.course).id and lacking.peer_mentor_id = listed.mentor_id
  order by case when of_course is null then (listed.course).last_day end desc, listed.position, (listed.sign_up).rank;
end
$$;
comment on function public.course_sign_ups(uuid, uuid) is
  'Who is signed up for a course, waits, came or withdrew, of people within reach and the caller; or the courses of one person, the latest first. With what the course requires and the person lacks.';

create or replace function public.missing_for_course(course_id uuid, peer_mentor_ids uuid[] default null)
returns table (peer_mentor_id uuid, certification_type text)
language plpgsql
stable
security definer -- courses are no client's to read
set search_path = ''
as $$
#variable_conflict use_variable
declare
  course mentorcert_private.courses;
  within_reach uuid[];
begin
  if cardinality(peer_mentor_ids) > 5000 then
    raise exception using
      errcode = 'MC008', message = 'more than 5000 peer mentors at once', hint = 'Name at most 5000.', constraint = 'peer_mentor_ids';
  end if;
  if not exists (select from public.courses(missing_for_course.course_id)) then
    perform mentorcert_private.raise_forbidden('no such course');
  end if;
  select of.* into course from mentorcert_private.courses as of where of.id = missing_for_course.course_id;
  within_reach := array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where
      mentor.id = any(coalesce(missing_for_course.peer_mentor_ids, mentorcert_private.own_peer_mentor_ids()))
      and mentorcert_private.reads_peer_mentor(mentor.id) and mentor.merged_into is null
  );
  return query select lacks.* from mentorcert_private.missing_types(course, within_reach, course.first_day) as lacks;
end
$$;
comment on function public.missing_for_course(uuid, uuid[]) is
  'What a course that the caller reads requires, and these people within reach (else the caller) do not hold, valid, on its first day.';

revoke execute on function
  mentorcert_private.type_in_use, mentorcert_private.missing_types, mentorcert_private.fill_seats, mentorcert_private.keep_seats,
  mentorcert_private.is_own_sign_up, public.sign_up_for_course, public.sign_up_people_for_course, public.withdraw_from_course, public.set_course_attendance,
  mentorcert_private.courses_of_change, mentorcert_private.follow_person, mentorcert_private.follow_people, public.courses, public.course_sign_ups, public.missing_for_course
from public, anon, authenticated, service_role;
grant execute on function
  public.sign_up_for_course, public.sign_up_people_for_course, public.withdraw_from_course, public.set_course_attendance, public.courses,
  public.course_sign_ups,
  public.missing_for_course
to authenticated;
