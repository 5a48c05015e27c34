-- The certifications themselves: one row for each peer mentor and certification type, and how each change is checked and recorded.

-- Days, midnights and validity: when a certification begins, ends, and what its status is.

create or replace function mentorcert_private.day_starts(day date, time_zone text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select case
    -- Where the clock is put back at midnight, midnight comes twice, and the server takes the second.
    when (midnight - interval '1 hour') at time zone time_zone = day::timestamp then midnight - interval '1 hour'
    else midnight
  end
  from (select day::timestamp at time zone time_zone as midnight) as server
$$;
comment on function mentorcert_private.day_starts(date, text) is
  'The first instant of a day in a time zone: the first of two midnights, and where the clock skips midnight the first instant after the gap.';

create or replace function mentorcert_private.day_of(instant timestamptz, time_zone text)
returns date
language sql
immutable
set search_path = ''
as $$ select (instant at time zone time_zone)::date $$;
comment on function mentorcert_private.day_of(timestamptz, text) is 'The day on the calendar of a time zone.';

create or replace function mentorcert_private.last_valid_day(
  validity_rule text, validity_months integer, issued_on date, held_until date default null
)
returns date
language sql
immutable
set search_path = ''
as $$
  select case validity_rule
    when 'months' then greatest((issued_on + make_interval(months => validity_months))::date, held_until)
    -- Renewed in the year in which it ends, it holds through the next one; renewed once more, no longer than that.
    when 'end_of_year' then case
      when held_until >= year_end then greatest((year_end + interval '1 year')::date, held_until)
      else year_end
    end
  end
  from make_date(
    extract(year from issued_on + make_interval(months => coalesce(validity_months, 0)))::integer, 12, 31
  ) as year_end
$$;
comment on function mentorcert_private.last_valid_day(text, integer, date, date) is
  'The last day on which a certification issued on a day holds; null: no last day. Months are clamped at month end. Early renewal never shortens: held_until, the last day of what was held before, stays where it is later.';

create or replace function mentorcert_private.status_at(suspended boolean, expires_at timestamptz, at timestamptz)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when suspended then 'suspended' when expires_at <= at then 'expired' else 'active' end
$$;
comment on function mentorcert_private.status_at(boolean, timestamptz, timestamptz) is
  'What the status is at an instant: suspension lies on top of the dates.';

-- The table

-- renewal_history: a JSONB array, oldest entry first, one entry for each change. It is written by the
-- trigger record_change. The keys of an entry of version 1 (the last four stand only where they say something):
--
--   schema_version  1
--   entry_id        uuid
--   kind            issued | renewed | extended | expired | suspended | reinstated | corrected | reverted | imported
--   recorded_at     when the registry learned of the change (ISO 8601)
--   effective_at    from when the change holds (ISO 8601)
--   actor           {"user_id": uuid or null, "role": text} or {"job": text}
--   before, after   what changed, of certification_type, issued_at, expires_at, status;
--                   the first entry has no before, and all four in after
--   note            the reason given
--   evidence        {"seen": what, "seen_on": date, "seen_by": whom}; never a file
--   batch_id        uuid shared by the entries of one extension
--   reverts         entry_id of the entry that this one takes back
--
-- Entries come in at the end and never change: so the CHECK looks at the newest, and for what every version has.
-- The rest is in docs/history.md.

create table if not exists public.peer_mentor_certifications (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  peer_mentor_id uuid not null,
  certification_type text not null,
  issued_at timestamptz not null,
  expires_at timestamptz,
  status text not null default 'active',
  renewal_history jsonb not null default '[]',
  chapter_ids uuid[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint peer_mentor_certifications_pkey primary key (id),
  -- The organisation comes first: a duplicate can then only be met in the caller's own organisation.
  constraint peer_mentor_certifications_one_of_a_type unique (organisation_id, peer_mentor_id, certification_type),
  constraint peer_mentor_certifications_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_certifications_certification_type_fkey foreign key (organisation_id, certification_type)
    references mentorcert.certification_types (organisation_id, code),
  constraint peer_mentor_certifications_status_valid check (status in ('active', 'expired', 'suspended')),
  constraint peer_mentor_certifications_renewal_history_valid check (
    jsonb_typeof(renewal_history) = 'array'
    and (
      renewal_history = '[]'
      or renewal_history -> -1 ?& array[
        'schema_version', 'entry_id', 'kind', 'recorded_at', 'effective_at', 'actor', 'after'
      ]
    )
  )
) with (fillfactor = 80);
-- Every role shares one plan: an index that begins with expires_at would tempt the planner to walk it.
create index if not exists peer_mentor_certifications_peer_mentor_id_idx
on public.peer_mentor_certifications (peer_mentor_id, organisation_id, expires_at);
create index if not exists peer_mentor_certifications_expires_at_idx
on public.peer_mentor_certifications (organisation_id, expires_at, id);
create index if not exists peer_mentor_certifications_due_idx
on public.peer_mentor_certifications (organisation_id, expires_at) where status = 'active';
create index if not exists peer_mentor_certifications_chapter_ids_idx
on public.peer_mentor_certifications using gin (chapter_ids);
do $$
begin
  alter table public.peer_mentor_certifications alter column renewal_history set compression lz4;
exception when feature_not_supported then
  null; -- a server built without lz4 keeps pglz
end
$$;
alter table public.peer_mentor_certifications enable row level security;
revoke all on public.peer_mentor_certifications from anon, authenticated, service_role;
grant
  select,
  insert (peer_mentor_id, certification_type, issued_at, expires_at),
  update (certification_type, issued_at, expires_at, status)
on public.peer_mentor_certifications to authenticated;
grant
  select,
  insert,
  update (certification_type, issued_at, expires_at, status)
on public.peer_mentor_certifications to service_role;
comment on table public.peer_mentor_certifications is
  'What a peer mentor is certified for, from when, until when, and how it came to be so.';
comment on column public.peer_mentor_certifications.id is 'Key of the certification; it outlives every renewal.';
comment on column public.peer_mentor_certifications.organisation_id is
  'The organisation of the peer mentor: a composite foreign key keeps the two the same. Never changes.';
comment on column public.peer_mentor_certifications.peer_mentor_id is 'Who is certified. Never changes.';
comment on column public.peer_mentor_certifications.certification_type is 'Code of the certification type.';
comment on column public.peer_mentor_certifications.issued_at is
  'The midnight, in the organisation''s time zone, that begins the day of issue or of the latest renewal.';
comment on column public.peer_mentor_certifications.expires_at is
  'The first instant at which the certification no longer holds: the local midnight that ends the last valid day. Null: does not expire.';
comment on column public.peer_mentor_certifications.status is
  'active, expired or suspended, as of the latest change or nightly run; current_status() returns what is true now.';
comment on column public.peer_mentor_certifications.renewal_history is
  'Every change, oldest first, appended by trigger only; the shape stands in this migration and in docs/history.md.';
comment on column public.peer_mentor_certifications.chapter_ids is
  'The peer mentor''s current chapters, copied by trigger so that policies need no join.';
comment on column public.peer_mentor_certifications.created_at is 'When the row was made.';
comment on column public.peer_mentor_certifications.updated_at is 'When the row was last updated.';
comment on constraint peer_mentor_certifications_renewal_history_valid on public.peer_mentor_certifications is
  'The newest entry has what entries of every schema_version have in common; the others were the newest once.';

drop policy if exists "members read certifications of their organisation" on public.peer_mentor_certifications;
create policy "members read certifications of their organisation"
on public.peer_mentor_certifications for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read certifications of their organisation" on public.peer_mentor_certifications is
  'Those within reach, as the restrictive policy says.';

drop policy if exists "certifications are within reach and switched on" on public.peer_mentor_certifications;
create policy "certifications are within reach and switched on"
on public.peer_mentor_certifications as restrictive to anon, authenticated
using (
  (select mentorcert_private.check_endpoint('certifications'))
  and (
    organisation_id = (select mentorcert_private.administered_organisation_id())
    or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
    or peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
  )
);
comment on policy "certifications are within reach and switched on" on public.peer_mentor_certifications is
  'Holds whatever else lets in. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';

drop policy if exists "coordinators and administrators register certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators register certifications"
on public.peer_mentor_certifications for insert to authenticated
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
);
comment on policy "coordinators and administrators register certifications" on public.peer_mentor_certifications is
  'Of peer mentors in a coordinated chapter, or in the organisation.';

drop policy if exists "coordinators and administrators change certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators change certifications"
on public.peer_mentor_certifications for update to authenticated
using (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
)
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
);
comment on policy "coordinators and administrators change certifications" on public.peer_mentor_certifications is
  'The trigger record_change says which change is whose.';

create or replace function public.current_status(certification public.peer_mentor_certifications)
returns text
language sql
stable
set search_path = ''
as $$ select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) $$;
comment on function public.current_status(public.peer_mentor_certifications) is
  'What the status truly is now, also after a missed nightly run; a computed column of the Data API.';

-- The Data API embeds within one schema: asked here, a certification comes with its peer mentor, type and events. Writes go to
-- the table itself.
create or replace view mentorcert.peer_mentor_certifications
with (security_invoker = true)
as
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, certification.status, certification.renewal_history,
  certification.chapter_ids, certification.created_at, certification.updated_at,
  public.current_status(certification) as current_status
from public.peer_mentor_certifications as certification;
comment on view mentorcert.peer_mentor_certifications is
  'The certifications that the caller reads, to embed the tables of this schema in; with the rights and under the policies of the caller.';
revoke all on mentorcert.peer_mentor_certifications from anon, authenticated, service_role;
grant select on mentorcert.peer_mentor_certifications to authenticated, service_role;

create or replace trigger keep_identity
before update of id, organisation_id, peer_mentor_id, created_at on public.peer_mentor_certifications
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'peer_mentor_id', 'created_at');

-- The nightly run sets it itself, and is spared hundreds of thousands of calls.
create or replace trigger set_updated_at
before update on public.peer_mentor_certifications
for each row when (new.updated_at is distinct from now()) execute function mentorcert_private.set_updated_at();

create or replace trigger keep_chapter_ids
before update of chapter_ids on public.peer_mentor_certifications
for each row execute function mentorcert_private.reject_other_chapters('peer_mentor_id');

-- A removed row would take its history along.
create or replace trigger reject_removal
before delete or truncate on public.peer_mentor_certifications
for each statement execute function mentorcert_private.reject_change(
  'certification_history_append_only', 'Suspend the certification, or end the membership, instead.'
);

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
  'Says what the next change of certifications is about (kind, note, evidence, job, as_of, batch_id, reverts, reverts_batch, reverts_latest); null ends it.';

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

create or replace function mentorcert_private.time_zone_of(organisation_id uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select organisation.time_zone from mentorcert.organisations as organisation where organisation.id = organisation_id
$$;
comment on function mentorcert_private.time_zone_of(uuid) is 'The time zone of an organisation.';

create or replace function mentorcert_private.check_dates(
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
    <> mentorcert_private.day_starts(mentorcert_private.day_of(certification.issued_at, time_zone), time_zone) then
    violated := 'certification_issued_at_midnight';
    message := 'issued_at is not a midnight of the organisation''s time zone';
  elsif certification.expires_at
    <> mentorcert_private.day_starts(mentorcert_private.day_of(certification.expires_at, time_zone), time_zone) then
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
comment on function mentorcert_private.check_dates(public.peer_mentor_certifications, text, timestamptz) is
  'Refuses (MC003) dates that are in the wrong order, in the future, or not at local midnight.';

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
  certification public.peer_mentor_certifications, held_until timestamptz, time_zone text, within_rule boolean
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  type constant mentorcert.certification_types :=
    mentorcert_private.require_type(certification.organisation_id, certification.certification_type);
  last_valid_day date;
begin
  last_valid_day := mentorcert_private.last_valid_day(
    type.validity_rule, type.validity_months,
    mentorcert_private.day_of(certification.issued_at, time_zone), mentorcert_private.day_of(held_until, time_zone) - 1
  );
  if within_rule
    and coalesce(certification.expires_at, 'infinity') > mentorcert_private.day_starts(last_valid_day + 1, time_zone) then
    raise exception using
      errcode = 'MC003',
      message = format('the type %L is valid no longer than to %s', type.code, last_valid_day),
      hint = 'Only the administrator of the organisation gives more than the type''s rule.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_expires_at_within_rule';
  end if;
end
$$;
comment on function mentorcert_private.check_type(public.peer_mentor_certifications, timestamptz, text, boolean) is
  'Refuses a type that the organisation does not have (MC002) and, within the rule, a validity that it does not give (MC003).';

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

create or replace function mentorcert_private.actor(organisation_id uuid, change jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when auth.uid() is not null then jsonb_build_object(
      'user_id', auth.uid(),
      'role', case when organisation_id = mentorcert_private.administered_organisation_id() then 'org_admin' else 'coordinator' end
    )
    when change ? 'job' then jsonb_build_object('job', change ->> 'job')
    else jsonb_build_object(
      'user_id', null, 'role', coalesce(nullif(current_setting('role'), 'none'), session_user::text)
    )
  end
$$;
comment on function mentorcert_private.actor(uuid, jsonb) is 'Who makes the change: the signed-in user and role, the job, or the database role.';

-- Every change of a certification is checked and appends one history entry, by whatever path it comes.

create or replace function mentorcert_private.record_change()
returns trigger
language plpgsql
security definer -- reads types, peer mentors and chapters, whatever the caller may see of them
set search_path = ''
as $$
declare
  change constant jsonb :=
    mentorcert_private.canonical_remarks(coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb);
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
    perform mentorcert_private.check_history_kept(old.renewal_history, new.renewal_history);
    if (new.status, new.expires_at, new.issued_at, new.certification_type)
      is not distinct from (old.status, old.expires_at, old.issued_at, old.certification_type) then
      return new;
    end if;
  end if;

  is_admin := not by_user or new.organisation_id is not distinct from mentorcert_private.administered_organisation_id();
  if tg_op = 'INSERT' then
    select mentor.chapter_ids, organisation.time_zone into new.chapter_ids, time_zone
    from mentorcert.peer_mentors as mentor
    join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
    where mentor.organisation_id = new.organisation_id and mentor.id = new.peer_mentor_id and mentor.erased_at is null
    for no key update of mentor; -- so that a chapter entered meanwhile is not missed
    if not found or (by_user and not mentorcert_private.may_certify(new.organisation_id, new.chapter_ids)) then
      perform mentorcert_private.raise_forbidden();
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
          or entry -> 'schema_version' is distinct from to_jsonb(mentorcert_private.current_history_version())
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
      new.status := mentorcert_private.status_at(false, new.expires_at, as_of); -- of a job, the nightly run settles it
    end if;
    kind := case when imported then 'imported' else 'issued' end;
    effective_at := new.issued_at;
    before := new.renewal_history #> '{-1,after}';
  else
    if not mentorcert_private.is_erasure() and exists (
      select from mentorcert.peer_mentors as mentor where mentor.id = new.peer_mentor_id and mentor.erased_at is not null
    ) and new.status is distinct from 'expired' then
      perform mentorcert_private.raise_forbidden('the person was erased; nothing is certified any more');
    end if;
    time_zone := mentorcert_private.time_zone_of(new.organisation_id);
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
      reverted := mentorcert_private.reverted_entry(old.id, change);
      perform mentorcert_private.check_revert(old, new, reverted);
      perform mentorcert_private.require_administrator(
        is_admin or reverted ->> 'kind' in ('renewed', 'suspended', 'reinstated')
      );
      effective_at := (reverted ->> 'effective_at')::timestamptz;
    elsif kind in ('corrected', 'extended') then
      perform mentorcert_private.require_administrator(is_admin);
    end if;
  end if;
  if tg_op = 'INSERT' or old.certification_type <> new.certification_type
    or old.issued_at <> new.issued_at or old.expires_at is distinct from new.expires_at then
    perform mentorcert_private.check_dates(new, time_zone, as_of);
    perform mentorcert_private.check_type(
      new, case when tg_op = 'UPDATE' then old.expires_at end, time_zone,
      within_rule => not is_admin and kind in ('issued', 'renewed')
    );
  end if;
  if kind = 'suspended' and by_user then
    perform mentorcert_private.require_reason(change ->> 'note');
  end if;
  perform mentorcert_private.check_note_and_evidence(change);

  before := coalesce(before, case when tg_op = 'UPDATE' then mentorcert_private.state(old) end);
  after := mentorcert_private.state(new);
  new.renewal_history := new.renewal_history || (jsonb_strip_nulls(jsonb_build_object(
    'schema_version', mentorcert_private.current_history_version(),
    'entry_id', gen_random_uuid(),
    'kind', kind,
    'recorded_at', now(),
    'effective_at', effective_at,
    'note', change -> 'note',
    'evidence', change -> 'evidence',
    'batch_id', change -> 'batch_id',
    'reverts', reverted -> 'entry_id'
  )) || jsonb_build_object(
    'actor', mentorcert_private.actor(new.organisation_id, change),
    'before', mentorcert_private.changed_fields(before, after),
    'after', coalesce(mentorcert_private.changed_fields(after, before), after)
  ));
  -- What an import brings along must reach the events table first; the next change cuts it.
  if tg_op = 'UPDATE' and jsonb_array_length(new.renewal_history) > 50 and mentorcert_private.history_is_in_events() then
    new.renewal_history := mentorcert_private.cached_history(new.renewal_history);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.record_change() is
  'Keeps the history as it is (MC005), checks a change (right, transition, type, dates, reason) and appends its one history entry.';

create or replace trigger record_change_on_insert
before insert on public.peer_mentor_certifications
for each row execute function mentorcert_private.record_change();

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
execute function mentorcert_private.record_change();

revoke execute on function
  mentorcert_private.day_starts, mentorcert_private.day_of, mentorcert_private.last_valid_day, mentorcert_private.status_at, public.current_status,
  mentorcert_private.set_change_context, mentorcert_private.raise_forbidden, mentorcert_private.time_zone_of, mentorcert_private.check_dates,
  mentorcert_private.require_type, mentorcert_private.check_type, mentorcert_private.reject_transition, mentorcert_private.kind_of_change, mentorcert_private.require_reason,
  mentorcert_private.is_past_day, mentorcert_private.canonical_remarks, mentorcert_private.check_note_and_evidence, mentorcert_private.actor, mentorcert_private.record_change
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.day_starts, mentorcert_private.day_of, mentorcert_private.last_valid_day, mentorcert_private.status_at, public.current_status,
  mentorcert_private.set_change_context, mentorcert_private.raise_forbidden, mentorcert_private.time_zone_of, mentorcert_private.require_type, mentorcert_private.reject_transition,
  mentorcert_private.require_reason
to authenticated, service_role;
