-- Changes of many certifications, each a batch that its maker or an administrator takes back as a whole.

create table if not exists mentorcert_private.change_batches (
  batch_id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  change text not null,
  certification_ids uuid[] not null,
  entry_ids uuid[] not null,
  changed_by uuid not null,
  changed_at timestamptz not null default now(),
  reverted_by uuid,
  reverted_at timestamptz,
  reverted integer,
  reversal_reason text,
  constraint change_batches_pkey primary key (batch_id),
  constraint change_batches_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint change_batches_change_valid check (change in ('renew', 'suspend', 'reinstate')),
  constraint change_batches_entry_ids_valid check (cardinality(entry_ids) = cardinality(certification_ids)),
  constraint change_batches_certification_ids_valid check (cardinality(certification_ids) between 1 and 5000),
  constraint change_batches_reversal_reason_valid check (length(reversal_reason) <= 2000 and mentorcert_private.is_readable(reversal_reason)),
  constraint change_batches_reverted_valid check (
    (reverted_at is null) = (reversal_reason is null) and (reverted_at is null) = (reverted is null)
  )
);
create index if not exists change_batches_organisation_id_idx on mentorcert_private.change_batches (organisation_id, changed_at);
create index if not exists change_batches_changed_at_idx on mentorcert_private.change_batches (changed_at);
alter table mentorcert_private.change_batches enable row level security;
revoke all on mentorcert_private.change_batches from public, anon, authenticated, service_role;
grant
  select (
    batch_id, organisation_id, change, certification_ids, entry_ids, changed_by, changed_at, reverted_by, reverted_at, reverted, reversal_reason
  ),
  insert (organisation_id, change, certification_ids, entry_ids, changed_by),
  update (reverted_by, reverted_at, reverted, reversal_reason)
on mentorcert_private.change_batches to authenticated;
comment on table mentorcert_private.change_batches is
  'What change_certifications did, and whether it was taken back as a whole; kept as mentorcert_private.log_retention says. The histories of the certifications are the proof.';
comment on column mentorcert_private.change_batches.entry_ids is
  'The history entry of each certification, in the order of certification_ids: while it is the latest, nobody has changed the certification since.';
comment on column mentorcert_private.change_batches.reverted is 'How many of the certifications were taken back.';

create or replace trigger canonicalise
before insert or update of reversal_reason on mentorcert_private.change_batches
for each row execute function mentorcert_private.canonicalise('text', 'reversal_reason');

drop policy if exists "people read their own batches, administrators all" on mentorcert_private.change_batches;
create policy "people read their own batches, administrators all"
on mentorcert_private.change_batches for select to authenticated
using (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or organisation_id = (select public.get_user_organisation_id()) and changed_by = (select auth.uid())
);
comment on policy "people read their own batches, administrators all" on mentorcert_private.change_batches is
  'Which certifications they are allowed to take back the histories'' own rules say.';

drop policy if exists "people record their own batches" on mentorcert_private.change_batches;
create policy "people record their own batches"
on mentorcert_private.change_batches for insert to authenticated
with check (organisation_id = (select public.get_user_organisation_id()) and changed_by = (select auth.uid()));
comment on policy "people record their own batches" on mentorcert_private.change_batches is
  'Written by change_certifications, which has no more rights than its caller.';

drop policy if exists "people record that batches were reverted" on mentorcert_private.change_batches;
create policy "people record that batches were reverted"
on mentorcert_private.change_batches for update to authenticated
using (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or organisation_id = (select public.get_user_organisation_id()) and changed_by = (select auth.uid())
)
with check (reverted_by = (select auth.uid()));
comment on policy "people record that batches were reverted" on mentorcert_private.change_batches is
  'Written by revert_change, which has no more rights than its caller.';

create or replace function mentorcert_private.record_batch(change text, certification_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  acting constant uuid := mentorcert_private.acting_user();
begin
  -- A job's changes are a job's to take back; and what was taken back is no change to offer again.
  if acting is null or record_batch.change = 'revert' then
    return;
  end if;
  insert into mentorcert_private.change_batches (organisation_id, change, certification_ids, entry_ids, changed_by)
  select
    changed.organisation_id, record_batch.change, array_agg(changed.id order by changed.id),
    array_agg((changed.renewal_history #>> '{-1,entry_id}')::uuid order by changed.id), acting
  from mentorcert_private.each_id(record_batch.certification_ids) as listed (id)
  join public.peer_mentor_certifications as changed on changed.id = listed.id
  group by changed.organisation_id;
end
$$;
comment on function mentorcert_private.record_batch(text, uuid[]) is 'Notes a change of many that was just made, by a person.';

create or replace function mentorcert_private.preview_batch_reversal(batch_id uuid)
returns table (certification_id uuid, expires_at timestamptz, status text, refusal text, changed_since jsonb)
language plpgsql -- certifications come in a later migration
stable
rows 500
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select
    outcome.certification_id, outcome.expires_at, outcome.status,
    case
      when outcome.refusal = 'certification_right' then outcome.refusal
      when latest.entry ->> 'entry_id' is distinct from listed.entry_id::text then 'certification_change_revertible'
      else outcome.refusal
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
  left join lateral (select mentorcert_private.reverted_entry(held, '{"reverts_latest": true}') as entry) as latest on held.id is not null
  where batch.batch_id = preview_batch_reversal.batch_id;
end
$$;
comment on function mentorcert_private.preview_batch_reversal(uuid) is
  'What taking back a change of many would give for each of its certifications: refusal names the rule against it, changed_since says what stands on it, when and by whom. Changes nothing.';

create or replace function mentorcert_private.revert_batch(batch_id uuid, reason text, leaves_out boolean default false)
returns integer
language plpgsql
set search_path = ''
as $$
#variable_conflict use_variable
declare
  batch mentorcert_private.change_batches;
  ids uuid[];
  refused jsonb;
  violated text;
  taken_back integer;
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
  taken_back := public.change_certifications('revert', ids, note => reason);
  update mentorcert_private.change_batches as made
  set reverted_by = mentorcert_private.acting_user(), reverted_at = now(), reverted = taken_back, reversal_reason = reason
  where made.batch_id = revert_batch.batch_id;
  return taken_back;
end
$$;
comment on function mentorcert_private.revert_batch(uuid, text, boolean) is
  'Takes a change of many back, for a reason: all or nothing (MC006, 42501; the detail says what stands against which), or all but those. Returns how many.';

revoke execute on function
  mentorcert_private.record_batch, mentorcert_private.preview_batch_reversal, mentorcert_private.revert_batch
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.record_batch, mentorcert_private.preview_batch_reversal, mentorcert_private.revert_batch
to authenticated, service_role;
