-- Who sees and changes which row: the caller's organisation, chapters and peer mentors, and a policy for each command.
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
  private.own_peer_mentor_ids(), private.may_certify(uuid, uuid[]), private.with_chapters_below(uuid[])
to authenticated, service_role;

-- A client names no organisation: a new row belongs to the one the caller acts in.
alter table public.chapters alter column organisation_id set default public.get_user_organisation_id();
alter table public.memberships alter column organisation_id set default public.get_user_organisation_id();
alter table public.peer_mentors alter column organisation_id set default public.get_user_organisation_id();
alter table public.peer_mentor_chapters alter column organisation_id set default public.get_user_organisation_id();
alter table public.certification_types alter column organisation_id set default public.get_user_organisation_id();
alter table public.peer_mentor_certifications alter column organisation_id set default public.get_user_organisation_id();


drop policy if exists "members read their organisation" on public.organisations;
create policy "members read their organisation"
on public.organisations for select to authenticated
using (id = (select public.get_user_organisation_id()));
comment on policy "members read their organisation" on public.organisations is
  'Every role may know the organisation it acts in.';

drop policy if exists "administrators rename their organisation" on public.organisations;
create policy "administrators rename their organisation"
on public.organisations for update to authenticated
using (id = (select private.administered_organisation_id()))
with check (id = (select private.administered_organisation_id()));
comment on policy "administrators rename their organisation" on public.organisations is
  'The column grant leaves the name only.';

drop policy if exists "members read the chapters of their organisation" on public.chapters;
create policy "members read the chapters of their organisation"
on public.chapters for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read the chapters of their organisation" on public.chapters is
  'Names of chapters are no secret within the organisation.';

drop policy if exists "members read the types of their organisation" on public.certification_types;
create policy "members read the types of their organisation"
on public.certification_types for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read the types of their organisation" on public.certification_types is
  'Everybody may know what can be certified.';

drop policy if exists "administrators add chapters to their organisation" on public.chapters;
create policy "administrators add chapters to their organisation"
on public.chapters for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add chapters to their organisation" on public.chapters is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change chapters of their organisation" on public.chapters;
create policy "administrators change chapters of their organisation"
on public.chapters for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change chapters of their organisation" on public.chapters is
  'What may be changed is said by the column grant.';

drop policy if exists "administrators add types to their organisation" on public.certification_types;
create policy "administrators add types to their organisation"
on public.certification_types for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add types to their organisation" on public.certification_types is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change types of their organisation" on public.certification_types;
create policy "administrators change types of their organisation"
on public.certification_types for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change types of their organisation" on public.certification_types is
  'What may be changed is said by the column grant.';

drop policy if exists "people read the peer mentors within their reach" on public.peer_mentors;
create policy "people read the peer mentors within their reach"
on public.peer_mentors for select to authenticated
using (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
  or id = any((select private.own_peer_mentor_ids())::uuid[])
);
comment on policy "people read the peer mentors within their reach" on public.peer_mentors is
  'One policy, so that the planner can unite three indexes.';

drop policy if exists "administrators add peer mentors to their organisation" on public.peer_mentors;
create policy "administrators add peer mentors to their organisation"
on public.peer_mentors for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add peer mentors to their organisation" on public.peer_mentors is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change peer mentors of their organisation" on public.peer_mentors;
create policy "administrators change peer mentors of their organisation"
on public.peer_mentors for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change peer mentors of their organisation" on public.peer_mentors is
  'What may be changed is said by the column grant.';

drop policy if exists "people read the chapters of peer mentors within their reach" on public.peer_mentor_chapters;
create policy "people read the chapters of peer mentors within their reach"
on public.peer_mentor_chapters for select to authenticated
using (
  organisation_id = (select private.administered_organisation_id())
  or ended_at is null and chapter_id = any((select private.coordinated_chapter_ids())::uuid[])
  or peer_mentor_id = any((select private.own_peer_mentor_ids())::uuid[])
);
comment on policy "people read the chapters of peer mentors within their reach" on public.peer_mentor_chapters is
  'A coordinator sees who is in the own chapters now, not the other chapters of the same person.';

drop policy if exists "administrators put peer mentors into chapters" on public.peer_mentor_chapters;
create policy "administrators put peer mentors into chapters"
on public.peer_mentor_chapters for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators put peer mentors into chapters" on public.peer_mentor_chapters is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators take peer mentors out of chapters" on public.peer_mentor_chapters;
create policy "administrators take peer mentors out of chapters"
on public.peer_mentor_chapters for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators take peer mentors out of chapters" on public.peer_mentor_chapters is
  'What may be changed is said by the column grant.';

drop policy if exists "people read their own memberships" on public.memberships;
create policy "people read their own memberships"
on public.memberships for select to authenticated
using (user_id = (select auth.uid()) and organisation_id = (select public.get_user_organisation_id()));
comment on policy "people read their own memberships" on public.memberships is
  'Of the organisation the caller acts in.';

drop policy if exists "administrators read the memberships of their organisation" on public.memberships;
create policy "administrators read the memberships of their organisation"
on public.memberships for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the memberships of their organisation" on public.memberships is
  'The administrator answers for who may do what.';

drop policy if exists "administrators add memberships to their organisation" on public.memberships;
create policy "administrators add memberships to their organisation"
on public.memberships for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add memberships to their organisation" on public.memberships is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change memberships of their organisation" on public.memberships;
create policy "administrators change memberships of their organisation"
on public.memberships for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change memberships of their organisation" on public.memberships is
  'What may be changed is said by the column grant.';

drop policy if exists "people read the certifications within their reach" on public.peer_mentor_certifications;
create policy "people read the certifications within their reach"
on public.peer_mentor_certifications for select to authenticated
using (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
  or peer_mentor_id = any((select private.own_peer_mentor_ids())::uuid[])
);
comment on policy "people read the certifications within their reach" on public.peer_mentor_certifications is
  'One policy, so that the planner can unite three indexes.';

drop policy if exists "coordinators and administrators register certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators register certifications"
on public.peer_mentor_certifications for insert to authenticated
with check (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
);
comment on policy "coordinators and administrators register certifications" on public.peer_mentor_certifications is
  'Of peer mentors in a coordinated chapter, or in the organisation.';

drop policy if exists "coordinators and administrators change certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators change certifications"
on public.peer_mentor_certifications for update to authenticated
using (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
)
with check (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
);
comment on policy "coordinators and administrators change certifications" on public.peer_mentor_certifications is
  'The trigger record_change says which change is whose.';
