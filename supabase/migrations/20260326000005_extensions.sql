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
  certification_type text, last_valid_day date
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
  if check_extension.last_valid_day is null then
    raise exception using
      errcode = 'MC008', message = 'an extension needs a last valid day',
      hint = 'Give the day to which the certifications are extended.', constraint = 'last_valid_day';
  end if;
  return organisation;
end
$$;
comment on function mentorcert_private.check_extension(text, date) is
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
  organisation constant uuid := mentorcert_private.check_extension(certification_type, last_valid_day);
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
  organisation constant uuid := mentorcert_private.check_extension(certification_type, last_valid_day);
  locked_ids uuid[];
begin
  perform mentorcert_private.require_reason(reason);
  locked_ids := array(
    select candidate.id from public.peer_mentor_certifications as candidate
    where candidate.id in (
      select preview.certification_id
      from mentorcert_private.preview_extension(
        extend_certifications.certification_type, last_valid_day, extend_certifications.chapter_id, expired_since
      ) as preview
      where preview.outcome = 'extended'
    )
    order by candidate.id -- everybody locks in this order, so nobody waits in a circle
    for no key update
  );
  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch));
  with changed as (
    update public.peer_mentor_certifications as extended set expires_at = preview.new_expires_at
    -- Once more: what was waited for may have been changed meanwhile.
    from mentorcert_private.preview_extension(
      extend_certifications.certification_type, last_valid_day, extend_certifications.chapter_id, expired_since
    ) as preview
    where preview.outcome = 'extended' and extended.id = preview.certification_id and extended.id = any(locked_ids)
    returning extended.id
  )
  insert into mentorcert_private.extensions (
    batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason,
    certification_ids, extended_by
  )
  select
    batch, organisation, extend_certifications.certification_type, extend_certifications.last_valid_day,
    extend_certifications.chapter_id, extend_certifications.expired_since, extend_certifications.reason,
    array_agg(changed.id), auth.uid()
  from changed
  having count(*) > 0;
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
  cross join lateral unnest(extension.certification_ids) as listed (id)
  join public.peer_mentor_certifications as member on member.id = listed.id
  join mentorcert.peer_mentors as mentor on mentor.id = member.peer_mentor_id
  cross join lateral public.certification_history(member.id) as entry
  cross join lateral (
    select (mentorcert_private.state_before(member, mentorcert_private.upgrade_history_entry(entry))).expires_at
  ) as target
  where extension.batch_id = preview_reversal.batch_id and entry ->> 'batch_id' = preview_reversal.batch_id::text
$$;
comment on function mentorcert_private.preview_reversal(uuid) is
  'What revert_change would do with each certification of an extension: reverted (to new_expires_at), changed_since (then nothing at all is taken back) or erased (left as it is).';

create or replace function mentorcert_private.record_reversal(batch_id uuid, reason text)
returns void
language sql
set search_path = ''
as $$
  update mentorcert_private.extensions as extension
  set reverted_by = auth.uid(), reverted_at = now(), reversal_reason = record_reversal.reason
  where extension.batch_id = record_reversal.batch_id and extension.reverted_at is null
$$;
comment on function mentorcert_private.record_reversal(uuid, text) is 'Notes that a whole extension was taken back.';

create or replace function public.revert_change(batch_id uuid, reason text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  organisation uuid;
  noted uuid[];
  members uuid[];
  reverted integer;
begin
  perform mentorcert_private.require_certifications();
  organisation := mentorcert_private.require_administered_organisation();
  perform mentorcert_private.require_reason(reason);
  select extension.certification_ids into noted
  from mentorcert_private.extensions as extension where extension.batch_id = revert_change.batch_id;
  members := array(
    select certification.id
    from public.peer_mentor_certifications as certification
    where certification.organisation_id = organisation and (noted is null or certification.id = any(noted)) and exists (
      select from public.certification_history(certification.id) as entry
      where entry ->> 'batch_id' = revert_change.batch_id::text and entry ->> 'kind' = 'extended'
    ) and not exists (
      select from mentorcert.peer_mentors as mentor where mentor.id = certification.peer_mentor_id and mentor.erased_at is not null
    )
    order by certification.id
    for no key update
  );
  perform mentorcert_private.set_change_context(
    jsonb_build_object('kind', 'reverted', 'reverts_batch', revert_change.batch_id, 'note', reason)
  );
  update public.peer_mentor_certifications as certification
  set expires_at = target.expires_at, status = target.status
  from (
    select (mentorcert_private.state_before(member, mentorcert_private.upgrade_history_entry(entry))).*
    from public.peer_mentor_certifications as member
    cross join lateral public.certification_history(member.id) as entry
    where member.id = any(members) and entry ->> 'batch_id' = revert_change.batch_id::text
  ) as target
  where certification.id = target.id;
  get diagnostics reverted = row_count;
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
  'Takes a whole batch of extend_certifications back, for a reason; all or nothing (MC006). Administrator only. Returns how many.';

revoke execute on function
  mentorcert_private.check_extension, mentorcert_private.preview_extension, public.extend_certifications, mentorcert_private.preview_reversal,
  mentorcert_private.record_reversal, public.revert_change(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.check_extension, mentorcert_private.preview_extension, public.extend_certifications, mentorcert_private.preview_reversal,
  mentorcert_private.record_reversal, public.revert_change(uuid, text)
to authenticated, service_role;
