-- name: current()
-- By row-level security there is one at most: the one in which the caller acts.
select
  organisation.id, organisation.slug, organisation.name, organisation.time_zone,
  array(
    select membership.role from mentorcert.memberships as membership
    where membership.user_id = (select auth.uid()) and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    union
    select 'peer_mentor' from mentorcert.peer_mentors as mentor where mentor.user_id = (select auth.uid())
  ) as roles,
  (select count(*) > 1 from public.own_organisations()) as has_others
from mentorcert.organisations as organisation;

-- name: every()
select organisation.id, organisation.slug, organisation.name, organisation.time_zone, '{}'::text[] as roles, false as has_others
from public.own_organisations() as organisation
order by organisation.name;
