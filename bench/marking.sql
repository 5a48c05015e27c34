-- What the portal's triggers cost a change of many certifications.

-- name: know_everybody()!
-- As though the portal had confirmed everybody.
insert into mentorcert_portal.states (
  peer_mentor_id, organisation_id, state, confirmed_version, is_removal, next_attempt_at, first_dirty_at
)
select mentor.id, mentor.organisation_id, 'in_sync', 1, false, null, null from mentorcert.peer_mentors as mentor
on conflict on constraint states_pkey do nothing;

-- name: lift_portal#
alter table public.peer_mentor_certifications disable trigger sync_portal_on_update;
alter table public.listed_peer_mentors disable trigger sync_portal_on_insert;
alter table public.listed_peer_mentors disable trigger sync_portal_on_delete;

-- name: tonight()$
select mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo'), 'Europe/Oslo');

-- name: count_due(as_of)$
select count(*) from public.peer_mentor_certifications where status = 'active' and expires_at <= :as_of;

-- name: run_nightly(as_of)!
select * from mentorcert_private.run_nightly(:as_of);

-- name: extend(number)!
with chosen as (
  select certification.id from public.peer_mentor_certifications as certification
  where certification.expires_at > now()
  order by certification.id
  limit :number
)
update public.peer_mentor_certifications as certification
set expires_at = mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') + 1000, 'Europe/Oslo')
from chosen where certification.id = chosen.id;

-- name: marked()$
select count(*) from mentorcert_portal.states where state = 'pending';
