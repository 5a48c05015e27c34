-- The coordinator's lists.

-- name: page(query, status, certification_type, chapter_id, first_day, last_day, unlimited, sort, descending, after_key, after_expires_at, after_id, page_size)
select
  page.id, page.organisation_id, page.peer_mentor_id, page.external_id, page.full_name,
  page.type as certification_type, page.issued_at, page.expires_at, page.status_now as status, page.chapter_ids,
  page.sort_key
from public.search_certifications(
  :query::text, :status::text, :certification_type::text, :chapter_id::uuid, :first_day::date, :last_day::date,
  :unlimited::boolean, :sort::text, :descending::boolean, :after_key::text, :after_expires_at::timestamptz,
  :after_id::uuid, :page_size::integer
) as page;

-- name: mentors(query, chapter_id, after_key, after_id, page_size)
-- The policies find the rows; offset 0 keeps the other conditions out of that scan.
select
  mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, mentor.chapter_ids, mentor.sort_key
from (
  select
    reach.id, reach.organisation_id, reach.external_id, reach.full_name, reach.chapter_ids, reach.erased_at,
    replace(lower(reach.full_name), 'å', 'ÿ') collate "C" as sort_key
  from mentorcert.peer_mentors as reach
  offset 0
) as mentor
where
  mentor.erased_at is null
  and lower(mentor.full_name || ' ' || mentor.external_id) like all(mentorcert_private.name_patterns(coalesce(:query::text, '')))
  and (:chapter_id::uuid is null or mentor.chapter_ids && mentorcert_private.with_chapters_below(array[:chapter_id::uuid]))
  and (:after_id::uuid is null or (mentor.sort_key, mentor.id) > (:after_key::text, :after_id::uuid))
order by mentor.sort_key, mentor.id
limit :page_size;

-- name: chapters()
select chapter.id, chapter.organisation_id, chapter.parent_id, chapter.name
from mentorcert.chapters as chapter
where chapter.organisation_id = (select public.get_user_organisation_id())
order by replace(lower(chapter.name), 'å', 'ÿ') collate "C", chapter.id;

-- name: types()
select type.organisation_id, type.code, type.name_nb, type.name_en, type.required_for_listing
from mentorcert.certification_types as type
where type.organisation_id = (select public.get_user_organisation_id())
order by type.code collate "C";
