-- A page of the caller's certifications, in the order in which they expire.

create or replace function mentorcert_private.sorted_at_most(page_size integer)
returns integer
language sql
stable
set search_path = ''
as $$
  -- Sorting the certifications of n peer mentors beats walking the organisation's in the wanted order, until n is
  -- such a share of the organisation's N that the walk soon meets a page's worth: where n = page_size * N / n.
  select (10 + sqrt(greatest(page_size, 1) * greatest(mentors.reltuples, 0) / greatest(organisations.reltuples, 1)))::integer
  from pg_catalog.pg_class as mentors, pg_catalog.pg_class as organisations
  where mentors.oid = 'mentorcert.peer_mentors'::regclass and organisations.oid = 'mentorcert.organisations'::regclass
$$;
comment on function mentorcert_private.sorted_at_most(integer) is
  'Of how many peer mentors a page of certifications is sorted; of more it is walked to. By the statistics of all organisations.';

create or replace function mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer)
returns boolean
language plpgsql
stable
security definer -- counts no further than it must, which policies on each row would make expensive; returns nothing else
set search_path = ''
set enable_seqscan = off -- where there is one organisation, its chapters are all rows to the planner
as $$
declare
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := case when administered is null then mentorcert_private.coordinated_chapter_ids() end;
  at_most constant integer := mentorcert_private.sorted_at_most(page_size);
begin
  -- Of chapters that are not the caller's to see it says nothing: a page of what is within reach is short, or walked to.
  if administered is null and not chapter_ids <@ coordinated then
    return coordinated = '{}';
  end if;
  return not exists (
    select from mentorcert.peer_mentor_chapters as link
    where link.chapter_id = any(chapter_ids) and (administered is null or link.organisation_id = administered)
    offset at_most
  );
end
$$;
comment on function mentorcert_private.use_sort_plan(uuid[], integer) is
  'Whether the peer mentors of these chapters are so few that a page of their certifications is sorted, not walked to; of other chapters than the caller''s own it does not depend on how many there are.';

create or replace function mentorcert_private.scan_certifications(
  organisation uuid, chapters uuid[], suspended boolean, until timestamptz, from_expires_at timestamptz, from_id uuid,
  from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, absent uuid[]
)
returns setof public.peer_mentor_certifications
language plpgsql
stable
rows 50
set search_path = ''
set plan_cache_mode = force_custom_plan -- where to start and end is known to the planner only so; a guess lets it sort all
set enable_bitmapscan = off -- it takes what the policies let through for little, and would sort it
set enable_sort = off
as $$
declare
  with_unlimited constant boolean := until = 'infinity';
begin
  return query
  (
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and (certification.expires_at, certification.id) > (from_expires_at, from_id)
      and certification.expires_at < until
      and (scan_certifications.status is null or (certification.status = 'suspended') = suspended)
      and (
        scan_certifications.certification_type is null
        or certification.certification_type = scan_certifications.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
      and certification.peer_mentor_id not in (select unnest(absent))
    order by certification.expires_at, certification.id
    limit page_size
  )
  union all
  (
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and certification.expires_at is null
      and certification.id > from_unlimited_id
      and with_unlimited
      and (scan_certifications.status is null or (certification.status = 'suspended') = suspended)
      and (
        scan_certifications.certification_type is null
        or certification.certification_type = scan_certifications.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
      and certification.peer_mentor_id not in (select unnest(absent))
    order by certification.id
    limit page_size
  )
  limit page_size;
end
$$;
comment on function mentorcert_private.scan_certifications(
  uuid, uuid[], boolean, timestamptz, timestamptz, uuid, uuid, integer, text, text, uuid, uuid[]
) is 'A page by walking the organisation''s certifications in the order in which they expire, until it is full.';

create or replace function public.certifications_page(
  after_expires_at timestamptz default null, after_id uuid default null, page_size integer default 50,
  status text default null, certification_type text default null, chapter_id uuid default null,
  expiring_before timestamptz default null, with_left boolean default false
)
returns setof public.peer_mentor_certifications
language plpgsql
stable
rows 50
set search_path = ''
set plan_cache_mode = force_generic_plan -- planning each page again takes longer than the page
as $$
declare
  organisation constant uuid := public.get_user_organisation_id();
  chapters constant uuid[] := case when chapter_id is not null then mentorcert_private.with_chapters_below(array[chapter_id]) end;
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  few constant boolean := case
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    when chapter_id is not null then mentorcert_private.use_sort_plan(chapters, page_size)
      and (coordinated = '{}' or chapters <@ coordinated or mentorcert_private.administered_organisation_id() is not null)
    else mentorcert_private.administered_organisation_id() is null
      and mentorcert_private.use_sort_plan(coordinated, page_size)
  end;
  mentors constant uuid[] := case
    when few and chapter_id is not null then array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and (link.ended_at is null or link.ended_at > statement_timestamp())
    )
  end;
  absent constant uuid[] := mentorcert_private.absent_peer_mentor_ids(with_left);
  suspended constant boolean := status = 'suspended';
  until constant timestamptz := least(
    expiring_before, case when status = 'expired' then now() + interval '1 microsecond' end, 'infinity'
  );
  with_unlimited constant boolean := until = 'infinity';
  from_expires_at timestamptz := coalesce(after_expires_at, case when after_id is null then '-infinity' else 'infinity' end::timestamptz);
  from_id uuid := coalesce(after_id, '00000000-0000-0000-0000-000000000000');
  from_unlimited_id constant uuid := case
    when after_expires_at is null and after_id is not null then after_id
    else '00000000-0000-0000-0000-000000000000'
  end;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('after_expires_at', after_expires_at, 'expiring_before', expiring_before));
  if status not in ('active', 'expired', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired or suspended.', constraint = 'status';
  elsif page_size is null or page_size not between 1 and 1000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', coalesce(page_size::text, 'null')),
      hint = 'Ask for 1 to 1000 rows.', constraint = 'page_size';
  end if;
  if organisation is null then
    return; -- the service key too, which no policy holds back
  end if;
  if status = 'active' and from_expires_at < now() then
    from_expires_at := now(); -- with the highest id: what ends at this instant is not active
    from_id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  end if;

  if mentors is not null then
    return query
    select certification.*
    from (
      select members.* from public.peer_mentor_certifications as members where members.peer_mentor_id = any(mentors) offset 0
    ) as certification
    where
      (
        (certification.expires_at, certification.id) > (from_expires_at, from_id) and certification.expires_at < until
        or certification.expires_at is null and certification.id > from_unlimited_id and with_unlimited
      )
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
      )
      and certification.chapter_ids && chapters
      and certification.peer_mentor_id not in (select unnest(absent))
    order by certification.expires_at, certification.id
    limit page_size;
    return;
  elsif few then
    return query
    select certification.*
    from (
      -- The policy's own conditions find the rows. Offset 0 keeps the filters out of there: with them the planner
      -- would read the whole index of expires_at as well.
      select reach.* from public.peer_mentor_certifications as reach offset 0
    ) as certification
    where
      (
        (certification.expires_at, certification.id) > (from_expires_at, from_id) and certification.expires_at < until
        or certification.expires_at is null and certification.id > from_unlimited_id and with_unlimited
      )
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
      )
      and certification.peer_mentor_id not in (select unnest(absent))
    order by certification.expires_at, certification.id
    limit page_size;
    return;
  end if;

  -- Planned each time: a kept plan of a function's rows does not notice that their table has a column more.
  return query execute 'select * from mentorcert_private.scan_certifications($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)'
  using
    organisation, chapters, suspended, until, from_expires_at, from_id, from_unlimited_id, page_size,
    status, certification_type, chapter_id, absent;
end
$$;
comment on function public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz, boolean) is
  'The caller''s certifications by expires_at and id, unlimited ones last; the next page comes after the last row''s expires_at and id. Filters: current status, type, chapter (and those under it), expiring before. Those who have left are in it only if asked for.';

-- The coordinator's list: certifications with the names of their peer mentors, searched, filtered, sorted, by pages.

create or replace function mentorcert.certifications_page(
  after_expires_at timestamptz default null, after_id uuid default null, page_size integer default 50,
  status text default null, certification_type text default null, chapter_id uuid default null,
  expiring_before timestamptz default null
)
returns setof mentorcert.peer_mentor_certifications
language sql
stable
rows 50
set search_path = ''
as $$
  select
    page.id, page.organisation_id, page.peer_mentor_id, page.certification_type, page.issued_at, page.expires_at, page.status,
    page.renewal_history, page.chapter_ids, page.created_at, page.updated_at, public.current_status(page),
    -- A page is of one organisation, whose time zone is asked for once.
    mentorcert_private.day_of(
      page.expires_at, (select mentorcert_private.time_zone_of((select public.get_user_organisation_id())))
    ) - 1
  from public.certifications_page($1, $2, $3, $4, $5, $6, $7) as page
$$;
comment on function mentorcert.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz) is
  'public.certifications_page for the Data API, which embeds the tables of this schema in it.';

create or replace function mentorcert_private.name_patterns(query text, is_unaccented boolean default false)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array(
    select '%' || regexp_replace(written.word, '([\\%_])', '\\\1', 'g') || '%'
    -- As names and numbers are kept, whatever was pasted around and into them.
    from regexp_split_to_table(left(mentorcert_private.canonical_line(left(query, 1000)), 100), ' ') as typed (word)
    cross join lateral (
      select case when is_unaccented then mentorcert_private.unaccented(typed.word) else mentorcert_private.search_key(typed.word) end as word
    ) as written
    where written.word <> ''
  )
$$;
comment on function mentorcert_private.name_patterns(text, boolean) is
  'What each word of a search must be like, a part of the search keys of name and external id: by its own search key, or without accents. Wildcards in it stand for themselves; of a long text the beginning counts.';

create or replace function mentorcert_private.found_peer_mentors(organisation uuid, query text, chapters uuid[], at_most integer)
returns uuid[]
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_custom_plan -- without chapters there is no condition on them to plan for
as $$
begin
  return array(
    select mentor.id
    from (
      select reach.id, reach.search_keys
      from mentorcert.peer_mentors as reach
      where reach.organisation_id = organisation and (chapters is null or reach.chapter_ids && chapters)
      offset 0
    ) as mentor
    where
      mentor.search_keys like all(mentorcert_private.name_patterns(query))
      or mentor.search_keys like all(mentorcert_private.name_patterns(query, is_unaccented => true))
    limit at_most
  );
end
$$;
comment on function mentorcert_private.found_peer_mentors(uuid, text, uuid[], integer) is
  'The caller''s peer mentors (of these chapters) who are found by a search, no more than asked for.';

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
  absent constant uuid[] := mentorcert_private.absent_peer_mentor_ids(with_left);
  source text;
  walks boolean := false;
  names text := '';
  pages text;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object(
    'first_day', first_day, 'last_day', last_day, 'after_expires_at', after_expires_at
  ));
  later_than := coalesce(mentorcert_private.day_starts(first_day, time_zone), '-infinity');
  no_later_than := coalesce(mentorcert_private.day_starts(last_day + 1, time_zone), 'infinity');
  if status not in ('active', 'expired', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired or suspended.', constraint = 'status';
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
    if sort in ('expires', 'name') then
      -- The planner takes what the policies let through for little, and would sort it.
      perform set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
    end if;
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
  end if;
  if unlimited is not true then
    ends := format('certification.expires_at > %L and certification.expires_at <= %L', later_than, no_later_than);
  end if;
  if unlimited is false or first_day is not null or last_day is not null or status = 'expired' then
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
    ends_not := format('%s and certification.id %s %L', ends_not, beyond, after_id);
  elsif after_id is not null then
    ends := format('%s and (certification.expires_at, certification.id) %s (%L, %L)', ends, beyond, after_expires_at, after_id);
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
  if pages is null then
    return;
  end if;
  for id, organisation_id, peer_mentor_id, external_id, full_name, type, issued_at, expires_at, status_now, chapter_ids, sort_key in execute format(
    'select page.id, page.organisation_id, page.peer_mentor_id, mentor.external_id, mentor.full_name, page.certification_type, '
    'page.issued_at, page.expires_at, mentorcert_private.status_at(page.status = ''suspended'', page.expires_at, now()), page.chapter_ids, '
    'page.sort_key::text from (%1$s) as page join mentorcert.peer_mentors as mentor on mentor.id = page.peer_mentor_id '
    'order by %2$s page.expires_at %3$s, page.id %3$s limit %4$s',
    pages, case when sort <> 'expires' then format('page.sort_key %s, ', direction) end, direction, page_size
  ) using absent loop
    return next;
  end loop;
end
$$;
comment on function public.search_certifications(
  text, text, text, uuid, date, date, boolean, text, boolean, text, timestamptz, uuid, integer, boolean
) is
  'The caller''s certifications by expires, issued, name or type (then by expiry and id), each way; the next page comes after the last row''s sort_key, expires_at and id. Filters: words of name and external id, current status, type, chapter (and those under it), last valid day between two days, unlimited only (or not at all). Those who have left are in it only if asked for.';

revoke execute on function
  mentorcert_private.sorted_at_most, mentorcert_private.use_sort_plan, mentorcert_private.scan_certifications, public.certifications_page, mentorcert.certifications_page,
  mentorcert_private.name_patterns,
  mentorcert_private.found_peer_mentors, public.search_certifications
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.sorted_at_most, mentorcert_private.use_sort_plan, mentorcert_private.scan_certifications, public.certifications_page, mentorcert.certifications_page,
  mentorcert_private.name_patterns,
  mentorcert_private.found_peer_mentors, public.search_certifications
to authenticated, service_role;

-- How certifications stood on a day, at its end, for a person or as a list: what certification_as_of says of one, of many at once.

create or replace function public.certifications_on(
  day date, as_known_then boolean default false, of_peer_mentor uuid default null, chapter_id uuid default null,
  certification_type text default null, after_key text default null, after_id uuid default null, page_size integer default 50
)
returns table (
  id uuid, organisation_id uuid, peer_mentor_id uuid, external_id text, full_name text, type text, issued_at timestamptz,
  expires_at timestamptz, status_then text, sort_key text, certifications bigint, peer_mentors bigint
)
language plpgsql
stable
rows 50
set search_path = ''
as $$
#variable_conflict use_column
declare
  organisation constant uuid := public.get_user_organisation_id();
  in_events constant boolean := mentorcert_private.history_is_in_events();
  chapters constant uuid[] := case
    when certifications_on.chapter_id is not null then mentorcert_private.with_chapters_below(array[certifications_on.chapter_id])
  end;
  wanted constant text := certifications_on.certification_type;
  person constant uuid := certifications_on.of_peer_mentor;
  at timestamptz;
  known_at timestamptz;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('day', certifications_on.day));
  if certifications_on.page_size is null or certifications_on.page_size not between 1 and 1000 then
    raise exception using
      errcode = 'MC008', message = 'a page has from 1 to 1000 rows', hint = 'Ask for fewer rows.', constraint = 'page_size';
  end if;
  at := mentorcert_private.day_starts(certifications_on.day + 1, mentorcert_private.time_zone_of(organisation)) - interval '1 microsecond';
  if certifications_on.as_known_then and at < now() then
    known_at := at;
    perform mentorcert_private.require_settled(held.id, known_at)
    from public.peer_mentor_certifications as held
    -- Nobody changes a row without a lock on it.
    where held.organisation_id = organisation and held.xmax::text <> '0' and (person is null or held.peer_mentor_id = person);
  end if;
  return query
  with held as materialized (
    select
      certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
      certification.renewal_history
    from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and (person is null or certification.peer_mentor_id = person)
      and (wanted is null or certification.certification_type = wanted)
      and (chapters is null or certification.chapter_ids && chapters)
  ),
  entries as (
    select held.id, cached.position, cached.entry
    from held
    cross join lateral jsonb_array_elements(held.renewal_history) with ordinality as cached (entry, position)
    where not in_events
    union all
    select event.certification_id, event.position, event.entry
    from mentorcert.certification_renewal_events as event
    where in_events and event.certification_id in (select held.id from held)
  ),
  said as (
    select entries.id, entries.position, mentorcert_private.upgrade_history_entry(entries.entry) -> 'after' as after
    from entries
    where
      (entries.entry ->> 'effective_at')::timestamptz <= at
      and (known_at is null or (entries.entry ->> 'recorded_at')::timestamptz <= known_at)
  ),
  -- Of each field, what was said last counts.
  known as (
    select
      said.id,
      (array_agg(said.after ->> 'issued_at' order by said.position desc) filter (where said.after ? 'issued_at'))[1]::timestamptz as issued_at,
      (array_agg(said.after ->> 'expires_at' order by said.position desc) filter (where said.after ? 'expires_at'))[1]::timestamptz as expires_at,
      (array_agg(said.after ->> 'status' order by said.position desc) filter (where said.after ? 'status'))[1] as status
    from said
    group by said.id
  ),
  stood as materialized (
    select
      held.id, held.organisation_id, mentor.id as peer_mentor_id, mentor.external_id, mentor.full_name, held.certification_type as type,
      known.issued_at, known.expires_at, mentor.sort_key,
      case
        when known.issued_at is null then 'unknown'
        when known.status = 'suspended' then 'suspended'
        when known.issued_at > at then 'coming'
        when known.expires_at <= at then 'expired'
        else 'active'
      end as status_then
    from held
    join mentorcert.peer_mentors as mentor on mentor.id = held.peer_mentor_id
    left join known on known.id = held.id
    where person is not null or mentor.left_on is null or mentor.left_on > certifications_on.day
  ),
  listed as materialized (
    select stood.* from stood where person is not null or stood.status_then = 'active'
  )
  select
    listed.id, listed.organisation_id, listed.peer_mentor_id, listed.external_id, listed.full_name, listed.type, listed.issued_at,
    listed.expires_at, listed.status_then, listed.sort_key, (select count(*) from listed as every),
    (select count(distinct every.peer_mentor_id) from listed as every)
  from listed
  where certifications_on.after_id is null or (listed.sort_key, listed.id) > (certifications_on.after_key, certifications_on.after_id)
  order by listed.sort_key, listed.id
  limit certifications_on.page_size;
end
$$;
comment on function public.certifications_on(date, boolean, uuid, uuid, text, text, uuid, integer) is
  'How certifications stood at the end of a day in the organisation''s time zone, by what is known now, or (as_known_then) was known then: of one peer mentor all, else those that were valid, of who had not left, with how many there are. A day to come shows what is valid then if nothing changes. Chapters are those of today.';

revoke execute on function public.certifications_on from public, anon, authenticated, service_role;
grant execute on function public.certifications_on to authenticated;
