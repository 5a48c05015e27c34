-- name: sign_in(issuer, subject, email)
select mentorcert_private.sign_in_by_oidc(:issuer, :subject, :email);
