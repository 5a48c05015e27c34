-- Lists of certifications as JSON.

-- name: page(after_expires_at, after_id, page_size, status, certification_type, chapter_id, expiring_before, with_left, time_zone)
-- As JSON, with the days of the time zone, and what the next page and the access log need.
select
  coalesce(json_agg(certification.item order by certification.expires_at, certification.id), '[]')::text as items,
  count(*) as number,
  (array_agg(certification.expires_at order by certification.expires_at desc, certification.id desc))[1] as last_expires_at,
  (array_agg(certification.id order by certification.expires_at desc, certification.id desc))[1] as last_id,
  array_agg(distinct certification.organisation_id) as organisation_ids
from (
  select page.organisation_id, page.expires_at, page.id, row_to_json(item) as item
  from public.certifications_page(
    :after_expires_at::timestamptz, :after_id::uuid, :page_size::integer, :status::text, :certification_type::text,
    :chapter_id::uuid, :expiring_before::timestamptz, :with_left::boolean
  ) as page
  left join mentorcert.certification_types as type
    on type.organisation_id = page.organisation_id and type.code = page.certification_type
  cross join lateral (
    select
      page.id, page.peer_mentor_id, page.certification_type,
      mentorcert_private.status_at(page.status = 'suspended', page.expires_at, now()) as status,
      mentorcert_private.day_of(page.issued_at, :time_zone) as issued_on,
      mentorcert_private.day_of(page.expires_at, :time_zone) - 1 as last_valid_day,
      replace(to_char(page.issued_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z') as issued_at,
      replace(to_char(page.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z') as expires_at,
      page.chapter_ids,
      -- As public.early_renewal_from says, which asks for type and time zone by row.
      mentorcert_private.day_of(page.expires_at, :time_zone) - 1 - type.early_renewal_days as early_renewal_from,
      -- As public.refresher_until, public.after_lapse and public.is_outdated say.
      refresher.until as refresher_until, case when refresher.until is not null then type.after_lapse end as after_lapse,
      coalesce(
        page.status <> 'suspended' and type.retired_on is null and refresher.until < mentorcert_private.day_of(now(), :time_zone), false
      ) as is_outdated
    from (
      select mentorcert_private.refresher_until(
        mentorcert_private.day_of(page.expires_at, :time_zone) - 1, type.refresher_months
      ) as until
    ) as refresher
  ) as item
) as certification;
