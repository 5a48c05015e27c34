-- name: commit_lazily()#
set local synchronous_commit = off;

-- name: take_time()#
set local statement_timeout = '5min';

-- name: own_organisation()
-- By row-level security there is one at most: the one in which the caller acts.
select
  organisation.id, organisation.slug, organisation.name, organisation.time_zone,
  array(
    select membership.role from public.memberships as membership
    where membership.user_id = (select auth.uid()) and membership.ended_at is null
    union
    select 'peer_mentor' from public.peer_mentors as mentor where mentor.user_id = (select auth.uid())
  ) as roles
from public.organisations as organisation;

-- name: log_access(endpoint, organisation_ids, request_id)$
select private.log_access(:endpoint, :organisation_ids::uuid[], :request_id);
