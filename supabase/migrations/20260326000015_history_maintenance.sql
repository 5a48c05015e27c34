-- Long work on histories, in batches that can be resumed: the lift to a new version, and the move to the events table.
--
-- Each function takes the certifications that follow one by id and returns the last id it looked at: null at the end.

create or replace function private.lock_certifications_after(after_id uuid, batch_size integer)
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
comment on function private.lock_certifications_after(uuid, integer) is 'The ids of the next batch, locked.';

create or replace function private.upgrade_histories(
  after_id uuid, batch_size integer, out last_id uuid, out looked_at integer, out changed integer
)
language plpgsql
set search_path = ''
as $$
declare
  ids constant uuid[] := private.lock_certifications_after(after_id, batch_size);
begin
  update public.certification_renewal_events as event
  set entry = private.upgrade_history_entry(event.entry)
  where event.certification_id = any(ids)
    and (event.entry -> 'schema_version')::integer <> private.current_history_version();

  update public.peer_mentor_certifications as certification
  set renewal_history = private.upgrade_history(certification.renewal_history)
  where certification.id = any(ids) and exists (
    select from jsonb_array_elements(certification.renewal_history) as entry
    where (entry -> 'schema_version')::integer <> private.current_history_version()
  );
  get diagnostics changed = row_count;
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
comment on function private.upgrade_histories(uuid, integer) is
  'Lifts the histories of the next batch of certifications to the current version.';

create or replace function private.check_events(ids uuid[])
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
    from public.certification_renewal_events as event
    where event.certification_id = certification.id
  );
  if differing > 0 then
    raise exception using
      errcode = 'MC005', message = format('the events of %s certifications differ from their history', differing),
      hint = 'Nothing was switched. See docs/history.md on a move that does not verify.',
      schema = 'public', table = 'certification_renewal_events', constraint = 'certification_events_complete';
  end if;
end
$$;
comment on function private.check_events(uuid[]) is
  'Refuses (MC005) events that are not, in count, content and order, the history of their certification.';

create or replace function private.copy_to_events(ids uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  copied integer;
begin
  insert into public.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
  select (entries.entry ->> 'entry_id')::uuid, certification.organisation_id, certification.id, entries.position, entries.entry
  from public.peer_mentor_certifications as certification
  cross join lateral jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position)
  where certification.id = any(ids)
  on conflict do nothing;
  get diagnostics copied = row_count;
  perform private.check_events(ids);
  return copied;
end
$$;
comment on function private.copy_to_events(uuid[]) is
  'Copies the histories of certifications to the events table, as far as they are not there, and verifies them; returns how many entries.';

create or replace function private.copy_histories_to_events(
  after_id uuid, batch_size integer, out last_id uuid, out looked_at integer, out changed integer
)
language plpgsql
set search_path = ''
as $$
declare
  ids constant uuid[] := private.lock_certifications_after(after_id, batch_size);
begin
  changed := private.copy_to_events(ids);
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
comment on function private.copy_histories_to_events(uuid, integer) is
  'Copies the histories of the next batch of certifications to the events table.';

create or replace function private.switch_history_to_events()
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
      from public.certification_renewal_events as event group by event.certification_id
    ) as copied on copied.certification_id = certification.id
    where jsonb_array_length(certification.renewal_history) <> coalesce(copied.entries, 0)
  );
  perform private.copy_to_events(grown);
  update private.history_storage set mode = 'events', switched_at = now() where mode = 'jsonb';
end
$$;
comment on function private.switch_history_to_events() is
  'Copies what was appended since the batches, verifies the count of every certification and the content of those, and makes the events table the home of the history.';

create or replace function private.trim_histories(
  after_id uuid, batch_size integer, out last_id uuid, out looked_at integer, out changed integer
)
language plpgsql
set search_path = ''
as $$
declare
  ids constant uuid[] := private.lock_certifications_after(after_id, batch_size);
begin
  update public.peer_mentor_certifications as certification
  set renewal_history = private.cached_history(certification.renewal_history)
  where certification.id = any(ids) and jsonb_array_length(certification.renewal_history) > 50;
  get diagnostics changed = row_count;
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
comment on function private.trim_histories(uuid, integer) is
  'After the switch: leaves the newest 50 entries of the next batch of certifications in renewal_history.';

revoke execute on function
  private.lock_certifications_after(uuid, integer), private.upgrade_histories(uuid, integer),
  private.check_events(uuid[]), private.copy_to_events(uuid[]), private.copy_histories_to_events(uuid, integer),
  private.switch_history_to_events(), private.trim_histories(uuid, integer)
from public, anon, authenticated, service_role;
