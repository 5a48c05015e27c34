-- A page of many certifications plans what does not end only where the page comes to it: to plan a query under policies takes as long as
-- to read the page.

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
  found_number integer;
  outdated_by constant jsonb := case when status = 'outdated' then mentorcert_private.outdated_by(organisation) end;
begin
  return query
  select certification.* from public.peer_mentor_certifications as certification
  where
    certification.organisation_id = organisation
    and (certification.expires_at, certification.id) > (from_expires_at, from_id)
    and certification.expires_at < until
    and (scan_certifications.status is null or (certification.status = 'suspended') = suspended)
    and (outdated_by is null or certification.expires_at <= (outdated_by ->> certification.certification_type)::timestamptz)
    and (
      scan_certifications.certification_type is null
      or certification.certification_type = scan_certifications.certification_type
    )
    and (chapter_id is null or certification.chapter_ids && chapters)
    and certification.peer_mentor_id not in (select unnest(absent))
  order by certification.expires_at, certification.id
  limit page_size;
  get diagnostics found_number = row_count;
  -- Planned only where the page comes to what does not end.
  if until = 'infinity' and found_number < page_size then
    return query
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and certification.expires_at is null
      and certification.id > from_unlimited_id
      and (scan_certifications.status is null or (certification.status = 'suspended') = suspended)
      and (
        scan_certifications.certification_type is null
        or certification.certification_type = scan_certifications.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
      and certification.peer_mentor_id not in (select unnest(absent))
    order by certification.id
    limit page_size - found_number;
  end if;
end
$$;

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
      -- A peer mentor coordinates no chapter: there is nobody to count.
      and (coordinated = '{}' or mentorcert_private.use_sort_plan(coordinated, page_size))
  end;
  mentors constant uuid[] := case
    when few and chapter_id is not null then array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and (link.ended_at is null or link.ended_at > statement_timestamp())
    )
  end;
  absent constant uuid[] := mentorcert_private.absent_peer_mentor_ids(with_left);
  suspended constant boolean := status = 'suspended';
  outdated_by constant jsonb := case when status = 'outdated' then mentorcert_private.outdated_by(organisation) end;
  until constant timestamptz := least(
    expiring_before, case when status in ('expired', 'outdated') then now() + interval '1 microsecond' end, 'infinity'
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
  if num_nonnulls(after_expires_at, expiring_before) > 0 then
    perform mentorcert_private.require_instants(jsonb_build_object('after_expires_at', after_expires_at, 'expiring_before', expiring_before));
  end if;
  if status not in ('active', 'expired', 'outdated', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired, outdated or suspended.', constraint = 'status';
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
      and (outdated_by is null or certification.expires_at <= (outdated_by ->> certification.certification_type)::timestamptz)
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
      and (outdated_by is null or certification.expires_at <= (outdated_by ->> certification.certification_type)::timestamptz)
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
  'The caller''s certifications by expires_at and id, unlimited ones last; the next page comes after the last row''s expires_at and id. Filters: current status (outdated: expired, and no refresher renews it any more), type, chapter (and those under it), expiring before. Those who have left are in it only if asked for.';
