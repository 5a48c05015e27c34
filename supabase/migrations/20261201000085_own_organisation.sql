-- Where the caller acts and as what, which every page and call asks first: in plpgsql, whose plans a session keeps. Written out in each
-- request, it was planned there, which took three times as long as the answer.

create or replace function mentorcert_private.own_organisation()
returns table (id uuid, slug text, name text, time_zone text, roles text[], has_others boolean)
language plpgsql
stable
rows 1
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  -- By row-level security there is one at most: the one in which the caller acts.
  select
    organisation.id, organisation.slug, organisation.name, organisation.time_zone,
    array(
      select membership.role from mentorcert.memberships as membership
      where membership.user_id = (select auth.uid()) and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      union
      select 'peer_mentor' from mentorcert.peer_mentors as mentor where mentor.user_id = (select auth.uid())
    ),
    (select count(*) > 1 from public.own_organisations())
  from mentorcert.organisations as organisation;
end
$$;
comment on function mentorcert_private.own_organisation() is
  'The organisation in which the caller acts, with the caller''s roles in it and whether there are others; no row for a user of none, or who must choose.';

revoke execute on function mentorcert_private.own_organisation from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.own_organisation to authenticated;

-- Nor does a page wait for the address of the draft that it keeps: it chooses the id.
grant insert (id) on mentorcert_private.form_drafts to authenticated;
