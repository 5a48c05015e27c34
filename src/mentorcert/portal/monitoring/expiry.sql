-- When secrets expire.

-- name: note_secrets(organisation, secrets)
select mentorcert_portal.record_secrets(:organisation::text, :secrets::jsonb);
