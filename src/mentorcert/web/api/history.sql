-- The history as the API pages through it.

-- name: entries(certification_id, after, page_size)
select history.entry
from public.certification_history(:certification_id) with ordinality as history (entry, position)
where history.position > :after
order by history.position
limit :page_size;
