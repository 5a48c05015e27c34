-- How long after its end a refresher still renews a certification, and what it takes after that.
--
-- Nothing is stored of who is too late: it follows from the end, the type and the day, at the moment of asking. The day is that of
-- the renewal, in the organisation's time zone; time goes on under a suspension. A renewal that is too late says in its evidence on
-- what it is based. An extension is no renewal, and a reversal or a merge only says again what was said before.

alter table mentorcert.certification_types
  add column if not exists refresher_months integer,
  add column if not exists after_lapse text not null default 'course';
do $$
begin
  if not exists (select from pg_catalog.pg_constraint as known where known.conname = 'certification_types_refresher_months_valid') then
    alter table mentorcert.certification_types
      add constraint certification_types_refresher_months_valid check (refresher_months between 0 and 1200),
      add constraint certification_types_after_lapse_valid check (after_lapse in ('course', 'registration'));
  end if;
end
$$;
grant insert (refresher_months, after_lapse), update (refresher_months, after_lapse) on mentorcert.certification_types to authenticated;
comment on column mentorcert.certification_types.refresher_months is
  'For how many months after the last valid day a refresher still renews it, on their last day too; null: without limit, 0: not after the end.';
comment on column mentorcert.certification_types.after_lapse is
  'What it takes after that: the whole course, or a new registration.';

create or replace function mentorcert_private.refresher_until(last_valid_day date, refresher_months integer)
returns date
language plpgsql
immutable
strict
set search_path = ''
as $$
begin
  return least((last_valid_day + make_interval(months => refresher_months))::date, date '9999-12-31');
end
$$;
comment on function mentorcert_private.refresher_until(date, integer) is
  'The last day of a renewal by a refresher; months are clamped at month end. Null: there is none, for it does not end or is renewed without limit.';

create or replace function mentorcert_private.oldest_refreshed_end(day date, refresher_months integer)
returns date
language plpgsql
immutable
strict
set search_path = ''
as $$
declare
  earlier constant date := (day - make_interval(months => refresher_months))::date;
begin
  -- From the end of a shorter month, as many months on do not reach the day.
  return case when (earlier + make_interval(months => refresher_months))::date < day then earlier + 1 else earlier end;
end
$$;
comment on function mentorcert_private.oldest_refreshed_end(date, integer) is
  'The earliest last valid day of which mentorcert_private.refresher_until is the day or later.';

create or replace function mentorcert_private.outdated_limits(organisation uuid)
returns table (certification_type text, ended_by timestamptz)
language sql
stable
rows 5
set search_path = ''
as $$
  select
    type.code,
    mentorcert_private.day_starts(
      mentorcert_private.oldest_refreshed_end(mentorcert_private.day_of(now(), place.time_zone), type.refresher_months), place.time_zone
    )
  from mentorcert.certification_types as type
  join mentorcert.organisations as place on place.id = type.organisation_id
  where type.organisation_id = organisation and type.refresher_months is not null and type.retired_on is null
$$;
comment on function mentorcert_private.outdated_limits(uuid) is
  'Of each type in use that a refresher renews for a time only: what has ended by then is outdated now. A range of expires_at, which an index finds.';

create or replace function mentorcert_private.outdated_by(organisation uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(past.certification_type, past.ended_by), '{}') from mentorcert_private.outdated_limits(organisation) as past
$$;
comment on function mentorcert_private.outdated_by(uuid) is
  'mentorcert_private.outdated_limits as an object by type, for the condition of a page.';

create or replace function public.refresher_until(certification public.peer_mentor_certifications)
returns date
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.refresher_until(
    mentorcert_private.day_of(certification.expires_at, organisation.time_zone) - 1, type.refresher_months
  )
  from mentorcert.certification_types as type
  join mentorcert.organisations as organisation on organisation.id = type.organisation_id
  where type.organisation_id = certification.organisation_id and type.code = certification.certification_type
$$;
comment on function public.refresher_until(public.peer_mentor_certifications) is
  'The last day as of which a refresher renews it; null: it does not end, or is renewed without limit. A computed column of the Data API.';

create or replace function public.after_lapse(certification public.peer_mentor_certifications)
returns text
language sql
stable
set search_path = ''
as $$
  select type.after_lapse
  from mentorcert.certification_types as type
  where
    type.organisation_id = certification.organisation_id and type.code = certification.certification_type
    and type.refresher_months is not null and certification.expires_at is not null
$$;
comment on function public.after_lapse(public.peer_mentor_certifications) is
  'What it takes after refresher_until: course or registration; null where there is no such day. A computed column of the Data API.';

create or replace function public.is_outdated(certification public.peer_mentor_certifications)
returns boolean
language sql
stable
set search_path = ''
as $$
  select certification.status <> 'suspended' and exists (
    select from mentorcert_private.outdated_limits(certification.organisation_id) as past
    where past.certification_type = certification.certification_type and certification.expires_at <= past.ended_by
  )
$$;
comment on function public.is_outdated(public.peer_mentor_certifications) is
  'Whether it is expired, of a type in use, and no refresher renews it any more as of today. A computed column of the Data API.';

create or replace function mentorcert_private.reject_outdated(after_lapse text, refresher_until date)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC026', message = format('a refresher renewed it until %s', refresher_until),
    hint = case after_lapse
      when 'course' then 'It takes the whole course now; the evidence of a renewal by it says {"basis": "course"}.'
      else 'It takes a new registration now; the evidence of a renewal by it says {"basis": "registration"}.'
    end,
    schema = 'public', table = 'peer_mentor_certifications', column = 'issued_at', constraint = 'certification_outdated_' || after_lapse;
end
$$;
comment on function mentorcert_private.reject_outdated(text, date) is 'Raises MC026.';

create or replace function mentorcert_private.check_refresher(
  type mentorcert.certification_types, held public.peer_mentor_certifications, renewed public.peer_mentor_certifications,
  basis text, time_zone text
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  until constant date := mentorcert_private.refresher_until(
    mentorcert_private.day_of(held.expires_at, time_zone) - 1, type.refresher_months
  );
begin
  if mentorcert_private.day_of(renewed.issued_at, time_zone) > until and basis is distinct from type.after_lapse then
    perform mentorcert_private.reject_outdated(type.after_lapse, until);
  end if;
end
$$;
comment on function mentorcert_private.check_refresher(
  mentorcert.certification_types, public.peer_mentor_certifications, public.peer_mentor_certifications, text, text
) is 'Refuses (MC026) a renewal as of a day on which a refresher does not renew any more, unless it is based on what the type asks for then.';

-- The rule, by every door

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
      type.refresher_months,
      case
        when not is_admin or type.retired_on is not null or type.early_renewal_days is not null or type.refresher_months is not null then type
      end as type,
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
    if tg_op = 'UPDATE' and kind in ('renewed', 'imported') and change -> 'is_merge' is distinct from 'true' then
      if known.refresher_months is not null and new.issued_at > old.issued_at then
        perform mentorcert_private.check_refresher(known.type, old, new, change #>> '{evidence,basis}', known.time_zone);
      end if;
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
      when change = 'renew' and outcomes.renewed_on > mentorcert_private.refresher_until(
        mentorcert_private.day_of((outcomes.certification).expires_at, outcomes.time_zone) - 1, (outcomes.type).refresher_months
      ) then 'certification_outdated_' || (outcomes.type).after_lapse
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
      and type.refresher_months is null
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
  from (
    select
      preview.certification_id, preview.type, preview.issued_at, preview.expires_at, preview.status,
      -- Based on what it takes, it is not too late.
      nullif(preview.refusal, 'certification_outdated_' || (evidence ->> 'basis')) as refusal
    from public.preview_changes(change, certification_ids, renewed_on) as preview
  ) as outcome;
  if refused is not null then
    raise exception using
      errcode = case violated
        when 'certification_right' then '42501'
        when 'certification_transition' then 'MC001'
        when 'certification_change_revertible' then 'MC006'
        when 'certification_type_retired' then 'MC024'
        when 'certification_outdated_course' then 'MC026'
        when 'certification_outdated_registration' then 'MC026'
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

-- Merging says again what was said of one person.

create or replace function mentorcert_private.merge_type(merged_id uuid, into_id uuid, reason text)
returns void
language plpgsql
security definer -- keeps what was changed in a table that is no client's; the caller is an administrator of both types
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  batch constant uuid := gen_random_uuid();
  merged mentorcert.certification_types;
  target mentorcert.certification_types;
  changed uuid[];
begin
  perform mentorcert_private.require_certifications();
  select type.* into merged from mentorcert.certification_types as type
  where type.id = merge_type.merged_id and type.organisation_id = organisation and type.retired_on is null;
  select type.* into target from mentorcert.certification_types as type
  where type.id = merge_type.into_id and type.organisation_id = organisation and type.retired_on is null;
  if merged.id is null or target.id is null or merged.id = target.id then
    raise exception using
      errcode = 'MC008', message = 'a type is merged into another one of the organisation, and neither is retired',
      hint = 'Choose a type that is in use.', constraint = 'merged_into_id';
  end if;
  perform 1 from public.peer_mentor_certifications as certification
  where certification.organisation_id = organisation and certification.certification_type in (merged.code, target.code)
  order by certification.id -- everybody locks in this order, so nobody waits in a circle
  for no key update;
  perform 1 from mentorcert.certification_types as type
  where type.id in (merged.id, target.id) order by type.id for no key update;

  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch, 'is_merge', true));
  with held as (
    select certification.id, certification.issued_at, certification.expires_at, other.id as other_id, other.expires_at as other_expires_at
    from public.peer_mentor_certifications as certification
    join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    left join public.peer_mentor_certifications as other
      on other.organisation_id = organisation and other.peer_mentor_id = certification.peer_mentor_id
      and other.certification_type = target.code
    where
      certification.organisation_id = organisation and certification.certification_type = merged.code
      and mentor.erased_at is null and mentor.merged_into is null
  ),
  updated as (
    update public.peer_mentor_certifications as certification
    set certification_type = target.code, issued_at = held.issued_at, expires_at = held.expires_at
    from held
    where certification.id = coalesce(held.other_id, held.id)
      -- Of who holds both, the later end holds, and the one of the merged type stays as it is.
      and (held.other_id is null or coalesce(held.expires_at, 'infinity') > coalesce(held.other_expires_at, 'infinity'))
    returning certification.id
  )
  select coalesce(array_agg(updated.id), '{}') into changed from updated;
  perform mentorcert_private.set_change_context(null);

  insert into mentorcert_private.type_merges (type_id, organisation_id, batch_id, certification_ids)
  values (merged.id, organisation, batch, changed)
  on conflict (type_id) do update set
    batch_id = excluded.batch_id, certification_ids = excluded.certification_ids, merged_at = now();
  update mentorcert.certification_types as type
  set
    retired_on = mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation)),
    retired_reason = reason, merged_into_id = target.id
  where type.id = merged.id;
end
$$;
comment on function mentorcert_private.merge_type(uuid, uuid, text) is
  'Makes certifications of one type those of another, by an entry of their histories, and retires the type; who holds both keeps both, the other one to the later end. Administrator only.';

create or replace function mentorcert_private.merge_certifications(kept_id uuid, absorbed_id uuid, reason text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  pair record;
  entry_id text;
  moved uuid[] := array[]::uuid[];
  entries jsonb := '[]'::jsonb;
  outcomes jsonb := '[]'::jsonb;
begin
  for pair in
    select absorbed as absorbed, kept as kept, kept.id is null as is_only
    from public.peer_mentor_certifications as absorbed
    left join public.peer_mentor_certifications as kept
      on kept.peer_mentor_id = merge_certifications.kept_id and kept.certification_type = absorbed.certification_type
    where absorbed.peer_mentor_id = merge_certifications.absorbed_id
    order by absorbed.certification_type collate "C"
  loop
    outcomes := outcomes || jsonb_build_object(
      'absorbed', mentorcert_private.state(pair.absorbed), 'kept', case when not pair.is_only then mentorcert_private.state(pair.kept) end,
      'moves', pair.is_only,
      'extends', not pair.is_only and coalesce((pair.absorbed).expires_at, 'infinity') > coalesce((pair.kept).expires_at, 'infinity'),
      'suspends', not pair.is_only and (pair.absorbed).status = 'suspended' and (pair.kept).status <> 'suspended'
    );
    if (outcomes -> -1 -> 'moves')::boolean then
      moved := moved || (pair.absorbed).id;
    end if;
    if (outcomes -> -1 -> 'extends')::boolean then
      perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'is_merge', true));
      update public.peer_mentor_certifications as held
      set issued_at = (pair.absorbed).issued_at, expires_at = (pair.absorbed).expires_at
      where held.id = (pair.kept).id
      returning held.renewal_history #>> '{-1,entry_id}' into entry_id;
      entries := jsonb_build_array(jsonb_build_array((pair.kept).id, entry_id)) || entries;
    end if;
    if (outcomes -> -1 -> 'suspends')::boolean then
      perform mentorcert_private.set_change_context(jsonb_build_object('note', reason));
      update public.peer_mentor_certifications as held set status = 'suspended'
      where held.id = (pair.kept).id
      returning held.renewal_history #>> '{-1,entry_id}' into entry_id;
      entries := jsonb_build_array(jsonb_build_array((pair.kept).id, entry_id)) || entries;
    end if;
  end loop;
  perform mentorcert_private.set_change_context(null);
  update public.peer_mentor_certifications as certification
  set
    peer_mentor_id = merge_certifications.kept_id,
    chapter_ids = mentorcert_private.current_chapter_ids(merge_certifications.kept_id)
  where certification.id = any(moved);
  return jsonb_build_object('moved_certifications', moved, 'entries', entries, 'outcomes', outcomes);
end
$$;
comment on function mentorcert_private.merge_certifications(uuid, uuid, text) is
  'Brings the certifications of the absorbed peer mentor under the kept one; of a type that both hold, the later end and a suspension of either. Returns what an undoing needs, and the outcomes.';

-- The changes of types that are previewed

create or replace function mentorcert_private.apply_change(change text, subject uuid, new_values jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  type mentorcert.certification_types;
  chapter mentorcert.chapters;
  details jsonb;
begin
  case change
    when 'add_type' then
      type := jsonb_populate_record(null::mentorcert.certification_types, '{"required_for_listing": false, "reminder_days": [90, 30, 7], "after_lapse": "course"}' || new_values);
      insert into mentorcert.certification_types
        (
          code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days, refresher_months,
          after_lapse
        )
      values (
        type.code, type.name_nb, type.name_en, type.validity_rule, type.validity_months, type.required_for_listing, type.reminder_days,
        type.early_renewal_days, type.refresher_months, type.after_lapse
      );
    when 'change_type' then
      select former.* into type from mentorcert.certification_types as former where former.id = subject;
      type := jsonb_populate_record(type, new_values);
      update mentorcert.certification_types as changed
      set
        name_nb = type.name_nb, name_en = type.name_en, validity_rule = type.validity_rule, validity_months = type.validity_months,
        required_for_listing = type.required_for_listing, reminder_days = type.reminder_days,
        early_renewal_days = type.early_renewal_days, refresher_months = type.refresher_months, after_lapse = type.after_lapse,
        retired_on = type.retired_on, retired_reason = type.retired_reason,
        merged_into_id = case when type.retired_on is not null then type.merged_into_id end
      where changed.id = subject;
    when 'change_chapter' then
      select former.* into chapter from mentorcert.chapters as former where former.id = subject;
      chapter := jsonb_populate_record(chapter, new_values);
      update mentorcert.chapters as changed
      set
        parent_id = chapter.parent_id, code = chapter.code, name = chapter.name, retired_on = chapter.retired_on,
        retired_reason = chapter.retired_reason,
        merged_into_id = case when chapter.retired_on is not null then chapter.merged_into_id end
      where changed.id = subject;
    when 'merge_type' then
      perform mentorcert_private.merge_type(subject, (new_values ->> 'into')::uuid, new_values ->> 'reason');
    when 'merge_chapter' then
      perform mentorcert_private.merge_chapter(subject, (new_values ->> 'into')::uuid, new_values ->> 'reason');
    when 'end_membership' then
      update mentorcert.memberships as membership set ended_at = coalesce((new_values ->> 'ended_at')::timestamptz, now())
      where membership.id = subject and (membership.ended_at is null or membership.ended_at > statement_timestamp());
    when 'leave_chapter' then
      update mentorcert.peer_mentor_chapters as link set ended_at = coalesce((new_values ->> 'ended_at')::timestamptz, now())
      where link.id = subject and (link.ended_at is null or link.ended_at > statement_timestamp());
    when 'withdraw_consents' then
      perform mentorcert_private.withdraw_consents(
        array(select jsonb_array_elements_text(new_values -> 'peer_mentor_ids'))::uuid[], new_values ->> 'reason'
      );
    when 'undo' then
      perform mentorcert_private.undo_change(subject);
    when 'merge_peer_mentors' then
      select mentorcert_private.merge_peer_mentors(subject, (new_values ->> 'absorbed')::uuid, new_values) into details;
    when 'undo_merge' then
      select mentorcert_private.undo_merge(subject) into details;
    else
      raise exception using
        errcode = 'MC008', message = format('%L is no change that has consequences', change), constraint = 'change',
        hint = 'Give add_type, change_type, merge_type, change_chapter, merge_chapter, end_membership, leave_chapter, withdraw_consents, undo, merge_peer_mentors or undo_merge.';
  end case;
  if not found then
    perform mentorcert_private.raise_forbidden('the row does not exist, or the caller may not change it');
  end if;
  return details;
end
$$;
comment on function mentorcert_private.apply_change(text, uuid, jsonb) is
  'Makes one of the changes of preview_consequences, with the rights of its caller; returns what a merge says of itself, else null.';

-- Mails

create or replace function mentorcert_private.digest_contents(organisation_id uuid, user_id uuid, as_of timestamptz)
returns table (full_name text, chapters text, name_nb text, name_en text, last_valid_day date, kind text, refresher_until date, after_lapse text)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_custom_plan -- a local chapter and a whole organisation want different indexes
as $$
declare
  organisation record;
  own_chapter_ids uuid [];
  covered_chapter_ids uuid [];
  is_administrator boolean;
  covered_until date;
begin
  select * into organisation from mentorcert_private.notice_organisations(as_of) as every
  where every.organisation_id = digest_contents.organisation_id;
  own_chapter_ids := mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    where membership.user_id = digest_contents.user_id and membership.organisation_id = digest_contents.organisation_id
      and membership.role = 'coordinator' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ));
  is_administrator := exists (
    select from mentorcert.memberships as membership
    where membership.user_id = digest_contents.user_id and membership.organisation_id = digest_contents.organisation_id
      and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );
  covered_chapter_ids := case when is_administrator then mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and mentorcert_private.is_address(login.email)
    where membership.organisation_id = digest_contents.organisation_id and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )) end;
  covered_until := coalesce(
    (
      select max(mail.covered_until) from mentorcert_private.notice_mails as mail
      where mail.organisation_id = digest_contents.organisation_id and mail.user_id = digest_contents.user_id
        and mail.state <> 'released' and mail.week < date_trunc('week', organisation.local_day)::date
    ),
    organisation.local_day - 14
  );
  return query
  select
    mentor.full_name,
    (
      select string_agg(chapter.name, ', ' order by chapter.name) from mentorcert.chapters as chapter
      where chapter.id = any(certification.chapter_ids) and (is_administrator or chapter.id = any(own_chapter_ids))
    ),
    type.name_nb, type.name_en, clock.first_day_without - 1,
    case
      when refresher.until < organisation.local_day then 'outdated'
      when clock.first_day_without <= organisation.local_day then 'expired'
      else 'expiring'
    end,
    refresher.until, type.after_lapse
  from (
    select soon.* from public.peer_mentor_certifications as soon
    where
      soon.organisation_id = digest_contents.organisation_id
      and soon.expires_at > mentorcert_private.day_starts(covered_until, organisation.time_zone)
      and soon.expires_at <= mentorcert_private.day_starts(organisation.local_day + organisation.furthest, organisation.time_zone)
    union all
    -- What had ended before, and was still to be renewed by a refresher then.
    select late.*
    from mentorcert.certification_types as limited
    join public.peer_mentor_certifications as late
      on late.organisation_id = limited.organisation_id and late.certification_type = limited.code
      and late.expires_at <= mentorcert_private.day_starts(covered_until, organisation.time_zone)
      and late.expires_at > mentorcert_private.day_starts(
        mentorcert_private.oldest_refreshed_end(covered_until, limited.refresher_months), organisation.time_zone
      )
      and late.expires_at <= mentorcert_private.day_starts(
        mentorcert_private.oldest_refreshed_end(organisation.local_day, limited.refresher_months), organisation.time_zone
      )
    where limited.organisation_id = digest_contents.organisation_id and limited.refresher_months > 0
  ) as certification
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  cross join lateral (
    select (certification.expires_at at time zone organisation.time_zone)::date as first_day_without
  ) as clock
  cross join lateral (
    select mentorcert_private.refresher_until(clock.first_day_without - 1, type.refresher_months) as until
  ) as refresher
  where
    certification.status <> 'suspended'
    and type.retired_on is null
    and mentor.erased_at is null
    and mentor.merged_into is null
    and (mentor.left_on is null or mentor.left_on > organisation.local_day)
    and (
      certification.chapter_ids && own_chapter_ids
      or is_administrator and not certification.chapter_ids && covered_chapter_ids
    )
    and clock.first_day_without - organisation.local_day <= (select max(days) from unnest(type.reminder_days) as days)
  order by certification.expires_at, mentor.full_name, type.code;
end
$$;
comment on function mentorcert_private.digest_contents(uuid, uuid, timestamptz) is
  'What a digest reports to a login: certifications that end within the largest offset of their type (expiring), that ended since the last digest (expired), and that no refresher renews any more since then (outdated); of the coordinated chapters, and to an administrator of peer mentors whom no coordinator with an address answers for.';

create or replace function mentorcert_private.due_digests(
  as_of timestamptz, organisation_ids uuid [] default null, user_ids uuid [] default null
)
returns table (
  organisation_id uuid, organisation text, user_id uuid, week date, covered_until date, recipient text, lines bigint
)
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  select
    recipient.organisation_id, recipient.slug, login.id, recipient.week, recipient.local_day,
    mentorcert_private.masked_address(login.email), content.lines
  from (
    select distinct
      membership.organisation_id, organisation.slug, membership.user_id, organisation.local_day,
      date_trunc('week', organisation.local_day)::date as week
    from mentorcert_private.notice_organisations(as_of) as organisation
    join mentorcert.memberships as membership on membership.organisation_id = organisation.organisation_id
    where membership.role in ('coordinator', 'org_admin') and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and (organisation_ids is null or membership.organisation_id = any(organisation_ids))
      and (user_ids is null or membership.user_id = any(user_ids))
  ) as recipient
  join auth.users as login on login.id = recipient.user_id and mentorcert_private.is_address(login.email)
  cross join lateral (
    select count(*) as lines from mentorcert_private.digest_contents(recipient.organisation_id, recipient.user_id, as_of)
  ) as content
  where not exists (
    select from mentorcert_private.notice_mails as mail
    where mail.organisation_id = recipient.organisation_id and mail.user_id = recipient.user_id and mail.week = recipient.week
      and mail.state <> 'released'
  )
$$;
comment on function mentorcert_private.due_digests(timestamptz, uuid [], uuid []) is
  'The digests that are due at an instant, one a login and week; those with no lines are not sent. Nothing is changed.';

create or replace function mentorcert_private.claimed_digests(mail_ids uuid [], as_of timestamptz default now())
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, expiring jsonb, expired jsonb,
  expiring_count bigint, expired_count bigint
)
language sql
stable
security definer -- so that the role of the jobs reads only what it is to write, and to whom, and a row says so
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  with mails as materialized (
    select mail.id, mail.organisation_id, mail.user_id, coalesce(mentor.language, 'nb') as language
    from mentorcert_private.notice_mails as mail
    left join mentorcert.peer_mentors as mentor
      on mentor.user_id = mail.user_id and mentor.organisation_id = mail.organisation_id
    where mail.id = any(mail_ids) and mail.kind = 'digest' and mail.state = 'sending'
      and mentorcert_private.is_committed(mail.claimed_in)
  ),
  lines as materialized (
    select
      mails.id, line.kind, count(*) as total,
      jsonb_agg(
        jsonb_build_object(
          'full_name', line.full_name, 'chapters', line.chapters, 'last_valid_day', line.last_valid_day,
          'refresher_until', line.refresher_until,
          'name', case mails.language when 'en' then line.name_en else line.name_nb end
        )
        order by line.position
      ) filter (where line.position <= 100) as shown
    from mails
    cross join lateral (
      select every.*, row_number() over (partition by every.kind) as position
      from mentorcert_private.digest_contents(mails.organisation_id, mails.user_id, as_of) as every
    ) as line
    group by mails.id, line.kind
  )
  select
    mails.id, organisation.name, organisation.time_zone, mails.language, login.email::text,
    coalesce(expiring.shown, '[]'), coalesce(expired.shown, '[]'), coalesce(expiring.total, 0), coalesce(expired.total, 0)
  from mails
  join auth.users as login on login.id = mails.user_id and mentorcert_private.is_address(login.email)
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  left join lines as expiring on expiring.id = mails.id and expiring.kind = 'expiring'
  left join lines as expired on expired.id = mails.id and expired.kind = 'expired'
$$;
comment on function mentorcert_private.claimed_digests(uuid [], timestamptz) is
  'What to write in digests that an earlier transaction claimed, at most 100 lines of a kind.';

-- What 0.1.0 called, whose statements may run still.
create or replace function mentorcert_private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamptz)
returns table (full_name text, chapters text, name_nb text, name_en text, last_valid_day date, has_expired boolean)
language sql
stable
set search_path = ''
as $$
  select content.full_name, content.chapters, content.name_nb, content.name_en, content.last_valid_day, content.kind <> 'expiring'
  from mentorcert_private.digest_contents(organisation_id, user_id, as_of) as content
$$;
comment on function mentorcert_private.digest_lines(uuid, uuid, timestamptz) is 'The lines of mentorcert_private.digest_contents.';

create or replace function mentorcert_private.claimed_outdated(mail_ids uuid [], as_of timestamptz default now())
returns table (mail_id uuid, outdated jsonb, outdated_count bigint)
language sql
stable
security definer -- so that the role of the jobs reads only what it is to write, and a row says so
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  select
    line.mail_id, jsonb_agg(line.facts order by line.position) filter (where line.position <= 100), count(*)
  from (
    select
      mail.id as mail_id, row_number() over (partition by mail.id) as position,
      jsonb_build_object(
        'full_name', content.full_name, 'chapters', content.chapters, 'last_valid_day', content.last_valid_day,
        'refresher_until', content.refresher_until, 'after_lapse', content.after_lapse,
        'name', case coalesce(mentor.language, 'nb') when 'en' then content.name_en else content.name_nb end
      ) as facts
    from mentorcert_private.notice_mails as mail
    left join mentorcert.peer_mentors as mentor
      on mentor.user_id = mail.user_id and mentor.organisation_id = mail.organisation_id
    cross join lateral mentorcert_private.digest_contents(mail.organisation_id, mail.user_id, as_of) as content
    where
      mail.id = any(mail_ids) and mail.kind = 'digest' and mail.state = 'sending'
      and mentorcert_private.is_committed(mail.claimed_in) and content.kind = 'outdated'
  ) as line
  group by line.mail_id
$$;
comment on function mentorcert_private.claimed_outdated(uuid [], timestamptz) is
  'What is outdated since the last digest, for digests that an earlier transaction claimed, at most 100 lines of each.';

create or replace function mentorcert_private.claimed_notices(mail_ids uuid [], as_of timestamptz default now())
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, full_name text, certifications jsonb
)
language sql
stable
security definer -- so that the role of the jobs reads the name and address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  select
    mail.id, organisation.name, organisation.time_zone, mentor.language, mentor.email, mentor.full_name,
    jsonb_agg(
      jsonb_build_object(
        'name', case mentor.language when 'en' then type.name_en else type.name_nb end,
        'last_valid_day', clock.day - 1,
        'days_left', clock.day - mentorcert_private.day_of(as_of, organisation.time_zone),
        'refresher_until', refresher.until, 'after_lapse', type.after_lapse,
        'is_outdated', coalesce(refresher.until < mentorcert_private.day_of(as_of, organisation.time_zone), false)
      )
      order by notice.expires_at, type.code
    )
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.notices as notice on notice.mail_id = mail.id and notice.outcome = 'mailed'
  join public.peer_mentor_certifications as certification on certification.id = notice.certification_id
  join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral (select mentorcert_private.day_of(notice.expires_at, organisation.time_zone) as day) as clock
  cross join lateral (select mentorcert_private.refresher_until(clock.day - 1, type.refresher_months) as until) as refresher
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.is_address(mentor.email)
  group by mail.id, organisation.id, mentor.id
$$;
comment on function mentorcert_private.claimed_notices(uuid [], timestamptz) is
  'What to write in mails that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

revoke execute on function
  mentorcert_private.refresher_until, mentorcert_private.oldest_refreshed_end, mentorcert_private.outdated_limits, mentorcert_private.outdated_by, public.refresher_until,
  public.after_lapse, public.is_outdated, mentorcert_private.reject_outdated, mentorcert_private.check_refresher,
  mentorcert_private.digest_contents, mentorcert_private.claimed_outdated
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.refresher_until, mentorcert_private.oldest_refreshed_end, mentorcert_private.outdated_limits, mentorcert_private.outdated_by, public.refresher_until,
  public.after_lapse, public.is_outdated
to authenticated, service_role;
grant execute on function mentorcert_private.refresher_until to mentorcert_tasks;
grant execute on function mentorcert_private.claimed_outdated to mentorcert_jobs;
