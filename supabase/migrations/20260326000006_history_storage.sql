-- Where history entries are kept, and in which version: in the JSONB of the certification, or, once that
-- becomes limiting, one row each in certification_renewal_events.

create or replace function private.current_history_version()
returns integer
language sql
immutable
set search_path = ''
as $$ select 1 $$;
comment on function private.current_history_version() is 'The schema_version that new history entries are written in.';

create or replace function private.upgrade_history_entry(entry jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- A version that follows adds a step: when 1 then private.history_entry_from_1_to_2(entry).
  if (entry ->> 'schema_version')::integer = private.current_history_version() then
    return entry;
  end if;
  raise exception using
    errcode = 'MC008',
    message = format('history entry of unknown schema_version %s', entry -> 'schema_version'),
    hint = 'Migrate the database to the release that wrote it.',
    constraint = 'history_entry_schema_version_known';
end
$$;
comment on function private.upgrade_history_entry(jsonb) is
  'Lifts one history entry to the current version; an entry of the current version is returned as it is.';

create or replace function private.upgrade_history(history jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(private.upgrade_history_entry(entry) order by position), '[]')
  from jsonb_array_elements(history) with ordinality as entries (entry, position)
$$;
comment on function private.upgrade_history(jsonb) is 'A history with each entry lifted to the current version, in the same order.';

create table if not exists private.history_storage (
  only_row boolean not null default true,
  mode text not null default 'jsonb',
  switched_at timestamptz,
  constraint history_storage_pkey primary key (only_row),
  constraint history_storage_only_row_valid check (only_row),
  constraint history_storage_mode_valid check (mode in ('jsonb', 'events'))
);
insert into private.history_storage (only_row) values (true) on conflict do nothing;
alter table private.history_storage enable row level security;
comment on table private.history_storage is
  'One row: whether the whole history stands in renewal_history (jsonb) or in certification_renewal_events (events).';

create or replace function private.history_is_in_events()
returns boolean
language sql
stable
security definer -- the storage is no client's to read
set search_path = ''
as $$ select storage.mode = 'events' from private.history_storage as storage $$;
comment on function private.history_is_in_events() is
  'Whether certification_renewal_events is the home of the history, and renewal_history the cache of its newest entries.';

create or replace function private.cached_history(history jsonb)
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
comment on function private.cached_history(jsonb) is 'The newest 50 entries of a history.';

create table if not exists public.certification_renewal_events (
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
alter table public.certification_renewal_events enable row level security;
revoke all on public.certification_renewal_events from anon, authenticated, service_role;
grant select on public.certification_renewal_events to authenticated, service_role;
comment on table public.certification_renewal_events is
  'One row for each history entry, from the moment that mentorcert history to-events has switched; filled by trigger only.';
comment on column public.certification_renewal_events.position is 'Place in the history of the certification, from 1, the oldest.';

drop policy if exists "people read the events of certifications within their reach" on public.certification_renewal_events;
create policy "people read the events of certifications within their reach"
on public.certification_renewal_events for select to authenticated
using (
  exists (
    select from public.peer_mentor_certifications as certification
    where certification.id = certification_renewal_events.certification_id
  )
);
comment on policy "people read the events of certifications within their reach" on public.certification_renewal_events is
  'The inner select is under the policies of peer_mentor_certifications: who reads the certification reads its history.';

drop policy if exists "the endpoint certifications is switched on" on public.certification_renewal_events;
create policy "the endpoint certifications is switched on"
on public.certification_renewal_events as restrictive to anon, authenticated
using ((select private.check_endpoint('certifications')));
comment on policy "the endpoint certifications is switched on" on public.certification_renewal_events is
  'Raises MC010 while it is off.';

create or replace function private.is_erasure()
returns boolean
language sql
stable
set search_path = ''
as $$
  select auth.uid() is null
    and coalesce(nullif(current_setting('mentorcert.change', true), '')::jsonb ->> 'kind' = 'erased', false)
$$;
comment on function private.is_erasure() is
  'Whether a person is being erased: that alone takes notes and evidence out of histories, and logins out of the audit log.';

create or replace function private.reject_change_of_event()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (
      new.entry = private.upgrade_history_entry(old.entry)
      or private.is_erasure() and new.entry = old.entry - array['note', 'evidence']
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
    schema = 'public', table = 'certification_renewal_events', constraint = 'certification_history_append_only';
end
$$;
comment on function private.reject_change_of_event() is
  'Refuses (MC005) every UPDATE of an event, but for what private.upgrade_history_entry makes of it, and an erasure of its remarks.';

create or replace trigger reject_change
before update on public.certification_renewal_events
for each row execute function private.reject_change_of_event();

create or replace trigger reject_removal
before delete or truncate on public.certification_renewal_events
for each statement execute function private.reject_removal();

create or replace function public.certification_history(certification_id uuid)
returns setof jsonb
language plpgsql
stable
rows 10
set search_path = ''
as $$
begin
  perform private.require_certifications();
  if private.history_is_in_events() then
    return query
    select event.entry from public.certification_renewal_events as event
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
end
$$;
comment on function public.certification_history(uuid) is
  'The whole history of a certification, oldest entry first, wherever it is kept; no rows for one that the caller may not read.';

revoke execute on function
  private.current_history_version(), private.upgrade_history_entry(jsonb), private.upgrade_history(jsonb),
  private.history_is_in_events(), private.cached_history(jsonb), private.is_erasure(), private.reject_change_of_event(),
  public.certification_history(uuid)
from public, anon, authenticated, service_role;
grant execute on function private.history_is_in_events(), public.certification_history(uuid)
to authenticated, service_role;
