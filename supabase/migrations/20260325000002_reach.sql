-- Whose reach: the organisation, chapters and peer mentors of the caller.
--
-- Policies call these functions as (select f()), so that they run once in a statement and not once in a row.
-- They are definers because they read tables whose own policies call them. Arrays are never null.
-- In plpgsql, which keeps their plans for the session: in SQL each statement would plan them again.

-- What a caller may see is little or much, which the planner cannot know. If it takes it for much, it walks the organisation's
-- index in the wanted order, or the table, until a page is full: for a peer mentor that is everything. By this equality, which
-- no index offers and which contsel takes as rare, it finds the rows by the reach, and a query costs what its caller may see.
do $$
begin
  if to_regoperator('mentorcert_private.===(uuid, uuid)') is null then
    create operator mentorcert_private.=== (
      leftarg = uuid, rightarg = uuid, function = pg_catalog.uuid_eq, restrict = pg_catalog.contsel
    );
  end if;
end
$$;
comment on operator mentorcert_private.=== (uuid, uuid) is 'Equality that the planner takes as rare and looks up in no index; for policies.';

-- A project that has this function already keeps it: it is what policies are written against, also ours. So it is made once,
-- and nobody's is replaced, commented on or taken from anybody.
do $do$
begin
  if to_regprocedure('public.get_user_organisation_id()') is null then
    create function public.get_user_organisation_id()
    returns uuid
    language plpgsql
    stable
    security definer -- reads memberships, whose policies call this function
    set search_path = ''
    as $$
    declare
      ids constant uuid[] := array(
        select membership.organisation_id
        from mentorcert.memberships as membership
        where membership.user_id = (select auth.uid()) and (membership.ended_at is null or membership.ended_at > statement_timestamp())
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
    revoke execute on function public.get_user_organisation_id() from public, anon, authenticated, service_role;
    grant execute on function public.get_user_organisation_id() to authenticated, service_role;
  end if;
end
$do$;

create or replace function mentorcert_private.administered_organisation_id()
returns uuid
language plpgsql
stable
security definer -- reads memberships, whose policies call this function
set search_path = ''
as $$
begin
  return (
    select membership.organisation_id
    from mentorcert.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'org_admin'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      -- Asked only of the caller's own rows, whatever the plan: the function may be a project's, and fail where nobody is signed in.
      and case when membership.user_id = (select auth.uid()) then membership.organisation_id = (select public.get_user_organisation_id()) end
  );
end
$$;
comment on function mentorcert_private.administered_organisation_id() is
  'The organisation the caller acts in, if as its administrator; else null.';

create or replace function mentorcert_private.require_administrator(is_administrator boolean, violated text default 'certification_right')
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if is_administrator is not true then
    raise exception using
      errcode = '42501', message = 'only the administrator of the organisation does this',
      hint = 'Ask the administrator of the organisation.', constraint = violated;
  end if;
end
$$;
comment on function mentorcert_private.require_administrator(boolean, text) is 'Raises 42501 for everybody but an administrator.';

create or replace function mentorcert_private.require_administered_organisation(violated text default 'certification_right')
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.administered_organisation_id();
begin
  perform mentorcert_private.require_administrator(organisation is not null, violated);
  return organisation;
end
$$;
comment on function mentorcert_private.require_administered_organisation(text) is
  'The organisation the caller administers; 42501 for everybody else.';

create or replace function mentorcert_private.with_chapters_below(chapter_ids uuid[])
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
      select chapter.id from mentorcert.chapters as chapter
      where chapter.parent_id = any(below) and chapter.id <> all(found_ids)
    );
    found_ids := found_ids || below;
  end loop;
  return found_ids;
end
$$;
comment on function mentorcert_private.with_chapters_below(uuid[]) is
  'These chapters and every chapter under them; level by level, which beats a recursive query of a few rows.';

create or replace function mentorcert_private.coordinated_chapter_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads memberships and chapters, whose policies call this function
set search_path = ''
as $$
begin
  return mentorcert_private.with_chapters_below(array(
    select membership.chapter_id
    from mentorcert.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and case when membership.user_id = (select auth.uid()) then membership.organisation_id = (select public.get_user_organisation_id()) end
  ));
end
$$;
comment on function mentorcert_private.coordinated_chapter_ids() is
  'The chapters the caller coordinates, and every chapter under them.';

create or replace function mentorcert_private.left_peer_mentor_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads peer_mentor_chapters, whose policies call this function
set search_path = ''
as $$
declare
  -- The clock first, and nearly always that is all.
  left_links constant uuid[] := array(
    select link.id from mentorcert.peer_mentor_chapters as link
    where link.ended_at > link.updated_at and link.ended_at <= statement_timestamp()
  );
  coordinated uuid[];
begin
  if left_links = '{}' then
    return left_links;
  end if;
  coordinated := mentorcert_private.coordinated_chapter_ids();
  return array(
    select gone.peer_mentor_id from mentorcert.peer_mentor_chapters as gone
    where gone.id = any(left_links) and gone.chapter_id = any(coordinated) and not exists (
      select from mentorcert.peer_mentor_chapters as link
      where
        link.peer_mentor_id = gone.peer_mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
        and link.chapter_id = any(coordinated)
    )
  );
end
$$;
comment on function mentorcert_private.left_peer_mentor_ids() is
  'Peer mentors whose known end in a chapter that the caller coordinates has come, and whose chapter_ids do not say so yet, but for those whom the caller coordinates in another one.';

create or replace function mentorcert_private.coordinated_peer_mentor_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads peer_mentors, whose policies say the same
set search_path = ''
as $$
declare
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
begin
  if coordinated = '{}' then
    return coordinated;
  end if;
  return array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.chapter_ids && coordinated and mentor.id <> all(gone)
  );
end
$$;
comment on function mentorcert_private.coordinated_peer_mentor_ids() is
  'The peer mentors of the chapters the caller coordinates, for tables that carry no chapters.';

create or replace function mentorcert_private.current_chapter_ids(mentor_id uuid)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select link.chapter_id from mentorcert.peer_mentor_chapters as link
    where link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
    order by link.chapter_id
  );
end
$$;
comment on function mentorcert_private.current_chapter_ids(uuid) is 'The chapters in which a peer mentor is now.';

create or replace function mentorcert_private.own_peer_mentor_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads peer_mentors, whose policies call this function
set search_path = ''
as $$
begin
  return array(
    select mentor.id
    from mentorcert.peer_mentors as mentor
    where
      mentor.user_id = (select auth.uid())
      and mentor.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
comment on function mentorcert_private.own_peer_mentor_ids() is 'The peer mentor the caller is, in the organisation the caller acts in.';

create or replace function mentorcert_private.may_certify(organisation_id uuid, chapter_ids uuid[])
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(
    organisation_id = mentorcert_private.administered_organisation_id() or chapter_ids && mentorcert_private.coordinated_chapter_ids(), false
  )
$$;
comment on function mentorcert_private.may_certify(uuid, uuid[]) is
  'Whether the caller may certify a peer mentor of these chapters: the administrator, and a coordinator of one of them.';

revoke execute on function
  mentorcert_private.administered_organisation_id,
  mentorcert_private.require_administrator, mentorcert_private.require_administered_organisation,
  mentorcert_private.with_chapters_below, mentorcert_private.coordinated_chapter_ids,
  mentorcert_private.left_peer_mentor_ids, mentorcert_private.coordinated_peer_mentor_ids, mentorcert_private.current_chapter_ids,
  mentorcert_private.own_peer_mentor_ids, mentorcert_private.may_certify
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.administered_organisation_id,
  mentorcert_private.require_administrator, mentorcert_private.require_administered_organisation,
  mentorcert_private.with_chapters_below, mentorcert_private.coordinated_chapter_ids,
  mentorcert_private.left_peer_mentor_ids, mentorcert_private.coordinated_peer_mentor_ids, mentorcert_private.own_peer_mentor_ids
to authenticated, service_role;
