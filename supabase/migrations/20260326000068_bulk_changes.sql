-- One change of many certifications at once, and what it would give before it is made.

create or replace function private.latest_change(certification_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.upgrade_history_entry(entries.entry)
  from public.certification_history(certification_id) with ordinality as entries (entry, position)
  where entries.entry ->> 'kind' <> 'expired' -- that is the calendar's, not somebody's
  order by entries.position desc
  limit 1
$$;
comment on function private.latest_change(uuid) is
  'The newest history entry of a certification that somebody made; null for one that the caller may not read.';

create or replace function private.reverted_entry(certification_id uuid, change jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when change -> 'reverts_latest' = 'true' then private.latest_change(certification_id)
    else (
      select private.upgrade_history_entry(entry)
      from public.certification_history(certification_id) as entry
      where entry -> 'entry_id' = change -> 'reverts' or entry -> 'batch_id' = change -> 'reverts_batch'
    )
  end
$$;
comment on function private.reverted_entry(uuid, jsonb) is
  'The entry that a revert takes back: the one named, that of the batch named, or the latest.';
comment on function private.set_change_context(jsonb) is
  'Says what the next change of certifications is about (kind, note, evidence, job, as_of, batch_id, reverts, reverts_batch, reverts_latest); null ends it.';

create or replace function public.preview_changes(change text, certification_ids uuid[], renewed_on date default null)
returns table (
  certification_id uuid, type text, issued_at timestamptz, expires_at timestamptz, status text, takes_back text, refusal text
)
language plpgsql
stable
rows 500
set search_path = ''
as $$
#variable_conflict use_column
declare
  administered constant uuid := private.administered_organisation_id();
  coordinated constant uuid[] := private.coordinated_chapter_ids();
  as_owner constant boolean := auth.uid() is null;
begin
  perform private.require_certifications();
  if change is null or change not in ('renew', 'suspend', 'reinstate', 'revert') then
    raise exception using
      errcode = 'MC008', message = format('unknown change %L', change),
      hint = 'Ask for renew, suspend, reinstate or revert.', constraint = 'change';
  elsif coalesce(cardinality(certification_ids), 0) not between 1 and 5000 then
    raise exception using
      errcode = 'MC008', message = format('%s certifications at once', coalesce(cardinality(certification_ids), 0)),
      hint = 'Name 1 to 5000 of them.', constraint = 'certification_ids';
  end if;
  return query
  with held as materialized (
    select
      asked.id as asked_id, certification, organisation.time_zone,
      coalesce(preview_changes.renewed_on, private.day_of(now(), organisation.time_zone)) as renewed_on,
      -- What the policies for UPDATE and the trigger ask.
      coalesce(
        (
          certification.organisation_id = administered or certification.chapter_ids && coordinated or as_owner
        )
        and mentor.erased_at is null,
        false
      ) as permitted,
      case when change = 'revert' then private.latest_change(certification.id) end as entry
    from (select distinct id from unnest(certification_ids) as id) as asked
    left join public.peer_mentor_certifications as certification on certification.id = asked.id
    left join public.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    left join public.organisations as organisation on organisation.id = certification.organisation_id
  ),
  -- Once for each: in a query that is merged with this one, each column would ask for its own.
  outcomes as materialized (
    select
      held.*,
      (case change
        when 'renew' then jsonb_populate_record(
          held.certification,
          jsonb_build_object(
            'issued_at', private.day_starts(held.renewed_on, held.time_zone),
            'expires_at', case
              when (held.certification).expires_at is not null
                then private.expires_at_by_rule(held.certification, held.renewed_on, held.time_zone)
            end
          )
        )
        when 'suspend' then jsonb_populate_record(held.certification, '{"status": "suspended"}')
        when 'reinstate' then jsonb_populate_record(held.certification, '{"status": "active"}')
        else private.state_before(held.certification, held.entry)
      end) as outcome
    from held
  )
  select
    outcomes.asked_id,
    (outcomes.outcome).certification_type,
    (outcomes.outcome).issued_at,
    (outcomes.outcome).expires_at,
    private.status_at((outcomes.outcome).status = 'suspended', (outcomes.outcome).expires_at, now()),
    outcomes.entry ->> 'kind',
    case
      when not outcomes.permitted then 'certification_right'
      when change = 'renew' and (outcomes.outcome).issued_at <= (outcomes.certification).issued_at
        then 'certification_renewal_after_issue'
      when change = 'renew' and (outcomes.outcome).issued_at > now() then 'certification_issued_at_not_future'
      when change = 'suspend' and (outcomes.certification).status = 'suspended'
        or change = 'reinstate' and (outcomes.certification).status <> 'suspended' then 'certification_transition'
      when change = 'revert' and (outcomes.outcome).id is null then 'certification_change_revertible'
      when change = 'revert' and not as_owner and (outcomes.certification).organisation_id is distinct from administered
        and outcomes.entry ->> 'kind' not in ('renewed', 'suspended', 'reinstated') then 'certification_right'
    end
  from outcomes;
end
$$;
comment on function public.preview_changes(text, uuid[], date) is
  'What renew (as of a day, by the type''s rule), suspend, reinstate or revert (of the latest change) would give for each of these certifications, one row for each id; refusal names the rule against it. Changes nothing.';

create or replace function public.change_certifications(
  change text, certification_ids uuid[], renewed_on date default null, note text default null, evidence jsonb default null
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  changed integer;
  refused jsonb;
  violated text;
begin
  perform private.require_certifications();
  if change in ('suspend', 'revert') then
    perform private.require_reason(note);
  end if;
  perform 1 from public.peer_mentor_certifications as certification
  where certification.id = any(certification_ids)
  order by certification.id -- everybody locks in this order, so nobody waits in a circle
  for no key update;
  select jsonb_object_agg(outcome.certification_id, outcome.refusal), min(outcome.refusal) into refused, violated
  from public.preview_changes(change, certification_ids, renewed_on) as outcome
  where outcome.refusal is not null;
  if refused is not null then
    raise exception using
      errcode = case violated
        when 'certification_right' then '42501'
        when 'certification_transition' then 'MC001'
        when 'certification_change_revertible' then 'MC006'
        else 'MC003'
      end,
      message = format('%s of the certifications cannot be changed so', (select count(*) from jsonb_object_keys(refused))),
      detail = refused,
      hint = 'Nothing was changed. preview_changes names the rule against each.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
  end if;
  perform private.set_change_context(
    jsonb_build_object('note', note, 'evidence', private.evidence(evidence))
    || case when change = 'revert' then '{"kind": "reverted", "reverts_latest": true}' else '{}' end::jsonb
  );
  update public.peer_mentor_certifications as certification
  set
    certification_type = outcome.type, issued_at = outcome.issued_at, expires_at = outcome.expires_at,
    status = case when change = 'renew' then certification.status else outcome.status end
  from public.preview_changes(change, certification_ids, renewed_on) as outcome
  where certification.id = outcome.certification_id;
  get diagnostics changed = row_count;
  perform private.set_change_context(null);
  return changed;
end
$$;
comment on function public.change_certifications(text, uuid[], date, text, jsonb) is
  'Renews, suspends, reinstates or reverts (the latest change of) all of these certifications, as preview_changes says, or none; returns how many.';

revoke execute on function
  private.latest_change(uuid), private.reverted_entry(uuid, jsonb),
  public.preview_changes(text, uuid[], date), public.change_certifications(text, uuid[], date, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  private.latest_change(uuid),
  public.preview_changes(text, uuid[], date), public.change_certifications(text, uuid[], date, text, jsonb)
to authenticated, service_role;
