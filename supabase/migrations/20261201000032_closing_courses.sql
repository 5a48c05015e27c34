-- Closing a course: who attended is certified, in one transaction that is previewed, and that can be taken back as a whole.
--
-- What a closing does is a change of many like others: one batch, with the course as the evidence of each entry. What it issued
-- cannot be undone, since nothing is deleted: taking the batch back suspends it, and closing the course once more reinstates it.

do $$
begin
  alter table mentorcert_private.change_batches
    drop constraint change_batches_change_valid,
    add constraint change_batches_change_valid check (change in ('renew', 'suspend', 'reinstate', 'course'));
end
$$;

create or replace function mentorcert_private.outcomes_for(course mentorcert_private.courses, peer_mentor_ids uuid[])
returns table (
  peer_mentor_id uuid, full_name text, sort_key text, certification_type text, certification_id uuid, held_from timestamptz,
  held_to timestamptz, outcome text, refusal text, issued_at timestamptz, expires_at timestamptz, stays_suspended boolean
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  time_zone constant text := mentorcert_private.time_zone_of(course.organisation_id);
  day constant date := course.last_day;
  midnight constant timestamptz := mentorcert_private.day_starts(day, time_zone);
begin
  return query
  with lacking as (
    select lacks.peer_mentor_id from mentorcert_private.missing_types(course, peer_mentor_ids, day) as lacks group by lacks.peer_mentor_id
  ),
  given as (
    select distinct mentorcert_private.type_in_use(course.organisation_id, named.code) as code from unnest(course.types) as named (code)
  ),
  rows as materialized (
    select
      mentor.id as mentor_id, mentor.full_name, mentor.sort_key, type.code, held.id as held_id, held.issued_at as held_from, held.expires_at as held_to,
      mentorcert_private.expires_at_by_rule(type, held.expires_at, day, time_zone) as by_rule,
      coalesce(held.status = 'suspended', false) as is_suspended,
      held.status = 'suspended' and held.renewal_history #>> '{-1,kind}' = 'suspended'
      and held.renewal_history #>> '{-1,evidence,course_id}' = course.id::text as was_given,
      case
        when mentor.left_on <= day then 'peer_mentor_left'
        when lacking.peer_mentor_id is not null then 'course_prerequisites_held'
        when type.retired_on <= day then 'certification_type_retired'
        when held.id is null and course.kind = 'refresher' then 'course_refresher_renews'
        when (course.kind = 'course' and type.after_lapse = 'course') is not true
          and day > mentorcert_private.refresher_until(mentorcert_private.day_of(held.expires_at, time_zone) - 1, type.refresher_months)
          then 'certification_outdated_' || type.after_lapse
      end as against
    from unnest(peer_mentor_ids) as person (id)
    -- One by one: of a thousand people, 15 reads everybody's instead.
    cross join lateral (select one.* from mentorcert.peer_mentors as one where one.id = person.id offset 0) as mentor
    cross join given
    join mentorcert.certification_types as type on type.organisation_id = course.organisation_id and type.code = given.code
    left join lacking on lacking.peer_mentor_id = mentor.id
    left join lateral (
      select certification.* from public.peer_mentor_certifications as certification
      where
        certification.organisation_id = course.organisation_id and certification.peer_mentor_id = mentor.id
        and certification.certification_type = type.code
      offset 0
    ) as held on true
  ),
  outcomes as (
    select
      rows.*,
      case
        when rows.held_from >= midnight and not rows.was_given then 'unchanged'
        -- Without an end, which only an administrator gives by this type.
        when rows.held_id is not null and not rows.was_given and rows.held_to is null and rows.by_rule is not null then 'unchanged'
        when rows.against is not null then 'refused'
        when rows.was_given then 'reinstate'
        when rows.held_id is null then 'issue'
        else 'renew'
      end as outcome
    from rows
  )
  select
    outcomes.mentor_id, outcomes.full_name, outcomes.sort_key, outcomes.code, outcomes.held_id, outcomes.held_from, outcomes.held_to,
    outcomes.outcome, case when outcomes.outcome = 'refused' then outcomes.against end,
    case when outcomes.outcome in ('issue', 'renew') then midnight else outcomes.held_from end,
    case
      when outcomes.outcome = 'issue' or outcomes.outcome = 'renew' and outcomes.held_to is not null then outcomes.by_rule
      else outcomes.held_to
    end,
    outcomes.is_suspended and outcomes.outcome <> 'reinstate'
  from outcomes;
end
$$;
comment on function mentorcert_private.outcomes_for(mentorcert_private.courses, uuid[]) is
  'What a course gives these people on its last day, of each of its types, by what is held now: issue, renew, reinstate (what it gave before it was opened again), unchanged (issued or renewed since, or without an end) or refused, by which rule. A renewal ends no suspension.';

create or replace function mentorcert_private.course_outcomes(course mentorcert_private.courses)
returns table (
  organisation_id uuid, peer_mentor_id uuid, full_name text, certification_type text, certification_id uuid, outcome text, refusal text,
  issued_at timestamptz, expires_at timestamptz, last_valid_day date, status text, fingerprint text
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  time_zone constant text := mentorcert_private.time_zone_of(course.organisation_id);
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
  attended constant uuid[] := array(
    select sign_up.peer_mentor_id from mentorcert_private.course_sign_ups as sign_up
    where sign_up.course_id = course.id and sign_up.attendance = 'attended' and sign_up.peer_mentor_id is not null
  );
begin
  if course.last_day > mentorcert_private.day_of(now(), time_zone) then
    raise exception using
      errcode = 'MC008', message = 'the course is not over', hint = 'Close it from its last day on.', constraint = 'course_not_over';
  elsif cardinality(attended) * cardinality(course.types) > 5000 then
    raise exception using
      errcode = 'MC008', message = 'the course gives more than 5000 certifications',
      hint = 'Plan another one for some of those who attended.', constraint = 'course_too_large';
  elsif exists (
    select from mentorcert.peer_mentors as mentor
    where
      mentor.id = any(attended)
      and (mentor.organisation_id = administered or mentor.chapter_ids && coordinated and mentor.id <> all(gone)) is not true
  ) then
    raise exception using
      errcode = '42501', message = 'somebody who attended is not within reach', hint = 'The administrator of the organisation closes the course.',
      constraint = 'course_attendance_in_reach';
  end if;
  return query
  with ends as materialized (
    select given.* from mentorcert_private.outcomes_for(course, attended) as given
  ),
  said as (
    select
      encode(
        sha256(convert_to(
          string_agg(
            concat_ws(
              '|', ends.peer_mentor_id, ends.certification_type, ends.outcome, extract(epoch from ends.held_from),
              extract(epoch from ends.held_to), extract(epoch from ends.expires_at), ends.stays_suspended
            ),
            ',' order by ends.peer_mentor_id, ends.certification_type
          ),
          'UTF8'
        )),
        'hex'
      ) as digest
    from ends
  )
  select
    course.organisation_id, ends.peer_mentor_id, ends.full_name, ends.certification_type, ends.certification_id, ends.outcome, ends.refusal,
    ends.issued_at, ends.expires_at, mentorcert_private.day_of(ends.expires_at, time_zone) - 1,
    case
      when ends.certification_id is not null or ends.outcome = 'issue'
        then mentorcert_private.status_at(ends.stays_suspended, ends.expires_at, now())
    end,
    said.digest
  from ends
  cross join said
  order by ends.sort_key collate pg_catalog."C", ends.peer_mentor_id, ends.certification_type;
end
$$;
comment on function mentorcert_private.course_outcomes(mentorcert_private.courses) is
  'What closing a course gives to each who attended, as outcomes_for says, and what all of it says, as a digest. MC008 before the last day, 42501 where somebody who attended is not within reach.';

create or replace function public.preview_course_closing(course_id uuid)
returns table (
  organisation_id uuid, peer_mentor_id uuid, full_name text, certification_type text, certification_id uuid, outcome text, refusal text,
  issued_at timestamptz, expires_at timestamptz, last_valid_day date, status text, fingerprint text
)
language plpgsql
stable
security definer -- courses are no client's to read
set search_path = ''
as $$
begin
  return query select outcomes.* from mentorcert_private.course_outcomes(mentorcert_private.require_course(course_id)) as outcomes;
end
$$;
comment on function public.preview_course_closing(uuid) is
  'What closing a course that the caller manages would give, for each who attended and each of its types: outcome (issue, renew, reinstate, unchanged, refused), the rule against it, and the dates and the status that follow: what is suspended is renewed and stays suspended. The fingerprint is close_course''s. Changes nothing.';

create or replace function mentorcert_private.course_to_close(course_id uuid, fingerprint text)
returns table (
  peer_mentor_id uuid, certification_type text, certification_id uuid, outcome text, issued_at timestamptz, expires_at timestamptz,
  evidence jsonb
)
language plpgsql
security definer -- courses are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
declare
  course mentorcert_private.courses := mentorcert_private.require_course(course_to_close.course_id);
  attended constant uuid[] := array(
    select sign_up.peer_mentor_id from mentorcert_private.course_sign_ups as sign_up
    where sign_up.course_id = course.id and sign_up.attendance = 'attended' and sign_up.peer_mentor_id is not null
  );
begin
  -- The people first, all at once: the order in which everybody locks. To lock more of them later may be a circle, so who was said to have
  -- attended meanwhile is for another preview.
  perform mentorcert_private.lock_peer_mentors(attended);
  course := mentorcert_private.locked_course(course.id);
  if exists (
    select from mentorcert_private.course_sign_ups as sign_up
    where sign_up.course_id = course.id and sign_up.attendance = 'attended' and sign_up.peer_mentor_id <> all(attended)
  ) or (select min(outcomes.fingerprint) from mentorcert_private.course_outcomes(course) as outcomes) is distinct from course_to_close.fingerprint
  then
    raise exception using
      errcode = 'PT409', message = 'what closing the course gives is not what was previewed',
      hint = 'Nothing was changed. Look at the preview again, and confirm that.', constraint = 'course_outcomes_as_shown';
  end if;
  return query
  select
    outcomes.peer_mentor_id, outcomes.certification_type, outcomes.certification_id, outcomes.outcome, outcomes.issued_at, outcomes.expires_at,
    jsonb_build_object('seen', course.name_nb, 'seen_on', course.last_day, 'course_id', course.id)
    || case when course.kind = 'course' then '{"basis": "course"}' else '{}' end::jsonb
  from mentorcert_private.course_outcomes(course) as outcomes
  where outcomes.outcome in ('issue', 'renew', 'reinstate');
end
$$;
comment on function mentorcert_private.course_to_close(uuid, text) is
  'What closing a course changes, with the people and the course locked, if it is still what was previewed (PT409); for who manages it.';

create or replace function mentorcert_private.close_locked_course(course_id uuid)
returns void
language plpgsql
security definer -- courses are no client's to write
set search_path = ''
as $$
declare
  course mentorcert_private.courses := mentorcert_private.require_course(close_locked_course.course_id);
  batch uuid;
begin
  course := mentorcert_private.locked_course(course.id);
  -- Just what the course has changed: the evidence says so.
  insert into mentorcert_private.change_batches as made (organisation_id, change, certification_ids, entry_ids, changed_by)
  select
    course.organisation_id, 'course', array_agg(changed.id order by changed.id),
    array_agg((changed.renewal_history #>> '{-1,entry_id}')::uuid order by changed.id), mentorcert_private.acting_user()
  from mentorcert_private.course_sign_ups as sign_up
  join public.peer_mentor_certifications as changed
    on changed.organisation_id = course.organisation_id and changed.peer_mentor_id = sign_up.peer_mentor_id
  where
    sign_up.course_id = course.id and sign_up.attendance = 'attended'
    and changed.renewal_history #>> '{-1,evidence,course_id}' = course.id::text
    and changed.renewal_history #>> '{-1,kind}' in ('issued', 'renewed', 'reinstated')
  having count(*) > 0
  returning made.batch_id into batch;
  update mentorcert_private.courses as closed
  set state = 'closed', settled_at = clock_timestamp(), settled_by = auth.uid(), batch_id = batch
  where closed.id = course.id;
end
$$;
comment on function mentorcert_private.close_locked_course(uuid) is
  'Closes a course that the caller manages, and notes as one batch what its closing changed; part of public.close_course.';

create or replace function public.close_course(course_id uuid, fingerprint text)
returns integer
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  mentors uuid[];
  types text[];
  ids uuid[];
  outcomes text[];
  issues timestamptz[];
  ends timestamptz[];
  evidence jsonb;
begin
  perform mentorcert_private.require_certifications();
  select
    coalesce(array_agg(given.peer_mentor_id), '{}'), array_agg(given.certification_type), array_agg(given.certification_id),
    array_agg(given.outcome), array_agg(given.issued_at), array_agg(given.expires_at), min(given.evidence::text)::jsonb
  into mentors, types, ids, outcomes, issues, ends, evidence
  from mentorcert_private.course_to_close(close_course.course_id, close_course.fingerprint) as given;
  perform mentorcert_private.set_change_context(jsonb_build_object('evidence', mentorcert_private.evidence(evidence)));
  insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, expires_at)
  select given.mentor, given.type, given.issued_at, given.expires_at
  from unnest(mentors, types, outcomes, issues, ends) as given (mentor, type, outcome, issued_at, expires_at)
  where given.outcome = 'issue';
  update public.peer_mentor_certifications as certification
  set
    issued_at = given.issued_at, expires_at = given.expires_at,
    status = case given.status when 'reinstate' then 'active' else certification.status end
  from mentorcert_private.each_outcome(ids, types, issues, ends, outcomes) as given
  where certification.id = given.certification_id;
  perform mentorcert_private.set_change_context(null);
  perform mentorcert_private.close_locked_course(close_course.course_id);
  return cardinality(mentors);
end
$$;
comment on function public.close_course(uuid, text) is
  'Closes a course, by the rights of the caller: issues and renews as preview_course_closing says, all in one batch, or nothing (PT409 where that has changed since; the fingerprint of a course that nobody attended is null). Returns how many certifications were changed.';

-- The evidence of a change may name the course that is being closed, or taken back.

create or replace function mentorcert_private.check_named_courses()
returns trigger
language plpgsql
security definer -- courses are no client's to read
set search_path = ''
as $$
declare
  named constant text := nullif(current_setting('mentorcert.change', true), '')::jsonb #>> '{evidence,course_id}';
begin
  -- Nearly always none is named.
  if named is not null and exists (
    select from changed_rows as changed
    where
      changed.renewal_history #>> '{-1,evidence,course_id}' is not null
      and not exists (
        select from mentorcert_private.courses as course
        join mentorcert_private.course_sign_ups as sign_up on sign_up.course_id = course.id and sign_up.attendance = 'attended'
        where
          course.id::text = changed.renewal_history #>> '{-1,evidence,course_id}' and course.organisation_id = changed.organisation_id
          and sign_up.peer_mentor_id = changed.peer_mentor_id
          and mentorcert_private.manages_course(course.organisation_id, course.chapter_ids)
          and case changed.renewal_history #>> '{-1,kind}'
            when 'suspended' then course.state = 'closed'
            when 'reinstated' then course.state = 'planned'
            when 'issued' then course.state = 'planned'
            when 'renewed' then course.state = 'planned'
            else false
          end
          and (
            -- What was given keeps its dates, also where the course was moved before it was closed once more.
            changed.renewal_history #>> '{-1,kind}' in ('suspended', 'reinstated')
            or mentorcert_private.day_of(changed.issued_at, mentorcert_private.time_zone_of(course.organisation_id)) = course.last_day
          )
          and exists (
            select from unnest(course.types) as given (code)
            where mentorcert_private.type_in_use(course.organisation_id, given.code) = changed.certification_type
          )
      )
  ) then
    raise exception using
      errcode = 'MC008', message = 'the evidence names no course that gives this',
      hint = 'Close the course by close_course, or leave course_id out.', constraint = 'certification_evidence_valid';
  end if;
  return null;
end
$$;
comment on function mentorcert_private.check_named_courses() is
  'Refuses (MC008) evidence by a course that the person did not attend, that gives another type, as of another day, or that the caller does not manage.';

create or replace trigger check_named_courses_on_insert
after insert on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.check_named_courses();

create or replace trigger check_named_courses_on_update
after update on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.check_named_courses();

-- Taking it back

create or replace function mentorcert_private.preview_batch_reversal(batch_id uuid)
returns table (certification_id uuid, expires_at timestamptz, status text, refusal text, changed_since jsonb)
language plpgsql
stable
rows 500
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select
    outcome.certification_id,
    case when latest.is_given then held.expires_at else outcome.expires_at end,
    case when latest.is_given then 'suspended' else outcome.status end,
    case
      when outcome.refusal = 'certification_right' and not latest.is_given then outcome.refusal
      when latest.entry ->> 'entry_id' is distinct from listed.entry_id::text then 'certification_change_revertible'
      when not latest.is_given then outcome.refusal
    end,
    case
      when latest.entry ->> 'entry_id' is distinct from listed.entry_id::text
        then jsonb_build_object(
          'kind', latest.entry -> 'kind', 'recorded_at', latest.entry -> 'recorded_at', 'actor', latest.entry -> 'actor'
        )
    end
  from mentorcert_private.change_batches as batch
  cross join lateral public.preview_changes('revert', batch.certification_ids) as outcome
  join lateral unnest(batch.certification_ids, batch.entry_ids) as listed (id, entry_id) on listed.id = outcome.certification_id
  left join public.peer_mentor_certifications as held on held.id = outcome.certification_id
  cross join lateral (
    select
      of.entry,
      -- What a course issued or reinstated is suspended: nothing is deleted.
      coalesce(
        batch.change = 'course' and of.entry ->> 'kind' in ('issued', 'reinstated') and of.entry ->> 'entry_id' = listed.entry_id::text
        and held.status <> 'suspended',
        false
      ) as is_given
    from (select case when held.id is not null then mentorcert_private.reverted_entry(held, '{"reverts_latest": true}') end as entry) as of
  ) as latest
  where batch.batch_id = preview_batch_reversal.batch_id;
end
$$;
comment on function mentorcert_private.preview_batch_reversal(uuid) is
  'What taking back a change of many would give for each of its certifications, which suspends what a course has issued: refusal names the rule against it, changed_since says what stands on it, when and by whom. Changes nothing.';

create or replace function mentorcert_private.revert_batch(batch_id uuid, reason text, leaves_out boolean default false)
returns integer
language plpgsql
set search_path = ''
as $$
#variable_conflict use_variable
declare
  batch mentorcert_private.change_batches;
  ids uuid[];
  given_ids uuid[];
  evidence jsonb;
  refused jsonb;
  violated text;
  taken_back integer := 0;
begin
  perform mentorcert_private.require_certifications();
  select * into batch from mentorcert_private.change_batches as made where made.batch_id = revert_batch.batch_id for no key update;
  if not found then
    perform mentorcert_private.raise_forbidden('no such batch, or no right to it');
  elsif batch.reverted_at is not null then
    perform mentorcert_private.reject_revert('the batch was taken back already', 'Look at the histories of its certifications.');
  end if;
  perform 1 from mentorcert_private.each_id(batch.certification_ids) as listed (id)
  join public.peer_mentor_certifications as certification on certification.id = listed.id
  order by certification.id -- everybody locks in this order, so nobody waits in a circle
  for no key update of certification;
  select
    array_agg(outcome.certification_id) filter (where outcome.refusal is null),
    jsonb_object_agg(outcome.certification_id, coalesce(outcome.changed_since, to_jsonb(outcome.refusal)))
      filter (where outcome.refusal is not null),
    min(outcome.refusal)
  into ids, refused, violated
  from mentorcert_private.preview_batch_reversal(batch_id) as outcome;
  if refused is not null and not leaves_out or ids is null then
    raise exception using
      errcode = case violated when 'certification_right' then '42501' else 'MC006' end,
      message = format(
        'of the %s certifications of this batch, %s were changed since, or are not the caller''s to change',
        cardinality(batch.certification_ids), (select count(*) from jsonb_object_keys(refused))
      ),
      detail = refused, hint = 'Nothing was taken back. Take the later changes back first, or the batch''s entries one by one.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
  end if;
  if batch.change = 'course' then
    select array_agg(given.id), min((given.entry -> 'evidence')::text)::jsonb into given_ids, evidence
    from (
      select held.id, mentorcert_private.reverted_entry(held, '{"reverts_latest": true}') as entry
      from mentorcert_private.each_id(ids) as listed (id)
      join public.peer_mentor_certifications as held on held.id = listed.id
    ) as given
    where given.entry ->> 'kind' in ('issued', 'reinstated');
    perform mentorcert_private.require_reason(reason);
    perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'evidence', evidence));
    update public.peer_mentor_certifications as certification set status = 'suspended' where certification.id = any(given_ids);
    get diagnostics taken_back = row_count;
    perform mentorcert_private.set_change_context(null);
    ids := array(select id from unnest(ids) as id where id <> all(coalesce(given_ids, '{}')));
  end if;
  if ids <> '{}' then
    taken_back := taken_back + public.change_certifications('revert', ids, note => reason);
  end if;
  update mentorcert_private.change_batches as made
  set reverted_by = mentorcert_private.acting_user(), reverted_at = now(), reverted = taken_back, reversal_reason = reason
  where made.batch_id = revert_batch.batch_id;
  return taken_back;
end
$$;
comment on function mentorcert_private.revert_batch(uuid, text, boolean) is
  'Takes a change of many back, for a reason, and opens the course that it closed: all or nothing (MC006, 42501; the detail says what stands against which), or all but those. Returns how many.';

create or replace function mentorcert_private.open_course()
returns trigger
language plpgsql
security definer -- courses are no client's to write
set search_path = ''
as $$
begin
  update mentorcert_private.courses as course
  set state = 'planned', settled_at = null, settled_by = null, batch_id = null
  where course.batch_id = new.batch_id;
  return null;
end
$$;
comment on function mentorcert_private.open_course() is 'Opens the course whose closing was taken back: who attended stays.';

create or replace trigger open_course
after update of reverted_at on mentorcert_private.change_batches
for each row when (old.reverted_at is null and new.reverted_at is not null)
execute function mentorcert_private.open_course();

create or replace function mentorcert_private.course_to_open(course_id uuid)
returns uuid
language plpgsql
security definer -- courses are no client's to read
set search_path = ''
as $$
declare
  course constant mentorcert_private.courses := mentorcert_private.require_course(course_to_open.course_id);
begin
  if course.state <> 'closed' then
    raise exception using
      errcode = 'MC001', message = format('the course is %s', course.state), hint = 'Only what was closed is opened again.',
      schema = 'mentorcert_private', table = 'courses', column = 'state', constraint = 'courses_transition';
  elsif course.batch_id is null then
    update mentorcert_private.courses as opened set state = 'planned', settled_at = null, settled_by = null
    where opened.id = course.id and opened.state = 'closed' and opened.batch_id is null;
  end if;
  return course.batch_id;
end
$$;
comment on function mentorcert_private.course_to_open(uuid) is
  'The batch of a closed course that the caller manages; one that changed no certification, or whose batch is no longer kept, is opened at once (null).';

create or replace function public.reopen_course(course_id uuid, reason text, leaves_out boolean default false)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  batch uuid;
begin
  perform mentorcert_private.require_reason(reopen_course.reason);
  batch := mentorcert_private.course_to_open(reopen_course.course_id);
  return case when batch is null then 0 else mentorcert_private.revert_batch(batch, reopen_course.reason, reopen_course.leaves_out) end;
end
$$;
comment on function public.reopen_course(uuid, text, boolean) is
  'Takes the closing of a course back, for a reason: what it renewed is as before, what it issued is suspended, who attended stays. All or nothing, or all but what was changed since (leaves_out). Returns how many certifications.';

revoke execute on function
  mentorcert_private.outcomes_for, mentorcert_private.course_outcomes, public.preview_course_closing, mentorcert_private.course_to_close,
  mentorcert_private.close_locked_course, public.close_course, mentorcert_private.check_named_courses, mentorcert_private.open_course, mentorcert_private.course_to_open,
  public.reopen_course
from public, anon, authenticated, service_role;
grant execute on function
  public.preview_course_closing, mentorcert_private.course_to_close, mentorcert_private.close_locked_course, public.close_course,
  mentorcert_private.course_to_open, public.reopen_course
to authenticated;
