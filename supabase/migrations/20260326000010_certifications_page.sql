-- A page of the caller's certifications, in the order in which they expire.

create or replace function private.peer_mentors_of_page(chapter_id uuid, page_size integer)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  administers constant boolean := private.administered_organisation_id() is not null;
  chapters constant uuid[] := case
    when chapter_id is not null then private.with_chapters_below(array[chapter_id])
    else private.coordinated_chapter_ids()
  end;
  -- Sorting the certifications of n mentors beats walking those of all in order, until n mentors are so
  -- many of them that the walk soon meets a page's worth. This n makes both read about the same.
  at_most constant integer := 10 + sqrt(page_size * (
    select greatest(class.reltuples, 0) from pg_catalog.pg_class as class
    where class.oid = 'public.peer_mentors'::regclass
  ));
  mentors uuid[];
begin
  if administers and chapter_id is null then
    return null;
  end if;
  mentors := array(
    select distinct link.peer_mentor_id
    from (
      select candidate.peer_mentor_id from public.peer_mentor_chapters as candidate
      where candidate.chapter_id = any(chapters) and candidate.ended_at is null
      limit at_most + 1
    ) as link
  );
  if cardinality(mentors) > at_most then
    return null;
  end if;
  return mentors || private.own_peer_mentor_ids();
end
$$;
comment on function private.peer_mentors_of_page(uuid, integer) is
  'The peer mentors whose certifications a page can show, where they are few; null where walking all in order of expiry is faster.';

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
as $$
declare
  organisation constant uuid := public.get_user_organisation_id();
  mentors constant uuid[] := private.peer_mentors_of_page(chapter_id, page_size);
  chapters constant uuid[] := private.with_chapters_below(array[chapter_id]);
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
  if status not in ('active', 'expired', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired or suspended.', constraint = 'status';
  elsif page_size is null or page_size not between 1 and 1000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', page_size),
      hint = 'Ask for 1 to 1000 rows.', constraint = 'page_size';
  end if;
  if status = 'active' and from_expires_at < now() then
    from_expires_at := now(); -- with the highest id: what ends at this instant is not active
    from_id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  end if;

  if mentors is not null then
    return query
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.peer_mentor_id = any(mentors)
      and certification.organisation_id = organisation
      and (
        (certification.expires_at, certification.id) > (from_expires_at, from_id) and certification.expires_at < until
        or certification.expires_at is null and certification.id > from_unlimited_id and with_unlimited
      )
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
    order by certification.expires_at, certification.id
    limit page_size;
    return;
  end if;

  return query
  (
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and (certification.expires_at, certification.id) > (from_expires_at, from_id)
      and certification.expires_at < until
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
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
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
    order by certification.id
    limit page_size
  )
  limit page_size;
end
$$;
comment on function public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz) is
  'The caller''s certifications by expires_at and id, unlimited ones last; the next page comes after the last row''s expires_at and id. Filters: status of now, type, chapter (and those under it), expiring before.';

revoke execute on function
  private.peer_mentors_of_page(uuid, integer),
  public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function
  private.peer_mentors_of_page(uuid, integer),
  public.certifications_page(timestamptz, uuid, integer, text, text, uuid, timestamptz)
to authenticated, service_role;
