-- name: write(endpoint, organisation_ids, request_id)
select mentorcert_private.log_access(:endpoint, :organisation_ids::uuid[], :request_id);
