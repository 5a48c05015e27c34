-- What the history answers: was it valid then, by what was known then; and taking a change back.

create or replace function public.certification_as_of(
  certification uuid, at timestamptz, known_at timestamptz default now()
)
returns boolean
language sql
stable
set search_path = ''
as $$
  select private.require_certifications();

  with effective as (
    select entries.position, private.upgrade_history_entry(entries.entry) -> 'after' as after
    from public.certification_history(certification) with ordinality as entries (entry, position)
    where
      (entries.entry ->> 'recorded_at')::timestamptz <= known_at
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
      then coalesce(
        known.status <> 'suspended' and known.issued_at <= at and at < coalesce(known.expires_at, 'infinity'), false
      )
  end
  from known
$$;
comment on function public.certification_as_of(uuid, timestamptz, timestamptz) is
  'Whether a certification was valid at an instant, by what the registry knew at another (now); null for one that the caller may not read.';

create or replace function private.state_before(
  certification public.peer_mentor_certifications, entry jsonb
)
returns public.peer_mentor_certifications
language plpgsql
stable
set search_path = ''
as $$
declare
  before constant jsonb := entry -> 'before';
  after constant jsonb := entry -> 'after';
  toggles_suspension constant boolean :=
    (before ->> 'status' = 'suspended') is distinct from (after ->> 'status' = 'suspended');
begin
  if jsonb_typeof(before) is distinct from 'object' then
    return null; -- before its first entry there was no certification
  end if;
  if before ? 'certification_type' then
    if certification.certification_type <> after ->> 'certification_type' then
      return null;
    end if;
    certification.certification_type := before ->> 'certification_type';
  end if;
  if before ? 'issued_at' then
    if certification.issued_at <> (after ->> 'issued_at')::timestamptz then
      return null;
    end if;
    certification.issued_at := (before ->> 'issued_at')::timestamptz;
  end if;
  if before ? 'expires_at' then
    if certification.expires_at is distinct from (after ->> 'expires_at')::timestamptz then
      return null;
    end if;
    certification.expires_at := (before ->> 'expires_at')::timestamptz;
  end if;
  if toggles_suspension then
    if (certification.status = 'suspended') <> (after ->> 'status' = 'suspended') then
      return null;
    end if;
    certification.status := before ->> 'status';
  elsif not before ?| array['certification_type', 'issued_at', 'expires_at'] then
    return null; -- an expiry is the calendar's, not somebody's
  end if;
  return certification;
end
$$;
comment on function private.state_before(public.peer_mentor_certifications, jsonb) is
  'The certification without the change that an entry tells of; null where that cannot be taken back, or has been changed since.';

create or replace function private.reject_revert(
  message text default 'the change cannot be taken back, or the certification was changed since',
  hint text default 'The first entry and an expiry stay; of the others, take back the newest first, or correct the certification.'
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC006', message = message, hint = hint,
    schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_change_revertible';
end
$$;
comment on function private.reject_revert(text, text) is 'Raises MC006.';

create or replace function private.check_revert(
  before public.peer_mentor_certifications, after public.peer_mentor_certifications, entry jsonb
)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  target constant public.peer_mentor_certifications := private.state_before(before, entry);
begin
  if target.id is null
    or (target.certification_type, target.issued_at, target.expires_at, target.status = 'suspended')
    is distinct from (after.certification_type, after.issued_at, after.expires_at, after.status = 'suspended') then
    perform private.reject_revert();
  end if;
end
$$;
comment on function private.check_revert(
  public.peer_mentor_certifications, public.peer_mentor_certifications, jsonb
) is 'Refuses (MC006) an update in the name of a revert that does more or less than take the entry back.';

create or replace function public.revert_change(certification_id uuid, entry_id uuid, reason text)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := private.lock_certification(certification_id);
  entry jsonb;
  target public.peer_mentor_certifications;
begin
  perform private.require_reason(reason);
  select private.upgrade_history_entry(history) into entry
  from public.certification_history(certification_id) as history
  where history ->> 'entry_id' = entry_id::text;
  if not found then
    perform private.reject_revert('the certification has no such history entry', 'Take entry_id from certification_history.');
  end if;
  target := private.state_before(certification, entry);
  if target.id is null then
    perform private.reject_revert();
  end if;
  perform private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts', entry_id, 'note', reason));
  update public.peer_mentor_certifications as reverted
  set
    certification_type = target.certification_type, issued_at = target.issued_at,
    expires_at = target.expires_at, status = target.status
  where reverted.id = certification_id
  returning * into certification;
  perform private.set_change_context(null);
  return certification;
end
$$;
comment on function public.revert_change(uuid, uuid, text) is
  'Takes one change of a certification back by a compensating entry, for a reason; MC006 where it cannot be, or a later change stands on it.';

create or replace function public.revert_change(batch_id uuid, reason text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  organisation constant uuid := private.administered_organisation_id();
  members uuid[];
  reverted integer;
begin
  perform private.require_certifications();
  if organisation is null then
    perform private.raise_forbidden('only the administrator of an organisation takes back a batch');
  end if;
  perform private.require_reason(reason);
  members := array(
    select certification.id
    from public.peer_mentor_certifications as certification
    where certification.organisation_id = organisation and exists (
      select from public.certification_history(certification.id) as entry
      where entry ->> 'batch_id' = revert_change.batch_id::text and entry ->> 'kind' = 'extended'
    ) and not exists (
      select from public.peer_mentors as mentor where mentor.id = certification.peer_mentor_id and mentor.erased_at is not null
    )
    order by certification.id
    for no key update
  );
  perform private.set_change_context(
    jsonb_build_object('kind', 'reverted', 'reverts_batch', revert_change.batch_id, 'note', reason)
  );
  update public.peer_mentor_certifications as certification
  set expires_at = target.expires_at, status = target.status
  from (
    select (private.state_before(member, private.upgrade_history_entry(entry))).*
    from public.peer_mentor_certifications as member
    cross join lateral public.certification_history(member.id) as entry
    where member.id = any(members) and entry ->> 'batch_id' = revert_change.batch_id::text
  ) as target
  where certification.id = target.id;
  get diagnostics reverted = row_count;
  perform private.set_change_context(null);
  if cardinality(members) = 0 then
    perform private.reject_revert('the organisation has no such batch', 'Take batch_id from the history of a certification.');
  elsif reverted < cardinality(members) then
    perform private.reject_revert(
      format(
        'of the %s certifications of this batch, %s were changed since',
        cardinality(members), cardinality(members) - reverted
      ),
      'Nothing was taken back. Take the later changes back first, or the batch''s entries one by one.'
    );
  end if;
  return reverted;
end
$$;
comment on function public.revert_change(uuid, text) is
  'Takes a whole batch of extend_certifications back, for a reason; all or nothing (MC006). Administrator only. Returns how many.';

revoke execute on function
  public.certification_as_of(uuid, timestamptz, timestamptz),
  private.state_before(public.peer_mentor_certifications, jsonb), private.reject_revert(text, text),
  private.check_revert(public.peer_mentor_certifications, public.peer_mentor_certifications, jsonb),
  public.revert_change(uuid, uuid, text), public.revert_change(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.certification_as_of(uuid, timestamptz, timestamptz),
  private.state_before(public.peer_mentor_certifications, jsonb), private.reject_revert(text, text),
  private.upgrade_history_entry(jsonb), private.current_history_version(),
  public.revert_change(uuid, uuid, text), public.revert_change(uuid, text)
to authenticated, service_role;
