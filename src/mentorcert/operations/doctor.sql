-- Checks: each should return no rows.

-- name: tables_without_rls()
select namespace.nspname || '.' || pg_catalog.quote_ident(class.relname)
from pg_catalog.pg_class as class
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
  class.relkind in ('r', 'p')
  and not class.relrowsecurity
  and namespace.nspname in ('public', 'mentorcert')
  -- Tables of extensions are the extension's own.
  and not exists (
    select from pg_catalog.pg_depend as dependency
    where dependency.classid = 'pg_catalog.pg_class'::regclass and dependency.objid = class.oid and dependency.deptype = 'e'
  )
order by 1;

-- name: makers_of_temporary_objects()
select role.rolname::text
from pg_catalog.pg_roles as role
where
  role.rolname in ('anon', 'authenticated', 'service_role', 'mentorcert_web', 'mentorcert_jobs')
  and has_database_privilege(role.rolname, current_database(), 'temporary')
order by role.rolname;

-- name: disabled_endpoints()
select disabled.endpoint || ': ' || disabled.reason
from mentorcert_private.disabled_endpoints as disabled
order by disabled.endpoint;

-- name: stale_statuses()
select organisation.slug, count(*)
from public.peer_mentor_certifications as certification
join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
where certification.status <> public.current_status(certification)
group by organisation.slug
order by organisation.slug;

-- name: look_alikes()
with people as (
  select
    mentor.id, mentor.organisation_id, mentorcert_private.number_key(mentor.external_id) as number_key,
    mentorcert_private.folded(mentor.full_name) as name, mentorcert_private.folded(mentor.email) as email
  from mentorcert.peer_mentors as mentor
  where mentor.erased_at is null
),
alike as (
  select one.id, one.organisation_id
  from people as one
  join people as other
    on other.organisation_id = one.organisation_id and other.number_key = one.number_key and other.id <> one.id
  union
  select one.id, one.organisation_id
  from people as one
  join people as other
    on other.organisation_id = one.organisation_id and other.email = one.email and other.name = one.name and other.id <> one.id
)
select organisation.slug, count(*)
from alike
join mentorcert.organisations as organisation on organisation.id = alike.organisation_id
group by organisation.slug
order by organisation.slug;

-- name: listing_drift()
select organisation.slug, count(*)
from mentorcert_private.derived_listing(null) as derived
full join (
  select * from public.listed_peer_mentors as listed where listed.listed_until > now()
) as listed on listed.peer_mentor_id = derived.peer_mentor_id
join mentorcert.organisations as organisation
  on organisation.id = coalesce(derived.organisation_id, listed.organisation_id)
where derived is distinct from listed
group by organisation.slug
order by organisation.slug;

-- name: long_histories(limit)
select length.certification_id, length.entries
from (
  select event.certification_id, count(*) as entries
  from mentorcert.certification_renewal_events as event
  where mentorcert_private.history_is_in_events()
  group by event.certification_id
  union all
  select certification.id, jsonb_array_length(certification.renewal_history)
  from public.peer_mentor_certifications as certification
  where not mentorcert_private.history_is_in_events()
) as length
where length.entries > :limit
order by length.entries desc, length.certification_id;

-- name: missed_nights()
select organisation.slug, due.last_day, failed.error
from mentorcert_private.organisations_due(now()) as due
join mentorcert.organisations as organisation on organisation.id = due.organisation_id
left join lateral (
  select run.error from mentorcert_private.job_runs as run
  where run.organisation_id = due.organisation_id and run.job = 'nightly' and run.error is not null
  order by run.local_day desc
  limit 1
) as failed on true
where due.last_day is null or due.last_day < due.local_day
order by organisation.slug;

-- name: failed_notices()
select organisation.slug, latest.error
from mentorcert.organisations as organisation
cross join lateral (
  select run.error from mentorcert_private.job_runs as run
  where run.organisation_id = organisation.id and run.job = 'notices'
  order by run.local_day desc
  limit 1
) as latest
where latest.error is not null
order by organisation.slug;

-- name: uncertain_notices()
select uncertain.organisation, count(*)
from mentorcert_private.uncertain_notices() as uncertain
group by uncertain.organisation
order by uncertain.organisation;
