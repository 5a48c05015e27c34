-- The coordinator's lists.

-- name: page(query, status, certification_type, chapter_id, first_day, last_day, unlimited, sort, descending, after_key, after_expires_at, after_id, page_size, with_left)
select
  page.id, page.organisation_id, page.peer_mentor_id, page.external_id, page.full_name,
  page.type as certification_type, page.issued_at, page.expires_at, page.status_now as status, page.chapter_ids,
  page.sort_key
from public.search_certifications(
  :query::text, :status::text, :certification_type::text, :chapter_id::uuid, :first_day::date, :last_day::date,
  :unlimited::boolean, :sort::text, :descending::boolean, :after_key::text, :after_expires_at::timestamptz,
  :after_id::uuid, :page_size::integer, :with_left::boolean
) as page;

-- name: count(query, status, certification_type, chapter_id, first_day, last_day, unlimited, sort, descending, after_key, after_expires_at, after_id, page_size, with_left)
select count(*)::integer
from public.search_certifications(
  :query::text, :status::text, :certification_type::text, :chapter_id::uuid, :first_day::date, :last_day::date,
  :unlimited::boolean, :sort::text, :descending::boolean, :after_key::text, :after_expires_at::timestamptz,
  :after_id::uuid, :page_size::integer, :with_left::boolean
);
