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
-- Most hold what is required: to go along the names, type by type, would ask of nearly everybody. So everybody within reach, and who holds
-- what, are read once for all types. Certifications begin and end at midnights: what holds now holds today.
with required as materialized (
  select type.organisation_id, type.code
  from mentorcert.certification_types as type
  where type.organisation_id = (select public.get_user_organisation_id()) and type.required_for_listing and type.retired_on is null
),
people as materialized (
  select mentor.id, mentor.full_name, mentor.sort_key
  from mentorcert.peer_mentors as mentor
  where exists (select from required) and mentor.id not in (select unnest(mentorcert_private.absent_peer_mentor_ids()))
),
held as (
  select certification.peer_mentor_id, certification.certification_type
  from public.peer_mentor_certifications as certification
  where
    certification.certification_type = any((select array_agg(required.code) from required)::text[])
    and certification.status <> 'suspended'
    and certification.issued_at <= now()
    and (certification.expires_at is null or certification.expires_at > now())
),
-- Not in, and not by a join: the planner takes those within reach for one, and would join thousands row by row.
lacking as materialized (
  select required.code, people.id, people.full_name, people.sort_key
  from required
  cross join people
  where (people.id, required.code) not in (select held.peer_mentor_id, held.certification_type from held)
)
select
  required.organisation_id, required.code as certification_type, least(every.number, :at_most)::integer as number, listed.ids,
  listed.full_names
from required
cross join lateral (select count(*) as number from lacking where lacking.code = required.code) as every
cross join lateral (
  select
    array_agg(first.id order by first.sort_key, first.id) as ids,
    array_agg(first.full_name order by first.sort_key, first.id) as full_names
  from (
    select lacking.* from lacking where lacking.code = required.code order by lacking.sort_key, lacking.id limit :first
  ) as first
) as listed
where every.number > 0
order by required.code;
