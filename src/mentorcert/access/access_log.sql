-- Accesses to rows of organisations in which the actor had no membership.

-- name: logged_outside(since)
select
  entry.recorded_at as at, entry.user_id,
  array(
    select organisation.slug from mentorcert.organisations as organisation
    where organisation.id = any(entry.organisation_ids) order by 1
  ) as organisations,
  entry.endpoint as what, null::uuid as row_id, outside.organisation_id as row_organisation_id,
  coalesce(organisation.slug, outside.organisation_id::text) as row_organisation, 'rows' as outcome,
  'request ' || entry.request_id as place
from mentorcert_private.access_log as entry
cross join lateral (
  select unnest(entry.row_organisation_ids) as organisation_id
) as outside
left join mentorcert.organisations as organisation on organisation.id = outside.organisation_id
where
  not entry.row_organisation_ids <@ entry.organisation_ids
  and outside.organisation_id <> all(entry.organisation_ids)
  and (:since::timestamptz is null or entry.recorded_at >= :since)
order by entry.recorded_at, entry.id, outside.organisation_id;

-- name: named_outside(named, since)
-- A minute's grace on either side: clocks differ, and a change of memberships takes effect when it is committed.
with named as (
  select access.*
  from jsonb_to_recordset(:named) as access (at timestamptz, user_id uuid, row_id uuid, outcome text, place text)
  where :since::timestamptz is null or access.at >= :since
),
ids as materialized (
  select distinct named.row_id as id from named
),
held as (
  select 'organisations' as table_name, id, id as organisation_id
  from mentorcert.organisations join ids using (id)
  union all
  select 'chapters', id, organisation_id from mentorcert.chapters join ids using (id)
  union all
  select 'certification_types', id, organisation_id from mentorcert.certification_types join ids using (id)
  union all
  select 'memberships', id, organisation_id from mentorcert.memberships join ids using (id)
  union all
  select 'peer_mentors', id, organisation_id from mentorcert.peer_mentors join ids using (id)
  union all
  select 'peer_mentor_chapters', id, organisation_id from mentorcert.peer_mentor_chapters join ids using (id)
  union all
  select 'peer_mentor_certifications', id, organisation_id
  from public.peer_mentor_certifications join ids using (id)
)
select
  named.at, named.user_id,
  array(
    select organisation.slug from mentorcert.organisations as organisation
    where organisation.id = any(actor.organisation_ids) order by 1
  ) as organisations,
  held.table_name as what, held.id as row_id, held.organisation_id as row_organisation_id,
  organisation.slug as row_organisation, named.outcome, named.place
from named
join held on held.id = named.row_id
join mentorcert.organisations as organisation on organisation.id = held.organisation_id
cross join lateral (
  select array(
    select membership.organisation_id from mentorcert.memberships as membership
    where
      membership.user_id = named.user_id
      and membership.created_at <= named.at + interval '1 minute'
      and (membership.ended_at is null or membership.ended_at > named.at - interval '1 minute')
  ) as organisation_ids
) as actor
where held.organisation_id <> all(actor.organisation_ids)
order by named.at, named.place, held.id;

-- name: functions()
select distinct function.proname::text
from pg_catalog.pg_proc as function
where function.pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace);
