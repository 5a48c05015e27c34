-- What a change of a certification must satisfy, and what kind of change it is.
--
-- What the row itself does not hold (a note, evidence, the job, the batch) reaches the trigger through the setting
-- mentorcert.change, a JSON object that holds for the statement that follows. The Data API cannot set it, and
-- job, as_of and the kind 'imported' count only where no end user is signed in.

create or replace function mentorcert_private.set_change_context(change jsonb)
returns void
language sql
set search_path = ''
as $$ select set_config('mentorcert.change', coalesce(jsonb_strip_nulls(change)::text, ''), true) $$;
comment on function mentorcert_private.set_change_context(jsonb) is
  'Says what the next change of certifications or of a consent is about (kind, way, consent, note, evidence, job, as_of, batch_id, reverts, reverts_batch, reverts_latest); null ends it.';

create or replace function mentorcert_private.raise_forbidden(message text default 'no such certification or peer mentor, or no right to it')
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
comment on function mentorcert_private.raise_forbidden(text) is
  'Raises 42501: the same for a row that the caller may not see and for one that does not exist.';

create or replace function mentorcert_private.violated_date_rule(
  issued_at timestamptz, expires_at timestamptz, time_zone text, as_of timestamptz
)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when issued_at < '1900-01-01' or coalesce(expires_at, as_of) > '9999-01-01' then 'certification_date_range'
    when issued_at > as_of then 'certification_issued_at_not_future'
    when expires_at <= issued_at then 'certification_date_order'
    when issued_at <> mentorcert_private.day_starts((issued_at at time zone time_zone)::date, time_zone)
      then 'certification_issued_at_midnight'
    when expires_at <> mentorcert_private.day_starts((expires_at at time zone time_zone)::date, time_zone)
      then 'certification_expires_at_midnight'
  end;
end
$$;
comment on function mentorcert_private.violated_date_rule(timestamptz, timestamptz, text, timestamptz) is
  'The rule against these dates of a certification, of their range, their order or local midnight; null where none is.';

create or replace function mentorcert_private.reject_dates(
  violated text, certification public.peer_mentor_certifications, time_zone text
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC003',
    message = case violated
      when 'certification_date_range' then 'issued_at lies before 1900, or expires_at after 9998; what does not end has no expires_at'
      when 'certification_issued_at_not_future' then 'the day of issue lies in the future'
      when 'certification_date_order' then 'the certification would end before it begins'
      when 'certification_issued_at_midnight' then 'issued_at is not a midnight of the organisation''s time zone'
      else 'expires_at is not a midnight of the organisation''s time zone'
    end,
    detail = format(
      'issued_at %s, expires_at %s, time zone %s', certification.issued_at, certification.expires_at, time_zone
    ),
    hint = 'issued_at is the midnight that begins the day of issue, expires_at the one that ends the last valid day.',
    schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
end
$$;
comment on function mentorcert_private.reject_dates(text, public.peer_mentor_certifications, text) is 'Raises MC003.';

create or replace function mentorcert_private.require_type(organisation_id uuid, code text)
returns mentorcert.certification_types
language plpgsql
stable
set search_path = ''
as $$
declare
  type mentorcert.certification_types;
begin
  select * into type from mentorcert.certification_types as candidate
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
comment on function mentorcert_private.require_type(uuid, text) is 'The certification type of an organisation with a code; MC002 where there is none.';

create or replace function mentorcert_private.check_type(
  type mentorcert.certification_types, certification public.peer_mentor_certifications, held_until timestamptz, time_zone text
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  last_valid_day constant date := mentorcert_private.last_valid_day(
    type.validity_rule, type.validity_months,
    mentorcert_private.day_of(certification.issued_at, time_zone), mentorcert_private.day_of(held_until, time_zone) - 1,
    type.early_renewal_days
  );
begin
  if coalesce(certification.expires_at, 'infinity') > mentorcert_private.day_starts(last_valid_day + 1, time_zone) then
    raise exception using
      errcode = 'MC003',
      message = format('the type %L is valid no longer than to %s', type.code, last_valid_day),
      hint = 'Only the administrator of the organisation gives more than the type''s rule.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_expires_at_within_rule';
  end if;
end
$$;
comment on function mentorcert_private.check_type(
  mentorcert.certification_types, public.peer_mentor_certifications, timestamptz, text
) is 'Refuses (MC003) a validity that the type''s rule does not give.';

create or replace function mentorcert_private.reject_retired_type(
  type mentorcert.certification_types, certification public.peer_mentor_certifications, time_zone text
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if mentorcert_private.day_of(certification.issued_at, time_zone) >= type.retired_on then
    raise exception using
      errcode = 'MC024', message = format('the type %L is retired since %s', type.code, type.retired_on),
      hint = 'Nothing of it is issued or renewed from that day on; what is held keeps its end.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'certification_type', constraint = 'certification_type_retired';
  end if;
end
$$;
comment on function mentorcert_private.reject_retired_type(
  mentorcert.certification_types, public.peer_mentor_certifications, text
) is 'Refuses (MC024) to issue or renew a certification of a retired type from its day on.';

create or replace function mentorcert_private.renewal_counted_from(
  type mentorcert.certification_types,
  held public.peer_mentor_certifications, renewed public.peer_mentor_certifications, time_zone text
)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when mentorcert_private.counted_from(days.renewed_on, days.held_until, type.early_renewal_days) = days.held_until then 'end'
    else 'renewal'
  end
  from (
    select
      mentorcert_private.day_of(renewed.issued_at, time_zone) as renewed_on,
      mentorcert_private.day_of(held.expires_at, time_zone) - 1 as held_until
  ) as days
  where
    renewed.issued_at > held.issued_at
    and mentorcert_private.day_of(renewed.expires_at, time_zone) - 1 = mentorcert_private.last_valid_day(
      type.validity_rule, type.validity_months, days.renewed_on, days.held_until, type.early_renewal_days
    )
$$;
comment on function mentorcert_private.renewal_counted_from(
  mentorcert.certification_types, public.peer_mentor_certifications, public.peer_mentor_certifications, text
) is 'From which day a renewal by the rule counts, of a type that has early_renewal_days: the end of what was held, or the day of renewal.';

create or replace function mentorcert_private.reject_transition(before text, after text)
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
comment on function mentorcert_private.reject_transition(text, text) is 'Raises MC001.';

create or replace function mentorcert_private.kind_of_change(
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
  perform mentorcert_private.reject_transition(before.status, after.status);
  return null;
end
$$;
comment on function mentorcert_private.kind_of_change(
  public.peer_mentor_certifications, public.peer_mentor_certifications, timestamptz
) is 'The kind of history entry that an update is; MC001 where no kind of change leads from the one to the other.';

create or replace function mentorcert_private.require_reason(reason text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- White space of any width, also none, gives no reason.
  if coalesce(mentorcert_private.canonical_text(reason), '') = '' then
    raise exception using
      errcode = 'MC004', message = 'a reason is required',
      hint = 'Say why, by suspend_certification for one; the history keeps it.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_reason_required';
  end if;
end
$$;
comment on function mentorcert_private.require_reason(text) is 'Refuses (MC004) an empty reason.';

create or replace function mentorcert_private.is_past_day(day text)
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
comment on function mentorcert_private.is_past_day(text) is 'Whether a text is a day of the calendar, as yyyy-mm-dd, that has come.';

create or replace function mentorcert_private.canonical_remarks(change jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select change
    || case when jsonb_typeof(change -> 'note') = 'string'
      then jsonb_build_object('note', mentorcert_private.canonical_text(change ->> 'note')) else '{}' end
    || case when jsonb_typeof(change -> 'evidence') = 'object' then jsonb_build_object('evidence', (
      select coalesce(
        jsonb_object_agg(
          said.key,
          case when jsonb_typeof(said.value) = 'string' then to_jsonb(mentorcert_private.canonical_line(said.value #>> '{}')) else said.value end
        ),
        '{}'
      )
      from jsonb_each(change -> 'evidence') as said
    )) else '{}' end
$$;
comment on function mentorcert_private.canonical_remarks(jsonb) is 'What a change is about, its note and its evidence in their canonical form.';

create or replace function mentorcert_private.check_note_and_evidence(change jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if length(change ->> 'note') > 2000 then
    raise exception using
      errcode = 'MC008', message = 'the note is longer than 2000 characters',
      hint = 'Say it shorter; documents do not belong here.', constraint = 'certification_note_valid';
  elsif not mentorcert_private.is_readable(change ->> 'note') or exists (
    select from jsonb_each_text(case when jsonb_typeof(change -> 'evidence') = 'object' then change -> 'evidence' else '{}' end) as said
    where not mentorcert_private.is_readable(said.value)
  ) then
    raise exception using
      errcode = 'MC008', message = 'the note or the evidence holds a character that cannot be read',
      hint = 'Delete it, or type the text again.', constraint = 'certification_note_characters';
  elsif change ? 'evidence' and not (
    jsonb_typeof(change -> 'evidence') = 'object'
    and (change -> 'evidence') ?& array['seen', 'seen_on', 'seen_by']
    and (change -> 'evidence') - array['seen', 'seen_on', 'seen_by'] = '{}'
    and not jsonb_path_exists(change -> 'evidence', '$.* ? (@.type() != "string" || @ like_regex "^\\s*$")')
    and length(change ->> 'evidence') <= 1000
    and mentorcert_private.is_past_day(change #>> '{evidence,seen_on}')
  ) then
    raise exception using
      errcode = 'MC008', message = 'evidence says what was seen, on which day, by whom',
      hint = 'Give {"seen": text, "seen_on": "yyyy-mm-dd", "seen_by": text} of at most 1000 characters, seen_on not in the future; never a file.',
      constraint = 'certification_evidence_valid';
  end if;
end
$$;
comment on function mentorcert_private.check_note_and_evidence(jsonb) is
  'Refuses (MC008) a note that is too long and evidence of another shape.';

revoke execute on function
  mentorcert_private.set_change_context, mentorcert_private.raise_forbidden, mentorcert_private.violated_date_rule,
  mentorcert_private.reject_dates, mentorcert_private.require_type, mentorcert_private.check_type,
  mentorcert_private.reject_retired_type, mentorcert_private.renewal_counted_from, mentorcert_private.reject_transition,
  mentorcert_private.kind_of_change, mentorcert_private.require_reason, mentorcert_private.is_past_day,
  mentorcert_private.canonical_remarks, mentorcert_private.check_note_and_evidence
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.set_change_context, mentorcert_private.raise_forbidden, mentorcert_private.require_type,
  mentorcert_private.renewal_counted_from, mentorcert_private.reject_transition, mentorcert_private.require_reason
to authenticated, service_role;
