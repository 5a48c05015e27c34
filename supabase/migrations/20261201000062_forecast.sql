-- The forecast: who is expected to renew by the courses that are planned, and how many mentors each chapter has then.
--
-- Nothing is stored: it follows from what is held, the courses and their sign-ups at the moment of asking, by the rules that close a
-- course (outcomes_for). Months are those of the organisation's calendar, beginning with this one. Defined in docs/forecast.md.

create or replace function mentorcert_private.forecast_ends(organisation uuid, months integer)
returns timestamptz[]
language plpgsql
stable
set search_path = ''
as $$
declare
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  first_day constant timestamp := date_trunc('month', mentorcert_private.day_of(now(), time_zone)::timestamp);
begin
  if (months between 1 and 24) is not true then
    raise exception using
      errcode = 'MC008', message = 'a forecast is of 1 to 24 months', hint = 'Ask for 1 to 24 months, this one included.',
      constraint = 'months';
  end if;
  return array(
    select mentorcert_private.day_starts((first_day + make_interval(months => number))::date, time_zone)
    from generate_series(1, months) as number order by number
  );
end
$$;
comment on function mentorcert_private.forecast_ends(uuid, integer) is
  'The midnights that end this month and those that follow; MC008 for more than 24.';

create or replace function mentorcert_private.forecast_reach()
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  reach constant uuid[] := case when mentorcert_private.administered_organisation_id() is null then mentorcert_private.coordinated_chapter_ids() end;
begin
  perform mentorcert_private.check_endpoint('certifications');
  if reach = '{}' then
    perform mentorcert_private.raise_forbidden('the forecast is for coordinators and administrators');
  end if;
  return reach;
end
$$;
comment on function mentorcert_private.forecast_reach() is
  'The chapters whose forecast the caller reads; null: all of the organisation. 42501 for who neither administers nor coordinates.';

create or replace function mentorcert_private.people_away(organisation uuid, reach uuid[])
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation));
begin
  return array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = organisation
      and (mentor.left_on is not null or mentor.erased_at is not null or mentor.merged_into is not null)
      and (mentor.left_on <= today or mentor.erased_at is not null or mentor.merged_into is not null)
      and (reach is null or mentor.chapter_ids && reach)
  ) || case when reach is not null then mentorcert_private.left_peer_mentor_ids() end;
end
$$;
comment on function mentorcert_private.people_away(uuid, uuid[]) is
  'The peer mentors of these chapters, null: of all, of whom nothing is forecast: they have left, were erased, or were merged into another row.';

create or replace function mentorcert_private.planned_renewals(organisation uuid, reach uuid[], until timestamptz)
returns table (
  peer_mentor_id uuid, certification_id uuid, certification_type text, outlook text, refusal text, course_id uuid, course_day date,
  issued_at timestamptz, expires_at timestamptz
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  today constant date := mentorcert_private.day_of(now(), time_zone);
  away constant uuid[] := mentorcert_private.people_away(organisation, reach);
begin
  return query
  -- Before the sign-ups are joined: else the outcomes of a course are found once for each of them.
  with given as materialized (
    select course.id as course_id, course.last_day, outcome.*
    from mentorcert_private.courses as course
    cross join lateral mentorcert_private.outcomes_for(
      course,
      array(
        select coming.peer_mentor_id from mentorcert_private.course_sign_ups as coming
        join mentorcert.peer_mentors as mentor on mentor.id = coming.peer_mentor_id
        where
          coming.course_id = course.id
          and (
            coming.attendance = 'attended'
            -- Nobody moves up after the first day.
            or coming.attendance is null and (coming.state = 'seated' or coming.state = 'waiting' and today <= course.first_day)
          )
          and (reach is null or mentor.chapter_ids && reach) and mentor.id <> all(away)
      )
    ) as outcome
    where
      course.organisation_id = organisation and course.state = 'planned'
      and course.last_day < mentorcert_private.day_of(until, time_zone)
      and outcome.certification_id is not null and outcome.outcome in ('renew', 'refused')
  )
  select
    given.peer_mentor_id, given.certification_id, given.certification_type,
    case when given.outcome = 'refused' then 'refused' when sign_up.state = 'waiting' and sign_up.attendance is null then 'waits' else 'expected' end,
    given.refusal, given.course_id, given.last_day, given.issued_at, given.expires_at
  from given
  join mentorcert_private.course_sign_ups as sign_up on sign_up.course_id = given.course_id and sign_up.peer_mentor_id = given.peer_mentor_id;
end
$$;
comment on function mentorcert_private.planned_renewals(uuid, uuid[], timestamptz) is
  'What the courses that are planned to be held before an instant renew of what people of these chapters hold: expected, waits (for a seat), or refused, by which rule.';

create or replace function mentorcert_private.served_chapters(chapter_ids uuid[])
returns uuid[]
language sql
stable
set search_path = ''
as $$
  with recursive served as (
    select named.id from unnest(chapter_ids) as named (id)
    union
    select next.id
    from served
    join mentorcert.chapters as of on of.id = served.id
    join mentorcert.chapters as next on next.parent_id = of.id or next.id = of.merged_into_id
  )
  select coalesce(array_agg(served.id), '{}') from served
$$;
comment on function mentorcert_private.served_chapters(uuid[]) is
  'The chapters whose people a course of these is for: those below, and those into which one was merged. The other way round as with_merged_chapters.';

create or replace function mentorcert_private.possible_renewals(organisation uuid, reach uuid[], until timestamptz, certification_ids uuid[])
returns table (certification_id uuid, course_id uuid, course_day date, expires_at timestamptz)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  today constant date := mentorcert_private.day_of(now(), time_zone);
  seen constant uuid[] := mentorcert_private.with_merged_chapters(reach, with_above => true);
  course mentorcert_private.courses;
  served uuid[];
  types text[];
  people uuid[];
  free bigint;
  given record;
  left_over uuid[] := certification_ids;
begin
  for course in
    select of.* from mentorcert_private.courses as of
    where
      of.organisation_id = organisation and of.state = 'planned' and of.first_day >= today
      and of.last_day < mentorcert_private.day_of(until, time_zone)
      and (reach is null or of.chapter_ids = '{}' or of.chapter_ids && seen)
    order by of.last_day, of.id
  loop
    exit when left_over = '{}';
    -- Who waits comes first.
    select coalesce(course.seats, 1000) - count(*) into free from mentorcert_private.course_sign_ups as taken
    where taken.course_id = course.id and taken.state in ('seated', 'waiting');
    continue when free <= 0;
    served := mentorcert_private.served_chapters(course.chapter_ids);
    types := array(select mentorcert_private.type_in_use(organisation, named.code) from unnest(course.types) as named (code));
    -- First who still holds it on the day of the course, by the end.
    people := array(
      select held.peer_mentor_id
      from public.peer_mentor_certifications as held
      where
        held.id = any(left_over) and held.certification_type = any(types) and (course.chapter_ids = '{}' or held.chapter_ids && served)
        and not exists (
          select from mentorcert_private.course_sign_ups as sign_up
          where sign_up.course_id = course.id and sign_up.peer_mentor_id = held.peer_mentor_id and sign_up.state <> 'withdrawn'
        )
      group by held.peer_mentor_id
      order by min(held.expires_at) < mentorcert_private.day_starts(course.last_day, time_zone), min(held.expires_at), held.peer_mentor_id
      limit 1000
    );
    for given in
      select seated.*
      from (
        select outcome.*, dense_rank() over (order by array_position(people, outcome.peer_mentor_id)) as seat
        from mentorcert_private.outcomes_for(course, people) as outcome
        where outcome.outcome = 'renew' and outcome.certification_id = any(left_over)
      ) as seated
      where seated.seat <= free
    loop
      left_over := array_remove(left_over, given.certification_id);
      certification_id := given.certification_id;
      course_id := course.id;
      course_day := course.last_day;
      expires_at := given.expires_at;
      return next;
    end loop;
  end loop;
end
$$;
comment on function mentorcert_private.possible_renewals(uuid, uuid[], timestamptz, uuid[]) is
  'Which of these certifications free seats could renew, of courses that these chapters see: on paper the seats go to who holds it longest without a gap, course by course, the earliest first, at most 1000 in each.';

create or replace function mentorcert_private.list_renewals(organisation uuid, reach uuid[], months integer)
returns table (
  peer_mentor_id uuid, full_name text, certification_id uuid, certification_type text, last_valid_day date, outlook text, refusal text,
  course_id uuid, course_nb text, course_en text, course_day date, renewed_until date
)
language plpgsql
stable
set search_path = ''
set enable_seqscan = off -- of a few dozen chapters, 15 would read everybody's
as $$
#variable_conflict use_column
declare
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  ends constant timestamptz[] := mentorcert_private.forecast_ends(organisation, months);
  until constant timestamptz := ends[months];
  away constant uuid[] := mentorcert_private.people_away(organisation, reach);
begin
  return query
  with ending as materialized (
    select held.id, held.peer_mentor_id, held.certification_type, held.expires_at
    from public.peer_mentor_certifications as held
    where
      held.organisation_id = organisation and held.status <> 'suspended' and held.expires_at > now() and held.expires_at <= until
      and (reach is null or held.chapter_ids && reach)
      and held.peer_mentor_id <> all(away)
      and held.certification_type in (
        select type.code from mentorcert.certification_types as type where type.organisation_id = organisation and type.retired_on is null
      )
  ),
  planned as materialized (
    select distinct on (renewal.certification_id) renewal.*
    from mentorcert_private.planned_renewals(organisation, reach, until) as renewal
    order by
      renewal.certification_id, array_position('{expected,waits,refused}'::text[], renewal.outlook), renewal.course_day, renewal.course_id
  ),
  possible as materialized (
    select free.*
    from mentorcert_private.possible_renewals(
      organisation, reach, until,
      array(select ending.id from ending where ending.id not in (select planned.certification_id from planned))
    ) as free
  )
  select
    ending.peer_mentor_id, mentor.full_name, ending.id, ending.certification_type,
    mentorcert_private.day_of(ending.expires_at, time_zone) - 1,
    coalesce(planned.outlook, case when possible.course_id is not null then 'possible' else 'nothing_planned' end), planned.refusal,
    course.id, course.name_nb, course.name_en, course.last_day,
    case
      when planned.refusal is null then mentorcert_private.day_of(coalesce(planned.expires_at, possible.expires_at), time_zone) - 1
    end
  from ending
  -- One by one: to join them, 15 reads everybody of the organisation for one chapter.
  cross join lateral (
    select person.full_name, person.sort_key from mentorcert.peer_mentors as person where person.id = ending.peer_mentor_id offset 0
  ) as mentor
  left join planned on planned.certification_id = ending.id
  left join possible on possible.certification_id = ending.id
  left join mentorcert_private.courses as course on course.id = coalesce(planned.course_id, possible.course_id)
  order by ending.expires_at, mentor.sort_key, ending.id;
end
$$;
comment on function mentorcert_private.list_renewals(uuid, uuid[], integer) is
  'What ends in these months of people of these chapters (null: of all), the first end first, and whether it is expected to be renewed, by which course.';

create or replace function mentorcert_private.count_coverage(organisation uuid, reach uuid[], months integer)
returns table (chapter_id uuid, today integer, if_nobody_renews integer[], with_courses integer[])
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  midnights constant timestamptz[] := mentorcert_private.forecast_ends(organisation, months);
  away constant uuid[] := mentorcert_private.people_away(organisation, reach);
  required constant text[] := array(
    select type.code from mentorcert.certification_types as type
    where type.organisation_id = organisation and type.required_for_listing and type.retired_on is null
  );
begin
  return query
  with recursive holders as materialized (
    select held.peer_mentor_id, held.chapter_ids, width_bucket(min(coalesce(held.expires_at, 'infinity')), midnights) as months_held
    from public.peer_mentor_certifications as held
    where
      held.organisation_id = organisation and held.certification_type = any(required) and held.status <> 'suspended'
      and (held.expires_at is null or held.expires_at > now())
      and (reach is null or held.chapter_ids && reach)
      and held.peer_mentor_id <> all(away)
    -- By nothing else: two dozen midnights in each of thousands of groups take longer than all the rest.
    group by held.peer_mentor_id, held.chapter_ids
    having count(*) = cardinality(required)
  ),
  planned as materialized (
    select renewal.peer_mentor_id, renewal.certification_type, renewal.issued_at, renewal.expires_at
    from mentorcert_private.planned_renewals(organisation, reach, midnights[months]) as renewal
    where renewal.outlook = 'expected' and renewal.certification_type = any(required)
  ),
  -- Of those whom a course renews: from when until when each type holds, as it is and by the course.
  spans as (
    select held.peer_mentor_id, held.chapter_ids, held.certification_type, span.starts, span.ends
    from public.peer_mentor_certifications as held
    cross join lateral (
      select '-infinity'::timestamptz, coalesce(held.expires_at, 'infinity')
      union all
      select planned.issued_at, coalesce(planned.expires_at, 'infinity') from planned
      where planned.peer_mentor_id = held.peer_mentor_id and planned.certification_type = held.certification_type
    ) as span (starts, ends)
    where
      held.peer_mentor_id in (select planned.peer_mentor_id from planned)
      and held.organisation_id = organisation and held.certification_type = any(required) and held.status <> 'suspended'
  ),
  gained as materialized (
    select spans.peer_mentor_id, spans.chapter_ids, step.month
    from spans
    cross join generate_series(1, months) as step (month)
    left join holders on holders.peer_mentor_id = spans.peer_mentor_id
    where spans.starts < midnights[step.month] and spans.ends >= midnights[step.month] and (holders.months_held >= step.month) is not true
    group by spans.peer_mentor_id, spans.chapter_ids, step.month
    having count(distinct spans.certification_type) = cardinality(required)
  ),
  -- A person who is in two chapters of a county counts once there.
  lineage as (
    select chapter.id, chapter.id as above_id from mentorcert.chapters as chapter where chapter.organisation_id = organisation
    union
    select lineage.id, chapter.parent_id from lineage
    join mentorcert.chapters as chapter on chapter.id = lineage.above_id
    where chapter.parent_id is not null
  ),
  homes as materialized (
    select distinct lineage.above_id, members.chapter_ids
    from (select holders.chapter_ids from holders union select gained.chapter_ids from gained) as members
    cross join unnest(members.chapter_ids) as member (id)
    join lineage on lineage.id = member.id
  ),
  -- Each set of chapters first: joined once, not once for each person.
  kept as (
    select homes.above_id, held.month, sum(held.mentors) as mentors
    from (select holders.chapter_ids, holders.months_held as month, count(*) as mentors from holders group by 1, 2) as held
    join homes on homes.chapter_ids = held.chapter_ids
    group by 1, 2
  ),
  added as (
    select homes.above_id, more.month, sum(more.mentors) as mentors
    from (select gained.chapter_ids, gained.month, count(*) as mentors from gained group by 1, 2) as more
    join homes on homes.chapter_ids = more.chapter_ids
    group by 1, 2
  ),
  numbers as (
    select
      chapter.id, step.month, (sum(coalesce(kept.mentors, 0)) over (partition by chapter.id order by step.month desc))::integer as held,
      coalesce(added.mentors, 0)::integer as gained
    from mentorcert.chapters as chapter
    cross join generate_series(0, months) as step (month)
    left join kept on kept.above_id = chapter.id and kept.month = step.month
    left join added on added.above_id = chapter.id and added.month = step.month
    where chapter.organisation_id = organisation and chapter.retired_on is null and (reach is null or chapter.id = any(reach))
  )
  select
    numbers.id, max(numbers.held) filter (where numbers.month = 0), array_agg(numbers.held order by numbers.month) filter (where numbers.month > 0),
    array_agg(numbers.held + numbers.gained order by numbers.month) filter (where numbers.month > 0)
  from numbers
  group by numbers.id;
end
$$;
comment on function mentorcert_private.count_coverage(uuid, uuid[], integer) is
  'How many peer mentors of each of these chapters (null: of all), with those under it, hold every required type: today, and at the end of each month if nobody renews, and with the renewals that are expected.';

create or replace function public.forecast_renewals(months integer default 6, chapter_id uuid default null)
returns table (
  peer_mentor_id uuid, full_name text, certification_id uuid, certification_type text, last_valid_day date, outlook text, refusal text,
  course_id uuid, course_nb text, course_en text, course_day date, renewed_until date
)
language plpgsql
stable
rows 1000
security definer -- courses and their sign-ups are no client's to read
set search_path = ''
as $$
declare
  reach uuid[] := mentorcert_private.forecast_reach();
  asked uuid[];
begin
  if forecast_renewals.chapter_id is not null then
    asked := mentorcert_private.with_chapters_below(array[forecast_renewals.chapter_id]);
    reach := array(select id from unnest(asked) as id where reach is null or id = any(reach));
  end if;
  return query select * from mentorcert_private.list_renewals(public.get_user_organisation_id(), reach, months);
end
$$;
comment on function public.forecast_renewals(integer, uuid) is
  'What ends in this month and those that follow (1 to 24 in all), of people within reach, or in a chapter and those under it: outlook is expected (a course that is planned renews it, course_day and renewed_until say when and until when), waits (for a seat), refused (has a seat, but the course does not renew it, by the rule named), possible (a free seat could) or nothing_planned. Defined in docs/forecast.md.';

create or replace function public.forecast_coverage(months integer default 12)
returns table (chapter_id uuid, today integer, if_nobody_renews integer[], with_courses integer[])
language plpgsql
stable
rows 100
security definer -- courses and their sign-ups are no client's to read; it returns numbers alone
set search_path = ''
as $$
declare
  reach constant uuid[] := mentorcert_private.forecast_reach();
begin
  return query select * from mentorcert_private.count_coverage(public.get_user_organisation_id(), reach, months);
end
$$;
comment on function public.forecast_coverage(integer) is
  'Of each chapter within reach, with those under it: how many peer mentors hold every required type today, and at the end of this month and those that follow (1 to 24 in all), if nobody renews and with what the planned courses are expected to renew.';

revoke execute on function
  mentorcert_private.forecast_ends, mentorcert_private.forecast_reach, mentorcert_private.people_away, mentorcert_private.planned_renewals,
  mentorcert_private.served_chapters, mentorcert_private.possible_renewals, mentorcert_private.list_renewals,
  mentorcert_private.count_coverage, public.forecast_renewals, public.forecast_coverage
from public, anon, authenticated, service_role;
grant execute on function public.forecast_renewals, public.forecast_coverage to authenticated;
