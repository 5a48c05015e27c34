-- name: begin()
select public.accept_invitations();

-- name: end()
select mentorcert_private.end_session();
