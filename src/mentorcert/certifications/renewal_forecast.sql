-- Who is expected to renew what ends.

-- name: page(months, chapter_id, outlook, after_day, after_id, size)
-- All of it is found at once; the numbers are of all, the rows of one page.
with ahead as materialized (
  select renewal.*, public.get_user_organisation_id() as organisation_id
  from public.forecast_renewals(:months, :chapter_id::uuid) as renewal
),
listed as (
  select ahead.* from ahead
  where
    (:outlook::text is null or ahead.outlook = :outlook)
    and (:after_id::uuid is null or (ahead.last_valid_day, ahead.certification_id) > (:after_day::date, :after_id::uuid))
  order by ahead.last_valid_day, ahead.certification_id
  limit :size
)
select
  array(select distinct listed.organisation_id from listed) as organisation_ids,
  (
    select coalesce(jsonb_object_agg(counted.outlook, counted.number), '{}')
    from (select ahead.outlook, count(*) as number from ahead group by ahead.outlook) as counted
  ) as numbers,
  (select coalesce(jsonb_agg(listed order by listed.last_valid_day, listed.certification_id), '[]') from listed) as rows;

-- name: numbers_of(organisation_id, months)
-- For the owner of the tables.
select coalesce(jsonb_object_agg(counted.outlook, counted.number), '{}') as numbers
from (
  select ahead.outlook, count(*) as number
  from mentorcert_private.list_renewals(:organisation_id::uuid, null, :months) as ahead
  group by ahead.outlook
) as counted;
