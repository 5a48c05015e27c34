-- The public list, as anybody sees it: row-level security leaves out whose lease has ended.

-- name: heading(slug)^
select name, chapters from public.public_organisation(:slug);

-- name: page(slug, chapter, after_name, after_id, size)
-- No index serves the chapter: under row-level security only leakproof operators use one, and those of arrays are not.
select
  listed.peer_mentor_id, listed.display_name, listed.chapters,
  extract(epoch from listed.listed_until - clock_timestamp())::float8 as left_s
from public.listed_peer_mentors as listed
where listed.organisation_slug = :slug
  and (:chapter::text is null or :chapter = any(listed.chapters))
  and (
    :after_id::uuid is null or (listed.display_name, listed.peer_mentor_id) > (:after_name::text, :after_id::uuid)
  )
order by listed.display_name, listed.peer_mentor_id
limit :size;
