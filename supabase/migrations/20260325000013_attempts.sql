-- How often a client may try to sign in, or to guess: counted for all processes that serve the pages, across their restarts.
--
-- The pages count before they ask Supabase Auth, in a transaction of its own, so that no error takes an attempt back.

create unlogged table if not exists mentorcert_private.attempts (
  key bytea not null,
  number integer not null,
  ends_at timestamptz not null,
  constraint attempts_pkey primary key (key),
  constraint attempts_key_valid check (octet_length(key) = 32)
) with (fillfactor = 70);
create index if not exists attempts_ends_at_idx on mentorcert_private.attempts (ends_at);
alter table mentorcert_private.attempts enable row level security;
revoke all on mentorcert_private.attempts from anon, authenticated, service_role;
comment on table mentorcert_private.attempts is
  'How often a client, a browser or a login was tried within five minutes. Each attempt removes some that are over, the nightly run all; a crash of the server forgets them.';
comment on column mentorcert_private.attempts.key is 'A digest under the secret of the pages: it names no address and no login.';
comment on column mentorcert_private.attempts.ends_at is 'When counting begins again.';

create or replace function mentorcert_private.delete_outdated_attempts(most integer default null)
returns void
language sql
set search_path = ''
as $$
  delete from mentorcert_private.attempts as attempt
  where attempt.key = any(array(
    select ended.key from mentorcert_private.attempts as ended
    where ended.ends_at <= now()
    limit most
    for update skip locked
  ))
$$;
comment on function mentorcert_private.delete_outdated_attempts(integer) is 'Deletes what counts no more, at most the number of rows given; part of mentorcert_private.delete_outdated.';

create or replace function mentorcert_private.count_attempt(keys bytea[], limits integer[])
returns boolean
language plpgsql
security definer -- how often somebody tried is no client's to write
set search_path = ''
as $$
declare
  counted record;
  is_allowed boolean := true;
begin
  -- In the order given: what one client tried too often counts against nobody else.
  for counted in
    select given.key, given.maximum
    from unnest(keys, limits) with ordinality as given (key, maximum, position)
    order by given.position
    limit 4
  loop
    insert into mentorcert_private.attempts as attempt (key, number, ends_at)
    values (counted.key, 1, now() + interval '5 minutes')
    on conflict on constraint attempts_pkey do update set
      number = case when attempt.ends_at > now() then attempt.number + 1 else 1 end,
      ends_at = case when attempt.ends_at > now() then attempt.ends_at else excluded.ends_at end
    where attempt.ends_at <= now() or attempt.number < counted.maximum;
    is_allowed := found;
    exit when not is_allowed;
  end loop;
  -- More than one attempt adds; last, because who waits for a row to be deleted may hold one that is counted here.
  perform mentorcert_private.delete_outdated_attempts(10);
  return is_allowed;
end
$$;
comment on function mentorcert_private.count_attempt(bytea[], integer[]) is
  'Counts one attempt by each key, within five minutes; false where there were as many as its limit before, and then by no later key.';

revoke execute on function mentorcert_private.count_attempt, mentorcert_private.delete_outdated_attempts
from public, anon, authenticated, service_role;
