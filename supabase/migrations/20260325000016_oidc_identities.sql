-- Whose login an identity at an OpenID Connect provider is.
--
-- The pages verify what the provider says; which login that is, is decided here. A known identity keeps its login, whatever
-- address it has by now. A new one gets the login of its address, unless another identity has that login already.

create table if not exists mentorcert_private.oidc_identities (
  id uuid not null default gen_random_uuid(),
  issuer text not null,
  subject text not null,
  user_id uuid not null,
  linked_at timestamptz not null default now(),
  constraint oidc_identities_pkey primary key (id),
  constraint oidc_identities_issuer_subject_key unique (issuer, subject),
  constraint oidc_identities_user_id_key unique (user_id),
  constraint oidc_identities_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint oidc_identities_issuer_length check (length(issuer) <= 500),
  constraint oidc_identities_subject_valid check (length(subject) between 1 and 255)
);
alter table mentorcert_private.oidc_identities enable row level security;
revoke all on mentorcert_private.oidc_identities from anon, authenticated, service_role;
comment on table mentorcert_private.oidc_identities is
  'Which login an identity at an OpenID Connect provider has. A login has one at most, so no second provider and no later owner of an address takes it over; the owner of the database deletes a row to let another one in.';
comment on column mentorcert_private.oidc_identities.subject is 'The claim sub, which a provider gives to nobody else.';

create or replace function mentorcert_private.sign_in_by_oidc(issuer text, subject text, email text)
returns uuid
language plpgsql
security definer -- logins and identities are no client's to read or write
set search_path = ''
as $$
declare
  is_stand_in constant boolean := to_regclass('auth.identities') is null;
  login_ids uuid[];
begin
  if not exists (
    select from mentorcert_private.oidc_identities as identity
    where identity.issuer = sign_in_by_oidc.issuer and identity.subject = sign_in_by_oidc.subject
  ) and mentorcert_private.is_email(email) then
    -- One at a time, or two first sign-ins at once would make two logins.
    perform mentorcert_private.take_lock('oidc identities');
    login_ids := array(
      select login.id from auth.users as login
      where lower(login.email) = lower(sign_in_by_oidc.email) and login.deleted_at is null
    );
    -- Supabase Auth makes its logins itself; its stand-in on plain PostgreSQL has nobody else who would.
    if login_ids = '{}' and is_stand_in then
      insert into auth.users (email, email_confirmed_at) values (lower(sign_in_by_oidc.email), now())
      returning array[id] into login_ids;
    end if;
    if cardinality(login_ids) <> 1 then
      return null;
    end if;
    -- The audit log names the person: this is who acts, and nobody was signed in before.
    perform
      set_config('request.jwt.claims', jsonb_build_object('sub', login_ids[1], 'role', 'authenticated')::text, true),
      set_config('request.jwt.claim.sub', login_ids[1]::text, true);
    insert into mentorcert_private.oidc_identities (issuer, subject, user_id)
    select sign_in_by_oidc.issuer, sign_in_by_oidc.subject, login.id
    from auth.users as login
    where
      login.id = login_ids[1]
      -- Else a stranger's sign-up by the address would wait for its owner. Nobody signs up at the stand-in.
      and (is_stand_in or to_jsonb(login) -> 'email_confirmed_at' is distinct from 'null')
    on conflict do nothing;
    perform set_config('request.jwt.claims', '', true), set_config('request.jwt.claim.sub', '', true);
  end if;
  if is_stand_in then
    -- What the provider says of the address holds for this sign-in: who has another one by now has not that of the login.
    update auth.users as login
    set email_confirmed_at = case when lower(login.email) = lower(sign_in_by_oidc.email) then now() end
    from mentorcert_private.oidc_identities as identity
    where
      identity.issuer = sign_in_by_oidc.issuer and identity.subject = sign_in_by_oidc.subject and login.id = identity.user_id
      and (lower(login.email) = lower(sign_in_by_oidc.email)) is distinct from (login.email_confirmed_at is not null);
  end if;
  return (
    select login.id
    from mentorcert_private.oidc_identities as identity
    join auth.users as login on login.id = identity.user_id
    where
      identity.issuer = sign_in_by_oidc.issuer and identity.subject = sign_in_by_oidc.subject and login.deleted_at is null
      and ((to_jsonb(login) ->> 'banned_until')::timestamptz > now()) is not true
  );
end
$$;
comment on function mentorcert_private.sign_in_by_oidc(text, text, text) is
  'The login of an identity whose token the pages have verified, and whose address the provider has; null where it has none here. On plain PostgreSQL a new address gets a login, which has no rights until somebody gives it a membership.';

revoke execute on function mentorcert_private.sign_in_by_oidc from public, anon, authenticated, service_role;
