-- What a change of a certification must satisfy, and what kind of change it is.
--
-- What the row itself cannot tell (a note, evidence, the job, the batch) reaches the trigger through the setting
-- mentorcert.change, a JSON object that holds for the statement that follows. The Data API cannot set it, and
-- job, as_of and the kind 'imported' count only where no end user is signed in.

create or replace function private.set_change_context(change jsonb)
returns void
language sql
set search_path = ''
as $$ select set_config('mentorcert.change', coalesce(jsonb_strip_nulls(change)::text, ''), true) $$;
comment on function private.set_change_context(jsonb) is
  'Says what the next change of certifications is about (kind, note, evidence, job, as_of, batch_id, reverts, reverts_batch); null ends it.';

create or replace function private.raise_forbidden(message text default 'no such certification or peer mentor, or no right to it')
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = '42501', message = message,
    hint = 'Ask a coordinator of the chapter or the administrator of the organisation.',
    schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_right';
end
$$;
comment on function private.raise_forbidden(text) is
  'Raises 42501: the same for a row that the caller may not see and for one that does not exist.';

create or replace function private.time_zone_of(organisation_id uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select organisation.time_zone from public.organisations as organisation where organisation.id = organisation_id
$$;
comment on function private.time_zone_of(uuid) is 'The time zone of an organisation.';

create or replace function private.check_dates(
  certification public.peer_mentor_certifications, time_zone text, as_of timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  violated text;
  message text;
begin
  if certification.issued_at < '1900-01-01' or coalesce(certification.expires_at, as_of) > '9999-01-01' then
    violated := 'certification_date_range';
    message := 'issued_at lies before 1900, or expires_at after 9998; what does not end has no expires_at';
  elsif certification.issued_at > as_of then
    violated := 'certification_issued_at_not_future';
    message := 'the day of issue lies in the future';
  elsif certification.expires_at <= certification.issued_at then
    violated := 'certification_date_order';
    message := 'the certification would end before it begins';
  elsif certification.issued_at
    <> private.day_starts(private.day_of(certification.issued_at, time_zone), time_zone) then
    violated := 'certification_issued_at_midnight';
    message := 'issued_at is not a midnight of the organisation''s time zone';
  elsif certification.expires_at
    <> private.day_starts(private.day_of(certification.expires_at, time_zone), time_zone) then
    violated := 'certification_expires_at_midnight';
    message := 'expires_at is not a midnight of the organisation''s time zone';
  else
    return;
  end if;
  raise exception using
    errcode = 'MC003', message = message,
    detail = format(
      'issued_at %s, expires_at %s, time zone %s', certification.issued_at, certification.expires_at, time_zone
    ),
    hint = 'issued_at is the midnight that begins the day of issue, expires_at the one that ends the last valid day.',
    schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
end
$$;
comment on function private.check_dates(public.peer_mentor_certifications, text, timestamptz) is
  'Refuses (MC003) dates that are in the wrong order, in the future, or not at local midnight.';

create or replace function private.require_type(organisation_id uuid, code text)
returns public.certification_types
language plpgsql
stable
set search_path = ''
as $$
declare
  type public.certification_types;
begin
  select * into type from public.certification_types as candidate
  where candidate.organisation_id = require_type.organisation_id and candidate.code = require_type.code;
  if not found then
    raise exception using
      errcode = 'MC002',
      message = format('unknown certification type %L', require_type.code),
      hint = 'Use the code of one of the organisation''s certification types.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'certification_type',
      constraint = 'certification_type_known';
  end if;
  return type;
end
$$;
comment on function private.require_type(uuid, text) is 'The certification type of an organisation with a code; MC002 where there is none.';

create or replace function private.check_type(
  certification public.peer_mentor_certifications, held_until timestamptz, time_zone text, within_rule boolean
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  type constant public.certification_types :=
    private.require_type(certification.organisation_id, certification.certification_type);
  last_valid_day date;
begin
  last_valid_day := private.last_valid_day(
    type.validity_rule, type.validity_months,
    private.day_of(certification.issued_at, time_zone), private.day_of(held_until, time_zone) - 1
  );
  if within_rule
    and coalesce(certification.expires_at, 'infinity') > private.day_starts(last_valid_day + 1, time_zone) then
    raise exception using
      errcode = 'MC003',
      message = format('the type %L is valid no longer than to %s', type.code, last_valid_day),
      hint = 'Only the administrator of the organisation gives more than the type''s rule.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_expires_at_within_rule';
  end if;
end
$$;
comment on function private.check_type(public.peer_mentor_certifications, timestamptz, text, boolean) is
  'Refuses a type that the organisation does not have (MC002) and, within the rule, a validity that it does not give (MC003).';

create or replace function private.reject_transition(before text, after text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC001',
    message = case
      when before = after then format('the certification is %s already', before)
      else format('a certification does not go from %s to %s like this', before, after)
    end,
    hint = 'It expires by its date, is active again by a renewal, and is suspended or reinstated by a change of its own.',
    schema = 'public', table = 'peer_mentor_certifications', column = 'status',
    constraint = 'certification_transition';
end
$$;
comment on function private.reject_transition(text, text) is 'Raises MC001.';

create or replace function private.kind_of_change(
  before public.peer_mentor_certifications, after public.peer_mentor_certifications, as_of timestamptz
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  same_dates constant boolean := before.issued_at = after.issued_at
    and before.expires_at is not distinct from after.expires_at;
  toggles_suspension constant boolean := (before.status = 'suspended') <> (after.status = 'suspended');
begin
  if before.certification_type <> after.certification_type and not toggles_suspension then
    return 'corrected';
  elsif same_dates and toggles_suspension and before.certification_type = after.certification_type then
    return case when after.status = 'suspended' then 'suspended' else 'reinstated' end;
  elsif same_dates and after.status = 'expired' and after.expires_at <= as_of then
    return 'expired';
  elsif same_dates and after.status = 'active' and coalesce(after.expires_at, 'infinity') > as_of then
    return 'corrected';
  elsif not same_dates and not toggles_suspension then
    return case
      when coalesce(after.expires_at, 'infinity') < coalesce(before.expires_at, 'infinity') then 'corrected'
      when after.issued_at > before.issued_at then 'renewed'
      when after.issued_at = before.issued_at then 'extended'
      else 'corrected'
    end;
  end if;
  perform private.reject_transition(before.status, after.status);
  return null;
end
$$;
comment on function private.kind_of_change(
  public.peer_mentor_certifications, public.peer_mentor_certifications, timestamptz
) is 'The kind of history entry that an update is; MC001 where no kind of change leads from the one to the other.';

create or replace function private.require_reason(reason text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- White space of any width, also none, gives no reason.
  if coalesce(regexp_replace(reason, '[\s\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]', '', 'g'), '') = '' then
    raise exception using
      errcode = 'MC004', message = 'a reason is required',
      hint = 'Say why, by suspend_certification for one; the history keeps it.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_reason_required';
  end if;
end
$$;
comment on function private.require_reason(text) is 'Refuses (MC004) an empty reason.';

create or replace function private.is_past_day(day text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Somewhere on earth tomorrow has begun already.
  return day ~ '^\d{4}-\d{2}-\d{2}$' and day::date <= current_date + 1;
exception when datetime_field_overflow then
  return false;
end
$$;
comment on function private.is_past_day(text) is 'Whether a text is a day of the calendar, as yyyy-mm-dd, that has come.';

create or replace function private.check_note_and_evidence(change jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if length(change ->> 'note') > 2000 then
    raise exception using
      errcode = 'MC008', message = 'the note is longer than 2000 characters',
      hint = 'Say it shorter; documents do not belong here.', constraint = 'certification_note_valid';
  elsif change ? 'evidence' and not (
    jsonb_typeof(change -> 'evidence') = 'object'
    and (change -> 'evidence') ?& array['seen', 'seen_on', 'seen_by']
    and (change -> 'evidence') - array['seen', 'seen_on', 'seen_by'] = '{}'
    and not jsonb_path_exists(change -> 'evidence', '$.* ? (@.type() != "string" || @ like_regex "^\\s*$")')
    and length(change ->> 'evidence') <= 1000
    and private.is_past_day(change #>> '{evidence,seen_on}')
  ) then
    raise exception using
      errcode = 'MC008', message = 'evidence says what was seen, on which day, by whom',
      hint = 'Give {"seen": text, "seen_on": "yyyy-mm-dd", "seen_by": text} of at most 1000 characters, seen_on not in the future; never a file.',
      constraint = 'certification_evidence_valid';
  end if;
end
$$;
comment on function private.check_note_and_evidence(jsonb) is
  'Refuses (MC008) a note that is too long and evidence of another shape.';

create or replace function private.actor(organisation_id uuid, change jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when auth.uid() is not null then jsonb_build_object(
      'user_id', auth.uid(),
      'role', case when organisation_id = private.administered_organisation_id() then 'org_admin' else 'coordinator' end
    )
    when change ? 'job' then jsonb_build_object('job', change ->> 'job')
    else jsonb_build_object(
      'user_id', null, 'role', coalesce(nullif(current_setting('role'), 'none'), session_user::text)
    )
  end
$$;
comment on function private.actor(uuid, jsonb) is 'Who makes the change: the signed-in user and role, the job, or the database role.';

revoke execute on function
  private.set_change_context(jsonb), private.raise_forbidden(text),
  private.check_dates(public.peer_mentor_certifications, text, timestamptz),
  private.check_type(public.peer_mentor_certifications, timestamptz, text, boolean),
  private.kind_of_change(public.peer_mentor_certifications, public.peer_mentor_certifications, timestamptz),
  private.is_past_day(text), private.check_note_and_evidence(jsonb), private.actor(uuid, jsonb), private.reject_transition(text, text),
  private.require_reason(text), private.require_type(uuid, text), private.time_zone_of(uuid)
from public, anon, authenticated, service_role;
grant execute on function
  private.set_change_context(jsonb), private.raise_forbidden(text), private.reject_transition(text, text),
  private.require_reason(text), private.require_type(uuid, text), private.time_zone_of(uuid)
to authenticated, service_role;
