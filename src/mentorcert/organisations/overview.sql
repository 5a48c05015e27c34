-- What organisations have.

-- name: overview()
select
  organisation.slug as organisation,
  organisation.name,
  (
    select count(*) from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = organisation.id and mentor.erased_at is null
      and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), organisation.time_zone))
  ) as peer_mentors,
  counts.*,
  (
    select count(*) from public.listed_peer_mentors as listed
    where listed.organisation_id = organisation.id and listed.listed_until > now()
  ) as listed
from mentorcert.organisations as organisation
cross join lateral (
  select
    count(*) filter (where current.status = 'active') as active,
    count(*) filter (where current.status = 'expired') as expired,
    count(*) filter (where current.status = 'suspended') as suspended,
    count(*) filter (where current.status = 'active' and current.days <= 30) as expiring_in_30_days,
    count(*) filter (where current.status = 'active' and current.days <= 60) as expiring_in_60_days,
    count(*) filter (where current.status = 'active' and current.days <= 90) as expiring_in_90_days
  from public.peer_mentor_certifications as certification
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  cross join lateral (
    select
      public.current_status(certification) as status,
      extract(epoch from certification.expires_at - now()) / 86400 as days
  ) as current
  where
    certification.organisation_id = organisation.id and mentor.erased_at is null
    and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), organisation.time_zone))
) as counts
order by organisation.slug;

-- name: administration(organisation_id, time_zone)
select
  :organisation_id::uuid as organisation_id,
  (select count(*) from mentorcert.certification_types as type where type.organisation_id = :organisation_id) as types,
  (select count(*) from mentorcert.chapters as chapter where chapter.organisation_id = :organisation_id) as chapters,
  (
    select count(*) from mentorcert.memberships as membership
    where membership.organisation_id = :organisation_id and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ) as memberships,
  open_invitations.number as invitations, open_invitations.failed as failed_invitations,
  (
    select max(night.local_day) from mentorcert_private.nights as night
    where night.time_zone = :time_zone and night.finished_at is not null
  ) as last_night,
  mentorcert_private.day_of(now(), :time_zone) as today,
  (
    select connection.mode from mentorcert_portal.connections as connection where connection.organisation_id = :organisation_id
  ) as portal_mode,
  (
    select count(*) from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = :organisation_id and mentor.chapter_ids = '{}'
      and mentor.id <> all((select mentorcert_private.absent_peer_mentor_ids())::uuid[])
  ) as chapterless,
  (select count(disabled.endpoint) from mentorcert_private.disabled_endpoints as disabled) as switched_off
from (
  select count(*) as number, count(invitation.failure) as failed
  from mentorcert_private.invitations as invitation
  where invitation.organisation_id = :organisation_id and invitation.accepted_at is null and invitation.withdrawn_at is null
) as open_invitations;
