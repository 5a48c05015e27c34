-- When secrets expire.

-- name: note_secrets(organisation, secrets)^
select portal.record_secrets(:organisation::text, :secrets::jsonb);
