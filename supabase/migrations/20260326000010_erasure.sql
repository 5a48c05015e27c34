-- Erasure of a person (GDPR, article 17): what says who it was goes, what counts must show stays without a name. An old file
-- or form does not bring the person back: of the number and the e-mail address a keyed hash stays, which refuses them.

create table if not exists mentorcert_private.erasure_keys (
  id boolean not null default true,
  inner_pad bytea not null,
  outer_pad bytea not null,
  constraint erasure_keys_pkey primary key (id),
  constraint erasure_keys_id_only check (id),
  constraint erasure_keys_pads_valid check (length(inner_pad) = 64 and length(outer_pad) = 64)
);
alter table mentorcert_private.erasure_keys enable row level security;
revoke all on mentorcert_private.erasure_keys from anon, authenticated, service_role;
comment on table mentorcert_private.erasure_keys is
  'The key of the hashes of the erased, as the two pads of HMAC; made here and never shown. Without it nobody finds out by trying whose hash it is.';

-- 64 bytes of which each four random uuids give 32: the server has no other source of chance without an extension.
insert into mentorcert_private.erasure_keys (inner_pad, outer_pad)
select
  string_agg(set_byte('\x00', 0, get_byte(key.bytes, place) # 54), '' order by place),
  string_agg(set_byte('\x00', 0, get_byte(key.bytes, place) # 92), '' order by place)
from (
  select
    sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8'))
    || sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8')) as bytes
  offset 0
) as key
cross join generate_series(0, 63) as place
having not exists (select from mentorcert_private.erasure_keys);

create table if not exists mentorcert_private.erased_identities (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kind text not null,
  digest bytea not null,
  erased_at timestamptz not null default now(),
  readmitted_at timestamptz,
  readmission_reason text,
  constraint erased_identities_pkey primary key (id),
  constraint erased_identities_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint erased_identities_digest_key unique (organisation_id, kind, digest),
  constraint erased_identities_kind_valid check (kind in ('external_id', 'email')),
  constraint erased_identities_readmission_valid check (
    (readmitted_at is null) = (readmission_reason is null) and readmission_reason <> ''
  ),
  constraint erased_identities_readmission_reason_characters check (mentorcert_private.is_readable(readmission_reason)),
  constraint erased_identities_readmission_reason_length check (length(readmission_reason) <= 2000)
);
alter table mentorcert_private.erased_identities enable row level security;
revoke all on mentorcert_private.erased_identities from anon, authenticated, service_role;
comment on table mentorcert_private.erased_identities is
  'Keyed hashes of the numbers and e-mail addresses of the erased, so that nothing brings them back by mistake.';
comment on column mentorcert_private.erased_identities.readmitted_at is
  'When an administrator let the number or address in again, for a person who came back.';

do $$
begin
  perform mentorcert_private.audit_table(
    'mentorcert_private.erased_identities', columns => '{readmitted_at,readmission_reason}', columns_of_new => '{kind}'
  );
end
$$;

create or replace trigger canonicalise
before update of readmission_reason on mentorcert_private.erased_identities
for each row execute function mentorcert_private.canonicalise('text', 'readmission_reason');

create or replace trigger keep_identity
before update on mentorcert_private.erased_identities
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'kind', 'digest');

create or replace trigger reject_removal
before delete or truncate on mentorcert_private.erased_identities
for each statement execute function mentorcert_private.reject_change('erased_stay_erased', 'Call public.readmit_erased.');

create or replace trigger reject_removal
before delete or truncate on mentorcert_private.erasure_keys
for each statement execute function mentorcert_private.reject_change('erased_stay_erased', 'Without the key, the erased could come back.');

create or replace trigger reject_change
before update on mentorcert_private.erasure_keys
for each row execute function mentorcert_private.reject_change('erased_stay_erased', 'With another key, the erased could come back.');

create or replace function mentorcert_private.canonical_identity(kind text, value text)
returns text
language sql
immutable
strict
set search_path = ''
as $$
  select case kind
    when 'email' then mentorcert_private.folded(mentorcert_private.canonical_email(value))
    else mentorcert_private.number_key(mentorcert_private.canonical_line(value))
  end
$$;
comment on function mentorcert_private.canonical_identity(text, text) is
  'A number (external_id) or address (email) as it is compared with those of the erased.';

create or replace function mentorcert_private.identity_digest(organisation_id uuid, kind text, value text)
returns bytea
language sql
stable
set search_path = ''
as $$
  select sha256(
    key.outer_pad || sha256(
      key.inner_pad || convert_to(concat_ws(' ', organisation_id, kind, mentorcert_private.canonical_identity(kind, value)), 'UTF8')
    )
  )
  from mentorcert_private.erasure_keys as key
  where value is not null
$$;
comment on function mentorcert_private.identity_digest(uuid, text, text) is
  'HMAC-SHA-256 of a number or address in an organisation: nobody compares those of two organisations.';

create or replace function mentorcert_private.matching_erasures(organisation_id uuid, external_id text, email text)
returns setof mentorcert_private.erased_identities
language sql
stable
rows 1
set search_path = ''
as $$
  select erased.*
  from mentorcert_private.erased_identities as erased
  where
    erased.organisation_id = matching_erasures.organisation_id
    and erased.readmitted_at is null
    and (
      erased.kind = 'external_id'
      and erased.digest = mentorcert_private.identity_digest(matching_erasures.organisation_id, 'external_id', external_id)
      or erased.kind = 'email'
      and erased.digest = mentorcert_private.identity_digest(matching_erasures.organisation_id, 'email', matching_erasures.email)
    )
$$;
comment on function mentorcert_private.matching_erasures(uuid, text, text) is
  'The hashes, not readmitted, of somebody erased who had this number or this address.';

create or replace function mentorcert_private.remember_erased(mentor mentorcert.peer_mentors)
returns void
language sql
set search_path = ''
as $$
  insert into mentorcert_private.erased_identities as erased (organisation_id, kind, digest)
  select mentor.organisation_id, identity.kind, mentorcert_private.identity_digest(mentor.organisation_id, identity.kind, identity.value)
  from (values ('external_id', mentor.external_id), ('email', mentor.email)) as identity (kind, value)
  where
    identity.value is not null
    -- An address that others share is not this person's alone.
    and not exists (
      select from mentorcert.peer_mentors as other
      where
        other.organisation_id = mentor.organisation_id and other.id <> mentor.id and identity.kind = 'email'
        and mentorcert_private.canonical_identity('email', other.email) = mentorcert_private.canonical_identity('email', mentor.email)
    )
  on conflict on constraint erased_identities_digest_key do update
  set erased_at = now(), readmitted_at = null, readmission_reason = null
$$;
comment on function mentorcert_private.remember_erased(mentorcert.peer_mentors) is 'Keeps the hashes of a peer mentor who is being erased.';

create or replace function mentorcert_private.reject_erased()
returns trigger
language plpgsql
security definer -- the hashes are nobody's to read
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' and exists (
    -- An import writes those who are here already by an insert that becomes an update.
    select from mentorcert.peer_mentors as present
    where present.organisation_id = new.organisation_id and present.external_id = new.external_id
  ) then
    return new;
  end if;
  if exists (
    select from mentorcert_private.matching_erasures(
      new.organisation_id,
      case when tg_op = 'INSERT' or new.external_id <> old.external_id then new.external_id end,
      case when tg_op = 'INSERT' or new.email is distinct from old.email then new.email end
    )
  ) then
    raise exception using
      errcode = 'MC021', message = 'a person with this number or e-mail address was erased, and stays erased',
      hint = 'Take the row out of the file or form. If the person came back, an administrator readmits the number with a reason.',
      schema = 'mentorcert', table = 'peer_mentors', constraint = 'erased_stay_erased';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.reject_erased() is
  'Refuses (MC021) a number or an e-mail address of somebody erased, by whatever way it comes.';

create or replace trigger reject_erased_on_insert
before insert on mentorcert.peer_mentors
for each row execute function mentorcert_private.reject_erased();

create or replace trigger reject_erased_on_update
before update of external_id, email on mentorcert.peer_mentors
for each row when (
  new.erased_at is null and (new.external_id, new.email) is distinct from (old.external_id, old.email)
)
execute function mentorcert_private.reject_erased();

create or replace function public.readmit_erased(external_id text, email text, reason text)
returns integer
language plpgsql
security definer -- the hashes are nobody's to read
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
  readmitted integer;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if coalesce(mentorcert_private.canonical_text(reason), '') = '' then
    raise exception using
      errcode = 'MC004', message = 'there is no reason', hint = 'Say why the person is here again.',
      constraint = 'readmission_reason';
  end if;
  update mentorcert_private.erased_identities as erased
  set readmitted_at = now(), readmission_reason = readmit_erased.reason
  where erased.id in (
    select match.id from mentorcert_private.matching_erasures(organisation, readmit_erased.external_id, readmit_erased.email) as match
  );
  get diagnostics readmitted = row_count;
  if readmitted = 0 then
    raise exception using
      errcode = 'MC008', message = 'nobody who had this number or address was erased',
      hint = 'Write the number or the address that was refused.', constraint = 'erased_identity';
  end if;
  return readmitted;
end
$$;
comment on function public.readmit_erased(text, text, text) is
  'Lets the number or e-mail address of somebody erased in again, for a person who came back; administrators only, with a reason. Returns how many of the two it was. What was erased stays so.';

create or replace function mentorcert_private.erase_peer_mentor(peer_mentor_id uuid, with_login boolean default false)
returns text
language plpgsql
set search_path = ''
as $$
declare
  mentor mentorcert.peer_mentors;
  absorbed_id uuid;
  login text := 'kept';
  removed_ids text[];
begin
  if not mentorcert_private.is_erasure() and exists (
    select from mentorcert.peer_mentors as merged
    where merged.id = erase_peer_mentor.peer_mentor_id and merged.merged_into is not null and merged.erased_at is null
  ) then
    raise exception using
      errcode = 'MC008', message = 'this row was merged into another one of the same person',
      hint = format('Erase %s, and this goes with it.', mentorcert_private.kept_peer_mentor_id(erase_peer_mentor.peer_mentor_id)),
      constraint = 'peer_mentor_id';
  end if;
  -- The rows that were merged into this one are the same person, each with its own number.
  for absorbed_id in
    select absorbed.id from mentorcert.peer_mentors as absorbed
    where absorbed.merged_into = erase_peer_mentor.peer_mentor_id and absorbed.erased_at is null
    order by absorbed.id
  loop
    perform mentorcert_private.set_change_context('{"kind": "erased", "job": "erasure"}');
    perform mentorcert_private.erase_peer_mentor(absorbed_id);
  end loop;
  perform mentorcert_private.set_change_context('{"kind": "erased", "job": "erasure"}');
  -- Certifications, then the organisation, then the peer mentor: the order in which everybody locks.
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = erase_peer_mentor.peer_mentor_id
  order by certification.id
  for no key update;
  perform 1 from mentorcert.organisations as organisation
  where organisation.id = (
    select asked.organisation_id from mentorcert.peer_mentors as asked where asked.id = erase_peer_mentor.peer_mentor_id
  )
  for share;
  select * into mentor from mentorcert.peer_mentors as candidate
  where candidate.id = erase_peer_mentor.peer_mentor_id and candidate.erased_at is null
  for no key update;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'there is no such peer mentor, or the person is erased already',
      hint = 'Look the id up with mentorcert person export.', constraint = 'peer_mentor_id';
  end if;

  perform mentorcert_private.remember_erased(mentor);
  update mentorcert_private.peer_mentor_merges as merge
  set reason = null, state = null, actor = case when merge.actor ->> 'user_id' = mentor.user_id::text then merge.actor - 'user_id' else merge.actor end
  where mentor.id in (merge.kept_id, merge.absorbed_id);
  update mentorcert.listing_consents as act
  set reason = null, actor = case when act.actor ->> 'user_id' = mentor.user_id::text then act.actor - 'user_id' else act.actor end
  where act.peer_mentor_id = mentor.id;
  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.without_remarks(certification.renewal_history)
  where certification.peer_mentor_id = mentor.id;
  update mentorcert.certification_renewal_events as event set entry = event.entry - array['note', 'evidence']
  from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = mentor.id and event.certification_id = certification.id
    and event.entry ?| array['note', 'evidence'];
  -- Nobody certified is left behind whom nobody can name.
  update public.peer_mentor_certifications as certification set status = 'suspended'
  where certification.peer_mentor_id = mentor.id and certification.status = 'active';
  delete from mentorcert_private.peer_mentor_topics as chosen where chosen.peer_mentor_id = mentor.id;
  delete from mentorcert_private.peer_mentor_notes as note where note.peer_mentor_id = mentor.id;
  -- By whom somebody narrowed a list.
  delete from mentorcert_private.saved_filters as saved
  where
    saved.organisation_id = mentor.organisation_id
    and exists (
      select from unnest(array[mentor.full_name, mentor.external_id, mentor.email]) as known (value)
      where
        mentorcert_private.folded(saved.parameters ->> 'q') = mentorcert_private.folded(known.value)
        or length(known.value) > 5
        and position(mentorcert_private.folded(known.value) in mentorcert_private.folded(concat_ws(' ', saved.name, saved.parameters ->> 'q'))) > 0
    );
  update mentorcert.peer_mentor_chapters as link set ended_at = now()
  where link.peer_mentor_id = mentor.id and (link.ended_at is null or link.ended_at > statement_timestamp());
  update mentorcert.peer_mentors as erased
  set
    external_id = 'erased-' || erased.id, full_name = 'erased', display_name = null, email = null, phone = null, left_reason = null,
    user_id = null, listing_consent = false, erased_at = now()
  where erased.id = mentor.id;

  with removed as (
    delete from mentorcert.memberships as membership
    where membership.user_id = mentor.user_id and membership.organisation_id = mentor.organisation_id
      and membership.role = 'peer_mentor'
    returning membership.id
  )
  select array_agg(removed.id::text) into removed_ids from removed;
  if mentor.user_id is null then
    login := 'none';
  elsif with_login and not exists (
    select from mentorcert.memberships as membership where membership.user_id = mentor.user_id and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ) and not exists (
    select from mentorcert.peer_mentors as other where other.user_id = mentor.user_id
  ) then
    delete from auth.users as of where of.id = mentor.user_id;
    login := 'deleted';
  end if;

  update mentorcert.audit_log as entry
  set
    before = entry.before - 'user_id', after = entry.after - 'user_id',
    actor = case when entry.actor ->> 'user_id' = mentor.user_id::text then entry.actor - 'user_id' else entry.actor end
  where entry.row_id = mentor.id::text or entry.row_id = any(removed_ids)
    or login = 'deleted' and mentor.user_id::text in (entry.before ->> 'user_id', entry.after ->> 'user_id');
  insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor)
  select mentor.organisation_id, 'peer_mentors', mentor.id::text, 'erase',
    -- The one who runs the command, not the job that the setting names for the histories.
    mentorcert_private.actor(mentor.organisation_id, '{}');
  perform mentorcert_private.set_change_context(null);
  return login;
end
$$;
comment on function mentorcert_private.erase_peer_mentor(uuid, boolean) is
  'Removes what says who a peer mentor was: name, contact, login, topics, notes, remarks and evidence; takes the person off the public list and suspends what was active. With with_login also the login, if nothing here needs it. Returns what happened to the login: none, kept or deleted.';

revoke execute on function
  mentorcert_private.canonical_identity, mentorcert_private.identity_digest, mentorcert_private.matching_erasures, mentorcert_private.remember_erased, mentorcert_private.reject_erased,
  public.readmit_erased, mentorcert_private.erase_peer_mentor
from public, anon, authenticated, service_role;
grant execute on function public.readmit_erased to authenticated;
