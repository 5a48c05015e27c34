-- Chapters.

-- name: of_organisation(organisation_id)
select chapter.id, chapter.organisation_id, chapter.parent_id, chapter.code, chapter.name, chapter.version
from mentorcert.chapters as chapter
where chapter.organisation_id = :organisation_id
order by replace(lower(chapter.name), 'å', 'ÿ') collate "C", chapter.code;

-- name: add(parent_id, code, name)!
insert into mentorcert.chapters (parent_id, code, name) values (:parent_id, :code, :name);

-- name: change(id, version)!
update mentorcert.chapters set version = :version {changes} where id = :id;
