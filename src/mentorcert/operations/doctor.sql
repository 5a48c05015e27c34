-- Checks: each should return no rows.

-- name: tables_without_rls()
select namespace.nspname || '.' || pg_catalog.quote_ident(class.relname)
from pg_catalog.pg_class as class
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
  class.relkind in ('r', 'p')
  and not class.relrowsecurity
  -- In public a project may have tables of its own.
  and (
    namespace.nspname in ('mentorcert', 'mentorcert_private', 'mentorcert_portal')
    or namespace.nspname = 'public' and class.relname in ('peer_mentor_certifications', 'listed_peer_mentors')
  )
order by 1;

-- name: makers_of_temporary_objects()
select role.rolname::text
from pg_catalog.pg_roles as role
where
  (role.rolname in ('anon', 'authenticated', 'service_role') or role.rolname ~ '^mentorcert_')
  and has_database_privilege(role.rolname, current_database(), 'temporary')
order by role.rolname;

-- name: invalid_indexes()
-- One that is just being built is not valid yet.
select format('%s.%s', namespace.nspname, class.relname)
from pg_catalog.pg_index as index
join pg_catalog.pg_class as class on class.oid = index.indexrelid
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
  not index.indisvalid
  and namespace.nspname in ('public', 'mentorcert', 'mentorcert_private', 'mentorcert_portal')
  and not exists (
    select from pg_catalog.pg_stat_progress_create_index as progress
    where progress.relid = index.indrelid and progress.index_relid in (0, index.indexrelid)
  )
order by 1;

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
    mentorcert_private.search_key(mentor.full_name) as name, mentorcert_private.folded(mentor.email) as email
  from mentorcert.peer_mentors as mentor
  where mentor.erased_at is null and mentor.merged_into is null
),
alike as (
  select one.id, one.organisation_id, other.id as other_id
  from people as one
  join people as other
    on other.organisation_id = one.organisation_id and other.number_key = one.number_key and other.id <> one.id
  union
  select one.id, one.organisation_id, other.id
  from people as one
  join people as other
    on other.organisation_id = one.organisation_id and other.email = one.email and other.name = one.name and other.id <> one.id
)
select organisation.slug, count(distinct alike.id)
from alike
join mentorcert.organisations as organisation on organisation.id = alike.organisation_id
where not exists (
  select from mentorcert_private.distinct_peer_mentors as pair
  where (pair.first_id, pair.second_id) = (least(alike.id, alike.other_id), greatest(alike.id, alike.other_id))
)
group by organisation.slug
order by organisation.slug;

-- name: listing_drift()
select organisation.slug, count(*)
from mentorcert_private.derived_listing(null) as derived
full join (
  select
    listed.peer_mentor_id, listed.organisation_id, listed.organisation_slug, listed.display_name, listed.chapters, listed.listed_until,
    listed.chapter_codes, listed.topic_ids
  from public.listed_peer_mentors as listed
  where listed.listed_until > now()
) as listed on listed.peer_mentor_id = derived.peer_mentor_id
join mentorcert.organisations as organisation
  on organisation.id = coalesce(derived.organisation_id, listed.organisation_id)
where derived is distinct from listed
group by organisation.slug
order by organisation.slug;

-- name: without_chapter()
select organisation.slug, count(*)
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
where
  mentor.chapter_ids = '{}' and mentor.erased_at is null and mentor.merged_into is null
  and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), organisation.time_zone))
group by organisation.slug
order by organisation.slug;

-- name: consent_drift()
select organisation.slug, count(*)
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
where mentor.listing_consent is distinct from public.consent_as_of(mentor.id, clock_timestamp())
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
from mentorcert_private.zones_due(now()) as due
join mentorcert.organisations as organisation on organisation.time_zone = due.time_zone
left join lateral (
  select night.error from mentorcert_private.nights as night
  where night.time_zone = due.time_zone and night.error is not null
  order by night.local_day desc
  limit 1
) as failed on true
where due.last_day is null or due.last_day < due.local_day
order by organisation.slug;

-- name: kept_too_long()
select outdated.table_name || ' for ' || extract(epoch from outdated.keep)::bigint / 86400 || ' days'
from mentorcert_private.kept_too_long() as outdated;

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

-- name: held_notices()
select to_char(restore.restored_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC') || ': ' || restore.reason
from mentorcert_private.restores as restore
where restore.notices_released_at is null
order by restore.epoch;

-- name: uncertain_notices()
select uncertain.organisation, count(*)
from mentorcert_private.uncertain_notices() as uncertain
group by uncertain.organisation
order by uncertain.organisation;

-- name: late_deadlines()
select organisation.slug, count(*)
from mentorcert_portal.states as state
join mentorcert.organisations as organisation on organisation.id = state.organisation_id
left join public.listed_peer_mentors as listed
  on listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > now()
where
  state.shown is distinct from false
  and coalesce(state.removal_due_at, 'infinity') > coalesce(listed.listed_until, now())
group by organisation.slug
order by organisation.slug;
