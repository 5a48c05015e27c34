-- Every change of a certification is checked and appends one history entry, by whatever path it comes.

create or replace function private.state(certification public.peer_mentor_certifications)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'certification_type', certification.certification_type, 'status', certification.status,
    'issued_at', certification.issued_at, 'expires_at', certification.expires_at
  )
$$;
comment on function private.state(public.peer_mentor_certifications) is 'What history entries say of a certification.';

create or replace function private.changed_fields(of_state jsonb, against jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_object_agg(field.key, field.value)
  from jsonb_each(of_state) as field
  where field.value is distinct from against -> field.key
$$;
comment on function private.changed_fields(jsonb, jsonb) is 'The fields of one state that the other has otherwise.';

create or replace function private.without_remarks(history jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(entry - array['note', 'evidence'] order by position), '[]')
  from jsonb_array_elements(history) with ordinality as entries (entry, position)
$$;
comment on function private.without_remarks(jsonb) is 'A history without notes and evidence, which write about people.';

create or replace function private.check_history_kept(before jsonb, after jsonb)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if after = private.upgrade_history(before)
    or private.history_is_in_events() and after = private.cached_history(before)
    or private.is_erasure() and after = private.without_remarks(before)
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
comment on function private.check_history_kept(jsonb, jsonb) is
  'Refuses (MC005) every change of a history, by whomever, but for the lift to the current version, the move to the events table and an erasure of its remarks.';

create or replace function private.reverted_entry(certification_id uuid, change jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.upgrade_history_entry(entry)
  from public.certification_history(certification_id) as entry
  where entry -> 'entry_id' = change -> 'reverts' or entry -> 'batch_id' = change -> 'reverts_batch'
$$;
comment on function private.reverted_entry(uuid, jsonb) is 'The entry that a revert takes back: the one named, or that of the batch named.';

create or replace function private.record_change()
returns trigger
language plpgsql
security definer -- reads types, peer mentors and chapters, whatever the caller may see of them
set search_path = ''
as $$
declare
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  by_user constant boolean := auth.uid() is not null;
  as_of constant timestamptz := case when by_user then now() else coalesce((change ->> 'as_of')::timestamptz, now()) end;
  imported constant boolean := not by_user and change ->> 'kind' = 'imported';
  kind text;
  reverted jsonb;
  effective_at timestamptz;
  time_zone text;
  is_admin boolean;
  before jsonb;
  after jsonb;
begin
  if tg_op = 'UPDATE' and new.renewal_history <> old.renewal_history then
    perform private.check_history_kept(old.renewal_history, new.renewal_history);
    if (new.status, new.expires_at, new.issued_at, new.certification_type)
      is not distinct from (old.status, old.expires_at, old.issued_at, old.certification_type) then
      return new;
    end if;
  end if;

  is_admin := not by_user or new.organisation_id is not distinct from private.administered_organisation_id();
  if tg_op = 'INSERT' then
    select mentor.chapter_ids, organisation.time_zone into new.chapter_ids, time_zone
    from public.peer_mentors as mentor
    join public.organisations as organisation on organisation.id = mentor.organisation_id
    where mentor.organisation_id = new.organisation_id and mentor.id = new.peer_mentor_id and mentor.erased_at is null
    for no key update of mentor; -- so that a chapter entered meanwhile is not missed
    if not found or (by_user and not private.may_certify(new.organisation_id, new.chapter_ids)) then
      perform private.raise_forbidden();
    end if;
    if new.status = 'suspended' or (new.status = 'expired' and coalesce(new.expires_at, 'infinity') > as_of) then
      raise exception using
        errcode = 'MC001', message = format('a new certification cannot be %s', new.status),
        hint = 'Register it as active; then suspend it.',
        schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_transition';
    end if;
    if by_user and new.renewal_history <> '[]'
      or exists (
        select from jsonb_array_elements(new.renewal_history) as entry
        where
          entry ->> 'kind' is distinct from 'imported'
          or entry -> 'schema_version' is distinct from to_jsonb(private.current_history_version())
          or (entry ->> 'entry_id')::uuid is null
          or (entry ->> 'recorded_at')::timestamptz is null
          or (entry ->> 'effective_at')::timestamptz is null
          or not coalesce(entry -> 'after' ?& array['certification_type', 'issued_at', 'expires_at', 'status'], false)
      )
    then
      raise exception using
        errcode = 'MC005', message = 'a new certification brings no history, but for an import''s past renewals',
        hint = 'Leave renewal_history out.',
        schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_history_append_only';
    end if;
    if by_user then
      new.status := private.status_at(false, new.expires_at, as_of); -- of a job, the nightly run settles it
    end if;
    kind := case when imported then 'imported' else 'issued' end;
    effective_at := new.issued_at;
    before := new.renewal_history #> '{-1,after}';
  else
    if not private.is_erasure() and exists (
      select from public.peer_mentors as mentor where mentor.id = new.peer_mentor_id and mentor.erased_at is not null
    ) and new.status is distinct from 'expired' then
      perform private.raise_forbidden('the person was erased; nothing is certified any more');
    end if;
    time_zone := private.time_zone_of(new.organisation_id);
    if new.status = old.status or (old.status = 'suspended' and new.status <> 'suspended') then
      new.status := private.status_at(new.status = 'suspended', new.expires_at, as_of);
    end if;
    kind := private.kind_of_change(old, new, as_of);
    effective_at := case kind
      when 'renewed' then new.issued_at
      when 'extended' then least(as_of, old.expires_at)
      when 'expired' then old.expires_at
      when 'corrected' then least(old.issued_at, new.issued_at)
      else as_of
    end;
    if imported then
      kind := 'imported';
    elsif change ->> 'kind' = 'reverted' then
      kind := 'reverted';
      reverted := private.reverted_entry(old.id, change);
      perform private.check_revert(old, new, reverted);
      if not is_admin and reverted ->> 'kind' not in ('renewed', 'suspended', 'reinstated') then
        perform private.raise_forbidden('only the administrator of the organisation takes back a change of this kind');
      end if;
      effective_at := (reverted ->> 'effective_at')::timestamptz;
    elsif kind in ('corrected', 'extended') and not is_admin then
      perform private.raise_forbidden('only the administrator of the organisation corrects or extends a certification');
    end if;
  end if;
  if tg_op = 'INSERT' or old.certification_type <> new.certification_type
    or old.issued_at <> new.issued_at or old.expires_at is distinct from new.expires_at then
    perform private.check_dates(new, time_zone, as_of);
    perform private.check_type(
      new, case when tg_op = 'UPDATE' then old.expires_at end, time_zone,
      within_rule => not is_admin and kind in ('issued', 'renewed')
    );
  end if;
  if kind = 'suspended' and by_user then
    perform private.require_reason(change ->> 'note');
  end if;
  perform private.check_note_and_evidence(change);

  before := coalesce(before, case when tg_op = 'UPDATE' then private.state(old) end);
  after := private.state(new);
  new.renewal_history := new.renewal_history || (jsonb_strip_nulls(jsonb_build_object(
    'schema_version', private.current_history_version(),
    'entry_id', gen_random_uuid(),
    'kind', kind,
    'recorded_at', now(),
    'effective_at', effective_at,
    'note', change -> 'note',
    'evidence', change -> 'evidence',
    'batch_id', change -> 'batch_id',
    'reverts', reverted -> 'entry_id'
  )) || jsonb_build_object(
    'actor', private.actor(new.organisation_id, change),
    'before', private.changed_fields(before, after),
    'after', coalesce(private.changed_fields(after, before), after)
  ));
  -- What an import brings along must reach the events table first; the next change cuts it.
  if tg_op = 'UPDATE' and jsonb_array_length(new.renewal_history) > 50 and private.history_is_in_events() then
    new.renewal_history := private.cached_history(new.renewal_history);
  end if;
  return new;
end
$$;
comment on function private.record_change() is
  'Keeps the history as it is (MC005), checks a change (right, transition, type, dates, reason) and appends its one history entry.';

create or replace trigger record_change_on_insert
before insert on public.peer_mentor_certifications
for each row execute function private.record_change();

-- The nightly run writes the entries of its hundreds of thousands itself: a call of the trigger for each would double
-- its time. The condition lets pass just that: an expiry by date that adds its one entry to a history left as it was.
create or replace trigger record_change_on_update
before update on public.peer_mentor_certifications
for each row when (
  (
    old.status <> new.status
    or old.expires_at is distinct from new.expires_at
    or old.issued_at <> new.issued_at
    or old.certification_type <> new.certification_type
    or old.renewal_history <> new.renewal_history
  )
  and not coalesce(
    old.status = 'active' and new.status = 'expired'
    and old.expires_at = new.expires_at
    and new.expires_at <= now()
    and old.issued_at = new.issued_at
    and old.certification_type = new.certification_type
    and new.renewal_history - -1 = old.renewal_history
    and new.renewal_history -> -1 @> '{
      "kind": "expired", "actor": {"job": "nightly"},
      "before": {"status": "active"}, "after": {"status": "expired"}
    }'
    and new.renewal_history #> '{-1,effective_at}' = to_jsonb(new.expires_at),
    false
  )
)
execute function private.record_change();

create or replace function private.store_events()
returns trigger
language plpgsql
security definer -- events are written by this trigger alone
set search_path = ''
as $$
begin
  if private.history_is_in_events() then
    insert into public.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
    select
      (entries.entry ->> 'entry_id')::uuid, changed.organisation_id, changed.id,
      stored.position + row_number() over (partition by changed.id order by entries.position), entries.entry
    from changed_rows as changed
    cross join lateral (
      select coalesce(max(event.position), 0) as position
      from public.certification_renewal_events as event
      where event.certification_id = changed.id
    ) as stored
    cross join lateral jsonb_array_elements(changed.renewal_history) with ordinality as entries (entry, position)
    where not exists (
      select from public.certification_renewal_events as event
      where event.certification_id = changed.id and event.entry_id = (entries.entry ->> 'entry_id')::uuid
    );
  end if;
  return null;
end
$$;
comment on function private.store_events() is 'Gives each new history entry its row in certification_renewal_events, once that is the history''s home.';

create or replace trigger store_events_on_insert
after insert on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function private.store_events();

create or replace trigger store_events_on_update
after update on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function private.store_events();

revoke execute on function
  private.state(public.peer_mentor_certifications), private.changed_fields(jsonb, jsonb),
  private.without_remarks(jsonb), private.check_history_kept(jsonb, jsonb), private.reverted_entry(uuid, jsonb), private.record_change(), private.store_events()
from public, anon, authenticated, service_role;
