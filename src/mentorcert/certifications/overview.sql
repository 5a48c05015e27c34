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
    count(*) filter (where certification.status <> 'suspended' and (certification.expires_at is null or certification.expires_at > now())) as active,
    count(*) filter (where certification.status <> 'suspended' and certification.expires_at <= now()) as expired,
    count(*) filter (where certification.status = 'suspended') as suspended,
    count(*) filter (where certification.expires_at > now() and certification.expires_at <= now() + interval '30 days') as expiring_in_30_days,
    count(*) filter (where certification.expires_at > now() and certification.expires_at <= now() + interval '60 days') as expiring_in_60_days,
    count(*) filter (where certification.expires_at > now() and certification.expires_at <= now() + interval '90 days') as expiring_in_90_days
  from public.peer_mentor_certifications as certification
  where certification.organisation_id = organisation.id
) as counts
order by organisation.slug;
