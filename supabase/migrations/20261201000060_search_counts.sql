-- A search of certifications, written once, to be shown by pages or counted: a count neither joins nor reads names.

create or replace function mentorcert_private.searched_certifications(
  query text, status text, certification_type text, chapter_id uuid, first_day date, last_day date, unlimited boolean,
  sort text, descending boolean, after_key text, after_expires_at timestamptz, after_id uuid, page_size integer, with_left boolean,
  out pages text, out walks boolean, out absent uuid[]
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_variable
declare
  organisation constant uuid := public.get_user_organisation_id();
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  administers constant boolean := mentorcert_private.administered_organisation_id() is not null;
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  chapters constant uuid[] := case when chapter_id is not null then mentorcert_private.with_chapters_below(array[chapter_id]) end;
  patterns constant text[] := mentorcert_private.name_patterns(query);
  found_at_most constant integer := least(mentorcert_private.sorted_at_most(page_size), 1000);
  mentors uuid[];
  key constant text := case sort
    when 'expires' then 'null::text'
    when 'issued' then 'certification.issued_at'
    when 'name' then 'mentor.sort_key'
    when 'type' then 'certification.certification_type'
  end;
  direction constant text := case when descending then 'desc' else 'asc' end;
  beyond constant text := case when descending then '<' else '>' end;
  after_unlimited constant boolean := after_id is not null and after_expires_at is null;
  later_than timestamptz;
  no_later_than timestamptz;
  ends text;
  ends_not text := 'certification.expires_at is null';
  filters text := 'true';
  source text;
  names text := '';
begin
  absent := mentorcert_private.absent_peer_mentor_ids(with_left);
  walks := false;
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object(
    'first_day', first_day, 'last_day', last_day, 'after_expires_at', after_expires_at
  ));
  later_than := coalesce(mentorcert_private.day_starts(first_day, time_zone), '-infinity');
  no_later_than := coalesce(mentorcert_private.day_starts(last_day + 1, time_zone), 'infinity');
  if status not in ('active', 'expired', 'outdated', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired, outdated or suspended.', constraint = 'status';
  elsif page_size is null or page_size not between 1 and 1000000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', coalesce(page_size::text, 'null')),
      hint = 'Ask for 1 to 1000000 rows.', constraint = 'page_size';
  elsif key is null then
    raise exception using
      errcode = 'MC008', message = format('unknown order %L', sort),
      hint = 'Ask for expires, issued, name or type.', constraint = 'sort';
  end if;
  if organisation is null then
    return; -- the service key too, which no policy holds back
  end if;

  -- Whose: the page of few peer mentors is sorted, that of many is walked to (see mentorcert_private.use_sort_plan). Offset 0 keeps the
  -- other conditions away from what finds the rows: with them the planner would walk an index of everybody's as well.
  if patterns <> '{}' then
    mentors := mentorcert_private.found_peer_mentors(organisation, query, chapters, found_at_most + 1);
    if cardinality(mentors) > found_at_most then
      mentors := null;
      filters := format(
        '(mentor.search_keys like all(%L::text[]) or mentor.search_keys like all(%L::text[]))',
        patterns, mentorcert_private.name_patterns(query, is_unaccented => true)
      );
    end if;
  elsif chapters is not null and mentorcert_private.use_sort_plan(chapters, page_size)
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    and (administers or coordinated = '{}' or chapters <@ coordinated) then
    mentors := array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and (link.ended_at is null or link.ended_at > statement_timestamp())
    );
  end if;
  if mentors is not null then
    source := format(
      '(select * from public.peer_mentor_certifications as held where held.peer_mentor_id = any(%L::uuid[]) offset 0)', mentors
    );
  elsif not administers and mentorcert_private.use_sort_plan(coordinated, page_size) then
    source := '(select * from public.peer_mentor_certifications as reach offset 0)';
  else
    walks := true;
    source := format('(select * from public.peer_mentor_certifications as reach where reach.organisation_id = %L)', organisation);
  end if;
  if sort = 'name' or filters <> 'true' then
    names := format(
      'join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id and mentor.organisation_id = %L',
      organisation
    );
  end if;

  -- Which
  if absent <> '{}' then
    filters := filters || ' and certification.peer_mentor_id not in (select unnest($1))';
  end if;
  if status is not null then
    filters := filters || format(' and (certification.status = ''suspended'') = %L', status = 'suspended');
  end if;
  if certification_type is not null then
    filters := filters || format(' and certification.certification_type = %L', certification_type);
  end if;
  if chapters is not null then
    filters := filters || format(' and certification.chapter_ids && %L::uuid[]', chapters);
  end if;
  if status = 'active' then
    later_than := greatest(later_than, now());
  elsif status = 'expired' then
    no_later_than := least(no_later_than, now());
  elsif status = 'outdated' then
    select
      least(no_later_than, coalesce(max(past.ended_by), '-infinity')),
      filters || format(' and (%s)', coalesce(
        string_agg(
          format('certification.certification_type = %L and certification.expires_at <= %L', past.certification_type, past.ended_by), ' or '
        ),
        'false'
      ))
    into no_later_than, filters
    from mentorcert_private.outdated_limits(organisation) as past
    where searched_certifications.certification_type is null or past.certification_type = searched_certifications.certification_type;
  end if;
  if unlimited is not true then
    ends := format('certification.expires_at > %L and certification.expires_at <= %L', later_than, no_later_than);
  end if;
  if unlimited is false or first_day is not null or last_day is not null or status in ('expired', 'outdated') then
    ends_not := null;
  end if;

  -- From where on, in which order. Walked in the order of expiry, what ends and what does not are read apart, so that
  -- the index knows where to begin, as it does for names; in the others what lies before is read too, and left out.
  if sort = 'name' and after_id is not null then
    filters := filters || format(' and mentor.sort_key %s= %L', beyond, after_key);
  end if;
  if sort <> 'expires' and after_id is not null then
    filters := filters || format(
      ' and (%s, coalesce(certification.expires_at, ''infinity''), certification.id) %s (%L, %L::timestamptz, %L::uuid)',
      key, beyond, after_key, coalesce(after_expires_at, 'infinity'), after_id
    );
  elsif after_unlimited then
    ends := case when descending then ends end;
    ends_not := ends_not || format(' and certification.id %s %L', beyond, after_id);
  elsif after_id is not null then
    ends := ends || format(' and (certification.expires_at, certification.id) %s (%L, %L)', beyond, after_expires_at, after_id);
    ends_not := case when not descending then ends_not end;
  end if;
  select string_agg(
    format(
      '(select certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type, '
      'certification.issued_at, certification.expires_at, certification.status, certification.chapter_ids, %1$s as sort_key '
      'from %2$s as certification %3$s where %4$s and (%5$s) '
      'order by %6$s certification.expires_at %7$s, certification.id %7$s limit %8$s)',
      key, source, names, filters, part.condition,
      case when sort <> 'expires' then format('%s %s, ', key, direction) end, direction, page_size
    ),
    ' union all '
  ) into pages
  from unnest(
    case when sort = 'expires' and walks then array[ends, ends_not] else array[concat_ws(' or ', ends, ends_not)] end
  ) as part (condition)
  where part.condition <> '';
end
$$;
comment on function mentorcert_private.searched_certifications(
  text, text, text, uuid, date, date, boolean, text, boolean, text, timestamptz, uuid, integer, boolean
) is
  'A search of search_certifications as SQL, for search_certifications and count_certifications; null where the caller acts in no organisation. walks: its plan walks along the organisation''s index; absent is its $1.';

create or replace function public.search_certifications(
  query text default null, status text default null, certification_type text default null, chapter_id uuid default null,
  first_day date default null, last_day date default null, unlimited boolean default null,
  sort text default 'expires', descending boolean default false,
  after_key text default null, after_expires_at timestamptz default null, after_id uuid default null,
  page_size integer default 50, with_left boolean default false
)
returns table (
  id uuid, organisation_id uuid, peer_mentor_id uuid, external_id text, full_name text, type text,
  issued_at timestamptz, expires_at timestamptz, status_now text, chapter_ids uuid[], sort_key text
)
language plpgsql
stable
rows 50
set search_path = ''
set enable_bitmapscan = on -- what is set below ends with the function
set enable_sort = on
as $$
#variable_conflict use_variable
declare
  searched constant record := mentorcert_private.searched_certifications($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);
  direction constant text := case when descending then 'desc' else 'asc' end;
begin
  if searched.pages is null then
    return;
  elsif searched.walks and sort in ('expires', 'name') then
    -- The planner takes what the policies let through for little, and would sort it.
    perform set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
  end if;
  return query execute format(
    'select page.id, page.organisation_id, page.peer_mentor_id, mentor.external_id, mentor.full_name, page.certification_type, '
    'page.issued_at, page.expires_at, mentorcert_private.status_at(page.status = ''suspended'', page.expires_at, now()), page.chapter_ids, '
    'page.sort_key::text from (%1$s) as page join mentorcert.peer_mentors as mentor on mentor.id = page.peer_mentor_id '
    'order by %2$s page.expires_at %3$s, page.id %3$s limit %4$s',
    searched.pages, case when sort <> 'expires' then format('page.sort_key %s, ', direction) end, direction, page_size
  ) using searched.absent;
end
$$;

comment on function public.search_certifications(
  text, text, text, uuid, date, date, boolean, text, boolean, text, timestamptz, uuid, integer, boolean
) is
  'The caller''s certifications by expires, issued, name or type (then by expiry and id), each way; the next page comes after the last row''s sort_key, expires_at and id. Filters: words of name and external id, current status (outdated: expired, and no refresher renews it any more), type, chapter (and those under it), last valid day between two days, unlimited only (or not at all). Those who have left are in it only if asked for.';

create or replace function mentorcert_private.count_certifications(
  query text, status text, certification_type text, chapter_id uuid, first_day date, last_day date, unlimited boolean, with_left boolean,
  at_most integer
)
returns integer
language plpgsql
stable
set search_path = ''
set enable_bitmapscan = on -- what is set below ends with the function
set enable_sort = on
as $$
declare
  searched constant record := mentorcert_private.searched_certifications(
    query, status, certification_type, chapter_id, first_day, last_day, unlimited, 'expires', false, null, null, null, at_most, with_left
  );
  found_number integer := 0;
begin
  if searched.pages is null then
    return 0;
  elsif searched.walks then
    perform set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
  end if;
  execute format('select least(count(*), %s) from (%s) as page', at_most, searched.pages) into found_number using searched.absent;
  return found_number;
end
$$;
comment on function mentorcert_private.count_certifications(text, text, text, uuid, date, date, boolean, boolean, integer) is
  'How many certifications search_certifications would find; more than at_most are not counted.';

revoke execute on function
  mentorcert_private.searched_certifications, mentorcert_private.count_certifications
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.searched_certifications, mentorcert_private.count_certifications
to authenticated, service_role;
