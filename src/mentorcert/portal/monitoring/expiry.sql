-- When secrets expire.

-- name: note_secrets(organisation, secrets)^
select portal.note_secrets(:organisation::text, :secrets::jsonb);
