-- The list of peer mentors: with what each holds, searched, by pages, and who lacks what on a day.

create or replace function mentorcert_private.seen_at(at timestamptz)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  source constant text := case
    when mentorcert_private.history_is_in_events() then
      'mentorcert.certification_renewal_events as kept where kept.certification_id = certification.id and'
    else 'jsonb_array_elements(certification.renewal_history) with ordinality as kept (entry, position) where'
  end;
begin
  if at >= now() then
    return format(
      'cross join lateral (select certification.issued_at, certification.expires_at, '
      'mentorcert_private.status_at(certification.status = ''suspended'', certification.expires_at, %L) as status) as seen',
      at
    );
  end if;
  -- What nobody has changed since was the same then, and its entries are not read. Else, of each field, what was said last counts, as in
  -- public.certification_as_of. A function would be planned and called for each certification.
  return format(
    'cross join lateral ('
    'select known.issued_at, known.expires_at, case when known.status = ''suspended'' then known.status '
    'when known.expires_at <= %1$L then ''expired'' else ''active'' end as status from ('
    'select certification.issued_at, certification.expires_at, certification.status where certification.updated_at <= %1$L '
    'union all select '
    '(array_agg(said.after ->> ''issued_at'' order by said.position desc) filter (where said.after ? ''issued_at''))[1]::timestamptz, '
    '(array_agg(said.after ->> ''expires_at'' order by said.position desc) filter (where said.after ? ''expires_at''))[1]::timestamptz, '
    '(array_agg(said.after ->> ''status'' order by said.position desc) filter (where said.after ? ''status''))[1] '
    'from (select kept.position, case '
    'when (kept.entry ->> ''schema_version'')::integer = %3$s then kept.entry '
    'else mentorcert_private.upgrade_history_entry(kept.entry) end -> ''after'' as after '
    'from %2$s certification.updated_at > %1$L and (kept.entry ->> ''effective_at'')::timestamptz <= %1$L offset 0) as said '
    'having certification.updated_at > %1$L) as known) as seen',
    at, source, mentorcert_private.current_history_version()
  );
end
$$;
comment on function mentorcert_private.seen_at(timestamptz) is
  'What a certification is at an instant (seen), as SQL: as its row says, or at one of the past as its history does; issued_at is null or later where it was not issued yet.';

create or replace function mentorcert_private.standing_condition(
  certification_type text, standing text, first_day date, last_day date, day date, time_zone text
)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  -- Certifications begin and end at midnights, so that any instant of a day says what holds on it.
  at constant timestamptz := mentorcert_private.day_starts(day + 1, time_zone) - interval '1 microsecond';
begin
  return format(
    '%1$s exists (select from public.peer_mentor_certifications as certification %2$s'
    ' where certification.organisation_id = mentor.organisation_id and certification.peer_mentor_id = mentor.id'
    ' and certification.certification_type = %3$L and seen.issued_at <= %4$L and %5$s)',
    case when standing in ('not_held', 'never') then 'not' end, mentorcert_private.seen_at(at), certification_type, at,
    case standing
      when 'never' then 'true'
      when 'lapsed' then 'seen.status = ''expired'''
      when 'suspended' then 'seen.status = ''suspended'''
      when 'ends' then format(
        'seen.status <> ''suspended'' and seen.expires_at > %L and seen.expires_at <= %L',
        coalesce(mentorcert_private.day_starts(first_day, time_zone), '-infinity'),
        coalesce(mentorcert_private.day_starts(last_day + 1, time_zone), 'infinity')
      )
      when 'obtained' then format(
        'seen.issued_at >= %L and seen.issued_at < %L',
        coalesce(mentorcert_private.day_starts(first_day, time_zone), '-infinity'),
        coalesce(mentorcert_private.day_starts(last_day + 1, time_zone), 'infinity')
      )
      else 'seen.status = ''active'''
    end
  );
end
$$;
comment on function mentorcert_private.standing_condition(text, text, date, date, date, text) is
  'The condition, as SQL, that a peer mentor is in this standing with a certification type on a day.';

create or replace function mentorcert_private.sorted_peer_mentors(
  query text, chapter_id uuid, with_left boolean, peer_mentor_ids uuid[], holds text, certification_type text, standing text,
  first_day date, last_day date, on_day date, descending boolean, after_key text, after_id uuid, page_size integer
)
returns table (place bigint, id uuid)
language plpgsql
stable
rows 50
set search_path = ''
set enable_bitmapscan = on -- what is set below ends with the function
set enable_sort = on
set enable_hashjoin = off -- it would read the organisation's certifications for a page of peer mentors
set enable_mergejoin = off
as $$
#variable_conflict use_variable
declare
  organisation constant uuid := public.get_user_organisation_id();
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  administers constant boolean := mentorcert_private.administered_organisation_id() is not null;
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  chapters constant uuid[] := case when chapter_id is not null then mentorcert_private.with_chapters_below(array[chapter_id]) end;
  absent constant uuid[] := mentorcert_private.absent_peer_mentor_ids(with_left);
  written constant text[] := mentorcert_private.name_patterns(query);
  unaccented constant text[] := mentorcert_private.name_patterns(query, is_unaccented => true);
  direction constant text := case when descending then 'desc' else 'asc' end;
  day date;
  named_chapters uuid[];
  members uuid[];
  source text;
  filters text := 'true';
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('first_day', first_day, 'last_day', last_day, 'on_day', on_day));
  if standing not in ('held', 'not_held', 'never', 'lapsed', 'suspended', 'ends', 'obtained') then
    raise exception using
      errcode = 'MC008', message = format('unknown standing %L', standing),
      hint = 'Ask for held, not_held, never, lapsed, suspended, ends or obtained.', constraint = 'standing';
  elsif (certification_type is null) <> (standing is null) then
    raise exception using
      errcode = 'MC008', message = 'a certification type without a standing, or a standing without a type',
      hint = 'Give both, certification_type and standing, or neither.', constraint = 'certification_type';
  elsif standing in ('ends', 'obtained') and first_day is null and last_day is null then
    raise exception using
      errcode = 'MC008', message = format('%s between no days', standing),
      hint = 'Give first_day, last_day or both.', constraint = 'first_day';
  elsif page_size is null or page_size not between 1 and 1000000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', coalesce(page_size::text, 'null')),
      hint = 'Ask for 1 to 1000000 rows.', constraint = 'page_size';
  end if;
  if organisation is null then
    return; -- the service key too, which no policy holds back
  end if;

  -- Whose: the page of few is sorted, that of many is walked to by the index of names (see mentorcert_private.use_sort_plan). Offset 0
  -- keeps the other conditions away from what finds the rows.
  if chapters is not null and mentorcert_private.use_sort_plan(chapters, page_size)
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    and (administers or coordinated = '{}' or chapters <@ coordinated) then
    members := array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and (link.ended_at is null or link.ended_at > statement_timestamp())
    );
  end if;
  if peer_mentor_ids is not null or members is not null then
    source := format(
      '(select * from mentorcert.peer_mentors as member where member.id = any(%L::uuid[]) offset 0)', coalesce(peer_mentor_ids, members)
    );
  elsif not administers and mentorcert_private.use_sort_plan(coordinated, page_size) then
    source := '(select * from mentorcert.peer_mentors as reach offset 0)';
  else
    source := format('(select * from mentorcert.peer_mentors as reach where reach.organisation_id = %L)', organisation);
    -- The planner takes what the policies let through for little, and would sort it.
    perform set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
  end if;

  -- Who
  if absent <> '{}' then
    filters := filters || ' and mentor.id not in (select unnest($1))';
  end if;
  if chapters is not null then
    filters := filters || format(' and mentor.chapter_ids && %L::uuid[]', chapters);
  end if;
  if written <> '{}' then
    named_chapters := mentorcert_private.with_chapters_below(array(
      select chapter.id from mentorcert.chapters as chapter
      where
        chapter.organisation_id = organisation
        and (
          mentorcert_private.search_keys(chapter.name) like all(written)
          or mentorcert_private.search_keys(chapter.name) like all(unaccented)
        )
    ));
    filters := filters || format(
      ' and (mentor.search_keys like all(%L::text[]) or mentor.search_keys like all(%L::text[]) or mentor.chapter_ids && %L::uuid[])',
      written, unaccented, named_chapters
    );
  end if;
  if holds is not null or standing is not null then
    day := coalesce(on_day, mentorcert_private.day_of(now(), time_zone));
    filters := concat_ws(
      ' and ', filters,
      case when holds is not null then mentorcert_private.standing_condition(holds, 'held', null, null, day, time_zone) end,
      case when standing is not null then
        mentorcert_private.standing_condition(certification_type, standing, first_day, last_day, day, time_zone)
      end
    );
  end if;
  if after_id is not null then
    filters := filters || format(
      ' and (mentor.sort_key, mentor.id) %s (%L, %L::uuid)', case when descending then '<' else '>' end, after_key, after_id
    );
  end if;
  for place, id in execute format(
    'select row_number() over (), page.id from (select mentor.id from %1$s as mentor where %2$s '
    'order by mentor.sort_key %3$s, mentor.id %3$s limit %4$s) as page',
    source, filters, direction, page_size
  ) using absent loop
    return next;
  end loop;
end
$$;
comment on function mentorcert_private.sorted_peer_mentors(
  text, uuid, boolean, uuid[], text, text, text, date, date, date, boolean, text, uuid, integer
) is 'Which peer mentors are on a page of public.search_peer_mentors, in their order.';

create or replace function public.search_peer_mentors(
  query text default null, chapter_id uuid default null, with_left boolean default false, peer_mentor_ids uuid[] default null,
  holds text default null, certification_type text default null, standing text default null,
  first_day date default null, last_day date default null, on_day date default null,
  descending boolean default false, after_key text default null, after_id uuid default null, page_size integer default 50
)
returns table (
  id uuid, organisation_id uuid, external_id text, full_name text, email text, phone text, chapter_ids uuid[], left_on date,
  has_left boolean, certifications jsonb, sort_key text
)
language plpgsql
stable
rows 50
set search_path = ''
set enable_hashjoin = off -- it would read the organisation's certifications for a page of peer mentors
set enable_mergejoin = off
as $$
#variable_conflict use_variable
declare
  time_zone constant text := mentorcert_private.time_zone_of(public.get_user_organisation_id());
  today constant date := mentorcert_private.day_of(now(), time_zone);
  at constant timestamptz := mentorcert_private.day_starts(coalesce(on_day, today) + 1, time_zone) - interval '1 microsecond';
begin
  return query execute format(
    $page$
      select
        mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, mentor.email, mentor.phone, mentor.chapter_ids, mentor.left_on,
        coalesce(mentor.left_on <= $15, false), coalesce(held.badges, '[]'), mentor.sort_key
      from mentorcert_private.sorted_peer_mentors($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) as page
      -- One after the other: the planner takes those within reach for few, and would look at all of them.
      cross join lateral (select person.* from mentorcert.peer_mentors as person where person.id = page.id offset 0) as mentor
      left join lateral (
        select jsonb_agg(
          jsonb_build_object(
            'id', certification.id, 'certification_type', certification.certification_type, 'status', seen.status,
            'last_valid_day', mentorcert_private.day_of(seen.expires_at, $16) - 1
          ) order by certification.certification_type
        ) as badges
        from public.peer_mentor_certifications as certification
        %1$s
        where
          certification.organisation_id = mentor.organisation_id and certification.peer_mentor_id = mentor.id and seen.issued_at <= %2$L
      ) as held on true
      order by page.place
    $page$,
    mentorcert_private.seen_at(at), at
  ) using
    query, chapter_id, with_left, peer_mentor_ids, holds, certification_type, standing, first_day, last_day, on_day, descending, after_key,
    after_id, page_size, today, time_zone;
end
$$;
comment on function public.search_peer_mentors(
  text, uuid, boolean, uuid[], text, text, text, date, date, date, boolean, text, uuid, integer
) is
  'The caller''s peer mentors by name, each way, with the status and last valid day of what each holds on a day (null: today); the next page comes after the last row''s sort_key and id. Filters: words of name, external id and chapter, chapter (and those under it), who holds a type, and the standing of another type on that day: held, not_held, never, lapsed, suspended, ends or obtained between two days. A suspended certification is not held. Those who have left are in it only if asked for.';

revoke execute on function
  mentorcert_private.seen_at, mentorcert_private.standing_condition, mentorcert_private.sorted_peer_mentors,
  public.search_peer_mentors
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.seen_at, mentorcert_private.standing_condition, mentorcert_private.sorted_peer_mentors,
  public.search_peer_mentors
to authenticated, service_role;
