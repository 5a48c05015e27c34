-- A page of the caller's certifications, in the order in which they expire.

create or replace function mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer)
returns boolean
language plpgsql
stable
security definer -- counts no further than it must, which policies on each row would make expensive; returns nothing else
set search_path = ''
as $$
declare
  -- Sorting the certifications of n peer mentors beats walking the organisation's in order of expiry, until n is
  -- such a share of the organisation's N that the walk soon meets a page's worth: where n = page_size * N / n.
  at_most constant integer := 10 + sqrt(greatest(page_size, 1) * (
    select greatest(mentors.reltuples, 0) / greatest(organisations.reltuples, 1)
    from pg_catalog.pg_class as mentors, pg_catalog.pg_class as organisations
    where mentors.oid = 'mentorcert.peer_mentors'::regclass and organisations.oid = 'mentorcert.organisations'::regclass
  ));
begin
  return not exists (
    select from mentorcert.peer_mentor_chapters as link where link.chapter_id = any(chapter_ids)
    offset at_most
  );
end
$$;
comment on function mentorcert_private.use_sort_plan(uuid[], integer) is
  'Whether the peer mentors of these chapters are so few that a page of their certifications is sorted, not walked to.';

create or replace function mentorcert_private.scan_certifications(
  organisation uuid, chapters uuid[], suspended boolean, until timestamptz, from_expires_at timestamptz, from_id uuid,
  from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid
)
returns setof public.peer_mentor_certifications
language plpgsql
stable
rows 50
set search_path = ''
set plan_cache_mode = force_custom_plan -- where to start and end is known to the planner only so; a guess lets it sort all
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
    order by certification.id
    limit page_size
  )
  limit page_size;
end
$$;
comment on function mentorcert_private.scan_certifications(
  uuid, uuid[], boolean, timestamptz, timestamptz, uuid, uuid, integer, text, text, uuid
) is 'A page by walking the organisation''s certifications in the order in which they expire, until it is full.';

create or replace function public.certifications_page(
  after_expires_at timestamptz default null, after_id uuid default null, page_size integer default 50,
  status text default null, certification_type text default null, chapter_id uuid default null,
  expiring_before timestamptz default null
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
  chapters constant uuid[] := mentorcert_private.with_chapters_below(array[chapter_id]);
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
      where link.chapter_id = any(chapters) and link.ended_at is null
    )
  end;
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
    order by certification.expires_at, certification.id
    limit page_size;
    return;
  end if;

  return query
  select * from mentorcert_private.scan_certifications(
    organisation, chapters, suspended, until, from_expires_at, from_id, from_unlimited_id, page_size,
    status, certification_type, chapter_id
  );
end
$$;
comment on function public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz) is
  'The caller''s certifications by expires_at and id, unlimited ones last; the next page comes after the last row''s expires_at and id. Filters: current status, type, chapter (and those under it), expiring before.';

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
  select page.*, public.current_status(page)
  from public.certifications_page($1, $2, $3, $4, $5, $6, $7) as page
$$;
comment on function mentorcert.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz) is
  'public.certifications_page for the Data API, which embeds the tables of this schema in it.';

create or replace function mentorcert_private.name_patterns(query text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array(
    select '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%'
    from regexp_split_to_table(lower(query), '\s+') as word
    where word <> ''
  )
$$;
comment on function mentorcert_private.name_patterns(text) is
  'What each word of a search must be like: part of the name or of the external id. Wildcards in it stand for themselves.';

create or replace function mentorcert_private.found_peer_mentors(organisation uuid, patterns text[], chapters uuid[], at_most integer)
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
      select reach.id, reach.full_name, reach.external_id
      from mentorcert.peer_mentors as reach
      where reach.organisation_id = organisation and (chapters is null or reach.chapter_ids && chapters)
      offset 0
    ) as mentor
    where lower(mentor.full_name || ' ' || mentor.external_id) like all(patterns)
    limit at_most
  );
end
$$;
comment on function mentorcert_private.found_peer_mentors(uuid, text[], uuid[], integer) is
  'The caller''s peer mentors (of these chapters) whose name and external id are like all patterns, no more than asked for.';

create or replace function public.search_certifications(
  query text default null, status text default null, certification_type text default null, chapter_id uuid default null,
  first_day date default null, last_day date default null, unlimited boolean default null,
  sort text default 'expires', descending boolean default false,
  after_key text default null, after_expires_at timestamptz default null, after_id uuid default null,
  page_size integer default 50
)
returns table (
  id uuid, organisation_id uuid, peer_mentor_id uuid, external_id text, full_name text, type text,
  issued_at timestamptz, expires_at timestamptz, status_now text, chapter_ids uuid[], sort_key text
)
language plpgsql
stable
rows 50
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
  found_at_most constant integer := 1000;
  mentors uuid[];
  key constant text := case sort
    when 'expires' then 'null::text'
    when 'issued' then 'certification.issued_at'
    -- Not every server has Norwegian collations: å comes after ø here.
    when 'name' then 'replace(lower(mentor.full_name), ''å'', ''ÿ'') collate "C"'
    when 'type' then 'certification.certification_type'
  end;
  direction constant text := case when descending then 'desc' else 'asc' end;
  beyond constant text := case when descending then '<' else '>' end;
  after_unlimited constant boolean := after_id is not null and after_expires_at is null;
  later_than timestamptz := coalesce(mentorcert_private.day_starts(first_day, time_zone), '-infinity');
  no_later_than timestamptz := coalesce(mentorcert_private.day_starts(last_day + 1, time_zone), 'infinity');
  ends text;
  ends_not text := 'certification.expires_at is null';
  filters text := 'true';
  source text;
  names text := '';
  pages text;
begin
  perform mentorcert_private.require_certifications();
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
    mentors := mentorcert_private.found_peer_mentors(organisation, patterns, chapters, found_at_most + 1);
    if cardinality(mentors) > found_at_most then
      mentors := null;
      filters := format('lower(mentor.full_name || '' '' || mentor.external_id) like all(%L::text[])', patterns);
    end if;
  elsif chapters is not null and mentorcert_private.use_sort_plan(chapters, page_size)
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    and (administers or coordinated = '{}' or chapters <@ coordinated) then
    mentors := array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and link.ended_at is null
    );
  end if;
  source := case
    when mentors is not null then format(
      '(select * from public.peer_mentor_certifications as held where held.peer_mentor_id = any(%L::uuid[]) offset 0)', mentors
    )
    when not administers and mentorcert_private.use_sort_plan(coordinated, page_size)
      then '(select * from public.peer_mentor_certifications as reach offset 0)'
    else format('(select * from public.peer_mentor_certifications as reach where reach.organisation_id = %L)', organisation)
  end;
  if sort = 'name' or filters <> 'true' then
    names := format(
      'join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id and mentor.organisation_id = %L',
      organisation
    );
  end if;

  -- Which
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

  -- From where on, in which order. In the order of expiry what ends and what does not are read apart, so that the
  -- index knows where to begin; in the others what lies before is read too, and left out.
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
    case when sort = 'expires' then array[ends, ends_not] else array[concat_ws(' or ', ends, ends_not)] end
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
  ) loop
    return next;
  end loop;
end
$$;
comment on function public.search_certifications(
  text, text, text, uuid, date, date, boolean, text, boolean, text, timestamptz, uuid, integer
) is
  'The caller''s certifications by expires, issued, name or type (then by expiry and id), each way; the next page comes after the last row''s sort_key, expires_at and id. Filters: words of name and external id, current status, type, chapter (and those under it), last valid day between two days, unlimited only (or not at all).';

revoke execute on function
  mentorcert_private.use_sort_plan, mentorcert_private.scan_certifications, public.certifications_page, mentorcert.certifications_page,
  mentorcert_private.name_patterns,
  mentorcert_private.found_peer_mentors, public.search_certifications
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.use_sort_plan, mentorcert_private.scan_certifications, public.certifications_page, mentorcert.certifications_page,
  mentorcert_private.name_patterns,
  mentorcert_private.found_peer_mentors, public.search_certifications
to authenticated, service_role;
