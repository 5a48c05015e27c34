-- Memberships in the pages: which login has an e-mail address, which address a member has, and the last administrator stays.

create or replace function private.keep_an_administrator()
returns trigger
language plpgsql
security definer -- counts memberships, whatever the caller may see of them
set search_path = ''
as $$
begin
  -- Locked, so that of two administrators who end each other's membership at once the second one sees the first.
  perform from public.memberships as other
  where
    other.organisation_id = old.organisation_id and other.role = 'org_admin' and other.ended_at is null and other.id <> old.id
  for no key update;
  if not found then
    raise exception using
      errcode = 'MC011', message = 'the last administrator of an organisation stays',
      hint = 'Make somebody else administrator first.',
      schema = 'public', table = 'memberships', column = 'ended_at', constraint = 'memberships_last_administrator';
  end if;
  return new;
end
$$;
comment on function private.keep_an_administrator() is
  'Refuses (MC011) that a client ends the last membership of an administrator; the owner may.';
revoke execute on function private.keep_an_administrator() from public, anon, authenticated, service_role;

create or replace trigger keep_an_administrator
before update of ended_at on public.memberships
for each row when (
  old.role = 'org_admin' and old.ended_at is null and new.ended_at is not null and auth.uid() is not null
)
execute function private.keep_an_administrator();

-- Logins by e-mail address
--
-- auth.users is no client's to read. Whoever gives a membership to an address learns whether it has a login, by whatever way it
-- is done: so the question is put openly, to administrators only, is about one exact address, and each is kept in the access log.

create index if not exists access_log_lookups_idx on private.access_log (user_id, recorded_at) where endpoint = 'find_login';

create or replace function private.find_login(email text)
returns uuid
language plpgsql
security definer -- reads the logins, and writes the log
set search_path = ''
as $$
declare
  hourly_limit constant integer := 60;
begin
  perform private.require_administered_organisation();
  -- One at a time, or several at once would all count to just below the limit.
  perform pg_advisory_xact_lock(hashtextextended('find_login ' || auth.uid(), 0));
  if (
    select count(*) >= hourly_limit from private.access_log as asked
    where asked.endpoint = 'find_login' and asked.user_id = auth.uid() and asked.recorded_at > now() - interval '1 hour'
  ) then
    raise exception using
      errcode = 'MC012', message = format('more than %s addresses were looked up within an hour', hourly_limit),
      hint = 'Go on in an hour, or have the operator admit people by `mentorcert organisation admit`.',
      constraint = 'login_lookups';
  end if;
  perform private.log_access('find_login', '{}', gen_random_uuid()::text);
  return (
    select login.id from auth.users as login
    where lower(login.email) = lower(btrim(find_login.email))
      and login.deleted_at is null
    limit 1
  );
end
$$;
comment on function private.find_login(text) is
  'The login with exactly this e-mail address, for an administrator who gives it a membership; null where there is none. Each question is logged; MC012 after 60 in an hour.';

create or replace function private.member_logins()
returns table (user_id uuid, email text)
language sql
stable
security definer -- reads the logins, of members of the own organisation only
set search_path = ''
as $$
  select login.id, login.email::text -- varchar on Supabase
  from auth.users as login
  where login.id in (
    select membership.user_id from public.memberships as membership
    where
      membership.organisation_id = (select private.administered_organisation_id())
      and membership.ended_at is null
  )
$$;
comment on function private.member_logins() is
  'The e-mail address of everybody who has a membership, not ended, of the organisation that the caller administers.';

revoke execute on function private.find_login(text), private.member_logins()
from public, anon, authenticated, service_role;
grant execute on function private.find_login(text), private.member_logins() to authenticated;
