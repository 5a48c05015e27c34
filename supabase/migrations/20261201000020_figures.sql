-- Figures for grant reports and the board: how many peer mentors are certified, begin, renew, lapse and leave, as it was and as it was known.

create or replace function mentorcert_private.check_figures(organisation uuid, first_day date, last_day date, known_on date)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  known_at timestamptz;
begin
  perform mentorcert_private.require_instants(jsonb_build_object('first_day', first_day, 'last_day', last_day, 'known_on', known_on));
  if (first_day <= last_day) is not true then
    raise exception using
      errcode = 'MC008', message = 'a period has a first day and a last day that is not before it',
      hint = 'Give both days; of one day, the same twice.', constraint = 'last_day';
  end if;
  known_at := mentorcert_private.day_starts(known_on + 1, mentorcert_private.time_zone_of(organisation)) - interval '1 microsecond';
  if known_at < now() then
    if not mentorcert_private.is_kept('audit_log', known_at) then
      raise exception using
        errcode = 'MC008', message = 'who had left, and who was in which chapter, is not known of that day any more',
        hint = 'Ask for a day of which the audit log is kept, or for what is known today.', constraint = 'known_on';
    end if;
    perform mentorcert_private.require_settled(held.id, known_at)
    from public.peer_mentor_certifications as held
    -- Nobody changes a row without a lock on it.
    where held.organisation_id = organisation and held.xmax::text <> '0';
  end if;
end
$$;
comment on function mentorcert_private.check_figures(uuid, date, date, date) is
  'Refuses (MC008) a period without a beginning or end, and a day of knowledge of which the audit log is gone; (55P03) one that is not settled yet.';

create or replace function mentorcert_private.count_figures(
  organisation uuid, reach uuid[], first_day date, last_day date, known_on date default null
)
returns table (
  certification_type text, chapter_id uuid, valid integer, started integer, renewed integer, lapsed integer, stopped integer, outdated integer
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
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  in_events constant boolean := mentorcert_private.history_is_in_events();
  begins timestamptz;
  until timestamptz;
  known_until timestamptz;
begin
  perform mentorcert_private.check_figures(organisation, first_day, last_day, known_on);
  begins := mentorcert_private.day_starts(first_day, time_zone);
  until := mentorcert_private.day_starts(last_day + 1, time_zone);
  known_until := mentorcert_private.day_starts(known_on + 1, time_zone);
  return query
  with recursive former as materialized (
    -- What was known of who has left, and of who is in a chapter, until the first change after that.
    select distinct on (entry.table_name, entry.row_id) entry.row_id, entry.before
    from mentorcert.audit_log as entry
    where
      entry.organisation_id = organisation and entry.recorded_at >= known_until and entry.action = 'update'
      and (entry.table_name = 'peer_mentors' and entry.before ? 'left_on' or entry.table_name = 'peer_mentor_chapters' and entry.before ? 'ended_at')
    order by entry.table_name, entry.row_id, entry.recorded_at
  ),
  -- Rows that were merged are one person, whenever that was seen.
  mentors as materialized (
    select
      mentor.id, mentor.merged_into is null as is_kept, merge.merged_at,
      case when mentor.merged_into is null then mentor.id else mentorcert_private.kept_peer_mentor_id(mentor.id) end as person_id,
      least(
        case when former.row_id is null then mentor.left_on else (former.before ->> 'left_on')::date end,
        case when known_until is null or mentor.erased_at < known_until then mentorcert_private.day_of(mentor.erased_at, time_zone) end
      ) as gone_on
    from mentorcert.peer_mentors as mentor
    left join former on former.row_id = mentor.id::text
    left join mentorcert_private.peer_mentor_merges as merge on merge.absorbed_id = mentor.id and merge.undone_at is null
    where mentor.organisation_id = organisation
  ),
  -- Before a merge was known, who had left under one number only was there under the other.
  persons as materialized (
    select mentors.person_id, case when bool_and(mentors.gone_on is not null) then max(mentors.gone_on) end as gone_on
    from mentors
    where mentors.is_kept or mentors.merged_at >= known_until
    group by mentors.person_id
  ),
  held as materialized (
    select
      certification.id, mentors.person_id, certification.renewal_history,
      -- From the merge on, the one that replaced it counts.
      coalesce(until <= mentors.merged_at, true) as is_current
    from public.peer_mentor_certifications as certification
    join mentors on mentors.id = certification.peer_mentor_id
    where
      certification.organisation_id = organisation
      -- Who was never in a chapter within reach does not count.
      and (
        reach is null
        or mentors.person_id in (
          select near.person_id
          from mentorcert.peer_mentor_chapters as link
          join mentors as near on near.id = link.peer_mentor_id
          where link.organisation_id = organisation and link.chapter_id = any(reach)
        )
      )
  ),
  entries as (
    select held.id, held.person_id, held.is_current, cached.position, cached.entry
    from held
    cross join lateral jsonb_array_elements(held.renewal_history) with ordinality as cached (entry, position)
    where not in_events
    union all
    select held.id, held.person_id, held.is_current, event.position, event.entry
    from held
    join mentorcert.certification_renewal_events as event on event.certification_id = held.id
    where in_events
  ),
  said as materialized (
    select
      entries.id, entries.person_id, entries.is_current, entries.position, holds.from_at,
      mentorcert_private.upgrade_history_entry(entries.entry) -> 'after' as after
    from entries
    cross join lateral (
      -- What the first entry says holds until another says otherwise, also where the day of issue was corrected to an earlier one.
      select case when entries.position = 1 then '-infinity' else (entries.entry ->> 'effective_at')::timestamptz end as from_at
    ) as holds
    where
      holds.from_at < until
      and (known_until is null or (entries.entry ->> 'recorded_at')::timestamptz < known_until)
  ),
  -- It is issued on a day on which, by what was said last of that day, it was …
  issued as materialized (
    select said.id, said.person_id, said.is_current, said.position, said.from_at, (said.after ->> 'issued_at')::timestamptz as issued_at
    from said
    where said.after ? 'issued_at'
  ),
  issues as (
    select issued.id, issued.person_id, issued.is_current, issued.issued_at
    from issued
    join issued as other on other.id = issued.id and other.from_at <= issued.issued_at
    where issued.issued_at < until
    group by issued.id, issued.person_id, issued.is_current, issued.issued_at
    having (array_agg(other.issued_at order by other.position desc))[1] = issued.issued_at
  ),
  -- … and of each field, what was said last counts at the end of the last day. Not as a join of the two: a
  -- planner expects one row of each, and compared each certification with each.
  known as (
    select
      of_each.id, of_each.person_id, of_each.is_current,
      (array_agg(of_each.after ->> 'certification_type' order by of_each.position desc) filter (where of_each.after ? 'certification_type'))[1] as type,
      (array_agg(of_each.after ->> 'issued_at' order by of_each.position desc) filter (where of_each.after ? 'issued_at'))[1]::timestamptz as issued_at,
      (array_agg(of_each.after ->> 'expires_at' order by of_each.position desc) filter (where of_each.after ? 'expires_at'))[1]::timestamptz as expires_at,
      (array_agg(of_each.after ->> 'status' order by of_each.position desc) filter (where of_each.after ? 'status'))[1] as status,
      min(of_each.issue_at) as first_at, max(of_each.issue_at) as latest_at
    from (
      select said.id, said.person_id, said.is_current, said.position, said.after, null::timestamptz as issue_at from said
      union all
      select issues.id, issues.person_id, issues.is_current, null, null, issues.issued_at from issues
    ) as of_each
    group by of_each.id, of_each.person_id, of_each.is_current
  ),
  -- What had ended by then is outdated on the last day, by the rule that a type has today.
  limits as materialized (
    select
      type.code,
      mentorcert_private.day_starts(mentorcert_private.oldest_refreshed_end(last_day, type.refresher_months), time_zone) as ended_by
    from mentorcert.certification_types as type
    where
      type.organisation_id = organisation and type.refresher_months is not null
      and (type.retired_on is null or type.retired_on > last_day)
  ),
  -- Each person with each type …
  standings as (
    select
      persons.person_id, persons.gone_on, known.type,
      bool_or(
        known.is_current and known.status <> 'suspended' and until <= coalesce(known.expires_at, 'infinity')
      ) as is_valid,
      min(known.first_at) as first_at,
      min(known.first_at) < max(known.latest_at) and max(known.latest_at) >= begins as is_renewed,
      max(coalesce(known.expires_at, 'infinity')) filter (where known.is_current) as ends_at,
      bool_and(coalesce(known.status <> 'suspended' and known.expires_at <= limits.ended_by, false)) filter (where known.is_current) as is_outdated
    from persons
    left join known on known.person_id = persons.person_id and known.issued_at < until
    left join limits on limits.code = known.type
    group by persons.person_id, persons.gone_on, known.type
  ),
  -- … and with any type as if it were one.
  people as (
    select
      standings.person_id, standings.type,
      coalesce(bool_or(standings.is_valid), false) and coalesce(standings.gone_on > last_day, true) as is_valid,
      coalesce(min(standings.first_at) >= begins, false) as is_started,
      coalesce(bool_or(standings.is_renewed), false) as is_renewed,
      coalesce(max(standings.ends_at) >= begins and max(standings.ends_at) < until and coalesce(standings.gone_on > last_day, true), false) as is_lapsed,
      coalesce(standings.gone_on between first_day and last_day, false) as is_stopped,
      coalesce(bool_and(standings.is_outdated) and coalesce(standings.gone_on > last_day, true), false) as is_outdated
    from standings
    group by grouping sets ((standings.person_id, standings.gone_on, standings.type), (standings.person_id, standings.gone_on))
    having grouping(standings.type) = 1 or standings.type is not null
  ),
  -- Where they are at the end of the last day; who is nowhere, where they were last, or came first.
  homes as (
    select
      mentors.person_id, link.chapter_id,
      rank() over (
        partition by mentors.person_id
        order by
          entered.is_known desc, case when entered.is_known then least(entered.ended_at, until) end desc,
          case when not entered.is_known then link.created_at end
      ) as place
    from mentorcert.peer_mentor_chapters as link
    join mentors on mentors.id = link.peer_mentor_id
    left join former on former.row_id = link.id::text
    cross join lateral (
      select
        link.created_at < least(until, known_until) as is_known,
        coalesce(case when former.row_id is null then link.ended_at else (former.before ->> 'ended_at')::timestamptz end, 'infinity') as ended_at
    ) as entered
    where link.organisation_id = organisation
  ),
  lineage as (
    select chapter.id, chapter.id as above_id from mentorcert.chapters as chapter where chapter.organisation_id = organisation
    union
    select lineage.id, chapter.parent_id from lineage
    join mentorcert.chapters as chapter on chapter.id = lineage.above_id
    where chapter.parent_id is not null
  ),
  places as (
    select distinct homes.person_id, lineage.above_id as chapter_id
    from homes
    join lineage on lineage.id = homes.chapter_id
    where homes.place = 1 and (reach is null or lineage.above_id = any(reach))
  ),
  -- A person counts once in each chapter, in each one above, and in the whole.
  counted as (
    select
      people.type, place.chapter_id,
      count(*) filter (where people.is_valid) as valid, count(*) filter (where people.is_started) as started,
      count(*) filter (where people.is_renewed) as renewed, count(*) filter (where people.is_lapsed) as lapsed,
      count(*) filter (where people.is_stopped) as stopped, count(*) filter (where people.is_outdated) as outdated
    from people
    join (
      select places.person_id, places.chapter_id from places
      union all
      select persons.person_id, null from persons
      where reach is null or persons.person_id in (select places.person_id from places)
    ) as place on place.person_id = people.person_id
    where people.is_valid or people.is_started or people.is_renewed or people.is_lapsed or people.is_stopped
      or people.is_outdated
    group by people.type, place.chapter_id
    -- What is in use has a row also where nobody counts.
    union all
    select used.type, used.chapter_id, 0, 0, 0, 0, 0, 0
    from (
      select null::text as type, null::uuid as chapter_id
      union all
      select type.code, null from mentorcert.certification_types as type
      where type.organisation_id = organisation and type.retired_on is null
      union all
      select null, chapter.id from mentorcert.chapters as chapter
      where chapter.organisation_id = organisation and chapter.retired_on is null and (reach is null or chapter.id = any(reach))
    ) as used
  )
  select
    counted.type, counted.chapter_id, sum(counted.valid)::integer, sum(counted.started)::integer, sum(counted.renewed)::integer,
    sum(counted.lapsed)::integer,
    sum(counted.stopped)::integer, sum(counted.outdated)::integer
  from counted
  group by counted.type, counted.chapter_id
  order by counted.type nulls first, counted.chapter_id nulls first;
end
$$;
comment on function mentorcert_private.count_figures(uuid, uuid[], date, date, date) is
  'Peer mentors of an organisation (or of chapters, as reach) by type and chapter: of a row without a type, of any; without a chapter, of the whole. Defined in docs/figures.md. Reads the histories of the organisation once.';

create or replace function mentorcert_private.mask_numbers(lines jsonb)
returns table (breakdown text, key text, numbers integer[])
language sql
stable
rows 1000
set search_path = ''
as $$
  with recursive counted as materialized (
    select
      line ->> 'breakdown' as breakdown, line ->> 'key' as key, chapter.parent_id::text as parent_key,
      array(
        select cell.number::integer from jsonb_array_elements_text(line -> 'numbers') with ordinality as cell (number, place) order by cell.place
      ) as numbers
    from jsonb_array_elements(lines) as line
    left join mentorcert.chapters as chapter on chapter.id = case when line ->> 'breakdown' = 'chapters' then (line ->> 'key')::uuid end
  ),
  -- The breakdowns in which a line lies: the whole, then its types, or its chapters and those under each; the last is its own.
  rows as (
    select counted.breakdown, counted.key, counted.numbers, array_remove(array['whole', nullif(counted.breakdown, 'whole')], null) as breakdowns
    from counted
    where counted.parent_key is null or counted.parent_key not in (select upper.key from counted as upper where upper.breakdown = 'chapters')
    union all
    select counted.breakdown, counted.key, counted.numbers, rows.breakdowns || rows.key
    from rows
    join counted on counted.parent_key = rows.key and rows.breakdown = 'chapters'
  ),
  small as materialized (
    select distinct rows.breakdowns[cardinality(rows.breakdowns)] as breakdown, cell.place
    from rows
    cross join lateral unnest(rows.numbers) with ordinality as cell (number, place)
    where cell.number between 1 and 4
  )
  select rows.breakdown, rows.key, shown.numbers
  from rows
  cross join lateral (
    select array_agg(
      case
        when not exists (select from small where small.place = cell.place and small.breakdown = any(rows.breakdowns))
          then cell.number - cell.number % 5
      end
      order by cell.place
    ) as numbers
    from unnest(rows.numbers) with ordinality as cell (number, place)
  ) as shown
$$;
comment on function mentorcert_private.mask_numbers(jsonb) is
  'Lines of numbers {breakdown, key, numbers} for handing out: a breakdown (whole, types, chapters, the chapters under one) with a number from 1 to 4 is null in that column, with all under it; what is left is rounded down to a multiple of 5.';

create or replace function mentorcert_private.mask_figures(
  organisation uuid, reach uuid[], first_day date, last_day date, known_on date default null
)
returns table (
  certification_type text, chapter_id uuid, valid integer, started integer, renewed integer, lapsed integer, stopped integer, outdated integer
)
language sql
stable
rows 1000
set search_path = ''
as $$
  with counted as materialized (
    select
      figures.certification_type, figures.chapter_id, coalesce(figures.certification_type, figures.chapter_id::text, 'whole') as key,
      case when figures.certification_type is not null then 'types' when figures.chapter_id is not null then 'chapters' else 'whole' end as breakdown,
      array[figures.valid, figures.started, figures.renewed, figures.lapsed, figures.stopped, figures.outdated] as numbers
    from mentorcert_private.count_figures(organisation, reach, first_day, last_day, known_on) as figures
    -- Each type, and each chapter: not each type in each chapter.
    where num_nonnulls(figures.certification_type, figures.chapter_id) < 2
  )
  select
    counted.certification_type, counted.chapter_id, masked.numbers[1], masked.numbers[2], masked.numbers[3], masked.numbers[4],
    masked.numbers[5], masked.numbers[6]
  from counted
  join mentorcert_private.mask_numbers(
    (select jsonb_agg(to_jsonb(every)) from counted as every)
  ) as masked on masked.breakdown = counted.breakdown and masked.key = counted.key
  order by counted.certification_type nulls first, counted.chapter_id nulls first
$$;
comment on function mentorcert_private.mask_figures(uuid, uuid[], date, date, date) is 'The same for handing out, as mask_numbers does it.';

create or replace function public.figures(first_day date, last_day date, known_on date default null, masked boolean default false)
returns table (
  certification_type text, chapter_id uuid, valid integer, started integer, renewed integer, lapsed integer, stopped integer, outdated integer
)
language plpgsql
stable
rows 1000
security definer -- counts the erased, and who was in a chapter then, whom nobody reads any more; it returns numbers alone
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
    return query select * from mentorcert_private.mask_figures(organisation, reach, first_day, last_day, known_on);
  else
    return query select * from mentorcert_private.count_figures(organisation, reach, first_day, last_day, known_on);
  end if;
end
$$;
comment on function public.figures(date, date, date, boolean) is
  'How many peer mentors are valid on the last day of a period, and were new (started), renewed, lapsed or left (stopped) in it, or are outdated on that day, by type and chapter, as is known today or was known at the end of a day: of the organisation to its administrator, of the own chapters to a coordinator. masked: for handing out. Defined in docs/figures.md.';

revoke execute on function
  mentorcert_private.check_figures, mentorcert_private.count_figures, mentorcert_private.mask_numbers, mentorcert_private.mask_figures,
  public.figures
from public, anon, authenticated, service_role;
grant execute on function public.figures to authenticated;
