-- A page of the caller's certifications, in the order in which they expire.

create or replace function private.use_sort_plan(chapter_ids uuid[], page_size integer)
returns boolean
language plpgsql
stable
security definer -- counts no further than it must, which policies on each row would make dear; tells nothing else
set search_path = ''
as $$
declare
  -- Sorting the certifications of n peer mentors beats walking the organisation's in order of expiry, until n are so
  -- many of the organisation's N that the walk soon meets a page's worth: where n = page_size * N / n.
  at_most constant integer := 10 + sqrt(greatest(page_size, 1) * (
    select greatest(mentors.reltuples, 0) / greatest(organisations.reltuples, 1)
    from pg_catalog.pg_class as mentors, pg_catalog.pg_class as organisations
    where mentors.oid = 'public.peer_mentors'::regclass and organisations.oid = 'public.organisations'::regclass
  ));
begin
  return not exists (
    select from public.peer_mentor_chapters as link where link.chapter_id = any(chapter_ids)
    offset at_most
  );
end
$$;
comment on function private.use_sort_plan(uuid[], integer) is
  'Whether the peer mentors of these chapters are so few that a page of their certifications is sorted, not walked to.';

create or replace function private.scan_certifications(
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
comment on function private.scan_certifications(
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
set plan_cache_mode = force_generic_plan -- planning anew for each page takes longer than the page
as $$
declare
  organisation constant uuid := public.get_user_organisation_id();
  chapters constant uuid[] := private.with_chapters_below(array[chapter_id]);
  coordinated constant uuid[] := private.coordinated_chapter_ids();
  few constant boolean := case
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    when chapter_id is not null then private.use_sort_plan(chapters, page_size)
      and (coordinated = '{}' or chapters <@ coordinated or private.administered_organisation_id() is not null)
    else private.administered_organisation_id() is null
      and private.use_sort_plan(coordinated, page_size)
  end;
  mentors constant uuid[] := case
    when few and chapter_id is not null then array(
      select link.peer_mentor_id from public.peer_mentor_chapters as link
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
  perform private.require_certifications();
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
  select * from private.scan_certifications(
    organisation, chapters, suspended, until, from_expires_at, from_id, from_unlimited_id, page_size,
    status, certification_type, chapter_id
  );
end
$$;
comment on function public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz) is
  'The caller''s certifications by expires_at and id, unlimited ones last; the next page comes after the last row''s expires_at and id. Filters: status of now, type, chapter (and those under it), expiring before.';

revoke execute on function
  private.use_sort_plan(uuid[], integer),
  private.scan_certifications(
    uuid, uuid[], boolean, timestamptz, timestamptz, uuid, uuid, integer, text, text, uuid
  ),
  public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function
  private.use_sort_plan(uuid[], integer),
  private.scan_certifications(
    uuid, uuid[], boolean, timestamptz, timestamptz, uuid, uuid, integer, text, text, uuid
  ),
  public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz)
to authenticated, service_role;
