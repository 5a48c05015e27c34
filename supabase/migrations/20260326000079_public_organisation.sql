-- What stands above the public list of an organisation: its name, and by which chapters one can search.

create or replace function public.public_organisation(slug text)
returns table (name text, chapters text[])
language sql
stable
security definer -- whoever asks is no member; told are names that are on the public page anyway
set search_path = ''
as $$
  select
    organisation.name,
    array(
      select chapter.name from public.chapters as chapter
      where chapter.organisation_id = organisation.id and exists (
        -- From the chapter, not from the list: that ends with the first one found, however long the list is.
        select from public.peer_mentor_chapters as link
        join public.listed_peer_mentors as listed on listed.peer_mentor_id = link.peer_mentor_id
        where link.chapter_id = chapter.id and link.ended_at is null and listed.listed_until > now()
      )
      group by chapter.name
      order by chapter.name
    )
  from public.organisations as organisation
  where private.check_endpoint('public_list') and private.check_endpoint('organisations')
    and organisation.slug = public_organisation.slug
$$;
comment on function public.public_organisation(text) is
  'The name of an organisation, and the names of the chapters in which somebody is on the public list now; no row for an unknown slug.';
revoke execute on function public.public_organisation(text) from public, anon, authenticated, service_role;
grant execute on function public.public_organisation(text) to anon, authenticated, service_role;
