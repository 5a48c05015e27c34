-- Forms whose preview is looked at.

-- name: keep(id, organisation_id, path, fields)!
insert into mentorcert_private.form_drafts (id, organisation_id, user_id, path, fields)
values (:id, :organisation_id, (select auth.uid()), :path, :fields::jsonb);

-- name: find(draft_id, path)
select draft.organisation_id, draft.fields
from mentorcert_private.form_drafts as draft
where draft.id = :draft_id and draft.path = :path;
