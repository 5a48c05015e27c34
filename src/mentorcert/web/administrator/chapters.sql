-- Chapters.

-- name: chapters(organisation_id)
select id, parent_id, code, name
from public.chapters
where organisation_id = :organisation_id
order by name, code;

-- name: add(parent_id, code, name)!
insert into public.chapters (parent_id, code, name) values (:parent_id, :code, :name);

-- name: change(id, parent_id, code, name)!
update public.chapters set parent_id = :parent_id, code = :code, name = :name where id = :id;
