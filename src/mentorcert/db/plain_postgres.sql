-- What Supabase has and plain PostgreSQL lacks. Laid only where the schema `auth` does not exist, so never on
-- Supabase. Roles belong to the whole server: they may exist already, or come into being at this moment by
-- a migration of another database.

do $$
declare
  wanted record;
begin
  for wanted in
    select role_name, attributes
    from (
      values
        ('anon', 'nologin'),
        ('authenticated', 'nologin'),
        ('service_role', 'nologin bypassrls'),
        ('authenticator', 'login noinherit in role anon, authenticated, service_role')
    ) as roles (role_name, attributes)
  loop
    if pg_catalog.to_regrole(wanted.role_name) is null then
      begin
        execute pg_catalog.format('create role %I %s', wanted.role_name, wanted.attributes);
      exception
        when duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
end
$$;

create schema auth;

comment on schema auth is 'Stands in for the schema of Supabase Auth.';

create table auth.users (
  id uuid not null default pg_catalog.gen_random_uuid(),
  email text,
  phone text,
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

-- Supabase's classic default privileges, so that a forgotten revoke shows here as it would there.
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
