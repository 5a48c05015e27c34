-- The nightly run has its entries built where they are recorded: each once, and none to be proved right afterwards.

create or replace function mentorcert_private.record_expiry()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (
    old.status = 'active' and new.status = 'expired' and new.expires_at <= now()
    and (new.expires_at, new.issued_at, new.certification_type) = (old.expires_at, old.issued_at, old.certification_type)
  ) is not true then
    raise exception using
      errcode = 'MC005', message = 'the nightly run expires what is due, and changes nothing else',
      hint = 'Leave mentorcert.expiry to mentorcert_private.expire_due_certifications.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_history_append_only';
  end if;
  -- As text, which is parsed once. The history is the one that was there, whatever the statement says of it.
  new.renewal_history := old.renewal_history || (
    '{"schema_version": ' || mentorcert_private.current_history_version() || ', "kind": "expired", "actor": {"job": "nightly"}, '
    '"before": {"status": "active"}, "after": {"status": "expired"}, "entry_id": "'
    -- Where the server was built without OpenSSL, a random id for each row costs a third of the update.
    || encode(substr(sha256(current_setting('mentorcert.expiry')::bytea || uuid_send(new.id)), 1, 16), 'hex')::uuid
    || '", "effective_at": ' || to_json(new.expires_at)
    -- What mentorcert_private.next_recorded_at says; the row is locked before this is asked.
    || ', "recorded_at": ' || to_json(greatest(
      clock_timestamp(), (old.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
    )) || '}'
  )::jsonb;
  if jsonb_array_length(new.renewal_history) > 50 and mentorcert_private.history_is_in_events() then
    new.renewal_history := mentorcert_private.cached_history(new.renewal_history);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.record_expiry() is
  'Appends the one entry of an expiry by date, as record_change would, to what the nightly run expires; refuses (MC005) every other change under its setting.';

-- While mentorcert.expiry is set by who owns these tables. Every role may set it; only the nightly run updates under it.
create or replace trigger record_expiry_on_update
before update on public.peer_mentor_certifications
for each row when (
  coalesce(current_setting('mentorcert.expiry', true), '') <> ''
  and has_table_privilege('mentorcert_private.callers'::regclass, 'insert')
)
execute function mentorcert_private.record_expiry();

-- Renewals and extensions of many say in the place of each history, as an object, by whom and for what they are: the history is
-- the one that was there, and its new entry is made once, of that and of the row. No client may write a history, so none can say so.

create or replace function mentorcert_private.record_prolongation()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  added constant jsonb := new.renewal_history || mentorcert_private.entry_of_prolongation(
    old.status, old.issued_at, old.expires_at, new.status, new.issued_at, new.expires_at
  );
begin
  if (added ? 'entry_id' and old.certification_type = new.certification_type) is not true then
    raise exception using
      errcode = 'MC005', message = 'only a renewal or an extension is recorded so',
      hint = 'Leave renewal_history to mentorcert_private.prolong_certifications.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_history_append_only';
  end if;
  new.renewal_history := old.renewal_history || (added || jsonb_build_object(
    'entry_id', encode(substr(sha256((added ->> 'entry_id')::bytea || uuid_send(new.id)), 1, 16), 'hex')::uuid,
    -- What mentorcert_private.next_recorded_at says; the row is locked before this is asked.
    'recorded_at', greatest(clock_timestamp(), (old.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond')
  ));
  return new;
end
$$;
comment on function mentorcert_private.record_prolongation() is
  'Appends the one entry of a renewal or an extension, as record_change would, where the statement has by whom and for what in the place of the history; refuses (MC005) every other change that says so.';

-- Of who owns these tables: record_change_on_update, which comes first, refuses all others an object.
create or replace trigger record_prolongation_on_update
before update on public.peer_mentor_certifications
for each row when (jsonb_typeof(new.renewal_history) = 'object')
execute function mentorcert_private.record_prolongation();

-- The reversals of many write the entries of their thousands themselves: a call of the trigger for each would double their time.
-- The condition lets pass just what the trigger would have appended: one entry to a history left as it was, of the reversal of
-- an extension by whom and for what mentorcert.entry says. No client may write a history. Each comparison is the cheapest that
-- there is: they are made for each row.
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
  and not (
    (coalesce(current_setting('mentorcert.expiry', true), '') <> '' or jsonb_typeof(new.renewal_history) = 'object')
    and has_table_privilege('mentorcert_private.callers'::regclass, 'insert')
  )
  and not coalesce(
    new.renewal_history #>> '{-1,kind}' = 'reverted'
    and old.certification_type = new.certification_type
    and old.issued_at = new.issued_at
    and new.renewal_history - -1 = old.renewal_history
    -- These keys and no other.
    and new.expires_at = (new.renewal_history #>> '{-1,after,expires_at}')::timestamptz
    and new.status = coalesce(new.renewal_history #>> '{-1,after,status}', old.status)
    and (new.renewal_history -> -1) - array['entry_id', 'recorded_at'] = mentorcert_private.entry_of_reversal(
      nullif(current_setting('mentorcert.entry', true), '')::jsonb, old.renewal_history, old.status, old.expires_at
    )
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

create or replace function mentorcert_private.expire_due_certifications(as_of timestamptz, batch_size integer default null)
returns table (organisation_id uuid, expires_at timestamptz, expired bigint)
language plpgsql
set search_path = ''
as $$
begin
  perform mentorcert_private.set_change_context(jsonb_build_object('job', 'nightly', 'as_of', as_of));
  -- What ends in the future, as a trial of coming nights has it, is recorded as any other change.
  perform set_config('mentorcert.expiry', case when as_of <= now() then uuid_send(gen_random_uuid())::text else '' end, true);
  return query
  with changed as (
    update public.peer_mentor_certifications as certification
    set status = 'expired', updated_at = now()
    where
      -- By ctid, which spares 300,000 rows a join: a row that moved meanwhile is found by the next run.
      certification.ctid = any(array(
        select due.ctid
        from public.peer_mentor_certifications as due
        where lower(due.status) = 'active' and due.expires_at <= as_of -- as the index of what is due has it
        limit batch_size
        for no key update of due skip locked
      ))
    returning certification.organisation_id, certification.expires_at
  )
  select changed.organisation_id, changed.expires_at, count(*)
  from changed
  group by changed.organisation_id, changed.expires_at;
  perform set_config('mentorcert.expiry', '', true);
  perform mentorcert_private.set_change_context(null);
end
$$;
comment on function mentorcert_private.expire_due_certifications(timestamptz, integer) is
  'Expires what is due at an instant (all, or at most batch_size), leaving out rows that somebody else holds; returns how many by organisation and end. One statement, whatever the number of rows.';

-- The calendar says an expiry by date to the portal; nothing else happens under the setting.
create or replace trigger sync_portal_on_update
after update on public.peer_mentor_certifications
referencing new table as new_rows old table as old_rows
for each statement when (
  not (
    coalesce(current_setting('mentorcert.expiry', true), '') <> ''
    and has_table_privilege('mentorcert_private.callers'::regclass, 'insert')
  )
)
execute function mentorcert_portal.enqueue_after_change_of_certifications();

revoke execute on function
  mentorcert_private.record_expiry, mentorcert_private.record_prolongation, mentorcert_private.expire_due_certifications
from public, anon, authenticated, service_role;
-- Only record_prolongation asks for it now.
revoke execute on function mentorcert_private.entry_of_prolongation from authenticated, service_role, mentorcert_tasks;
