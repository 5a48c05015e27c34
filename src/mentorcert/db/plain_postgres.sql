-- What Supabase has and plain PostgreSQL lacks, beside the roles of plain_roles.sql. Laid only where the schema `auth` does not
-- exist, so never on Supabase.

create schema auth;

comment on schema auth is 'Stands in for the schema of Supabase Auth.';

create table auth.users (
  id uuid not null default pg_catalog.gen_random_uuid(),
  email text,
  phone text,
  email_confirmed_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now(),
  deleted_at timestamptz,
  constraint users_pkey primary key (id),
  constraint users_phone_key unique (phone)
);

comment on table auth.users is 'Stands in for the logins of Supabase Auth.';

create function auth.jwt() returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(
    nullif(pg_catalog.current_setting('request.jwt.claim', true), ''),
    nullif(pg_catalog.current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

comment on function auth.jwt() is 'The claims of the caller''s token; null without a token.';

create function auth.uid() returns uuid
language sql stable
set search_path = ''
as $$
  select coalesce(
    nullif(pg_catalog.current_setting('request.jwt.claim.sub', true), ''),
    nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

comment on function auth.uid() is 'The id of the caller''s login; null without a token.';

create function auth.role() returns text
language sql stable
set search_path = ''
as $$
  select coalesce(
    nullif(pg_catalog.current_setting('request.jwt.claim.role', true), ''),
    nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;

comment on function auth.role() is 'The role named in the caller''s token; null without a token.';

create function auth.email() returns text
language sql stable
set search_path = ''
as $$
  select coalesce(
    nullif(pg_catalog.current_setting('request.jwt.claim.email', true), ''),
    nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
  )
$$;

comment on function auth.email() is 'The e-mail address in the caller''s token; null without a token.';

grant usage on schema auth to anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;

-- Supabase's classic default privileges, so that a forgotten revoke shows here as it would there; not where somebody has
-- tables already, whose next ones are not ours to grant.
do $$
begin
  if not exists (select from pg_catalog.pg_class as class where class.relnamespace = 'public'::regnamespace) then
    alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
    alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
  end if;
end
$$;
