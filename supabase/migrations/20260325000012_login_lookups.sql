-- Logins by e-mail address.
--
-- auth.users is no client's to read. An administrator who gives a membership to an address learns whether it has a login, however
-- it is done: so the question is put openly, to administrators only, is about one exact address, and each is kept in the access log.
-- A question is answered in a later transaction than the one that asked: so nobody has the answer and takes the question back.

create table if not exists mentorcert_private.login_lookups (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  asked_at timestamptz not null default now(),
  asked_in xid8 not null default pg_current_xact_id(),
  login_id uuid,
  constraint login_lookups_pkey primary key (id)
);
create index if not exists login_lookups_asked_at_idx on mentorcert_private.login_lookups (asked_at);
alter table mentorcert_private.login_lookups enable row level security;
revoke all on mentorcert_private.login_lookups from anon, authenticated, service_role;
comment on table mentorcert_private.login_lookups is 'The answers to questions for logins by address, for an hour; without the address.';
comment on column mentorcert_private.login_lookups.asked_in is 'The transaction that asked. Another one that sees the row knows that it has committed.';

create or replace function mentorcert_private.look_up_login(email text)
returns uuid
language plpgsql
security definer -- reads the logins, and writes the log
set search_path = ''
as $$
declare
  hourly_limit constant integer := 60;
  caller constant uuid := mentorcert_private.acting_user();
  lookup_id uuid;
begin
  perform mentorcert_private.require_administered_organisation();
  -- One at a time, or several at once would all count to just below the limit.
  perform mentorcert_private.take_lock('login lookups ' || caller);
  if (
    select count(*) >= hourly_limit from mentorcert_private.access_log as asked
    where asked.endpoint = 'find_login' and asked.user_id = caller and asked.recorded_at > now() - interval '1 hour'
  ) then
    raise exception using
      errcode = 'MC012', message = format('more than %s addresses were looked up within an hour', hourly_limit),
      hint = 'Go on in an hour, or have the operator admit people by `mentorcert organisation admit`.',
      constraint = 'login_lookups';
  end if;
  perform mentorcert_private.log_access('find_login', '{}', gen_random_uuid()::text);
  delete from mentorcert_private.login_lookups as lookup where lookup.asked_at < now() - interval '1 hour';
  insert into mentorcert_private.login_lookups as lookup (user_id, login_id)
  values (
    caller,
    (
      select login.id from auth.users as login
      where lower(login.email) = lower(btrim(look_up_login.email))
        and login.deleted_at is null
      limit 1
    )
  )
  returning lookup.id into lookup_id;
  return lookup_id;
end
$$;
comment on function mentorcert_private.look_up_login(text) is
  'Asks for the login with exactly this e-mail address, for an administrator who gives it a membership; found_login has the answer once this has committed. Each question is logged; MC012 after 60 in an hour.';

create or replace function mentorcert_private.found_login(lookup_id uuid)
returns uuid
language plpgsql
stable
security definer -- reads the answers
set search_path = ''
as $$
declare
  lookup mentorcert_private.login_lookups;
begin
  perform mentorcert_private.require_administered_organisation();
  select asked.* into lookup from mentorcert_private.login_lookups as asked
  where asked.id = found_login.lookup_id and asked.user_id = auth.uid() and asked.asked_at > now() - interval '1 hour'
    and mentorcert_private.is_committed(asked.asked_in);
  if lookup.id is null then
    raise exception using
      errcode = 'MC008', message = 'there is no such question, or it is not committed', hint = 'Ask look_up_login, commit, and ask again.',
      constraint = 'login_lookup_committed';
  end if;
  return lookup.login_id;
end
$$;
comment on function mentorcert_private.found_login(uuid) is
  'The answer to a question that an earlier transaction of the caller put: the login, or null where the address has none.';

create or replace function mentorcert_private.member_logins()
returns table (user_id uuid, email text)
language sql
stable
security definer -- reads the logins, of members of the own organisation only
set search_path = ''
as $$
  select login.id, login.email::text -- varchar on Supabase
  from auth.users as login
  where login.id in (
    select membership.user_id from mentorcert.memberships as membership
    where
      membership.organisation_id = (select mentorcert_private.administered_organisation_id())
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )
$$;
comment on function mentorcert_private.member_logins() is
  'The e-mail address of everybody who has a membership, not ended, of the organisation that the caller administers.';

revoke execute on function
  mentorcert_private.look_up_login, mentorcert_private.found_login, mentorcert_private.member_logins
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.look_up_login, mentorcert_private.found_login, mentorcert_private.member_logins
to authenticated;
