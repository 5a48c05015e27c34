-- Consequences of changes, and the changes that can be undone.

-- name: note_state()
select mentorcert_private.note_state();

-- name: found()
select mentorcert_private.administered_organisation_id() as organisation_id, consequence.*
from mentorcert_private.consequences() as consequence;

-- name: get_undoable(entry_id)
select
  entry.id, entry.organisation_id, entry.table_name,
  coalesce(type.name_nb, chapter.name) as name_nb, coalesce(type.name_en, chapter.name) as name_en
from mentorcert.audit_log as entry
left join mentorcert.certification_types as type on entry.table_name = 'certification_types' and type.id::text = entry.row_id
left join mentorcert.chapters as chapter on entry.table_name = 'chapters' and chapter.id::text = entry.row_id
where entry.id = :entry_id and entry.action = 'update' and entry.table_name in ('certification_types', 'chapters');

-- name: undo(entry_id)
select mentorcert_private.undo_change(:entry_id);
