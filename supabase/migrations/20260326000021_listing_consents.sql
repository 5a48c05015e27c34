-- Consents to the public list: each time one is given or withdrawn, by whom and by which way.

create table if not exists mentorcert.listing_consents (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  is_given boolean not null,
  recorded_at timestamptz not null,
  actor jsonb not null,
  way text not null,
  reason text,
  constraint listing_consents_pkey primary key (id),
  constraint listing_consents_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint listing_consents_one_at_an_instant unique (peer_mentor_id, recorded_at),
  constraint listing_consents_way_valid check (way in ('form', 'mentor', 'file', 'portal', 'api', 'sql', 'erasure')),
  constraint listing_consents_reason_characters check (mentorcert_private.is_readable(reason)),
  constraint listing_consents_reason_length check (length(reason) <= 2000),
  constraint listing_consents_reason_valid check (reason <> '')
);
create index if not exists listing_consents_organisation_id_idx
on mentorcert.listing_consents (organisation_id, peer_mentor_id, recorded_at);
alter table mentorcert.listing_consents enable row level security;
revoke all on mentorcert.listing_consents from anon, authenticated, service_role;
grant select on mentorcert.listing_consents to authenticated, service_role;
comment on table mentorcert.listing_consents is
  'Each act by which a peer mentor''s consent to the public list was given or withdrawn; written by trigger only, never changed.';
comment on column mentorcert.listing_consents.recorded_at is
  'The clock once the row of the peer mentor was locked, and later than the act before.';
comment on column mentorcert.listing_consents.actor is 'The signed-in user and role, the job, or the database role, as in histories.';
comment on column mentorcert.listing_consents.way is
  'mentor: the person; form: a page of ours; api: another client; file: an import; portal; erasure; sql: the operator.';
comment on column mentorcert.listing_consents.reason is 'Why, or what shows it, such as the letter; goes with an erasure.';

drop policy if exists "people read the consents of peer mentors within their reach" on mentorcert.listing_consents;
create policy "people read the consents of peer mentors within their reach"
on mentorcert.listing_consents for select to authenticated
using (
  organisation_id operator(mentorcert_private.===) (select public.get_user_organisation_id())
  and (
    organisation_id between (select mentorcert_private.administered_organisation_id())
      and (select mentorcert_private.administered_organisation_id())
    or peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    or peer_mentor_id = any((select mentorcert_private.coordinated_peer_mentor_ids())::uuid[])
  )
  and peer_mentor_id <> all((select mentorcert_private.absent_peer_mentor_ids(with_left => true))::uuid[])
);
comment on policy "people read the consents of peer mentors within their reach" on mentorcert.listing_consents is
  'Of whom the caller reads the row: the conditions are those of peer_mentors, as arrays.';

drop policy if exists "the endpoint peer_mentors is switched on" on mentorcert.listing_consents;
create policy "the endpoint peer_mentors is switched on"
on mentorcert.listing_consents as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('peer_mentors')));
comment on policy "the endpoint peer_mentors is switched on" on mentorcert.listing_consents is 'Raises MC010 while it is off.';

create or replace function mentorcert_private.is_consent_erased(before mentorcert.listing_consents, after mentorcert.listing_consents)
returns boolean
language sql
set search_path = ''
as $$
  select mentorcert_private.is_erasure()
    and to_jsonb(after) - array['actor', 'reason'] = to_jsonb(before) - array['actor', 'reason']
    and (after.reason is null or after.reason = before.reason)
    and after.actor in (before.actor, before.actor - 'user_id')
$$;
comment on function mentorcert_private.is_consent_erased(mentorcert.listing_consents, mentorcert.listing_consents) is
  'Whether an act changes by nothing but an erasure, which takes out the reason and the person''s own login.';

create or replace trigger reject_change
before update on mentorcert.listing_consents
for each row when (not mentorcert_private.is_consent_erased(old, new))
execute function mentorcert_private.reject_change('listing_consents_append_only', 'Record another act with public.set_listing_consent.');

create or replace trigger reject_removal
before delete or truncate on mentorcert.listing_consents
for each statement execute function mentorcert_private.reject_change('listing_consents_append_only', 'Record another act with public.set_listing_consent.');

-- An older yes never undoes a later no

create or replace function mentorcert_private.reject_stale_consent()
returns trigger
language plpgsql
security definer -- asks for the acts themselves, whatever the caller may see
set search_path = ''
as $$
declare
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
begin
  if change ->> 'consent' is distinct from 'given'
    and exists (
      select from mentorcert.listing_consents as act
      where act.peer_mentor_id = any(mentorcert_private.merged_peer_mentor_ids(new.id))
    ) then
    raise exception using
      errcode = 'MC020', message = 'the consent was withdrawn, and is not given again by the way',
      hint = 'If the person consents again, record that by itself: public.set_listing_consent, or “Consent” on the peer mentor''s page.',
      schema = 'mentorcert', table = 'peer_mentors', column = 'listing_consent', constraint = 'listing_consent_withdrawn';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.reject_stale_consent() is
  'Refuses (MC020) a consent that was withdrawn, unless public.set_listing_consent gives it: a form, file or client that is older than the withdrawal says yes as well.';

create or replace trigger reject_stale_consent
before update of listing_consent on mentorcert.peer_mentors
for each row when (new.listing_consent and not old.listing_consent)
execute function mentorcert_private.reject_stale_consent();

create or replace function mentorcert_private.record_consent_acts(peer_mentor_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  acting_user constant uuid := mentorcert_private.acting_user();
begin
  insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way, reason)
  select
    mentor.organisation_id, mentor.id, mentor.listing_consent,
    greatest(clock_timestamp(), latest.recorded_at + interval '1 microsecond'),
    mentorcert_private.actor(mentor.organisation_id, change),
    case
      when mentor.user_id = acting_user then 'mentor'
      when acting_user is not null then case when change ->> 'way' = 'form' then 'form' else 'api' end
      else case change ->> 'job' when 'import' then 'file' when 'portal' then 'portal' when 'erasure' then 'erasure' else 'sql' end
    end,
    change ->> 'reason'
  from mentorcert.peer_mentors as mentor
  cross join lateral (
    select max(act.recorded_at) as recorded_at from mentorcert.listing_consents as act where act.peer_mentor_id = mentor.id
  ) as latest
  where mentor.id = any(peer_mentor_ids);
end
$$;
comment on function mentorcert_private.record_consent_acts(uuid[]) is
  'Appends an act for each of these peer mentors: what their row says now, by whom and by which way.';

create or replace function mentorcert_private.record_first_consents()
returns trigger
language plpgsql
security definer -- acts are no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.record_consent_acts(array(select added.id from new_rows as added where added.listing_consent));
  return null;
end
$$;
comment on function mentorcert_private.record_first_consents() is 'Appends an act for each new peer mentor who consents.';

create or replace function mentorcert_private.record_listing_consents()
returns trigger
language plpgsql
security definer -- acts are no client's to write
set search_path = ''
as $$
declare
  by_user constant boolean := mentorcert_private.acting_user() is not null;
  changed constant uuid[] := array(
    -- Not as a join: a plan that was made for a few rows would compare each of many with each.
    select changed.id
    from (
      select after.id, after.listing_consent from new_rows as after
      except
      select before.id, before.listing_consent from old_rows as before
    ) as changed
  );
begin
  if by_user and cardinality(changed) > 1 and (
    coalesce(current_setting('mentorcert.noted_state', true), '') = ''
    or exists (select from new_rows as after where after.id = any(changed) and after.listing_consent)
  ) then
    raise exception using
      errcode = 'MC008', message = 'the consents of several peer mentors change at once',
      hint = 'Change them one by one: each is a person''s own word. To withdraw many, ask preview_consequences first.',
      constraint = 'listing_consent_one_at_a_time';
  end if;
  perform mentorcert_private.record_consent_acts(changed);
  return null;
end
$$;
comment on function mentorcert_private.record_listing_consents() is
  'Appends an act for each consent that a statement gives or withdraws; refuses (MC008) a client that changes several at once, unless it withdraws them with the consequences seen.';

create or replace trigger record_listing_consents_on_insert
after insert on mentorcert.peer_mentors
referencing new table as new_rows
for each statement execute function mentorcert_private.record_first_consents();

create or replace trigger record_listing_consents_on_update
after update on mentorcert.peer_mentors
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_private.record_listing_consents();

create or replace function public.set_listing_consent(peer_mentor_id uuid, is_given boolean, reason text default null)
returns boolean
language plpgsql
security definer -- a coordinator and a peer mentor write no column but this one
set search_path = ''
as $$
declare
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  held boolean;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if set_listing_consent.is_given is null or length(set_listing_consent.reason) > 2000 then
    raise exception using
      errcode = 'MC008', message = 'the consent is given or withdrawn, with a reason of at most 2000 characters',
      hint = 'Give true or false.', constraint = 'listing_consent_act';
  end if;
  select mentor.listing_consent into held
  from mentorcert.peer_mentors as mentor
  where
    mentor.id = set_listing_consent.peer_mentor_id and mentor.erased_at is null
    and (mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids) or mentor.id = any(mentorcert_private.own_peer_mentor_ids()))
  for no key update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  perform mentorcert_private.set_change_context(
    change || jsonb_build_object('consent', 'given', 'reason', nullif(mentorcert_private.canonical_text(set_listing_consent.reason), ''))
  );
  update mentorcert.peer_mentors as mentor set listing_consent = set_listing_consent.is_given
  where mentor.id = set_listing_consent.peer_mentor_id and mentor.listing_consent <> set_listing_consent.is_given;
  perform mentorcert_private.set_change_context(nullif(change, '{}'));
  return held <> set_listing_consent.is_given;
end
$$;
comment on function public.set_listing_consent(uuid, boolean, text) is
  'Records that a peer mentor consents to the public list, also again, or withdraws it: the person, the administrator, and a coordinator of one of the chapters. Returns whether that is new; the list follows at once.';

create or replace function mentorcert_private.withdraw_consents(peer_mentor_ids uuid[], reason text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  withdrawn integer;
begin
  if exists (
    select unnest(peer_mentor_ids) except select mentor.id from mentorcert.peer_mentors as mentor where mentor.id in (select unnest(peer_mentor_ids))
  ) then
    perform mentorcert_private.raise_forbidden();
  end if;
  perform mentorcert_private.set_change_context(
    change || jsonb_build_object('reason', nullif(mentorcert_private.canonical_text(withdraw_consents.reason), ''))
  );
  update mentorcert.peer_mentors as mentor set listing_consent = false
  where mentor.id in (select unnest(peer_mentor_ids)) and mentor.listing_consent;
  get diagnostics withdrawn = row_count;
  perform mentorcert_private.set_change_context(nullif(change, '{}'));
  return withdrawn;
end
$$;
comment on function mentorcert_private.withdraw_consents(uuid[], text) is
  'Withdraws the consents of many, with the rights of the caller, which are the administrator''s; returns how many there were.';

create or replace function public.consent_as_of(peer_mentor_id uuid, at timestamptz)
returns boolean
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.require_instants(jsonb_build_object('at', at));
  select coalesce(
    (
      select act.is_given from mentorcert.listing_consents as act
      where act.peer_mentor_id = mentor.id and act.recorded_at <= consent_as_of.at
      order by act.recorded_at desc
      limit 1
    ),
    false
  )
  from mentorcert.peer_mentors as mentor
  where mentor.id = consent_as_of.peer_mentor_id
$$;
comment on function public.consent_as_of(uuid, timestamptz) is
  'Whether a peer mentor consented to the public list at an instant; null for one whom the caller may not read.';

revoke execute on function
  mentorcert_private.is_consent_erased, mentorcert_private.reject_stale_consent, mentorcert_private.record_consent_acts,
  mentorcert_private.record_first_consents, mentorcert_private.record_listing_consents, public.set_listing_consent,
  mentorcert_private.withdraw_consents, public.consent_as_of
from public, anon, authenticated, service_role;
grant execute on function public.consent_as_of to authenticated, service_role;
grant execute on function public.set_listing_consent, mentorcert_private.withdraw_consents to authenticated;
