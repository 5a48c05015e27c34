-- What ends when, and what chapters can count on: within the caller's reach, in months of the organisation.

-- name: count_by_hashing()!
-- The planner takes what the policies let through for a row. To have that sorted for nothing it sorts tens of thousands, or walks an
-- index in that order through what everybody has.
select pg_catalog.set_config('enable_sort', 'off', true), pg_catalog.set_config('enable_incremental_sort', 'off', true);

-- name: endings(time_zone)
-- How many certifications are of a status, how many of them outdated (as public.is_outdated says of one), and of the active ones in which
-- month their last valid day lies (null: none). Read once: many of a type end at the same midnight, so they are counted first, and only
-- then asked, once for each midnight, for their status and their month.
with limits as materialized (
  select past.certification_type, past.ended_by from mentorcert_private.outdated_limits((select public.get_user_organisation_id())) as past
)
select
  counted.organisation_id, counted.status,
  case when counted.status = 'active' then date_trunc('month', counted.last_valid_day)::date end as month,
  sum(counted.certifications)::integer as certifications, sum(counted.outdated)::integer as outdated
from (
  select
    ending.organisation_id, mentorcert_private.status_at(ending.suspended, ending.expires_at, now()) as status,
    mentorcert_private.day_of(ending.expires_at, :time_zone) - 1 as last_valid_day, sum(ending.certifications) as certifications,
    coalesce(sum(ending.certifications) filter (
      where not ending.suspended and exists (
        select from limits where limits.certification_type = ending.certification_type and ending.expires_at <= limits.ended_by
      )
    ), 0) as outdated
  from (
    select
      certification.organisation_id, certification.certification_type, certification.status = 'suspended' as suspended,
      certification.expires_at, count(*) as certifications
    from public.peer_mentor_certifications as certification
    where
      certification.peer_mentor_id not in (select unnest(mentorcert_private.absent_peer_mentor_ids()))
      and certification.certification_type not in (
        select type.code from mentorcert.certification_types as type
        where type.organisation_id = (select public.get_user_organisation_id()) and type.retired_on is not null
      )
    group by 1, 2, 3, 4
  ) as ending
  group by ending.organisation_id, ending.suspended, ending.expires_at
  offset 0
) as counted
group by 1, 2, 3
order by 1, 2, 3;

-- name: coverage(months)
select
  public.get_user_organisation_id() as organisation_id, coverage.chapter_id, coverage.today, coverage.if_nobody_renews as at_month_ends,
  coverage.with_courses
from public.forecast_coverage(:months) as coverage;

-- name: coverage_of(organisation_id, months)
-- For the owner of the tables.
select
  :organisation_id::uuid as organisation_id, coverage.chapter_id, coverage.today, coverage.if_nobody_renews as at_month_ends,
  coverage.with_courses
from mentorcert_private.count_coverage(:organisation_id::uuid, null, :months) as coverage;
