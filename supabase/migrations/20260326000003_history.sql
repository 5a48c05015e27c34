-- Where history entries are kept, and in which version: in the JSONB of the certification, or, once that
-- becomes limiting, one row each in certification_renewal_events.

create or replace function mentorcert_private.current_history_version()
returns integer
language sql
immutable
set search_path = ''
as $$ select 1 $$;
comment on function mentorcert_private.current_history_version() is 'The schema_version that new history entries are written in.';

create or replace function mentorcert_private.upgrade_history_entry(entry jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- A version that follows adds a step: when 1 then mentorcert_private.history_entry_from_1_to_2(entry).
  if (entry ->> 'schema_version')::integer = mentorcert_private.current_history_version() then
    return entry;
  end if;
  raise exception using
    errcode = 'MC008',
    message = format('history entry of unknown schema_version %s', entry -> 'schema_version'),
    hint = 'Migrate the database to the release that wrote it.',
    constraint = 'history_entry_schema_version_known';
end
$$;
comment on function mentorcert_private.upgrade_history_entry(jsonb) is
  'Lifts one history entry to the current version; an entry of the current version is returned as it is.';

create or replace function mentorcert_private.upgrade_history(history jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(mentorcert_private.upgrade_history_entry(entry) order by position), '[]')
  from jsonb_array_elements(history) with ordinality as entries (entry, position)
$$;
comment on function mentorcert_private.upgrade_history(jsonb) is 'A history with each entry lifted to the current version, in the same order.';

create table if not exists mentorcert_private.history_storage (
  only_row boolean not null default true,
  mode text not null default 'jsonb',
  switched_at timestamptz,
  constraint history_storage_pkey primary key (only_row),
  constraint history_storage_only_row_valid check (only_row),
  constraint history_storage_mode_valid check (mode in ('jsonb', 'events'))
);
alter table mentorcert_private.history_storage enable row level security;
comment on table mentorcert_private.history_storage is
  'One row: whether the whole history stands in renewal_history (jsonb) or in certification_renewal_events (events).';

insert into mentorcert_private.history_storage (only_row) values (true) on conflict do nothing;

create or replace function mentorcert_private.history_is_in_events()
returns boolean
language sql
stable
security definer -- the storage is no client's to read
set search_path = ''
as $$ select storage.mode = 'events' from mentorcert_private.history_storage as storage $$;
comment on function mentorcert_private.history_is_in_events() is
  'Whether certification_renewal_events is the home of the history, and renewal_history the cache of its newest entries.';

create or replace function mentorcert_private.cached_history(history jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when jsonb_array_length(history) <= 50 then history
    else (
      select jsonb_agg(entry order by position)
      from jsonb_array_elements(history) with ordinality as entries (entry, position)
      where position > jsonb_array_length(history) - 50
    )
  end
$$;
comment on function mentorcert_private.cached_history(jsonb) is 'The newest 50 entries of a history.';

create table if not exists mentorcert.certification_renewal_events (
  entry_id uuid not null,
  organisation_id uuid not null,
  certification_id uuid not null,
  position integer not null,
  entry jsonb not null,
  constraint certification_renewal_events_pkey primary key (certification_id, position),
  constraint certification_renewal_events_entry_id_key unique (certification_id, entry_id),
  constraint certification_renewal_events_certification_id_fkey foreign key (certification_id)
    references public.peer_mentor_certifications (id),
  constraint certification_renewal_events_position_valid check (position > 0),
  constraint certification_renewal_events_entry_id_valid check (entry ->> 'entry_id' = entry_id::text)
);
create index if not exists certification_renewal_events_organisation_id_idx on mentorcert.certification_renewal_events (organisation_id);
alter table mentorcert.certification_renewal_events enable row level security;
revoke all on mentorcert.certification_renewal_events from anon, authenticated, service_role;
grant select on mentorcert.certification_renewal_events to authenticated, service_role;
comment on table mentorcert.certification_renewal_events is
  'One row for each history entry, from the moment that mentorcert history to-events has switched; filled by trigger only.';
comment on column mentorcert.certification_renewal_events.position is 'Place in the history of the certification, from 1, the oldest.';

drop policy if exists "people read the events of certifications within their reach" on mentorcert.certification_renewal_events;
create policy "people read the events of certifications within their reach"
on mentorcert.certification_renewal_events for select to authenticated
using (
  exists (
    select from public.peer_mentor_certifications as certification
    where certification.id = certification_renewal_events.certification_id
  )
  -- Of whom besides: a peer mentor's own few certifications are looked up, an organisation's are compared.
  and (
    organisation_id between (
      select public.get_user_organisation_id()
      where (select mentorcert_private.administered_organisation_id()) is not null or (select mentorcert_private.coordinated_chapter_ids()) <> '{}'
    ) and (select public.get_user_organisation_id())
    or certification_id = any(array(
      select own.id from public.peer_mentor_certifications as own
      where own.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    ))
  )
);
comment on policy "people read the events of certifications within their reach" on mentorcert.certification_renewal_events is
  'The inner select is under the policies of peer_mentor_certifications: who reads the certification reads its history.';

drop policy if exists "the endpoint certifications is switched on" on mentorcert.certification_renewal_events;
create policy "the endpoint certifications is switched on"
on mentorcert.certification_renewal_events as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('certifications')));
comment on policy "the endpoint certifications is switched on" on mentorcert.certification_renewal_events is
  'Raises MC010 while it is off.';

create or replace function mentorcert_private.is_erasure()
returns boolean
language sql
set search_path = ''
as $$
  select case
    when nullif(current_setting('mentorcert.change', true), '')::jsonb ->> 'kind' = 'erased'
      then mentorcert_private.acting_user() is null
    else false
  end
$$;
comment on function mentorcert_private.is_erasure() is
  'Whether a person is being erased: that alone takes notes and evidence out of histories, and logins out of the audit log.';

create or replace function mentorcert_private.reject_change_of_event()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (
      new.entry = mentorcert_private.upgrade_history_entry(old.entry)
      or mentorcert_private.is_erasure() and new.entry = old.entry - array['note', 'evidence']
    )
    and (new.entry_id, new.organisation_id, new.certification_id, new.position)
      = (old.entry_id, old.organisation_id, old.certification_id, old.position)
  then
    return new;
  end if;
  raise exception using
    errcode = 'MC005',
    message = 'history entries cannot be changed',
    hint = 'Take a change back with revert_change; it appends a compensating entry.',
    schema = 'mentorcert', table = 'certification_renewal_events', constraint = 'certification_history_append_only';
end
$$;
comment on function mentorcert_private.reject_change_of_event() is
  'Refuses (MC005) every UPDATE of an event, but for what mentorcert_private.upgrade_history_entry makes of it, and an erasure of its remarks.';

create or replace trigger reject_change
before update on mentorcert.certification_renewal_events
for each row execute function mentorcert_private.reject_change_of_event();

create or replace trigger reject_removal
before delete or truncate on mentorcert.certification_renewal_events
for each statement execute function mentorcert_private.reject_change(
  'certification_history_append_only', 'Suspend the certification, or end the membership, instead.'
);

create or replace function mentorcert_private.replaced_history(certification_id uuid)
returns setof jsonb
language plpgsql
stable
rows 10
security definer -- a certification that another replaced is in nobody's reach; who reads the kept peer mentor reads its history
set search_path = ''
as $$
begin
  if not exists (
    select from public.peer_mentor_certifications as certification
    join mentorcert.peer_mentors as absorbed on absorbed.id = certification.peer_mentor_id and absorbed.merged_into is not null
    where certification.id = replaced_history.certification_id and mentorcert_private.reads_peer_mentor(absorbed.id)
  ) then
    return;
  elsif mentorcert_private.history_is_in_events() then
    return query
    select event.entry from mentorcert.certification_renewal_events as event
    where event.certification_id = replaced_history.certification_id
    order by event.position;
  else
    return query
    select entries.entry
    from public.peer_mentor_certifications as certification,
      jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position)
    where certification.id = replaced_history.certification_id
    order by entries.position;
  end if;
end
$$;
comment on function mentorcert_private.replaced_history(uuid) is
  'The history of a certification that another replaced when two peer mentors were merged, for those who read the kept one; no rows for any other.';

create or replace function public.certification_history(certification_id uuid)
returns setof jsonb
language plpgsql
stable
rows 10
set search_path = ''
as $$
begin
  perform mentorcert_private.require_certifications();
  if mentorcert_private.history_is_in_events() then
    return query
    select event.entry from mentorcert.certification_renewal_events as event
    where event.certification_id = certification_history.certification_id
    order by event.position;
  else
    return query
    select entries.entry
    from public.peer_mentor_certifications as certification,
      jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position)
    where certification.id = certification_history.certification_id
    order by entries.position;
  end if;
  if not found then
    return query select entry from mentorcert_private.replaced_history(certification_history.certification_id) as entry;
  end if;
end
$$;
comment on function public.certification_history(uuid) is
  'The whole history of a certification, oldest entry first, wherever it is kept, also of one that another replaced when two peer mentors were merged; no rows for one that the caller may not read.';

-- The entries

create or replace function mentorcert_private.state(certification public.peer_mentor_certifications)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'certification_type', certification.certification_type, 'status', certification.status,
    'issued_at', certification.issued_at, 'expires_at', certification.expires_at
  );
end
$$;
comment on function mentorcert_private.state(public.peer_mentor_certifications) is 'What history entries say of a certification.';

create or replace function mentorcert_private.next_recorded_at(history jsonb)
returns timestamptz
language plpgsql
volatile -- the clock after the lock of the row, which its transaction's start is not
set search_path = ''
as $$
begin
  return greatest(clock_timestamp(), (history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond');
end
$$;
comment on function mentorcert_private.next_recorded_at(jsonb) is
  'When the registry learns of a change of a certification whose row is locked: by the clock, and never before the entry before.';

create or replace function mentorcert_private.changed_fields(of_state jsonb, against jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_object_agg(field.key, field.value)
  from jsonb_each(of_state) as field
  where field.value is distinct from against -> field.key
$$;
comment on function mentorcert_private.changed_fields(jsonb, jsonb) is 'The fields of one state that the other has otherwise.';

create or replace function mentorcert_private.without_remarks(history jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(entry - array['note', 'evidence'] order by position), '[]')
  from jsonb_array_elements(history) with ordinality as entries (entry, position)
$$;
comment on function mentorcert_private.without_remarks(jsonb) is 'A history without notes and evidence, which write about people.';

create or replace function mentorcert_private.check_history_kept(before jsonb, after jsonb)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if after = mentorcert_private.upgrade_history(before)
    or mentorcert_private.history_is_in_events() and after = mentorcert_private.cached_history(before)
    or mentorcert_private.is_erasure() and after = mentorcert_private.without_remarks(before)
  then
    return;
  end if;
  raise exception using
    errcode = 'MC005', message = 'history entries cannot be changed, reordered or removed',
    hint = 'Take a change back with revert_change; it appends a compensating entry.',
    schema = 'public', table = 'peer_mentor_certifications', column = 'renewal_history',
    constraint = 'certification_history_append_only';
end
$$;
comment on function mentorcert_private.check_history_kept(jsonb, jsonb) is
  'Refuses (MC005) every change of a history, by every role, but for the lift to the current version, the move to the events table and an erasure of its remarks.';

create or replace function mentorcert_private.latest_change(certification_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.upgrade_history_entry(entries.entry)
  from public.certification_history(certification_id) with ordinality as entries (entry, position)
  where entries.entry ->> 'kind' <> 'expired' -- that is the calendar's, not somebody's
  order by entries.position desc
  limit 1
$$;
comment on function mentorcert_private.latest_change(uuid) is
  'The newest history entry of a certification that somebody made; null for one that the caller may not read.';

create or replace function mentorcert_private.reverted_entry(held public.peer_mentor_certifications, change jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  found_entry jsonb;
begin
  -- By paths, not by queries: it is asked for each of thousands.
  if change -> 'reverts_latest' = 'true' then
    found_entry := jsonb_path_query_array(held.renewal_history, '$[*] ? (@.kind != "expired")') -> -1;
  else
    found_entry := jsonb_path_query_first(
      held.renewal_history, '$[*] ? (@.entry_id == $reverts || @.batch_id == $batch)',
      -- No entry says an empty text of either.
      jsonb_build_object('reverts', coalesce(change ->> 'reverts', ''), 'batch', coalesce(change ->> 'reverts_batch', ''))
    );
  end if;
  -- Not among the newest, which the row holds at hand.
  if found_entry is null and mentorcert_private.history_is_in_events() then
    if change -> 'reverts_latest' = 'true' then
      return mentorcert_private.latest_change(held.id);
    end if;
    select entry into found_entry
    from public.certification_history(held.id) as entry
    where entry -> 'entry_id' = change -> 'reverts' or entry -> 'batch_id' = change -> 'reverts_batch';
  end if;
  return case when found_entry is not null then mentorcert_private.upgrade_history_entry(found_entry) end;
end
$$;
comment on function mentorcert_private.reverted_entry(public.peer_mentor_certifications, jsonb) is
  'The entry of a certification that a revert takes back: the one named, that of the batch named, or the latest that somebody made; null where it has none.';

create or replace function mentorcert_private.store_events()
returns trigger
language plpgsql
security definer -- events are written by this trigger alone
set search_path = ''
as $$
begin
  if mentorcert_private.history_is_in_events() then
    insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
    select
      (entries.entry ->> 'entry_id')::uuid, changed.organisation_id, changed.id,
      stored.position + row_number() over (partition by changed.id order by entries.position), entries.entry
    from changed_rows as changed
    cross join lateral (
      select coalesce(max(event.position), 0) as position
      from mentorcert.certification_renewal_events as event
      where event.certification_id = changed.id
    ) as stored
    cross join lateral jsonb_array_elements(changed.renewal_history) with ordinality as entries (entry, position)
    where not exists (
      select from mentorcert.certification_renewal_events as event
      where event.certification_id = changed.id and event.entry_id = (entries.entry ->> 'entry_id')::uuid
    );
  end if;
  return null;
end
$$;
comment on function mentorcert_private.store_events() is 'Gives each new history entry its row in certification_renewal_events, once that is the history''s home.';

create or replace trigger store_events_on_insert
after insert on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.store_events();

create or replace trigger store_events_on_update
after update on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.store_events();

-- Was it valid then, by what was known then?

create or replace function mentorcert_private.require_settled(certification uuid, known_at timestamptz)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  seen constant pg_snapshot := pg_current_snapshot();
  next_xid constant bigint := pg_snapshot_xmax(seen)::text::bigint;
  writer bigint;
begin
  -- Who changes the row now may have looked at the clock before known_at, and says so only by its commit. Its transaction
  -- stands, without the epoch, in xmax of the row as this statement sees it. An entry later than known_at settles it too.
  select next_xid - ((next_xid - held.xmax::text::bigint + 2147483648) & 4294967295) + 2147483648 into writer
  from public.peer_mentor_certifications as held
  where held.id = certification and held.xmax::text <> '0'
    and (held.renewal_history #>> '{-1,recorded_at}')::timestamptz <= known_at;
  -- One that has committed after this statement began is not seen either; of a savepoint, no snapshot says which that is.
  if writer >= next_xid
    or writer >= pg_snapshot_xmin(seen)::text::bigint and pg_xact_status(writer::text::xid8) <> 'aborted' then
    raise exception using
      errcode = 'lock_not_available', message = 'the certification is being changed at this moment',
      hint = 'Ask again: what was known then is settled when the change has ended.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_knowledge_settled';
  end if;
end
$$;
comment on function mentorcert_private.require_settled(uuid, timestamptz) is
  'Refuses (55P03) to say what was known at an instant while a running transaction may still add to it: so an answer never changes.';

create or replace function public.certification_as_of(
  certification uuid, at timestamptz, known_at timestamptz default null
)
returns boolean
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.require_certifications();
  select mentorcert_private.require_instants(jsonb_build_object('at', at, 'known_at', known_at));
  select mentorcert_private.require_settled(certification, known_at);

  with effective as (
    select entries.position, mentorcert_private.upgrade_history_entry(entries.entry) -> 'after' as after
    from public.certification_history(certification) with ordinality as entries (entry, position)
    where
      (known_at is null or (entries.entry ->> 'recorded_at')::timestamptz <= known_at)
      and (entries.entry ->> 'effective_at')::timestamptz <= at
  ),
  -- Of each field, what was said last counts.
  known as (
    select
      (select after ->> 'issued_at' from effective where after ? 'issued_at' order by position desc limit 1)::timestamptz as issued_at,
      (select after ->> 'expires_at' from effective where after ? 'expires_at' order by position desc limit 1)::timestamptz as expires_at,
      (select after ->> 'status' from effective where after ? 'status' order by position desc limit 1) as status
  )
  select case
    when exists (select from public.peer_mentor_certifications as visible where visible.id = certification)
      or exists (select from mentorcert_private.replaced_history(certification))
      then coalesce(
        known.status <> 'suspended' and known.issued_at <= at and at < coalesce(known.expires_at, 'infinity'), false
      )
  end
  from known
$$;
comment on function public.certification_as_of(uuid, timestamptz, timestamptz) is
  'Whether a certification was valid at an instant, by what the registry knew at another (null: what it knows); null for one that the caller may not read.';

-- Long work on histories, in batches that can be resumed: the lift to a new version, and the move to the events table.
--
-- Each function takes the certifications that follow one by id and returns the last id it looked at: null at the end.

create or replace function mentorcert_private.lock_certifications_after(after_id uuid, batch_size integer)
returns uuid[]
language sql
set search_path = ''
as $$
  select array(
    select certification.id from public.peer_mentor_certifications as certification
    where certification.id > coalesce(after_id, '00000000-0000-0000-0000-000000000000')
    order by certification.id
    limit batch_size
    for no key update
  )
$$;
comment on function mentorcert_private.lock_certifications_after(uuid, integer) is 'The ids of the next batch, locked.';

create or replace function mentorcert_private.upgrade_histories(
  after_id uuid, batch_size integer, out last_id uuid, out looked_at integer, out changed integer
)
language plpgsql
set search_path = ''
as $$
declare
  ids constant uuid[] := mentorcert_private.lock_certifications_after(after_id, batch_size);
begin
  update mentorcert.certification_renewal_events as event
  set entry = mentorcert_private.upgrade_history_entry(event.entry)
  where event.certification_id = any(ids)
    and (event.entry -> 'schema_version')::integer <> mentorcert_private.current_history_version();

  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.upgrade_history(certification.renewal_history)
  where certification.id = any(ids) and exists (
    select from jsonb_array_elements(certification.renewal_history) as entry
    where (entry -> 'schema_version')::integer <> mentorcert_private.current_history_version()
  );
  get diagnostics changed = row_count;
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
comment on function mentorcert_private.upgrade_histories(uuid, integer) is
  'Lifts the histories of the next batch of certifications to the current version.';

create or replace function mentorcert_private.check_events(ids uuid[])
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  differing integer;
begin
  select count(*) into differing
  from public.peer_mentor_certifications as certification
  where certification.id = any(ids) and certification.renewal_history is distinct from (
    select coalesce(jsonb_agg(event.entry order by event.position), '[]')
    from mentorcert.certification_renewal_events as event
    where event.certification_id = certification.id
  );
  if differing > 0 then
    raise exception using
      errcode = 'MC005', message = format('the events of %s certifications differ from their history', differing),
      hint = 'Nothing was switched. See docs/history.md on a move that does not verify.',
      schema = 'mentorcert', table = 'certification_renewal_events', constraint = 'certification_events_complete';
  end if;
end
$$;
comment on function mentorcert_private.check_events(uuid[]) is
  'Refuses (MC005) events that are not, in count, content and order, the history of their certification.';

create or replace function mentorcert_private.copy_to_events(ids uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  copied integer;
begin
  insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
  select (entries.entry ->> 'entry_id')::uuid, certification.organisation_id, certification.id, entries.position, entries.entry
  from public.peer_mentor_certifications as certification
  cross join lateral jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position)
  where certification.id = any(ids)
  on conflict do nothing;
  get diagnostics copied = row_count;
  perform mentorcert_private.check_events(ids);
  return copied;
end
$$;
comment on function mentorcert_private.copy_to_events(uuid[]) is
  'Copies the histories of certifications to the events table, as far as they are not there, and verifies them; returns how many entries.';

create or replace function mentorcert_private.copy_histories_to_events(
  after_id uuid, batch_size integer, out last_id uuid, out looked_at integer, out changed integer
)
language plpgsql
set search_path = ''
as $$
declare
  ids constant uuid[] := mentorcert_private.lock_certifications_after(after_id, batch_size);
begin
  changed := mentorcert_private.copy_to_events(ids);
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
comment on function mentorcert_private.copy_histories_to_events(uuid, integer) is
  'Copies the histories of the next batch of certifications to the events table.';

create or replace function mentorcert_private.switch_history_to_events()
returns void
language plpgsql
set search_path = ''
as $$
declare
  grown uuid[];
begin
  -- Nobody writes a certification from here to the commit; everybody reads on.
  lock table public.peer_mentor_certifications in share row exclusive mode;
  grown := array(
    select certification.id
    from public.peer_mentor_certifications as certification
    left join (
      select event.certification_id, count(*) as entries
      from mentorcert.certification_renewal_events as event group by event.certification_id
    ) as copied on copied.certification_id = certification.id
    where jsonb_array_length(certification.renewal_history) <> coalesce(copied.entries, 0)
  );
  perform mentorcert_private.copy_to_events(grown);
  update mentorcert_private.history_storage set mode = 'events', switched_at = now() where mode = 'jsonb';
end
$$;
comment on function mentorcert_private.switch_history_to_events() is
  'Copies what was appended since the batches, verifies the count of every certification and the content of those, and makes the events table the home of the history.';

create or replace function mentorcert_private.trim_histories(
  after_id uuid, batch_size integer, out last_id uuid, out looked_at integer, out changed integer
)
language plpgsql
set search_path = ''
as $$
declare
  ids constant uuid[] := mentorcert_private.lock_certifications_after(after_id, batch_size);
begin
  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.cached_history(certification.renewal_history)
  where certification.id = any(ids) and jsonb_array_length(certification.renewal_history) > 50;
  get diagnostics changed = row_count;
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
comment on function mentorcert_private.trim_histories(uuid, integer) is
  'After the switch: leaves the newest 50 entries of the next batch of certifications in renewal_history.';

revoke execute on function
  mentorcert_private.current_history_version, mentorcert_private.upgrade_history_entry, mentorcert_private.upgrade_history,
  mentorcert_private.history_is_in_events, mentorcert_private.cached_history, mentorcert_private.is_erasure, mentorcert_private.reject_change_of_event,
  mentorcert_private.replaced_history, public.certification_history, mentorcert_private.state, mentorcert_private.next_recorded_at, mentorcert_private.changed_fields, mentorcert_private.without_remarks,
  mentorcert_private.check_history_kept, mentorcert_private.latest_change, mentorcert_private.reverted_entry, mentorcert_private.store_events,
  mentorcert_private.require_settled, public.certification_as_of, mentorcert_private.lock_certifications_after, mentorcert_private.upgrade_histories, mentorcert_private.check_events,
  mentorcert_private.copy_to_events, mentorcert_private.copy_histories_to_events, mentorcert_private.switch_history_to_events, mentorcert_private.trim_histories
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.current_history_version, mentorcert_private.upgrade_history_entry, mentorcert_private.history_is_in_events,
  mentorcert_private.replaced_history, public.certification_history, mentorcert_private.latest_change, mentorcert_private.reverted_entry,
  mentorcert_private.require_settled, public.certification_as_of
to authenticated, service_role;
