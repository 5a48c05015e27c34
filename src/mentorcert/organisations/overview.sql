-- name: overview()
select
  organisation.slug as organisation,
  organisation.name,
  (select count(*) from public.peer_mentors as mentor where mentor.organisation_id = organisation.id) as peer_mentors,
  counts.*,
  (
    select count(*) from public.listed_peer_mentors as listed
    where listed.organisation_id = organisation.id and listed.listed_until > now()
  ) as listed
from public.organisations as organisation
cross join lateral (
  select
    count(*) filter (where current.status = 'active') as active,
    count(*) filter (where current.status = 'expired') as expired,
    count(*) filter (where current.status = 'suspended') as suspended,
    count(*) filter (where current.status = 'active' and current.days <= 30) as expiring_in_30_days,
    count(*) filter (where current.status = 'active' and current.days <= 60) as expiring_in_60_days,
    count(*) filter (where current.status = 'active' and current.days <= 90) as expiring_in_90_days
  from public.peer_mentor_certifications as certification
  cross join lateral (
    select
      public.current_status(certification) as status,
      extract(epoch from certification.expires_at - now()) / 86400 as days
  ) as current
  where certification.organisation_id = organisation.id
) as counts
order by organisation.slug;
