-- Chapters.

-- name: of_organisation(organisation_id)
select chapter.id, chapter.organisation_id, chapter.parent_id, chapter.code, chapter.name, chapter.retired_on,
  chapter.retired_reason, chapter.version,
  chapter.id = any((select mentorcert_private.coordinated_chapter_ids())::uuid[]) as is_coordinated
from mentorcert.chapters as chapter
where chapter.organisation_id = :organisation_id
order by mentorcert_private.sort_key(chapter.name), chapter.code;

-- name: add(parent_id, code, name)!
insert into mentorcert.chapters (parent_id, code, name) values (:parent_id, :code, :name);

-- name: change(id, version)!
update mentorcert.chapters set version = :version {changes} where id = :id;
