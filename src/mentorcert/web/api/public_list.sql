-- The public list, page by page; the clock is read after the rows, since a transaction's stands still.

-- name: page(organisation, chapter, after_name, after_id, page_size)
select listed.peer_mentor_id, listed.display_name, listed.chapters, listed.listed_until
from public.listed_peer_mentors as listed
where
  listed.organisation_slug = :organisation
  and (
    :after_id::uuid is null
    or (listed.display_name, listed.peer_mentor_id) > (:after_name::text, :after_id::uuid)
  )
  and (:chapter::text is null or :chapter = any(listed.chapters))
order by listed.display_name, listed.peer_mentor_id
limit :page_size;

-- name: clock()$
select clock_timestamp();
