-- Locks by a name, for what has no row of its own to lock.
--
-- An advisory lock is anybody's to take who knows its key: a client could stop imports or look-ups for as long as it likes. The rows of
-- this table are out of the reach of clients.

create unlogged table if not exists mentorcert_private.locks (
  name text not null,
  taken_at timestamptz not null,
  constraint locks_pkey primary key (name),
  constraint locks_name_length check (length(name) <= 500)
);
alter table mentorcert_private.locks enable row level security;
revoke all on mentorcert_private.locks from anon, authenticated, service_role;
comment on table mentorcert_private.locks is 'One row for each name that was locked lately; who writes the row holds the lock until the transaction ends.';

create or replace function mentorcert_private.take_lock(name text)
returns void
language sql
set search_path = ''
as $$
  insert into mentorcert_private.locks as lock (name, taken_at) values (take_lock.name, clock_timestamp())
  on conflict on constraint locks_pkey do update set taken_at = excluded.taken_at
$$;
comment on function mentorcert_private.take_lock(text) is 'Waits until nobody else holds the lock of this name, and holds it until the transaction ends.';

create or replace function mentorcert_private.delete_outdated_locks()
returns void
language sql
set search_path = ''
as $$
  delete from mentorcert_private.locks as lock
  where lock.name = any(array(
    select free.name from mentorcert_private.locks as free
    where free.taken_at < now() - interval '1 day'
    for update skip locked
  ))
$$;
comment on function mentorcert_private.delete_outdated_locks() is 'Deletes the rows of locks that nobody has taken for a day; part of mentorcert_private.delete_outdated.';

-- What was handed out leaves a row that no rollback takes away: who asks writes it in one transaction, and has the answer in a later one.

create or replace function mentorcert_private.is_committed(written_in xid8)
returns boolean
language sql
stable
set search_path = ''
as $$ select is_committed.written_in is distinct from pg_current_xact_id_if_assigned() $$;
comment on function mentorcert_private.is_committed(xid8) is
  'Whether a row that is seen was written by another transaction than this one, and so has committed.';

revoke execute on function
  mentorcert_private.take_lock, mentorcert_private.delete_outdated_locks, mentorcert_private.is_committed
from public, anon, authenticated, service_role;
