-- The limit of a refresher by every door: a single change, a preview, and a change of many.

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
  elsif coalesce(cardinality(certification_ids), 0) not between 1 and 5000 or exists (select from unnest(certification_ids) as id where id is null) then
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
  -- All that record_prolongation does not see in the row itself; of the id it makes those of the rows.
  said constant jsonb := context.entry || jsonb_build_object('actor', context.actor, 'entry_id', gen_random_uuid());
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
  with written as (
    update public.peer_mentor_certifications as certification
    set
      issued_at = coalesce(outcome.issued_at, certification.issued_at), expires_at = outcome.expires_at, status = outcome.status,
      updated_at = now(), renewal_history = said
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
