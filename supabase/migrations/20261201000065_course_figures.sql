-- Figures of courses: how many were held, and how many had a seat, came, and were certified by them, as it was known.

create or replace function mentorcert_private.require_courses_settled(organisation uuid, known_on date)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  seen constant pg_snapshot := pg_current_snapshot();
  next_xid constant bigint := pg_snapshot_xmax(seen)::text::bigint;
begin
  if mentorcert_private.day_starts(known_on + 1, mentorcert_private.time_zone_of(organisation)) <= now() and exists (
    select from mentorcert_private.courses as course
    -- As in require_settled. Nobody changes a course, or a sign-up for it, without a lock on the course.
    cross join lateral (
      select next_xid - ((next_xid - course.xmax::text::bigint + 2147483648) & 4294967295) + 2147483648 as xid
    ) as writer
    where
      course.organisation_id = organisation and course.xmax::text <> '0'
      and case
        when writer.xid >= next_xid then true
        when writer.xid >= pg_snapshot_xmin(seen)::text::bigint then pg_xact_status(writer.xid::text::xid8) <> 'aborted'
        else false
      end
  ) then
    raise exception using
      errcode = 'lock_not_available', message = 'a course is being changed at this moment',
      hint = 'Ask again: what was known then is settled when the change has ended.',
      schema = 'mentorcert_private', table = 'courses', constraint = 'course_knowledge_settled';
  end if;
end
$$;
comment on function mentorcert_private.require_courses_settled(uuid, date) is
  'Refuses (55P03) to say what was known of courses at the end of a day while a running transaction may still add to it.';

create or replace function mentorcert_private.count_course_figures(
  organisation uuid, reach uuid[], first_day date, last_day date, known_on date default null
)
returns table (
  kind text, certification_type text, chapter_id uuid, held integer, cancelled integer, seats integer, signed_up integer, attended integer,
  people integer, no_shows integer, unannounced integer, issued integer, renewed integer
)
language plpgsql
stable
rows 1000
set search_path = ''
set plan_cache_mode = force_custom_plan -- whose, and whether as known on a day, is known to the planner only so
set jit = off -- compiling the statement takes longer than running it
as $$
#variable_conflict use_column
declare
  in_events constant boolean := mentorcert_private.history_is_in_events();
  known_until timestamptz;
begin
  perform mentorcert_private.check_figures(organisation, first_day, last_day, known_on);
  perform mentorcert_private.require_courses_settled(organisation, known_on);
  known_until := mentorcert_private.day_starts(known_on + 1, mentorcert_private.time_zone_of(organisation));
  return query
  with recursive former as materialized (
    -- How each row was before the first change after that; of each field, the earliest that was there.
    select
      entry.row_id, bool_or(entry.action = 'insert') as is_new, bool_or(entry.action = 'delete') as is_gone,
      coalesce(jsonb_object_agg(field.name, field.value order by entry.recorded_at desc) filter (where field.name is not null), '{}') as before
    from mentorcert.audit_log as entry
    left join lateral jsonb_each(entry.before) as field (name, value) on true
    where
      entry.organisation_id = organisation and entry.recorded_at >= known_until and entry.table_name in ('courses', 'course_sign_ups')
    group by entry.row_id
  ),
  lineage as (
    select chapter.id, chapter.id as above_id from mentorcert.chapters as chapter where chapter.organisation_id = organisation
    union
    select lineage.id, coalesce(chapter.merged_into_id, chapter.parent_id) from lineage
    join mentorcert.chapters as chapter on chapter.id = lineage.above_id
    where coalesce(chapter.merged_into_id, chapter.parent_id) is not null
  ),
  -- A course counts on its last day …
  planned as materialized (
    select course.id, said.course ->> 'kind' as kind, said.course ->> 'state' = 'cancelled' as is_cancelled, said.course
    from mentorcert_private.courses as course
    left join former on former.row_id = course.id::text
    cross join lateral (select to_jsonb(course) || coalesce(former.before, '{}') as course) as said
    where
      course.organisation_id = organisation and former.is_new is not true
      and (course.last_day between count_course_figures.first_day and count_course_figures.last_day or former.before ? 'days')
      and (said.course #>> '{days,-1}')::date between count_course_figures.first_day and count_course_figures.last_day
  ),
  -- … in each of its chapters and those above …
  places as materialized (
    select distinct planned.id, above.id as chapter_id
    from planned
    cross join lateral jsonb_array_elements_text(planned.course -> 'chapter_ids') as named (id)
    join lineage on lineage.id = named.id::uuid
    join mentorcert.chapters as above on above.id = lineage.above_id and above.merged_into_id is null
    where reach is null or above.id = any(reach)
  ),
  types as materialized (
    select type.code, mentorcert_private.type_in_use(organisation, type.code) as in_use
    from mentorcert.certification_types as type where type.organisation_id = organisation
  ),
  -- … and once in the whole; so by its kind, and by what it gives.
  cells as materialized (
    select planned.id as course_id, of_kind.kind, of_type.type, of_place.chapter_id
    from planned
    cross join lateral (values (null), (planned.kind)) as of_kind (kind)
    cross join lateral (
      select null as type
      union all
      select distinct types.in_use
      from jsonb_array_elements_text(planned.course -> 'types') as given (code)
      join types on types.code = given.code
    ) as of_type
    join (
      select places.id, places.chapter_id from places
      union all
      select planned.id, null from planned where reach is null or planned.id in (select places.id from places)
    ) as of_place on of_place.id = planned.id
  ),
  -- Rows that were merged are one person, whenever that was seen; what an erasure left is one for each course.
  came as materialized (
    select
      sign_up.course_id, sign_up.person_id, bool_or(sign_up.state = 'seated') as has_seat,
      coalesce(bool_or(sign_up.attendance = 'attended'), false) as attended,
      -- Closed without a word of somebody who had a seat: the person did not come.
      coalesce(bool_or(sign_up.attendance = 'absent' or planned.course ->> 'state' = 'closed'), false) as is_absent
    from (
      select
        now.course_id,
        case when mentor.merged_into is null then coalesce(now.peer_mentor_id, now.id) else mentorcert_private.kept_peer_mentor_id(mentor.id) end as person_id,
        case when former.before ? 'state' then former.before ->> 'state' else now.state end as state,
        case when former.before ? 'attendance' then former.before ->> 'attendance' else now.attendance end as attendance
      from mentorcert_private.course_sign_ups as now
      left join mentorcert.peer_mentors as mentor on mentor.id = now.peer_mentor_id
      left join former on former.row_id = now.id::text
      where now.organisation_id = organisation and now.course_id in (select planned.id from planned) and former.is_new is not true
      union all
      select
        (former.before ->> 'course_id')::uuid, mentorcert_private.kept_peer_mentor_id((former.before ->> 'peer_mentor_id')::uuid),
        former.before ->> 'state', former.before ->> 'attendance'
      from former
      where former.is_gone and not former.is_new
    ) as sign_up
    join planned on planned.id = sign_up.course_id and not planned.is_cancelled
    group by sign_up.course_id, sign_up.person_id
  ),
  attendance as (
    select
      came.course_id, count(*) filter (where came.has_seat) as signed_up, count(*) filter (where came.attended) as attended,
      count(*) filter (where came.has_seat and came.is_absent and not came.attended) as no_shows,
      count(*) filter (where came.attended and not came.has_seat) as unannounced
    from came
    group by came.course_id
  ),
  theirs as materialized (
    select held.id, held.certification_type as type, held.renewal_history
    from public.peer_mentor_certifications as held
    where
      held.organisation_id = organisation
      and held.peer_mentor_id in (
        select came.person_id from came
        union all
        select absorbed.id from mentorcert.peer_mentors as absorbed
        where
          absorbed.organisation_id = organisation and absorbed.merged_into is not null
          and mentorcert_private.kept_peer_mentor_id(absorbed.id) in (select came.person_id from came)
      )
  ),
  entries as (
    select theirs.id, theirs.type, cached.position, cached.entry
    from theirs
    cross join lateral jsonb_array_elements(theirs.renewal_history) with ordinality as cached (entry, position)
    where not in_events
    union all
    select theirs.id, theirs.type, event.position, event.entry
    from theirs
    join mentorcert.certification_renewal_events as event on event.certification_id = theirs.id
    where in_events
  ),
  said as materialized (
    select
      entries.id, entries.type, entries.position, entries.entry ->> 'kind' as kind, entries.entry ->> 'entry_id' as entry_id,
      entries.entry ->> 'reverts' as reverts, entries.entry #>> '{evidence,course_id}' as course_id
    from entries
    where known_until is null or (entries.entry ->> 'recorded_at')::timestamptz < known_until
  ),
  -- What taking the closing back suspended counts no more, unless it was reinstated; nor does a renewal that was undone.
  changed as materialized (
    select
      said.course_id, said.id, said.type,
      coalesce(
        (array_agg(said.kind order by said.position desc) filter (where said.kind in ('issued', 'reinstated', 'suspended')))[1] <> 'suspended', false
      ) as is_issued,
      coalesce(bool_or(said.kind = 'renewed' and undoing.id is null), false) as is_renewed
    from said
    left join said as undoing on undoing.id = said.id and undoing.reverts = said.entry_id
    where said.course_id in (select planned.id::text from planned)
    group by said.course_id, said.id, said.type
  ),
  counted as (
    select
      cells.kind, cells.type, cells.chapter_id, (not planned.is_cancelled)::integer as held, planned.is_cancelled::integer as cancelled,
      case when not planned.is_cancelled then (planned.course ->> 'seats')::integer end as seats,
      attendance.signed_up, attendance.attended, 0 as people, attendance.no_shows, attendance.unannounced, 0 as issued, 0 as renewed
    from cells
    join planned on planned.id = cells.course_id
    left join attendance on attendance.course_id = cells.course_id
    union all
    select cells.kind, cells.type, cells.chapter_id, 0, 0, 0, 0, 0, count(distinct came.person_id), 0, 0, 0, 0
    from cells
    join came on came.course_id = cells.course_id and came.attended
    group by cells.kind, cells.type, cells.chapter_id
    union all
    select cells.kind, cells.type, cells.chapter_id, 0, 0, 0, 0, 0, 0, 0, 0, changed.is_issued::integer, changed.is_renewed::integer
    from cells
    join changed on changed.course_id = cells.course_id::text and (cells.type is null or cells.type = changed.type)
    -- What is in use has a row also where there was none.
    union all
    select used.kind, used.type, used.chapter_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (
      values (null::text, null::text, null::uuid), ('course', null, null), ('refresher', null, null)
      union all
      select null, type.code, null from mentorcert.certification_types as type
      where type.organisation_id = organisation and type.retired_on is null
      union all
      select null, null, chapter.id from mentorcert.chapters as chapter
      where chapter.organisation_id = organisation and chapter.retired_on is null and (reach is null or chapter.id = any(reach))
    ) as used (kind, type, chapter_id)
  )
  select
    counted.kind, counted.type, counted.chapter_id, sum(counted.held)::integer, sum(counted.cancelled)::integer,
    coalesce(sum(counted.seats), 0)::integer, coalesce(sum(counted.signed_up), 0)::integer, coalesce(sum(counted.attended), 0)::integer,
    sum(counted.people)::integer, coalesce(sum(counted.no_shows), 0)::integer, coalesce(sum(counted.unannounced), 0)::integer,
    sum(counted.issued)::integer, sum(counted.renewed)::integer
  from counted
  group by counted.kind, counted.type, counted.chapter_id
  order by counted.kind nulls first, counted.type nulls first, counted.chapter_id nulls first;
end
$$;
comment on function mentorcert_private.count_course_figures(uuid, uuid[], date, date, date) is
  'Courses of an organisation (or for chapters, as reach) by kind, type and chapter: of a row without a kind or type, of any; without a chapter, of the whole. Defined in docs/figures.md. Reads the courses of the organisation once, and of the period their sign-ups and the histories of those who came.';

create or replace function mentorcert_private.mask_course_figures(
  organisation uuid, reach uuid[], first_day date, last_day date, known_on date default null
)
returns table (
  kind text, certification_type text, chapter_id uuid, held integer, cancelled integer, seats integer, signed_up integer, attended integer,
  people integer, no_shows integer, unannounced integer, issued integer, renewed integer
)
language sql
stable
rows 1000
set search_path = ''
as $$
  with counted as materialized (
    select
      figures.kind, figures.certification_type, figures.chapter_id, figures.held, figures.cancelled,
      coalesce(figures.kind, figures.certification_type, figures.chapter_id::text, 'whole') as key,
      case
        when figures.kind is not null then 'kinds' when figures.certification_type is not null then 'types'
        when figures.chapter_id is not null then 'chapters' else 'whole'
      end as breakdown,
      array[
        figures.people, figures.seats, figures.signed_up, figures.attended, figures.no_shows, figures.unannounced, figures.issued, figures.renewed
      ] as numbers
    from mentorcert_private.count_course_figures(organisation, reach, first_day, last_day, known_on) as figures
    -- Each kind, each type and each chapter: no two of them at once.
    where num_nonnulls(figures.kind, figures.certification_type, figures.chapter_id) < 2
  )
  select
    counted.kind, counted.certification_type, counted.chapter_id,
    -- Courses are no people, and known to all.
    counted.held, counted.cancelled, masked.numbers[2], masked.numbers[3],
    -- By how often somebody can have come, these would say how few people it were.
    case when masked.numbers[1] is not null then masked.numbers[4] end, masked.numbers[1], masked.numbers[5], masked.numbers[6],
    case when masked.numbers[1] is not null then masked.numbers[7] end, case when masked.numbers[1] is not null then masked.numbers[8] end
  from counted
  join mentorcert_private.mask_numbers(
    (select jsonb_agg(to_jsonb(every)) from counted as every)
  ) as masked on masked.breakdown = counted.breakdown and masked.key = counted.key
  order by counted.kind nulls first, counted.certification_type nulls first, counted.chapter_id nulls first
$$;
comment on function mentorcert_private.mask_course_figures(uuid, uuid[], date, date, date) is
  'The same for handing out, as mask_numbers does it: all but the courses themselves, and where the people are hidden, also what they attended and got.';

create or replace function public.course_figures(first_day date, last_day date, known_on date default null, masked boolean default false)
returns table (
  kind text, certification_type text, chapter_id uuid, held integer, cancelled integer, seats integer, signed_up integer, attended integer,
  people integer, no_shows integer, unannounced integer, issued integer, renewed integer
)
language plpgsql
stable
rows 1000
security definer -- courses are no client's to read, and who came may be out of reach by now; it returns numbers alone
set search_path = ''
as $$
declare
  administered constant uuid := mentorcert_private.administered_organisation_id();
  organisation constant uuid := coalesce(administered, public.get_user_organisation_id());
  reach constant uuid[] := case when administered is null then mentorcert_private.coordinated_chapter_ids() end;
begin
  perform mentorcert_private.check_endpoint('certifications');
  if reach = '{}' then
    perform mentorcert_private.raise_forbidden('figures are for coordinators and administrators');
  end if;
  if masked then
    return query select * from mentorcert_private.mask_course_figures(organisation, reach, first_day, last_day, known_on);
  else
    return query select * from mentorcert_private.count_course_figures(organisation, reach, first_day, last_day, known_on);
  end if;
end
$$;
comment on function public.course_figures(date, date, date, boolean) is
  'How many courses whose last day lies in a period were held or cancelled, how many had a seat, came, stayed away and were certified by them, by kind, type and chapter, as is known today or was known at the end of a day: of the organisation to its administrator, for the own chapters to a coordinator. masked: for handing out. Defined in docs/figures.md.';

revoke execute on function
  mentorcert_private.require_courses_settled, mentorcert_private.count_course_figures, mentorcert_private.mask_course_figures,
  public.course_figures
from public, anon, authenticated, service_role;
grant execute on function public.course_figures to authenticated;
