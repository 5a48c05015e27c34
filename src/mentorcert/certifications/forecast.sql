-- What ends when if nobody renews: within the caller's reach, in months of the organisation.

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

-- name: coverage(time_zone, months)
-- Of each chapter in reach (with those under it): how many peer mentors hold every required type, by the number of
-- month ends to come that they hold all of them through.
with recursive required as materialized (
  select array_agg(type.code) as codes, count(*) as number
  from mentorcert.certification_types as type
  where type.organisation_id = (select public.get_user_organisation_id()) and type.required_for_listing and type.retired_on is null
),
month_ends as materialized (
  select array_agg(
    mentorcert_private.day_starts(
      (date_trunc('month', mentorcert_private.day_of(now(), :time_zone)::timestamp) + make_interval(months => number))::date, :time_zone
    )
    order by number
  ) as midnights
  from generate_series(1, :months) as number
),
holders as (
  select
    certification.chapter_ids,
    width_bucket(min(coalesce(certification.expires_at, 'infinity')), (select month_ends.midnights from month_ends)) as held
  from public.peer_mentor_certifications as certification
  where
    certification.certification_type = any((select required.codes from required)::text[])
    and certification.status <> 'suspended'
    and (certification.expires_at is null or certification.expires_at > now())
    and certification.peer_mentor_id not in (select unnest(mentorcert_private.absent_peer_mentor_ids()))
  -- By nothing else: two dozen midnights in each of thousands of groups take longer than all the rest.
  group by certification.peer_mentor_id, certification.chapter_ids
  having count(*) = (select required.number from required)
),
counted as (
  select holders.chapter_ids, holders.held, count(*) as mentors from holders group by 1, 2
),
-- Each set of chapters with all its numbers: joined once, not once for each number.
members as materialized (
  select unnest(counted.chapter_ids) as id, counted.chapter_ids, array_agg(counted.held) as held, array_agg(counted.mentors) as mentors
  from counted
  group by counted.chapter_ids
),
-- A person who is in two chapters of a county counts once there.
lineage as (
  select chapter.id, chapter.id as above_id from mentorcert.chapters as chapter
  union
  select lineage.id, chapter.parent_id from lineage
  join mentorcert.chapters as chapter on chapter.id = lineage.above_id
  where chapter.parent_id is not null
),
homes as materialized (
  select distinct lineage.above_id, members.chapter_ids, members.held, members.mentors
  from members join lineage on lineage.id = members.id
)
select chapter.organisation_id, chapter.id as chapter_id, number.held, sum(number.mentors)::integer as mentors
from mentorcert.chapters as chapter
left join homes on homes.above_id = chapter.id
left join lateral unnest(homes.held, homes.mentors) as number (held, mentors) on true
where
  chapter.retired_on is null
  and (
    chapter.organisation_id = (select mentorcert_private.administered_organisation_id())
    or chapter.id = any((select mentorcert_private.coordinated_chapter_ids())::uuid[])
  )
group by chapter.organisation_id, chapter.id, number.held;
