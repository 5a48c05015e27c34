-- The list of peer mentors.

-- name: page(query, chapter_id, with_left, peer_mentor_ids, holds, certification_type, standing, first_day, last_day, on_day, descending, after_key, after_id, page_size)
select
  page.id, page.organisation_id, page.external_id, page.full_name, page.email, page.phone, page.chapter_ids, page.left_on, page.has_left,
  page.certifications, page.sort_key
from public.search_peer_mentors(
  :query::text, :chapter_id::uuid, :with_left::boolean, :peer_mentor_ids::uuid[], :holds::text, :certification_type::text, :standing::text,
  :first_day::date, :last_day::date, :on_day::date, :descending::boolean, :after_key::text, :after_id::uuid, :page_size::integer
) as page;

-- name: ids(query, chapter_id, with_left, peer_mentor_ids, holds, certification_type, standing, first_day, last_day, on_day, descending, after_key, after_id, page_size)
select page.id
from mentorcert_private.sorted_peer_mentors(
  :query::text, :chapter_id::uuid, :with_left::boolean, :peer_mentor_ids::uuid[], :holds::text, :certification_type::text, :standing::text,
  :first_day::date, :last_day::date, :on_day::date, :descending::boolean, :after_key::text, :after_id::uuid, :page_size::integer
) as page
order by page.place;

-- name: count(query, chapter_id, with_left, peer_mentor_ids, holds, certification_type, standing, first_day, last_day, on_day, descending, after_key, after_id, page_size)
select count(*)::integer
from mentorcert_private.sorted_peer_mentors(
  :query::text, :chapter_id::uuid, :with_left::boolean, :peer_mentor_ids::uuid[], :holds::text, :certification_type::text, :standing::text,
  :first_day::date, :last_day::date, :on_day::date, :descending::boolean, :after_key::text, :after_id::uuid, :page_size::integer
);

-- name: lacking(first, at_most)
select
  type.organisation_id, type.code as certification_type, lacking.number, lacking.ids, lacking.full_names
from mentorcert.certification_types as type
cross join lateral (
  select
    count(*)::integer as number,
    coalesce(array_agg(mentor.id order by page.place) filter (where mentor.id is not null), '{}') as ids,
    coalesce(array_agg(mentor.full_name order by page.place) filter (where mentor.id is not null), '{}') as full_names
  from mentorcert_private.sorted_peer_mentors(
    null, null, false, null, null, type.code, 'not_held', null, null, null, false, null, null, :at_most::integer
  ) as page
  left join mentorcert.peer_mentors as mentor on mentor.id = page.id and page.place <= :first
) as lacking
where
  type.organisation_id = (select public.get_user_organisation_id()) and type.required_for_listing and type.retired_on is null
  and lacking.number > 0
order by type.code;
