-- Extensions of many certifications: what one would do, which there were, and what taking one back would do.

create table if not exists mentorcert_private.extensions (
  batch_id uuid not null,
  organisation_id uuid not null,
  certification_type text not null,
  last_valid_day date not null,
  chapter_id uuid,
  expired_since date,
  reason text not null,
  certification_ids uuid[] not null,
  extended_by uuid,
  extended_at timestamptz not null default now(),
  reverted_by uuid,
  reverted_at timestamptz,
  reversal_reason text,
  constraint extensions_pkey primary key (batch_id),
  constraint extensions_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint extensions_certification_type_length check (length(certification_type) <= 100),
  constraint extensions_reason_valid check (length(reason) <= 2000 and mentorcert_private.is_readable(reason)),
  constraint extensions_reversal_reason_valid check (length(reversal_reason) <= 2000 and mentorcert_private.is_readable(reversal_reason)),
  constraint extensions_reverted_valid check ((reverted_at is null) = (reversal_reason is null))
);
create index if not exists extensions_organisation_id_idx on mentorcert_private.extensions (organisation_id, extended_at);
alter table mentorcert_private.extensions enable row level security;
revoke all on mentorcert_private.extensions from public, anon, authenticated, service_role;
grant
  select (
    batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason, certification_ids, extended_by,
    extended_at, reverted_by, reverted_at, reversal_reason
  ),
  insert (batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason, certification_ids, extended_by),
  update (reverted_by, reverted_at, reversal_reason)
on mentorcert_private.extensions to authenticated;
comment on table mentorcert_private.extensions is
  'What extend_certifications did, and whether it was taken back as a whole; the histories of the certifications are the proof.';
comment on column mentorcert_private.extensions.batch_id is 'As in the histories'' entries.';
comment on column mentorcert_private.extensions.certification_ids is 'Which were extended: looked up by key when it is taken back.';

create or replace trigger canonicalise
before insert or update of reason, reversal_reason on mentorcert_private.extensions
for each row execute function mentorcert_private.canonicalise('text', 'reason', 'reversal_reason');

drop policy if exists "administrators read the extensions of their organisation" on mentorcert_private.extensions;
create policy "administrators read the extensions of their organisation"
on mentorcert_private.extensions for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the extensions of their organisation" on mentorcert_private.extensions is
  'Nobody else extends.';

drop policy if exists "administrators record extensions of their organisation" on mentorcert_private.extensions;
create policy "administrators record extensions of their organisation"
on mentorcert_private.extensions for insert to authenticated
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id()) and extended_by is not distinct from (select auth.uid())
);
comment on policy "administrators record extensions of their organisation" on mentorcert_private.extensions is
  'Written by extend_certifications, which has no more rights than its caller.';

drop policy if exists "administrators record that extensions were reverted" on mentorcert_private.extensions;
create policy "administrators record that extensions were reverted"
on mentorcert_private.extensions for update to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()) and reverted_at is null)
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id()) and reverted_by is not distinct from (select auth.uid())
);
comment on policy "administrators record that extensions were reverted" on mentorcert_private.extensions is
  'Written by revert_change, which has no more rights than its caller.';

create or replace function mentorcert_private.check_extension(
  certification_type text, last_valid_day date, expired_since date
)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  organisation uuid;
begin
  perform mentorcert_private.require_certifications();
  organisation := mentorcert_private.require_administered_organisation();
  perform mentorcert_private.require_type(organisation, check_extension.certification_type);
  perform mentorcert_private.require_instants(jsonb_build_object('last_valid_day', last_valid_day, 'expired_since', expired_since));
  if check_extension.last_valid_day is null then
    raise exception using
      errcode = 'MC008', message = 'an extension needs a last valid day',
      hint = 'Give the day to which the certifications are extended.', constraint = 'last_valid_day';
  end if;
  return organisation;
end
$$;
comment on function mentorcert_private.check_extension(text, date, date) is
  'The organisation whose certifications the caller may extend; refuses an unknown type (MC002) and a missing day (MC008).';

create or replace function mentorcert_private.preview_extension(
  certification_type text, last_valid_day date, chapter_id uuid default null, expired_since date default null
)
returns table (certification_id uuid, peer_mentor_id uuid, expires_at timestamptz, new_expires_at timestamptz, outcome text)
language plpgsql
stable
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.check_extension(certification_type, last_valid_day, expired_since);
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  until constant timestamptz := mentorcert_private.day_starts(last_valid_day + 1, time_zone);
  since constant timestamptz := coalesce(mentorcert_private.day_starts(expired_since, time_zone), now());
  chapters constant uuid[] := mentorcert_private.with_chapters_below(array[chapter_id]);
begin
  return query
  select
    judged.id, judged.peer_mentor_id, judged.expires_at,
    case when judged.outcome = 'extended' then until end, judged.outcome
  from (
    select
      candidate.id, candidate.peer_mentor_id, candidate.expires_at,
      case
        when mentor.erased_at is not null then 'erased'
        when candidate.expires_at is null or candidate.expires_at >= until then 'holds_longer'
        when candidate.expires_at <= since then 'expired'
        else 'extended'
      end as outcome
    from public.peer_mentor_certifications as candidate
    join mentorcert.peer_mentors as mentor on mentor.id = candidate.peer_mentor_id
    where
      candidate.organisation_id = organisation
      and candidate.certification_type = preview_extension.certification_type
      and (preview_extension.chapter_id is null or candidate.chapter_ids && chapters)
  ) as judged;
end
$$;
comment on function mentorcert_private.preview_extension(text, date, uuid, date) is
  'What extend_certifications would do with each certification of the type: extended (to new_expires_at), or left as holds_longer, expired or erased. Changes nothing.';

create or replace function public.extend_certifications(
  certification_type text, last_valid_day date, reason text,
  chapter_id uuid default null, expired_since date default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  batch constant uuid := gen_random_uuid();
  organisation constant uuid := mentorcert_private.check_extension(certification_type, last_valid_day, expired_since);
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  until constant timestamptz := mentorcert_private.day_starts(last_valid_day + 1, time_zone);
  since constant timestamptz := coalesce(mentorcert_private.day_starts(expired_since, time_zone), now());
  chapters constant uuid[] := mentorcert_private.with_chapters_below(array[chapter_id]);
  ids uuid[];
  prolonged uuid[];
begin
  perform mentorcert_private.require_reason(reason);
  -- Those that may be extended; which are, is asked below, under the lock: what was waited for may have been changed meanwhile.
  ids := array(
    select candidate.id
    from public.peer_mentor_certifications as candidate
    where
      candidate.organisation_id = organisation
      and candidate.certification_type = extend_certifications.certification_type
      and (extend_certifications.chapter_id is null or candidate.chapter_ids && chapters)
      and candidate.expires_at < until
      and candidate.expires_at > since
    order by candidate.id -- everybody locks in this order, so nobody waits in a circle
    for no key update of candidate
  );
  ids := array(
    select preview.certification_id
    from mentorcert_private.preview_extension(
      extend_certifications.certification_type, last_valid_day, extend_certifications.chapter_id, expired_since
    ) as preview
    join unnest(ids) as locked (id) on locked.id = preview.certification_id
    where preview.outcome = 'extended'
  );
  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch));
  prolonged := mentorcert_private.prolong_certifications(ids, null, array_fill(until, array[cardinality(ids)]));
  if cardinality(prolonged) < cardinality(ids) then
    update public.peer_mentor_certifications as extended
    set expires_at = until
    from mentorcert_private.each_id(ids) as listed (id)
    where extended.id = listed.id and extended.id <> all(prolonged);
  end if;
  insert into mentorcert_private.extensions (
    batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason,
    certification_ids, extended_by
  )
  select
    batch, organisation, extend_certifications.certification_type, extend_certifications.last_valid_day,
    extend_certifications.chapter_id, extend_certifications.expired_since, extend_certifications.reason,
    ids, mentorcert_private.acting_user()
  where ids <> '{}';
  if not found then
    raise exception using
      errcode = 'MC008',
      message = format('nothing of type %L would be extended to %s', extend_certifications.certification_type, last_valid_day),
      hint = 'Only what is valid now (or expired since the day given) and ends before that day is extended; look at type, day and chapter.',
      constraint = 'extension_not_empty';
  end if;
  perform mentorcert_private.set_change_context(null);
  return batch;
end
$$;
comment on function public.extend_certifications(text, date, text, uuid, date) is
  'Extends all certifications of a type (of a chapter and those under it) that end before a day, to that day; with expired_since also those that expired since then. Administrator only. Returns the batch, which revert_change takes back.';

create or replace function mentorcert_private.preview_reversal(batch_id uuid)
returns table (certification_id uuid, peer_mentor_id uuid, expires_at timestamptz, new_expires_at timestamptz, outcome text)
language sql
stable
set search_path = ''
as $$
  select
    member.id, member.peer_mentor_id, member.expires_at,
    case when mentor.erased_at is null then target.expires_at end,
    case
      when mentor.erased_at is not null then 'erased'
      when target.expires_at is null then 'changed_since'
      else 'reverted'
    end
  from mentorcert_private.extensions as extension
  cross join lateral mentorcert_private.each_id(extension.certification_ids) as listed (id)
  join public.peer_mentor_certifications as member on member.id = listed.id
  join mentorcert.peer_mentors as mentor on mentor.id = member.peer_mentor_id
  cross join lateral mentorcert_private.reverted_entry(
    member, jsonb_build_object('reverts_batch', preview_reversal.batch_id)
  ) as entry
  cross join lateral (select (mentorcert_private.state_before(member, entry)).expires_at) as target
  where extension.batch_id = preview_reversal.batch_id and entry is not null
$$;
comment on function mentorcert_private.preview_reversal(uuid) is
  'What revert_change would do with each certification of an extension: reverted (to new_expires_at), changed_since (then nothing at all is taken back) or erased (left as it is).';

create or replace function mentorcert_private.record_reversal(batch_id uuid, reason text)
returns void
language sql
set search_path = ''
as $$
  update mentorcert_private.extensions as extension
  set reverted_by = mentorcert_private.acting_user(), reverted_at = now(), reversal_reason = record_reversal.reason
  where extension.batch_id = record_reversal.batch_id and extension.reverted_at is null
$$;
comment on function mentorcert_private.record_reversal(uuid, text) is 'Notes that a whole extension was taken back.';

create or replace function mentorcert_private.entry_of_reversal(
  said jsonb, history jsonb, held_status text, held_expires_at timestamptz
)
returns jsonb
language plpgsql
stable
strict
set search_path = ''
as $$
declare
  extended constant jsonb := jsonb_path_query_first(
    history, '$[*] ? (@.batch_id == $batch)', jsonb_build_object('batch', said -> 'reverts_batch')
  );
  expires_at constant timestamptz := (extended #>> '{before,expires_at}')::timestamptz;
  status constant text := mentorcert_private.status_at(false, expires_at, now());
begin
  if held_status = 'suspended' or extended ->> 'kind' <> 'extended'
    or (extended -> 'schema_version')::integer <> mentorcert_private.current_history_version()
    or extended -> 'before' ?| array['certification_type', 'issued_at'] or extended #>> '{before,status}' = 'suspended'
    or (extended #>> '{after,expires_at}')::timestamptz = held_expires_at is not true
    or expires_at is null
  then
    return null;
  end if;
  return (said - 'reverts_batch') || jsonb_build_object(
    'kind', 'reverted',
    'effective_at', (extended ->> 'effective_at')::timestamptz,
    'reverts', extended -> 'entry_id',
    'before', jsonb_build_object('expires_at', held_expires_at)
      || case when held_status <> status then jsonb_build_object('status', held_status) else '{}' end,
    'after', jsonb_build_object('expires_at', expires_at)
      || case when held_status <> status then jsonb_build_object('status', status) else '{}' end
  );
end
$$;
comment on function mentorcert_private.entry_of_reversal(jsonb, jsonb, text, timestamptz) is
  'What record_change writes where the extension of a batch is taken back, but for its id and when; null of every other change, and of what was changed since.';

create or replace function mentorcert_private.take_back_extension(ids uuid[])
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
  said constant jsonb := context.entry || jsonb_build_object('actor', context.actor, 'reverts_batch', context.change -> 'reverts_batch');
  seed constant bytea := uuid_send(gen_random_uuid());
  taken_back uuid[];
begin
  perform mentorcert_private.check_endpoint('certifications');
  if context.user_id is null or organisation is null or context.change ->> 'kind' is distinct from 'reverted'
    or coalesce(context.change ->> 'note', '') = '' or not context.has_valid_remarks then
    return '{}'::uuid[];
  end if;
  perform set_config('mentorcert.entry', said::text, true);
  with judged as materialized (
    select held.id, held.ctid, held.issued_at, held.status, derived.entry, (derived.entry #>> '{after,expires_at}')::timestamptz as expires_at
    from mentorcert_private.each_id(ids) as listed (id)
    join public.peer_mentor_certifications as held on held.id = listed.id
    cross join lateral mentorcert_private.entry_of_reversal(
      said, held.renewal_history, held.status, held.expires_at
    ) as derived (entry)
    where
      held.organisation_id = organisation
      and held.peer_mentor_id <> all(absent)
      and jsonb_array_length(held.renewal_history) < 50 -- a longer one may have to be cut for the events table
      and derived.entry is not null
  ),
  written as (
    update public.peer_mentor_certifications as certification
    set
      expires_at = judged.expires_at, status = coalesce(judged.entry #>> '{after,status}', judged.status), updated_at = now(),
      renewal_history = certification.renewal_history || (
        judged.entry || jsonb_build_object(
          'entry_id', encode(substr(sha256(seed || uuid_send(certification.id)), 1, 16), 'hex')::uuid,
          'recorded_at', greatest(
            clock_timestamp(), (certification.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
          )
        )
      )
    from judged
    where certification.id = judged.id and certification.ctid = judged.ctid -- not if it has been changed meanwhile
    and not exists (
      select from (select distinct each.issued_at, each.expires_at from judged as each) as outcome
      where mentorcert_private.violated_date_rule(outcome.issued_at, outcome.expires_at, time_zone, now()) is not null
    )
    returning certification.id
  )
  select coalesce(array_agg(written.id), '{}') into taken_back from written;
  perform set_config('mentorcert.entry', '', true);
  return taken_back;
end
$$;
comment on function mentorcert_private.take_back_extension(uuid[]) is
  'Takes the extension that mentorcert.change names back from those of these certifications that an administrator plainly may: not suspended, with nothing on it since. Each with its history entry, in one statement, as record_change would write it; returns which. The rest is left to that trigger.';

create or replace function public.revert_change(batch_id uuid, reason text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  organisation uuid;
  noted uuid[];
  members uuid[];
  taken_back uuid[];
  reverted integer;
  others integer;
begin
  perform mentorcert_private.require_certifications();
  if mentorcert_private.acting_user() is not null then -- a job has no batches, nor the right to ask for them
    if exists (select from mentorcert_private.change_batches as batch where batch.batch_id = revert_change.batch_id) then
      return mentorcert_private.revert_batch(batch_id, reason);
    end if;
  end if;
  organisation := mentorcert_private.require_administered_organisation();
  perform mentorcert_private.require_reason(reason);
  select extension.certification_ids into noted
  from mentorcert_private.extensions as extension where extension.batch_id = revert_change.batch_id;
  members := array(
    select certification.id
    from mentorcert_private.each_id(
      coalesce(noted, array(select held.id from public.peer_mentor_certifications as held where held.organisation_id = organisation))
    ) as listed (id)
    join public.peer_mentor_certifications as certification on certification.id = listed.id
    where certification.organisation_id = organisation
    and (
      certification.renewal_history @> jsonb_build_array(jsonb_build_object('batch_id', revert_change.batch_id, 'kind', 'extended'))
      or mentorcert_private.reverted_entry(certification, jsonb_build_object('reverts_batch', revert_change.batch_id)) ->> 'kind' = 'extended'
    )
    and not exists (
      select from mentorcert.peer_mentors as mentor where mentor.id = certification.peer_mentor_id and mentor.erased_at is not null
    )
    order by certification.id
    for no key update of certification
  );
  perform mentorcert_private.set_change_context(
    jsonb_build_object('kind', 'reverted', 'reverts_batch', revert_change.batch_id, 'note', reason)
  );
  taken_back := mentorcert_private.take_back_extension(members);
  reverted := cardinality(taken_back);
  if reverted < cardinality(members) then
    with targets as materialized (
      select mentorcert_private.state_before(
        member, mentorcert_private.reverted_entry(member, jsonb_build_object('reverts_batch', revert_change.batch_id))
      ) as before
      from mentorcert_private.each_id(members) as listed (id)
      join public.peer_mentor_certifications as member on member.id = listed.id
      where member.id <> all(taken_back)
    )
    update public.peer_mentor_certifications as certification
    set expires_at = (targets.before).expires_at, status = (targets.before).status
    from targets
    where certification.id = (targets.before).id;
    get diagnostics others = row_count;
    reverted := reverted + others;
  end if;
  perform mentorcert_private.set_change_context(null);
  if cardinality(members) = 0 then
    perform mentorcert_private.reject_revert('the organisation has no such batch', 'Take batch_id from the history of a certification.');
  elsif reverted < cardinality(members) then
    perform mentorcert_private.reject_revert(
      format(
        'of the %s certifications of this batch, %s were changed since',
        cardinality(members), cardinality(members) - reverted
      ),
      'Nothing was taken back. Take the later changes back first, or the batch''s entries one by one.'
    );
  end if;
  perform mentorcert_private.record_reversal(batch_id, reason);
  return reverted;
end
$$;
comment on function public.revert_change(uuid, text) is
  'Takes a whole batch back, for a reason; all or nothing (MC006): of change_certifications by the person who made it or an administrator, of extend_certifications by an administrator. Returns how many.';

revoke execute on function
  mentorcert_private.check_extension, mentorcert_private.preview_extension, public.extend_certifications, mentorcert_private.preview_reversal,
  mentorcert_private.record_reversal, mentorcert_private.entry_of_reversal, mentorcert_private.take_back_extension, public.revert_change(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.check_extension, mentorcert_private.preview_extension, public.extend_certifications, mentorcert_private.preview_reversal,
  mentorcert_private.record_reversal, mentorcert_private.entry_of_reversal, mentorcert_private.take_back_extension, public.revert_change(uuid, text)
to authenticated, service_role;
