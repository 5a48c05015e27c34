-- How each change of a certification is checked and recorded: what it is about, and the one entry that it appends to the history.

-- What is the same for all rows of a statement is derived once. It counts as long as what it was derived from stands: a row
-- that finds another role, other claims or another change derives it again, and acting_user() refuses another caller.

create or replace function mentorcert_private.change_context(begins boolean default false)
returns mentorcert_private.callers
language plpgsql
set search_path = ''
as $$
declare
  written constant text := coalesce(current_setting('mentorcert.change', true), '');
  -- All that auth.uid() and auth.jwt() read.
  settings constant text[] := array[
    current_setting('role', true), current_setting('request.jwt.claims', true), current_setting('request.jwt.claim', true),
    current_setting('request.jwt.claim.sub', true), written
  ];
  context mentorcert_private.callers;
begin
  select * into context from mentorcert_private.callers as caller
  where caller.backend = pg_backend_pid() and caller.statement_at = statement_timestamp();
  if context.settings = settings and not begins then
    return context;
  end if;
  context.user_id := mentorcert_private.acting_user();
  context.settings := settings;
  context.change := mentorcert_private.canonical_remarks(coalesce(nullif(written, ''), '{}')::jsonb);
  context.administered_organisation_id := mentorcert_private.administered_organisation_id();
  context.actor := mentorcert_private.actor(context.administered_organisation_id, context.change);
  context.actor_elsewhere := mentorcert_private.actor(null, context.change);
  context.entry := jsonb_strip_nulls(jsonb_build_object(
    'schema_version', mentorcert_private.current_history_version(), 'note', context.change -> 'note',
    'evidence', context.change -> 'evidence', 'batch_id', context.change -> 'batch_id'
  ));
  begin
    perform mentorcert_private.check_note_and_evidence(context.change);
    context.has_valid_remarks := true;
  exception when sqlstate 'MC008' then
    context.has_valid_remarks := false; -- refused with the first row, after what else is wrong with that
  end;
  insert into mentorcert_private.callers as caller (
    backend, statement_at, settings, user_id, administered_organisation_id, actor, actor_elsewhere, change, entry, has_valid_remarks
  )
  values (
    pg_backend_pid(), statement_timestamp(), context.settings, context.user_id, context.administered_organisation_id, context.actor,
    context.actor_elsewhere, context.change, context.entry, context.has_valid_remarks
  )
  on conflict on constraint callers_pkey do update set
    statement_at = excluded.statement_at,
    identity = case when caller.statement_at = excluded.statement_at then caller.identity end,
    settings = excluded.settings, user_id = excluded.user_id, administered_organisation_id = excluded.administered_organisation_id,
    actor = excluded.actor, actor_elsewhere = excluded.actor_elsewhere, change = excluded.change,
    entry = excluded.entry, has_valid_remarks = excluded.has_valid_remarks;
  return context;
end
$$;
comment on function mentorcert_private.change_context(boolean) is
  'Who changes certifications and what for, as of the beginning of the statement: derived where it begins, and again where role, claims or mentorcert.change are others since. Refuses (MC022) another caller.';

create or replace function mentorcert_private.note_change()
returns trigger
language plpgsql
security definer -- notes it where no client writes
set search_path = ''
as $$
begin
  perform mentorcert_private.change_context(begins => true);
  return null;
end
$$;
comment on function mentorcert_private.note_change() is
  'Notes who changes certifications and what for, before the first row of a statement, and before any expression of it.';

-- For each of thousands of rows: so it asks one query. An assignment and a condition cost a tenth of a query, which perform is
-- too; what is performed here comes where something is wrong, or special.

create or replace function mentorcert_private.record_change()
returns trigger
language plpgsql
security definer -- reads types, peer mentors and chapters, whatever the caller may see of them
set search_path = ''
as $$
declare
  context constant mentorcert_private.callers := mentorcert_private.change_context();
  change constant jsonb := context.change;
  by_user constant boolean := context.user_id is not null;
  as_of constant timestamptz := case when by_user then now() else coalesce((change ->> 'as_of')::timestamptz, now()) end;
  imported constant boolean := not by_user and change ->> 'kind' = 'imported';
  is_admin constant boolean := not by_user or new.organisation_id is not distinct from context.administered_organisation_id;
  kind text;
  reverted jsonb;
  effective_at timestamptz;
  known record;
  is_known boolean;
  violated text;
  same text[];
  before jsonb;
  after jsonb;
  added jsonb;
begin
  if tg_op = 'UPDATE' and new.renewal_history <> old.renewal_history then
    perform mentorcert_private.check_history_kept(old.renewal_history, new.renewal_history);
    if (new.status, new.expires_at, new.issued_at, new.certification_type)
      is not distinct from (old.status, old.expires_at, old.issued_at, old.certification_type) then
      return new;
    end if;
  end if;

  if tg_op = 'INSERT' then
    select
      organisation.time_zone, type.id as type_id, type.retired_on, type.early_renewal_days,
      case when not is_admin or type.retired_on is not null then type end as type
    into known
    from mentorcert.peer_mentors as mentor
    join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
    left join mentorcert.certification_types as type
      on type.organisation_id = mentor.organisation_id and type.code = new.certification_type
    where mentor.organisation_id = new.organisation_id and mentor.id = new.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
    for no key update of mentor; -- so that a chapter entered meanwhile is not missed
    is_known := found;
    new.chapter_ids := mentorcert_private.current_chapter_ids(new.peer_mentor_id);
    if not is_known or (by_user and not mentorcert_private.may_certify(new.organisation_id, new.chapter_ids)) then
      perform mentorcert_private.raise_forbidden();
    end if;
    if new.status = 'suspended' or (new.status = 'expired' and coalesce(new.expires_at, 'infinity') > as_of) then
      raise exception using
        errcode = 'MC001', message = format('a new certification cannot be %s', new.status),
        hint = 'Register it as active; then suspend it.',
        schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_transition';
    end if;
    if new.renewal_history <> '[]' then
      if by_user or exists (
        select from jsonb_array_elements(new.renewal_history) as entry
        where
          entry ->> 'kind' is distinct from 'imported'
          or entry -> 'schema_version' is distinct from to_jsonb(mentorcert_private.current_history_version())
          or (entry ->> 'entry_id')::uuid is null
          or (entry ->> 'recorded_at')::timestamptz is null
          or (entry ->> 'effective_at')::timestamptz is null
          or not coalesce(entry -> 'after' ?& array['certification_type', 'issued_at', 'expires_at', 'status'], false)
      ) then
        raise exception using
          errcode = 'MC005', message = 'a new certification brings no history, but for an import''s past renewals',
          hint = 'Leave renewal_history out.',
          schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_history_append_only';
      end if;
      -- What was never a time of knowledge must not stand above the clock.
      perform mentorcert_private.require_instants(jsonb_build_object(
        'recorded_at', (entry ->> 'recorded_at')::timestamptz, 'effective_at', (entry ->> 'effective_at')::timestamptz,
        'issued_at', (entry #>> '{after,issued_at}')::timestamptz, 'expires_at', (entry #>> '{after,expires_at}')::timestamptz
      ))
      from jsonb_array_elements(new.renewal_history) as entry;
    end if;
    if by_user then
      new.status := mentorcert_private.status_at(false, new.expires_at, as_of); -- of a job, the nightly run settles it
    end if;
    kind := case when imported then 'imported' else 'issued' end;
    effective_at := new.issued_at;
  else
    select
      organisation.time_zone, type.id as type_id, type.retired_on, type.early_renewal_days,
      case when not is_admin or type.retired_on is not null or type.early_renewal_days is not null then type end as type,
      mentor.erased_at is not null or mentor.merged_into is not null as is_gone
    into known
    from mentorcert.organisations as organisation
    join mentorcert.peer_mentors as mentor on mentor.id = new.peer_mentor_id
    left join mentorcert.certification_types as type
      on type.organisation_id = organisation.id and type.code = new.certification_type
    where organisation.id = new.organisation_id;
    if known.is_gone and new.status is distinct from 'expired' and not mentorcert_private.is_erasure() then
      perform mentorcert_private.raise_forbidden('the person was erased, or merged into another one; nothing is certified here any more');
    end if;
    if new.status = old.status or (old.status = 'suspended' and new.status <> 'suspended') then
      new.status := mentorcert_private.status_at(new.status = 'suspended', new.expires_at, as_of);
    end if;
    kind := mentorcert_private.kind_of_change(old, new, as_of);
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
      reverted := mentorcert_private.reverted_entry(old, change);
      if not mentorcert_private.takes_back(old, new, reverted) then
        perform mentorcert_private.reject_revert();
      elsif (is_admin or reverted ->> 'kind' in ('renewed', 'suspended', 'reinstated')) is not true then
        perform mentorcert_private.require_administrator(false);
      end if;
      effective_at := (reverted ->> 'effective_at')::timestamptz;
    elsif kind in ('corrected', 'extended') and not is_admin then
      perform mentorcert_private.require_administrator(is_admin);
    end if;
  end if;
  if tg_op = 'INSERT' or old.certification_type <> new.certification_type
    or old.issued_at <> new.issued_at or old.expires_at is distinct from new.expires_at then
    violated := mentorcert_private.violated_date_rule(new.issued_at, new.expires_at, known.time_zone, as_of);
    if violated is not null then
      perform mentorcert_private.reject_dates(violated, new, known.time_zone);
    end if;
    if known.type_id is null then
      perform mentorcert_private.require_type(new.organisation_id, new.certification_type);
    end if;
    if not is_admin and kind in ('issued', 'renewed') then
      perform mentorcert_private.check_type(known.type, new, case when tg_op = 'UPDATE' then old.expires_at end, known.time_zone);
    end if;
    if known.retired_on is not null and kind <> 'reverted'
      and (tg_op = 'INSERT' or old.certification_type <> new.certification_type or new.issued_at > old.issued_at) then
      perform mentorcert_private.reject_retired_type(known.type, new, known.time_zone);
    end if;
  end if;
  if kind in ('suspended', 'reverted') and by_user and coalesce(change ->> 'note', '') = '' then
    perform mentorcert_private.require_reason(change ->> 'note');
  end if;
  if not context.has_valid_remarks then
    perform mentorcert_private.check_note_and_evidence(change);
  end if;

  after := jsonb_build_object(
    'certification_type', new.certification_type, 'status', new.status, 'issued_at', new.issued_at, 'expires_at', new.expires_at
  );
  if tg_op = 'UPDATE' then
    same := array[
      case when new.certification_type = old.certification_type then 'certification_type' end,
      case when new.status = old.status then 'status' end,
      case when new.issued_at = old.issued_at then 'issued_at' end,
      case when new.expires_at is not distinct from old.expires_at then 'expires_at' end
    ];
    before := jsonb_build_object(
      'certification_type', old.certification_type, 'status', old.status, 'issued_at', old.issued_at, 'expires_at', old.expires_at
    ) - same;
    after := after - same;
  elsif new.renewal_history <> '[]' then
    before := mentorcert_private.changed_fields(new.renewal_history #> '{-1,after}', after);
    after := coalesce(mentorcert_private.changed_fields(after, new.renewal_history #> '{-1,after}'), after);
  end if;
  added := context.entry || jsonb_build_object(
    'entry_id', gen_random_uuid(),
    'kind', kind,
    'recorded_at', mentorcert_private.next_recorded_at(new.renewal_history),
    'effective_at', effective_at,
    'actor', case when is_admin then context.actor else context.actor_elsewhere end,
    'before', before,
    'after', after
  );
  -- A batch is an administrator's: nobody else's entry is taken back with it.
  if not is_admin then
    added := added - 'batch_id';
  end if;
  if kind = 'reverted' then
    added := added || jsonb_build_object('reverts', reverted -> 'entry_id');
  elsif tg_op = 'UPDATE' and kind in ('renewed', 'imported') and known.early_renewal_days is not null then
    added := added || jsonb_strip_nulls(jsonb_build_object(
      'counted_from', mentorcert_private.renewal_counted_from(known.type, old, new, known.time_zone)
    ));
  end if;
  new.renewal_history := new.renewal_history || added;
  -- What an import brings along must reach the events table first; the next change cuts it.
  if tg_op = 'UPDATE' and jsonb_array_length(new.renewal_history) > 50 and mentorcert_private.history_is_in_events() then
    new.renewal_history := mentorcert_private.cached_history(new.renewal_history);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.record_change() is
  'Keeps the history as it is (MC005), checks a change (right, transition, type, dates, reason) and appends its one history entry.';

create or replace trigger note_caller
before insert or update on public.peer_mentor_certifications
for each statement execute function mentorcert_private.note_change();

create or replace trigger record_change_on_insert
before insert on public.peer_mentor_certifications
for each row execute function mentorcert_private.record_change();

-- The nightly run and the changes of many write the entries of their thousands themselves: a call of the trigger for each would
-- double their time. The condition lets pass just what the trigger would have appended: one entry to a history left as it was,
-- of an expiry by date, or of a renewal, an extension or its reversal by whom and for what mentorcert.entry says. No client may
-- write a history. Each comparison is the cheapest that there is: they are made for each row.
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
    old.certification_type = new.certification_type
    and new.renewal_history - -1 = old.renewal_history
    -- These keys and no other.
    and case
      when old.status = 'active' and new.status = 'expired'
        and old.issued_at = new.issued_at and old.expires_at = new.expires_at and new.expires_at <= now()
      then new.renewal_history #> '{-1,effective_at}' = to_jsonb(new.expires_at)
        and (new.renewal_history -> -1) - array['entry_id', 'recorded_at', 'effective_at'] = (
          '{"schema_version": ' || mentorcert_private.current_history_version()::text || ', "kind": "expired", "actor": {"job": "nightly"}, '
          '"before": {"status": "active"}, "after": {"status": "expired"}}'
        )::jsonb
      when new.renewal_history #>> '{-1,kind}' = 'reverted'
      then old.issued_at = new.issued_at
        and new.expires_at = (new.renewal_history #>> '{-1,after,expires_at}')::timestamptz
        and new.status = coalesce(new.renewal_history #>> '{-1,after,status}', old.status)
        and (new.renewal_history -> -1) - array['entry_id', 'recorded_at'] = mentorcert_private.entry_of_reversal(
          nullif(current_setting('mentorcert.entry', true), '')::jsonb, old.renewal_history, old.status, old.expires_at
        )
      else (new.renewal_history -> -1) - array['entry_id', 'recorded_at']
        = nullif(current_setting('mentorcert.entry', true), '')::jsonb || mentorcert_private.entry_of_prolongation(
          old.status, old.issued_at, old.expires_at, new.status, new.issued_at, new.expires_at
        )
    end
    -- An id, and the clock under the lock.
    and (new.renewal_history #>> '{-1,entry_id}')::uuid::text = new.renewal_history #>> '{-1,entry_id}'
    and new.renewal_history #> '{-1,recorded_at}' = to_jsonb(greatest(
      now(), (new.renewal_history #>> '{-1,recorded_at}')::timestamptz,
      (old.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
    ))
    and (
      (new.renewal_history #>> '{-1,recorded_at}')::timestamptz <= clock_timestamp()
      or (new.renewal_history #>> '{-1,recorded_at}')::timestamptz = (old.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
    ),
    false
  )
)
execute function mentorcert_private.record_change();

revoke execute on function mentorcert_private.change_context, mentorcert_private.note_change, mentorcert_private.record_change
from public, anon, authenticated, service_role;
