-- Types and chapters that are retired.

-- name: get(table, id)
select type.id, type.organisation_id, type.name_nb, type.name_en, type.retired_on, type.retired_reason
from mentorcert.certification_types as type
where :table::text = 'certification_types' and type.id = :id::uuid
union all
select chapter.id, chapter.organisation_id, chapter.name, chapter.name, chapter.retired_on, chapter.retired_reason
from mentorcert.chapters as chapter
where :table::text = 'chapters' and chapter.id = :id::uuid;

-- name: change(change, id, values)
select mentorcert_private.apply_change(:change::text, :id::uuid, :values::jsonb);
