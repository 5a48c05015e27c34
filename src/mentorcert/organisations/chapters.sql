-- Chapters.

-- name: of_organisation(organisation_id)
select chapter.id, chapter.organisation_id, chapter.parent_id, chapter.code, chapter.name
from mentorcert.chapters as chapter
where chapter.organisation_id = :organisation_id
order by replace(lower(chapter.name), 'å', 'ÿ') collate "C", chapter.code;

-- name: add(parent_id, code, name)!
insert into mentorcert.chapters (parent_id, code, name) values (:parent_id, :code, :name);

-- name: change(id, parent_id, code, name)!
update mentorcert.chapters set parent_id = :parent_id, code = :code, name = :name where id = :id;
