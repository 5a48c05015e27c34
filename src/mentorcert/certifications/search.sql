-- The coordinator's lists.

-- name: page(query, status, certification_type, chapter_id, first_day, last_day, unlimited, sort, descending, after_key, after_expires_at, after_id, page_size, with_left)
with limits as materialized (
  select past.certification_type, past.ended_by from mentorcert_private.outdated_limits((select public.get_user_organisation_id())) as past
)
select
  page.id, page.organisation_id, page.peer_mentor_id, page.external_id, page.full_name,
  page.type as certification_type, page.issued_at, page.expires_at, page.status_now as status, page.chapter_ids,
  page.sort_key,
  page.status_now = 'expired' and exists (
    select from limits where limits.certification_type = page.type and page.expires_at <= limits.ended_by
  ) as is_outdated
from public.search_certifications(
  :query::text, :status::text, :certification_type::text, :chapter_id::uuid, :first_day::date, :last_day::date,
  :unlimited::boolean, :sort::text, :descending::boolean, :after_key::text, :after_expires_at::timestamptz,
  :after_id::uuid, :page_size::integer, :with_left::boolean
) as page;

-- name: parts(query, status, certification_type, chapter_id, first_day, last_day, unlimited, sort, descending, after_key, after_expires_at, after_id, page_size, with_left)
-- Of each part in turn, and none is searched that the page does not reach: a lateral join goes along its left side.
with limits as materialized (
  select past.certification_type, past.ended_by from mentorcert_private.outdated_limits((select public.get_user_organisation_id())) as past
)
select
  part.number - 1 as part,
  page.id, page.organisation_id, page.peer_mentor_id, page.external_id, page.full_name,
  page.type as certification_type, page.issued_at, page.expires_at, page.status_now as status, page.chapter_ids,
  page.sort_key,
  page.status_now = 'expired' and exists (
    select from limits where limits.certification_type = page.type and page.expires_at <= limits.ended_by
  ) as is_outdated
from unnest(
  :query::text[], :status::text[], :certification_type::text[], :chapter_id::uuid[], :first_day::date[], :last_day::date[],
  :unlimited::boolean[], :sort::text[], :descending::boolean[], :after_key::text[], :after_expires_at::timestamptz[],
  :after_id::uuid[], :page_size::integer[], :with_left::boolean[]
) with ordinality as part (
  query, status, certification_type, chapter_id, first_day, last_day, unlimited, sort, descending, after_key, after_expires_at, after_id,
  page_size, with_left, number
)
cross join lateral public.search_certifications(
  part.query, part.status, part.certification_type, part.chapter_id, part.first_day, part.last_day, part.unlimited, part.sort,
  part.descending, part.after_key, part.after_expires_at, part.after_id, part.page_size, part.with_left
) as page
limit (:page_size::integer[])[1];

-- name: count(query, status, certification_type, chapter_id, first_day, last_day, unlimited, with_left, at_most)
select mentorcert_private.count_certifications(
  :query::text, :status::text, :certification_type::text, :chapter_id::uuid, :first_day::date, :last_day::date,
  :unlimited::boolean, :with_left::boolean, :at_most::integer
);
