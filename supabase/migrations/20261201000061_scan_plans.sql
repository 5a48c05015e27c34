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
