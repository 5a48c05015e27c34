-- The changes that clients call by name: register, renew, suspend, reinstate, revert; each for one certification or for many.
--
-- They run under the caller's own policies and grants; what they add is the type's rule, the reason and the evidence.

-- Of what a policy lets in the planner expects next to nothing: joined to thousands of ids, it would look through all that is
-- within reach for each of them. Of these it expects one, and looks it up by its key.

create or replace function mentorcert_private.each_id(ids uuid[])
returns setof uuid
language sql
immutable
rows 1
set search_path = ''
as $$ select unnest(ids) $$;
comment on function mentorcert_private.each_id(uuid[]) is 'The elements of an array, each to be looked up by a key.';

create or replace function mentorcert_private.each_outcome(
  ids uuid[], types text[], issues timestamptz[], ends timestamptz[], statuses text[]
)
returns table (certification_id uuid, type text, issued_at timestamptz, expires_at timestamptz, status text)
language sql
immutable
rows 1
set search_path = ''
as $$ select * from unnest(ids, types, issues, ends, statuses) $$;
comment on function mentorcert_private.each_outcome(uuid[], text[], timestamptz[], timestamptz[], text[]) is
  'Certifications as a change leaves them, each to be looked up by its key.';

create or replace function mentorcert_private.lock_certification(certification_id uuid)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications;
begin
  perform mentorcert_private.require_certifications();
  select * into certification from public.peer_mentor_certifications as candidate
  where candidate.id = certification_id
  for no key update;
  -- Asked again under the lock: the person may have been erased while it was waited for.
  perform from public.peer_mentor_certifications as candidate where candidate.id = certification.id;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  return certification;
end
$$;
comment on function mentorcert_private.lock_certification(uuid) is
  'The certification, locked until the end of the transaction; 42501 for one that the caller may not change.';

create or replace function mentorcert_private.evidence(evidence jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when jsonb_typeof(evidence) = 'object' then jsonb_build_object('seen_by', coalesce(auth.uid()::text, current_user)) || evidence
    else evidence
  end
$$;
comment on function mentorcert_private.evidence(jsonb) is 'Evidence, seen by the caller where it does not say by whom.';

create or replace function mentorcert_private.expires_at_by_rule(
  type mentorcert.certification_types, held_until timestamptz, issued_on date, time_zone text
)
returns timestamptz
language plpgsql
immutable
set search_path = ''
as $$
begin
  return mentorcert_private.day_starts(
    mentorcert_private.last_valid_day(
      type.validity_rule, type.validity_months, issued_on, mentorcert_private.day_of(held_until, time_zone) - 1,
      type.early_renewal_days
    ) + 1,
    time_zone
  );
end
$$;
comment on function mentorcert_private.expires_at_by_rule(mentorcert.certification_types, timestamptz, date, text) is
  'When a certification that is held until an instant expires by the rule of its type if issued or renewed on a day.';

create or replace function mentorcert_private.expires_at_by_rule(
  certification public.peer_mentor_certifications, issued_on date, time_zone text
)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.expires_at_by_rule(type, certification.expires_at, issued_on, time_zone)
  from mentorcert.certification_types as type
  where type.organisation_id = certification.organisation_id and type.code = certification.certification_type
$$;
comment on function mentorcert_private.expires_at_by_rule(public.peer_mentor_certifications, date, text) is
  'When a certification of this type expires by the type''s rule if issued or renewed on a day.';

create or replace function public.early_renewal_from(certification public.peer_mentor_certifications)
returns date
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.day_of(certification.expires_at, organisation.time_zone) - 1 - type.early_renewal_days
  from mentorcert.certification_types as type
  join mentorcert.organisations as organisation on organisation.id = type.organisation_id
  where type.organisation_id = certification.organisation_id and type.code = certification.certification_type
$$;
comment on function public.early_renewal_from(public.peer_mentor_certifications) is
  'The first day on which a renewal counts on from the last valid day; null where it always counts from its own day. A computed column of the Data API.';

create or replace function public.register_certification(
  peer_mentor_id uuid, certification_type text,
  issued_on date default null, last_valid_day date default null,
  note text default null, evidence jsonb default null
)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications;
  time_zone text;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('issued_on', issued_on, 'last_valid_day', last_valid_day));
  select mentor.organisation_id into certification.organisation_id
  from mentorcert.peer_mentors as mentor where mentor.id = register_certification.peer_mentor_id;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  if exists (
    select from public.peer_mentor_certifications as held
    where held.organisation_id = certification.organisation_id
      and held.peer_mentor_id = register_certification.peer_mentor_id
      and held.certification_type = register_certification.certification_type
  ) then
    raise exception using
      errcode = 'unique_violation', message = 'the peer mentor has a certification of this type already',
      hint = 'Renew it with renew_certification.',
      schema = 'public', table = 'peer_mentor_certifications',
      constraint = 'peer_mentor_certifications_one_of_a_type';
  end if;
  certification.certification_type := register_certification.certification_type;
  time_zone := mentorcert_private.time_zone_of(certification.organisation_id);
  issued_on := coalesce(issued_on, mentorcert_private.day_of(now(), time_zone));
  perform mentorcert_private.set_change_context(jsonb_build_object('note', note, 'evidence', mentorcert_private.evidence(evidence)));
  insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, expires_at)
  values (
    register_certification.peer_mentor_id,
    register_certification.certification_type,
    mentorcert_private.day_starts(issued_on, time_zone),
    coalesce(
      mentorcert_private.day_starts(last_valid_day + 1, time_zone),
      mentorcert_private.expires_at_by_rule(certification, issued_on, time_zone)
    )
  )
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
comment on function public.register_certification(uuid, text, date, date, text, jsonb) is
  'Registers a certification issued on a day (today), valid to a last day (by the type''s rule). The caller certifies the peer mentor: else 42501.';

create or replace function public.renew_certification(
  certification_id uuid, renewed_on date default null, last_valid_day date default null,
  note text default null, evidence jsonb default null
)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
  time_zone constant text := mentorcert_private.time_zone_of(certification.organisation_id);
  until timestamptz;
begin
  perform mentorcert_private.require_instants(jsonb_build_object('renewed_on', renewed_on, 'last_valid_day', last_valid_day));
  renewed_on := coalesce(renewed_on, mentorcert_private.day_of(now(), time_zone));
  until := coalesce(
    mentorcert_private.day_starts(last_valid_day + 1, time_zone),
    case
      when certification.expires_at is not null
        then mentorcert_private.expires_at_by_rule(certification, renewed_on, time_zone)
    end
  );
  if mentorcert_private.day_starts(renewed_on, time_zone) <= certification.issued_at then
    raise exception using
      errcode = 'MC003',
      message = format(
        'issued or renewed on %s already: a renewal is of a later day',
        mentorcert_private.day_of(certification.issued_at, time_zone)
      ),
      hint = 'Look at the certification again: somebody may have renewed it already.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'issued_at',
      constraint = 'certification_renewal_after_issue';
  elsif until < coalesce(certification.expires_at, 'infinity') then
    raise exception using
      errcode = 'MC003',
      message = 'a renewal does not shorten what is held',
      detail = format('held until %s', certification.expires_at),
      hint = 'Leave last_valid_day out, or let the administrator correct the certification.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_renewal_keeps_validity';
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object('note', note, 'evidence', mentorcert_private.evidence(evidence)));
  update public.peer_mentor_certifications as renewed
  set issued_at = mentorcert_private.day_starts(renewed_on, time_zone), expires_at = until
  where renewed.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
comment on function public.renew_certification(uuid, date, date, text, jsonb) is
  'Renews a certification as of a day (today), valid to a last day (by the type''s rule, which may count on from the old end). What is still held is not lost.';

create or replace function public.suspend_certification(certification_id uuid, reason text)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
begin
  if certification.status = 'suspended' then
    perform mentorcert_private.reject_transition('suspended', 'suspended');
  end if;
  perform mentorcert_private.require_reason(reason);
  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason));
  update public.peer_mentor_certifications as suspended set status = 'suspended'
  where suspended.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
comment on function public.suspend_certification(uuid, text) is
  'Suspends a certification, for a reason; its time goes on running.';

create or replace function public.reinstate_certification(certification_id uuid, note text default null)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
begin
  if certification.status <> 'suspended' then
    perform mentorcert_private.reject_transition(certification.status, certification.status);
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object('note', note));
  update public.peer_mentor_certifications as reinstated set status = 'active' -- or expired: the trigger looks at the date
  where reinstated.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
comment on function public.reinstate_certification(uuid, text) is
  'Takes a suspension away; the certification is active or expired then, by its date.';

-- Taking a change back

create or replace function mentorcert_private.state_before(
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
comment on function mentorcert_private.state_before(public.peer_mentor_certifications, jsonb) is
  'The certification without the change that an entry records; null where that cannot be reverted, or has been changed since.';

create or replace function mentorcert_private.reject_revert(
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
comment on function mentorcert_private.reject_revert(text, text) is 'Raises MC006.';

create or replace function mentorcert_private.takes_back(
  before public.peer_mentor_certifications, after public.peer_mentor_certifications, entry jsonb
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  target constant public.peer_mentor_certifications := mentorcert_private.state_before(before, entry);
begin
  return target.id is not null
    and (target.certification_type, target.issued_at, target.expires_at, target.status = 'suspended')
    is not distinct from (after.certification_type, after.issued_at, after.expires_at, after.status = 'suspended');
end
$$;
comment on function mentorcert_private.takes_back(
  public.peer_mentor_certifications, public.peer_mentor_certifications, jsonb
) is 'Whether an update in the name of a revert does no more and no less than take the entry back.';

create or replace function public.revert_change(certification_id uuid, entry_id uuid, reason text)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
  entry jsonb;
  target public.peer_mentor_certifications;
begin
  perform mentorcert_private.require_reason(reason);
  select mentorcert_private.upgrade_history_entry(history) into entry
  from public.certification_history(certification_id) as history
  where history ->> 'entry_id' = entry_id::text;
  if not found then
    perform mentorcert_private.reject_revert('the certification has no such history entry', 'Take entry_id from certification_history.');
  end if;
  target := mentorcert_private.state_before(certification, entry);
  if target.id is null then
    perform mentorcert_private.reject_revert();
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts', entry_id, 'note', reason));
  update public.peer_mentor_certifications as reverted
  set
    certification_type = target.certification_type, issued_at = target.issued_at,
    expires_at = target.expires_at, status = target.status
  where reverted.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
comment on function public.revert_change(uuid, uuid, text) is
  'Takes one change of a certification back by a compensating entry, for a reason; MC006 where it cannot be, or a later change stands on it.';

-- One change of many certifications at once, and what it would give before it is made.

create or replace function public.preview_changes(change text, certification_ids uuid[], renewed_on date default null)
returns table (
  certification_id uuid, type text, issued_at timestamptz, expires_at timestamptz, status text, takes_back text, refusal text,
  counted_from text
)
language plpgsql
stable
rows 500
set search_path = ''
as $$
#variable_conflict use_column
declare
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
  as_owner constant boolean := auth.uid() is null and not mentorcert_private.is_client();
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('renewed_on', renewed_on));
  if change is null or change not in ('renew', 'suspend', 'reinstate', 'revert') then
    raise exception using
      errcode = 'MC008', message = format('unknown change %L', change),
      hint = 'Ask for renew, suspend, reinstate or revert.', constraint = 'change';
  elsif coalesce(cardinality(certification_ids), 0) not between 1 and 5000 or array_position(certification_ids, null) is not null then
    raise exception using
      errcode = 'MC008', message = format('%s certifications at once, or one of them is null', coalesce(cardinality(certification_ids), 0)),
      hint = 'Name 1 to 5000 of them by their ids.', constraint = 'certification_ids';
  end if;
  return query
  with held as materialized (
    select
      asked.id as asked_id, certification, organisation.time_zone, type,
      coalesce(preview_changes.renewed_on, mentorcert_private.day_of(now(), organisation.time_zone)) as renewed_on,
      -- What the policies for UPDATE and the trigger ask.
      coalesce(
        (
          certification.organisation_id = administered or as_owner
          or certification.chapter_ids && coordinated and certification.peer_mentor_id <> all(gone)
        )
        and mentor.erased_at is null,
        false
      ) as permitted,
      case when change = 'revert' then mentorcert_private.reverted_entry(certification, '{"reverts_latest": true}') end as entry
    from (select distinct id from mentorcert_private.each_id(certification_ids) as id) as asked
    left join public.peer_mentor_certifications as certification on certification.id = asked.id
    left join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    left join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
    left join mentorcert.certification_types as type
      on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  ),
  -- Once for each: in a query that is merged with this one, each column would ask for its own.
  outcomes as materialized (
    select
      held.*,
      (case change
        when 'renew' then jsonb_populate_record(
          held.certification,
          jsonb_build_object(
            'issued_at', mentorcert_private.day_starts(held.renewed_on, held.time_zone),
            'expires_at', case
              when (held.certification).expires_at is not null
                then mentorcert_private.expires_at_by_rule(held.type, (held.certification).expires_at, held.renewed_on, held.time_zone)
            end
          )
        )
        when 'suspend' then jsonb_populate_record(held.certification, '{"status": "suspended"}')
        when 'reinstate' then jsonb_populate_record(held.certification, '{"status": "active"}')
        else mentorcert_private.state_before(held.certification, held.entry)
      end) as outcome
    from held
  )
  select
    outcomes.asked_id,
    (outcomes.outcome).certification_type,
    (outcomes.outcome).issued_at,
    (outcomes.outcome).expires_at,
    mentorcert_private.status_at((outcomes.outcome).status = 'suspended', (outcomes.outcome).expires_at, now()),
    outcomes.entry ->> 'kind',
    case
      when not outcomes.permitted then 'certification_right'
      when change = 'renew' and (outcomes.outcome).issued_at <= (outcomes.certification).issued_at
        then 'certification_renewal_after_issue'
      when change = 'renew' and (outcomes.outcome).issued_at > now() then 'certification_issued_at_not_future'
      when change = 'renew' and outcomes.renewed_on >= (outcomes.type).retired_on then 'certification_type_retired'
      when change = 'suspend' and (outcomes.certification).status = 'suspended'
        or change = 'reinstate' and (outcomes.certification).status <> 'suspended' then 'certification_transition'
      when change = 'revert' and (outcomes.outcome).id is null then 'certification_change_revertible'
      when change = 'revert' and not as_owner and (outcomes.certification).organisation_id is distinct from administered
        and outcomes.entry ->> 'kind' not in ('renewed', 'suspended', 'reinstated') then 'certification_right'
    end,
    case
      when change = 'renew' and (outcomes.type).early_renewal_days is not null
        then mentorcert_private.renewal_counted_from(outcomes.type, outcomes.certification, outcomes.outcome, outcomes.time_zone)
    end
  from outcomes;
end
$$;
comment on function public.preview_changes(text, uuid[], date) is
  'What renew (as of a day, by the type''s rule), suspend, reinstate or revert (of the latest change) would give for each of these certifications, one row for each id; refusal names the rule against it, counted_from says as in the history from where a renewal counts. Changes nothing.';

create or replace function mentorcert_private.entry_of_prolongation(
  before_status text, before_issued_at timestamptz, before_expires_at timestamptz,
  after_status text, after_issued_at timestamptz, after_expires_at timestamptz
)
returns jsonb
language plpgsql
stable
strict
set search_path = ''
as $$
declare
  is_renewal constant boolean := after_issued_at > before_issued_at;
  is_longer constant boolean := after_expires_at > before_expires_at;
begin
  if before_status = 'suspended' or after_status <> mentorcert_private.status_at(false, after_expires_at, now())
    or after_issued_at not between before_issued_at and now() or after_expires_at < before_expires_at
    or not is_renewal and not is_longer then
    return null;
  end if;
  return jsonb_build_object(
    'kind', case when is_renewal then 'renewed' else 'extended' end,
    'effective_at', case when is_renewal then after_issued_at else least(now(), before_expires_at) end,
    'before', jsonb_strip_nulls(jsonb_build_object(
      'status', case when before_status <> after_status then before_status end,
      'issued_at', case when is_renewal then before_issued_at end,
      'expires_at', case when is_longer then before_expires_at end
    )),
    'after', jsonb_strip_nulls(jsonb_build_object(
      'status', case when before_status <> after_status then after_status end,
      'issued_at', case when is_renewal then after_issued_at end,
      'expires_at', case when is_longer then after_expires_at end
    ))
  );
end
$$;
comment on function mentorcert_private.entry_of_prolongation(text, timestamptz, timestamptz, text, timestamptz, timestamptz) is
  'What record_change writes of a renewal or an extension, but for who made it, what for and when; null of every other change, and of what has no end.';

create or replace function mentorcert_private.prolong_certifications(ids uuid[], issues timestamptz[], ends timestamptz[])
returns uuid[]
language plpgsql
security definer -- writes histories, as no client may: of the organisation that the caller administers, who may change all it has
set search_path = ''
as $$
declare
  context constant mentorcert_private.callers := mentorcert_private.change_context(begins => true);
  organisation constant uuid := context.administered_organisation_id;
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  absent constant uuid[] := mentorcert_private.absent_peer_mentor_ids(with_left => true);
  plain_types constant text[] := array(
    select type.code from mentorcert.certification_types as type
    where type.organisation_id = organisation and type.retired_on is null and type.early_renewal_days is null
  );
  said constant jsonb := context.entry || jsonb_build_object('actor', context.actor);
  seed constant bytea := uuid_send(gen_random_uuid());
  prolonged uuid[];
begin
  perform mentorcert_private.check_endpoint('certifications');
  if context.user_id is null or organisation is null or context.change ? 'kind' or not context.has_valid_remarks
    or exists (
      select from (
        select distinct * from unnest(issues, ends) as outcome (issued_at, expires_at)
        offset 0 -- the rule is asked of the distinct ones, not of each
      ) as outcome
      where mentorcert_private.violated_date_rule(outcome.issued_at, outcome.expires_at, time_zone, now()) is not null
    ) then
    return '{}'::uuid[];
  end if;
  perform set_config('mentorcert.entry', said::text, true);
  with written as (
    update public.peer_mentor_certifications as certification
    set
      issued_at = coalesce(outcome.issued_at, certification.issued_at), expires_at = outcome.expires_at, status = outcome.status,
      updated_at = now(),
      renewal_history = certification.renewal_history || (
        said
        || mentorcert_private.entry_of_prolongation(
          certification.status, certification.issued_at, certification.expires_at,
          outcome.status, coalesce(outcome.issued_at, certification.issued_at), outcome.expires_at
        )
        || jsonb_build_object(
          'entry_id', encode(substr(sha256(seed || uuid_send(certification.id)), 1, 16), 'hex')::uuid,
          -- What mentorcert_private.next_recorded_at says.
          'recorded_at', greatest(
            clock_timestamp(), (certification.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
          )
        )
      )
    from (
      select
        each.certification_id, each.issued_at, each.expires_at, mentorcert_private.status_at(false, each.expires_at, now()) as status
      from mentorcert_private.each_outcome(ids, null, issues, ends, null) as each
    ) as outcome
    where
      certification.id = outcome.certification_id
      and certification.organisation_id = organisation
      and certification.peer_mentor_id <> all(absent)
      and (outcome.issued_at is null or certification.certification_type = any(plain_types))
      and certification.status <> 'suspended'
      and outcome.expires_at >= certification.expires_at
      and (outcome.issued_at > certification.issued_at or outcome.issued_at is null and outcome.expires_at > certification.expires_at)
      and jsonb_array_length(certification.renewal_history) < 50 -- a longer one may have to be cut for the events table
    returning certification.id
  )
  select coalesce(array_agg(written.id), '{}') into prolonged from written;
  perform set_config('mentorcert.entry', '', true);
  return prolonged;
end
$$;
comment on function mentorcert_private.prolong_certifications(uuid[], timestamptz[], timestamptz[]) is
  'Renews (as of issues) or extends (issues null) those of these certifications that an administrator plainly may: not suspended, with an end that comes no sooner, of a type without a rule of its own for renewals. Each with its history entry, in one statement, as record_change would write it; returns which. The rest is left to that trigger.';

create or replace function public.change_certifications(
  change text, certification_ids uuid[], renewed_on date default null, note text default null, evidence jsonb default null
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  changed integer := 0;
  prolonged uuid[] := '{}'::uuid[];
  ids uuid[];
  types text[];
  issues timestamptz[];
  ends timestamptz[];
  statuses text[];
  refused jsonb;
  violated text;
begin
  perform mentorcert_private.require_certifications();
  if change in ('suspend', 'revert') then
    perform mentorcert_private.require_reason(note);
  end if;
  perform 1 from mentorcert_private.each_id(certification_ids) as asked (id)
  join public.peer_mentor_certifications as certification on certification.id = asked.id
  order by certification.id -- everybody locks in this order, so nobody waits in a circle
  for no key update of certification;
  select
    array_agg(outcome.certification_id), array_agg(outcome.type), array_agg(outcome.issued_at), array_agg(outcome.expires_at),
    array_agg(outcome.status),
    jsonb_object_agg(outcome.certification_id, outcome.refusal) filter (where outcome.refusal is not null), min(outcome.refusal)
  into ids, types, issues, ends, statuses, refused, violated
  from public.preview_changes(change, certification_ids, renewed_on) as outcome;
  if refused is not null then
    raise exception using
      errcode = case violated
        when 'certification_right' then '42501'
        when 'certification_transition' then 'MC001'
        when 'certification_change_revertible' then 'MC006'
        when 'certification_type_retired' then 'MC024'
        else 'MC003'
      end,
      message = format('%s of the certifications cannot be changed so', (select count(*) from jsonb_object_keys(refused))),
      detail = refused,
      hint = 'Nothing was changed. preview_changes names the rule against each.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
  end if;
  perform mentorcert_private.set_change_context(
    jsonb_build_object('note', note, 'evidence', mentorcert_private.evidence(evidence))
    || case when change = 'revert' then '{"kind": "reverted", "reverts_latest": true}' else '{}' end::jsonb
  );
  if change = 'renew' then
    prolonged := mentorcert_private.prolong_certifications(ids, issues, ends);
  end if;
  if cardinality(prolonged) < cardinality(ids) then
    update public.peer_mentor_certifications as certification
    set
      certification_type = outcome.type, issued_at = outcome.issued_at, expires_at = outcome.expires_at,
      status = case when change = 'renew' then certification.status else outcome.status end
    from mentorcert_private.each_outcome(ids, types, issues, ends, statuses) as outcome
    where certification.id = outcome.certification_id and certification.id <> all(prolonged);
    get diagnostics changed = row_count;
  end if;
  perform mentorcert_private.set_change_context(null);
  perform mentorcert_private.record_batch(change, ids);
  return changed + cardinality(prolonged);
end
$$;
comment on function public.change_certifications(text, uuid[], date, text, jsonb) is
  'Renews, suspends, reinstates or reverts (the latest change of) all of these certifications, as preview_changes says, or none; returns how many. A person''s change is a batch, which revert_change takes back.';

revoke execute on function
  mentorcert_private.each_id, mentorcert_private.each_outcome, mentorcert_private.lock_certification, mentorcert_private.evidence,
  mentorcert_private.expires_at_by_rule(mentorcert.certification_types, timestamptz, date, text),
  mentorcert_private.expires_at_by_rule(public.peer_mentor_certifications, date, text), public.early_renewal_from, public.register_certification,
  public.renew_certification, public.suspend_certification, public.reinstate_certification, mentorcert_private.state_before,
  mentorcert_private.reject_revert, mentorcert_private.takes_back, public.revert_change(uuid, uuid, text), public.preview_changes,
  mentorcert_private.entry_of_prolongation, mentorcert_private.prolong_certifications, public.change_certifications
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.each_id, mentorcert_private.each_outcome, mentorcert_private.lock_certification, mentorcert_private.evidence,
  mentorcert_private.expires_at_by_rule(mentorcert.certification_types, timestamptz, date, text),
  mentorcert_private.expires_at_by_rule(public.peer_mentor_certifications, date, text), public.early_renewal_from, public.register_certification,
  public.renew_certification, public.suspend_certification, public.reinstate_certification, mentorcert_private.state_before,
  mentorcert_private.reject_revert, public.revert_change(uuid, uuid, text), public.preview_changes, mentorcert_private.entry_of_prolongation,
  mentorcert_private.prolong_certifications, public.change_certifications
to authenticated, service_role;
