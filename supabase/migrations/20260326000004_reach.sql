-- Whose reach: the organisation, chapters and peer mentors of the caller.
--
-- Policies call these functions as (select f()), so that they run once in a statement and not once in a row.
-- They are definers because they read tables whose own policies call them. Arrays are never null.
-- In plpgsql, which keeps their plans for the session: in SQL each statement would plan them anew.

create or replace function public.get_user_organisation_id()
returns uuid
language plpgsql
stable
security definer -- reads memberships, whose policies call this function
set search_path = ''
as $$
declare
  ids constant uuid[] := array(
    select membership.organisation_id
    from public.memberships as membership
    where membership.user_id = (select auth.uid()) and membership.ended_at is null
  );
begin
  if ids[1] = all(ids) then
    return ids[1];
  end if;
  return (
    select distinct id from unnest(ids) as id
    where id::text = lower(auth.jwt() #>> '{app_metadata,organisation_id}')
  );
end
$$;
comment on function public.get_user_organisation_id() is
  'The organisation the caller acts in: that of the memberships; where there are several, the one named in app_metadata.organisation_id of the token if the caller is a member of it; else null.';

create or replace function private.administered_organisation_id()
returns uuid
language plpgsql
stable
security definer -- reads memberships, whose policies call this function
set search_path = ''
as $$
begin
  return (
    select membership.organisation_id
    from public.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'org_admin'
      and membership.ended_at is null
      -- No condition for an index: so it is asked last, and only if the caller is an administrator at all.
      and membership.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
comment on function private.administered_organisation_id() is
  'The organisation the caller acts in, if as its administrator; else null.';

create or replace function private.with_chapters_below(chapter_ids uuid[])
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  found_ids uuid[] := chapter_ids;
  below uuid[] := chapter_ids;
begin
  while below <> '{}' loop
    below := array(
      select chapter.id from public.chapters as chapter
      where chapter.parent_id = any(below) and chapter.id <> all(found_ids)
    );
    found_ids := found_ids || below;
  end loop;
  return found_ids;
end
$$;
comment on function private.with_chapters_below(uuid[]) is
  'These chapters and every chapter under them; level by level, which beats a recursive query of a few rows.';

create or replace function private.coordinated_chapter_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads memberships and chapters, whose policies call this function
set search_path = ''
as $$
begin
  return private.with_chapters_below(array(
    select membership.chapter_id
    from public.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'coordinator'
      and membership.ended_at is null
      and membership.organisation_id is not distinct from (select public.get_user_organisation_id())
  ));
end
$$;
comment on function private.coordinated_chapter_ids() is
  'The chapters the caller coordinates, and every chapter under them.';

create or replace function private.own_peer_mentor_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads peer_mentors, whose policies call this function
set search_path = ''
as $$
begin
  return array(
    select mentor.id
    from public.peer_mentors as mentor
    where
      mentor.user_id = (select auth.uid())
      and mentor.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
comment on function private.own_peer_mentor_ids() is 'The peer mentor the caller is, in the organisation the caller acts in.';

create or replace function private.may_certify(organisation_id uuid, chapter_ids uuid[])
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(
    organisation_id = private.administered_organisation_id() or chapter_ids && private.coordinated_chapter_ids(), false
  )
$$;
comment on function private.may_certify(uuid, uuid[]) is
  'Whether the caller may certify a peer mentor of these chapters: the administrator, and a coordinator of one of them.';

revoke execute on function
  public.get_user_organisation_id(), private.administered_organisation_id(), private.coordinated_chapter_ids(),
  private.own_peer_mentor_ids(), private.may_certify(uuid, uuid[]), private.with_chapters_below(uuid[])
from public, anon, authenticated, service_role;
grant execute on function
  public.get_user_organisation_id(), private.administered_organisation_id(), private.coordinated_chapter_ids(),
  private.own_peer_mentor_ids(), private.with_chapters_below(uuid[])
to authenticated, service_role;
