-- Sessions that ended before their access tokens did: a token that was copied before the sign-out opens nothing after it.
--
-- A token is good for its hour whatever happens meanwhile. So a session that ended is kept until no token of it can be good any
-- more, and row-level security asks for it, on the pages, in the API and in the Data API.
--
-- An app signs out at Supabase Auth itself. That deletes the row of the session in auth.sessions, and those of a login that is
-- deleted or signed out everywhere: where there is such a table, a session that is not in it has ended too.

create table if not exists mentorcert_private.ended_sessions (
  session bytea not null,
  ends_at timestamptz not null,
  constraint ended_sessions_pkey primary key (session),
  constraint ended_sessions_session_valid check (octet_length(session) = 32)
);
create index if not exists ended_sessions_ends_at_idx on mentorcert_private.ended_sessions (ends_at);
alter table mentorcert_private.ended_sessions enable row level security;
comment on table mentorcert_private.ended_sessions is 'Sessions that were signed out of; each sign-out removes those whose tokens have expired.';
comment on column mentorcert_private.ended_sessions.session is 'A digest: it names neither the login nor the session.';
comment on column mentorcert_private.ended_sessions.ends_at is 'When the last token of the session has expired.';

create or replace function mentorcert_private.current_session()
returns bytea
language sql
stable
set search_path = ''
as $$
  select sha256(
    convert_to(
      -- Without the id of a session, which Supabase Auth always gives, the token itself stands for it.
      concat_ws(' ', claims.of ->> 'sub', coalesce(claims.of ->> 'session_id', concat_ws(' ', claims.of ->> 'iat', claims.of ->> 'exp'))),
      'UTF8'
    )
  )
  from (select auth.jwt() as of) as claims
$$;
comment on function mentorcert_private.current_session() is 'The digest of the session to which the caller''s token belongs.';

create or replace function mentorcert_private.is_session_in_auth(session_id text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  sessions constant regclass := to_regclass('auth.sessions');
  is_there boolean := true;
begin
  -- Where the owner may not read them all, an absent row says nothing.
  if sessions is not null and has_table_privilege(sessions, 'select') then
    if not row_security_active(sessions) then
      -- Not every server has the table, so its name is put in where it is there.
      execute format('select exists (select from %s as session where session.id = $1)', sessions)
      into is_there
      -- Supabase Auth gives no other ids; what is none is not in the table.
      using case when session_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then session_id::uuid end;
    end if;
  end if;
  return is_there;
end
$$;
comment on function mentorcert_private.is_session_in_auth(text) is
  'Whether Supabase Auth still has a session; true where it keeps none, or its owner may not read them all.';

create or replace function mentorcert_private.check_session()
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  session_id constant text := auth.jwt() ->> 'session_id';
begin
  if
    exists (select from mentorcert_private.ended_sessions as ended where ended.session = mentorcert_private.current_session())
    or session_id is not null and not mentorcert_private.is_session_in_auth(session_id)
  then
    raise exception using
      errcode = 'PT401', message = 'the session has ended', hint = 'Sign in again.', constraint = 'session_open';
  end if;
end
$$;
comment on function mentorcert_private.check_session() is 'Raises PT401 for a token of a session that was signed out of, here or at Supabase Auth.';

create or replace function mentorcert_private.end_session()
returns void
language plpgsql
security definer -- which sessions have ended is no client's to write
set search_path = ''
as $$
declare
  claims constant jsonb := auth.jwt();
  -- Another token of the session may be as young as this moment. Without times, none is good.
  seconds constant double precision := (claims ->> 'exp')::double precision
    - coalesce((claims ->> 'iat')::double precision, extract(epoch from now()));
begin
  delete from mentorcert_private.ended_sessions
  where session in (
    select ended.session from mentorcert_private.ended_sessions as ended where ended.ends_at < now() for update skip locked
  );
  insert into mentorcert_private.ended_sessions (session, ends_at)
  -- A minute's grace: clocks differ.
  values (mentorcert_private.current_session(), now() + make_interval(mins => 1, secs => least(seconds, 31622400)))
  on conflict do nothing;
end
$$;
comment on function mentorcert_private.end_session() is 'Ends the session of the caller: none of its tokens is accepted any more.';

revoke execute on function
  mentorcert_private.current_session, mentorcert_private.is_session_in_auth, mentorcert_private.check_session,
  mentorcert_private.end_session
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.end_session to authenticated;
