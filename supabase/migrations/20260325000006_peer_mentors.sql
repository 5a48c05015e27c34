-- Peer mentors: the persons, and who leaves and returns.
--
-- Peer mentors and certifications are read by the reach of the caller, and by index. The planner uses a condition of a policy
-- for an index only if no other policy comes before it, as a restrictive one does (or if nothing in it could leak, which it
-- does not know of &&). So there the reach itself is the restrictive policy, together with the switch, and what lets in at all
-- is the organisation.

create table if not exists mentorcert.peer_mentors (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  external_id text not null,
  user_id uuid,
  full_name text not null,
  display_name text,
  email text,
  phone text,
  listing_consent boolean not null default false,
  chapter_ids uuid[] not null default '{}',
  erased_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  language text not null default 'nb',
  left_on date,
  left_reason text,
  version bigint not null default 1,
  merged_into uuid,
  reminders_paused boolean not null default false,
  sort_key text collate "C" not null generated always as (mentorcert_private.sort_key(full_name)) stored,
  search_keys text collate "C" not null generated always as (mentorcert_private.search_keys(full_name || ' ' || external_id)) stored,
  constraint peer_mentors_pkey primary key (id),
  constraint peer_mentors_organisation_id_id_key unique (organisation_id, id),
  constraint peer_mentors_organisation_id_external_id_key unique (organisation_id, external_id),
  constraint peer_mentors_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint peer_mentors_user_id_fkey foreign key (user_id) references auth.users (id) on delete set null,
  constraint peer_mentors_merged_into_fkey foreign key (organisation_id, merged_into) references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentors_merged_into_valid check (merged_into is null or merged_into <> id and user_id is null),
  constraint peer_mentors_external_id_length check (length(external_id) <= 100),
  constraint peer_mentors_external_id_valid check (mentorcert_private.is_number(external_id)),
  constraint peer_mentors_full_name_characters check (mentorcert_private.is_readable_line(full_name)),
  constraint peer_mentors_full_name_length check (length(full_name) <= 200),
  constraint peer_mentors_full_name_valid check (full_name <> ''),
  constraint peer_mentors_display_name_characters check (mentorcert_private.is_readable_line(display_name)),
  constraint peer_mentors_display_name_length check (length(display_name) <= 200),
  constraint peer_mentors_email_length check (length(email) <= 254),
  constraint peer_mentors_email_valid check (mentorcert_private.is_email(email)),
  constraint peer_mentors_phone_length check (length(phone) <= 40),
  constraint peer_mentors_phone_valid check (mentorcert_private.is_phone(phone)),
  constraint peer_mentors_language_valid check (language in ('nb', 'en')),
  constraint peer_mentors_external_id_not_reserved check (erased_at is not null or external_id !~* '^erased-'),
  constraint peer_mentors_left_on_valid check (left_on between '1900-01-01' and '2199-12-31'),
  constraint peer_mentors_left_reason_characters check (mentorcert_private.is_readable(left_reason)),
  constraint peer_mentors_left_reason_length check (length(left_reason) <= 2000),
  constraint peer_mentors_left_reason_valid check (left_on is not null and left_reason <> '' or left_reason is null),
  constraint peer_mentors_erased_at_valid check (
    erased_at is null
    or user_id is null and email is null and phone is null and display_name is null and left_reason is null
    and not listing_consent
    and full_name = 'erased' and external_id = 'erased-' || id
  )
) with (fillfactor = 90);
-- The constraint of the same columns is the target of ON CONFLICT; this one knows that w1 and W1 are one.
create unique index if not exists peer_mentors_external_id_folded_key
on mentorcert.peer_mentors (organisation_id, mentorcert_private.folded(external_id));
create index if not exists peer_mentors_number_key_idx
on mentorcert.peer_mentors (organisation_id, mentorcert_private.number_key(external_id));
create index if not exists peer_mentors_sort_key_idx on mentorcert.peer_mentors (organisation_id, sort_key, id);
create index if not exists peer_mentors_email_idx
on mentorcert.peer_mentors (organisation_id, mentorcert_private.folded(email)) where email is not null;
create unique index if not exists peer_mentors_user_id_key
on mentorcert.peer_mentors (user_id, organisation_id) where user_id is not null;
create index if not exists peer_mentors_chapter_ids_idx on mentorcert.peer_mentors using gin (chapter_ids);
create index if not exists peer_mentors_absent_idx
on mentorcert.peer_mentors (organisation_id, left_on) where left_on is not null or erased_at is not null or merged_into is not null;
create index if not exists peer_mentors_merged_into_idx
on mentorcert.peer_mentors (organisation_id, merged_into) where merged_into is not null;
alter table mentorcert.peer_mentors enable row level security;
revoke all on mentorcert.peer_mentors from anon, authenticated, service_role;
grant select, insert, update on mentorcert.peer_mentors to service_role;
grant
  select,
  insert (external_id, user_id, full_name, display_name, email, phone, listing_consent, language),
  update (external_id, user_id, full_name, display_name, email, phone, listing_consent, language, version)
on mentorcert.peer_mentors to authenticated;
comment on table mentorcert.peer_mentors is
  'A volunteer of ONE organisation, with or without a login; a person active in two organisations is two rows.';
comment on column mentorcert.peer_mentors.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.peer_mentors.external_id is 'The organisation''s own number for this person, as in its files and its CRM.';
comment on column mentorcert.peer_mentors.display_name is 'The name on the public list; null means full_name.';
comment on column mentorcert.peer_mentors.erased_at is
  'When the person was erased, by mentorcert_private.erase_peer_mentor; the row stays, without a name, for the counts of past years.';
comment on column mentorcert.peer_mentors.listing_consent is
  'The current value; each change appends an act to listing_consents.';
comment on column mentorcert.peer_mentors.merged_into is
  'The peer mentor who is the same person, as an administrator merged them: this row is in nobody''s reach, and changes no more until that is undone.';
comment on column mentorcert.peer_mentors.left_on is
  'The first day on which the person is no peer mentor any more; null: has not left. A day to come counts when it comes.';
comment on column mentorcert.peer_mentors.reminders_paused is 'Whether reminders wait, as public.pause_reminders said.';
comment on column mentorcert.peer_mentors.left_reason is 'For colleagues; gone when the person returns or is erased.';
comment on column mentorcert.peer_mentors.chapter_ids is 'The current chapters, kept by trigger from peer_mentor_chapters.';
comment on column mentorcert.peer_mentors.sort_key is 'By what the name is sorted: mentorcert_private.sort_key.';
comment on column mentorcert.peer_mentors.search_keys is 'By what name and number are found: mentorcert_private.search_keys.';
comment on column mentorcert.peer_mentors.language is 'The language of what is written to this person: nb or en.';

drop policy if exists "members read peer mentors of their organisation" on mentorcert.peer_mentors;
create policy "members read peer mentors of their organisation"
on mentorcert.peer_mentors for select to authenticated
using (organisation_id operator(mentorcert_private.===) (select public.get_user_organisation_id()));
comment on policy "members read peer mentors of their organisation" on mentorcert.peer_mentors is
  'Those within reach, as the restrictive policy says.';

drop policy if exists "peer mentors are within reach and switched on" on mentorcert.peer_mentors;
create policy "peer mentors are within reach and switched on"
on mentorcert.peer_mentors as restrictive to anon, authenticated
using (
  (select mentorcert_private.check_endpoint('peer_mentors'))
  and erased_at is null
  and merged_into is null
  and (
    -- As a range, for whose bounds the planner has a guess of its own: as = it would be the whole table where there is one organisation.
    organisation_id between (select mentorcert_private.administered_organisation_id())
      and (select mentorcert_private.administered_organisation_id())
    or chapter_ids && (select mentorcert_private.coordinated_chapter_ids()) and id <> all((select mentorcert_private.left_peer_mentor_ids())::uuid[])
    or id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
  )
);
comment on policy "peer mentors are within reach and switched on" on mentorcert.peer_mentors is
  'Holds whatever else lets in; the erased, and those merged into another row, are in nobody''s reach. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';

drop policy if exists "administrators add peer mentors to their organisation" on mentorcert.peer_mentors;
create policy "administrators add peer mentors to their organisation"
on mentorcert.peer_mentors for insert to authenticated
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators add peer mentors to their organisation" on mentorcert.peer_mentors is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change peer mentors of their organisation" on mentorcert.peer_mentors;
create policy "administrators change peer mentors of their organisation"
on mentorcert.peer_mentors for update to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()))
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators change peer mentors of their organisation" on mentorcert.peer_mentors is
  'What may be changed is said by the column grant.';

create or replace function mentorcert_private.look_alikes(external_id text, full_name text, email text)
returns table (id uuid, organisation_id uuid, external_id text, full_name text, is_same_number boolean)
language sql
stable
set search_path = ''
as $$
  select mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, number.is_same
  from mentorcert.peer_mentors as mentor
  cross join lateral (
    select mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(mentorcert_private.canonical_line(look_alikes.external_id)) as is_same
  ) as number
  where
    mentor.organisation_id = (select public.get_user_organisation_id())
    -- The very same number is refused.
    and mentorcert_private.folded(mentor.external_id) <> mentorcert_private.folded(mentorcert_private.canonical_line(look_alikes.external_id))
    and mentor.erased_at is null
    and mentor.merged_into is null
    and (
      mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(mentorcert_private.canonical_line(look_alikes.external_id))
      or mentorcert_private.folded(mentor.email) = mentorcert_private.folded(mentorcert_private.canonical_email(look_alikes.email))
        and mentorcert_private.search_key(mentor.full_name) = mentorcert_private.search_key(mentorcert_private.canonical_line(look_alikes.full_name))
    )
  order by mentor.external_id collate "C"
  limit 10
$$;
comment on function mentorcert_private.look_alikes(text, text, text) is
  'Peer mentors within the caller''s reach who could be the same person: a number equal but for case, spaces and leading zeros, or the same name and e-mail address.';

create or replace function mentorcert_private.canonicalise_peer_mentor()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.external_id := mentorcert_private.canonical_line(new.external_id);
  new.full_name := mentorcert_private.canonical_line(new.full_name);
  -- What a form leaves empty is not known.
  new.display_name := nullif(mentorcert_private.canonical_line(new.display_name), '');
  new.email := nullif(mentorcert_private.canonical_email(new.email), '');
  new.phone := nullif(mentorcert_private.canonical_line(new.phone), '');
  new.left_reason := nullif(mentorcert_private.canonical_text(new.left_reason), '');
  return new;
end
$$;
comment on function mentorcert_private.canonicalise_peer_mentor() is
  'Brings what is written of a peer mentor to its canonical form. Named to run before other triggers.';

create or replace trigger canonicalise
before insert or update of external_id, full_name, display_name, email, phone, left_reason on mentorcert.peer_mentors
for each row execute function mentorcert_private.canonicalise_peer_mentor();

create or replace trigger keep_identity
before update of id, organisation_id, created_at on mentorcert.peer_mentors
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'created_at');

create or replace trigger check_version
before update of version on mentorcert.peer_mentors
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.peer_mentors
for each row execute function mentorcert_private.set_version();

create or replace function mentorcert_private.reject_other_chapters()
returns trigger
language plpgsql
security definer -- compares with the chapters themselves, whatever the caller may see
set search_path = ''
as $$
declare
  mentor_id constant uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
begin
  if new.chapter_ids is distinct from mentorcert_private.current_chapter_ids(mentor_id) then
    raise exception using
      errcode = 'MC007', message = format('%s.chapter_ids is kept by trigger', tg_table_name),
      hint = 'Change peer_mentor_chapters instead.',
      schema = tg_table_schema, table = tg_table_name, column = 'chapter_ids',
      constraint = format('%s_chapter_ids_immutable', tg_table_name);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.reject_other_chapters() is
  'Refuses (MC007) chapter_ids other than those of peer_mentor_chapters: a wrong copy would open the row to a stranger. The argument names the column of the peer mentor.';

create or replace trigger keep_chapter_ids_on_insert
before insert on mentorcert.peer_mentors
for each row when (new.chapter_ids <> '{}') execute function mentorcert_private.reject_other_chapters('id');

create or replace trigger keep_chapter_ids
before update of chapter_ids on mentorcert.peer_mentors
for each row execute function mentorcert_private.reject_other_chapters('id');

create or replace function mentorcert_private.absent_peer_mentor_ids(with_left boolean default false)
returns uuid[]
language plpgsql
stable
security definer -- policies and lists only leave these out; asked under row-level security, it would ask itself
set search_path = ''
as $$
declare
  organisation constant uuid := public.get_user_organisation_id();
begin
  -- The day and the reach are asked for only where somebody is absent at all.
  return array(
    select mentor.id
    from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = organisation
      and (mentor.left_on is not null or mentor.erased_at is not null or mentor.merged_into is not null)
      and (mentor.erased_at is not null or mentor.merged_into is not null or not with_left and mentor.left_on <= (
        select mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation))
      ))
      -- Nobody counts who is out of reach.
      and (
        (select mentorcert_private.administered_organisation_id()) is not null
        or mentor.chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
        or mentor.user_id = (select auth.uid())
      )
  );
end
$$;
comment on function mentorcert_private.absent_peer_mentor_ids(boolean) is
  'The peer mentors within the caller''s reach who are in no list: the erased, those merged into another row, and unless asked for those who have left by today.';

create or replace function mentorcert_private.check_left_on()
returns trigger
language plpgsql
security definer -- reads the organisation''s time zone, whatever the caller may see
set search_path = ''
as $$
declare
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(new.organisation_id));
begin
  if new.left_on not between today - 36525 and today + 366 then
    raise exception using
      errcode = 'MC008', message = 'a peer mentor leaves on a day of the past or of the year to come',
      hint = 'Give the first day on which the person is no peer mentor any more.',
      schema = 'mentorcert', table = 'peer_mentors', column = 'left_on', constraint = 'peer_mentors_left_on_near';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_left_on() is 'Refuses (MC008) to let somebody leave more than a year ahead or a hundred years ago.';

create or replace trigger check_left_on
before insert or update of left_on on mentorcert.peer_mentors
for each row when (new.left_on is not null) execute function mentorcert_private.check_left_on();

create or replace function public.mark_left(peer_mentor_id uuid, left_on date, reason text default null, version bigint default null)
returns void
language plpgsql
security definer -- a coordinator writes no column but these
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if mark_left.left_on is null then
    raise exception using
      errcode = 'MC008', message = 'there is no day', hint = 'Give the first day on which the person is no peer mentor any more.',
      constraint = 'left_on';
  end if;
  update mentorcert.peer_mentors as mentor
  set left_on = mark_left.left_on, left_reason = mark_left.reason, version = coalesce(mark_left.version, mentor.version)
  where
    mentor.id = mark_left.peer_mentor_id and mentor.erased_at is null
    and mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids);
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function public.mark_left(uuid, date, text, bigint) is
  'Says that a peer mentor has left, or will leave, from a day; the administrator, and a coordinator of one of the chapters.';

create or replace function public.mark_returned(peer_mentor_id uuid, version bigint default null)
returns void
language plpgsql
security definer -- a coordinator writes no column but these
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  update mentorcert.peer_mentors as mentor set left_on = null, left_reason = null, version = coalesce(mark_returned.version, mentor.version)
  where
    mentor.id = mark_returned.peer_mentor_id and mentor.erased_at is null
    and mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids);
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function public.mark_returned(uuid, bigint) is
  'Says that a peer mentor who has left is back; the audit log keeps both days.';

create or replace function public.set_my_language(language text)
returns boolean
language plpgsql
security definer -- a peer mentor writes no column but this one, of no row but the own
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if set_my_language.language is null or set_my_language.language not in ('nb', 'en') then
    raise exception using
      errcode = 'MC008', message = 'this is no language of ours', hint = 'Give nb or en.', constraint = 'language';
  end if;
  update mentorcert.peer_mentors as mentor set language = set_my_language.language
  where mentor.id = any(mentorcert_private.own_peer_mentor_ids()) and mentor.language <> set_my_language.language;
  return cardinality(mentorcert_private.own_peer_mentor_ids()) > 0;
end
$$;
comment on function public.set_my_language(text) is
  'Sets the language of what is written to the caller; returns whether the caller is a peer mentor at all.';

create or replace function public.set_contact(
  peer_mentor_id uuid, display_name text, email text, phone text, language text, version bigint default null
)
returns void
language plpgsql
security definer -- peer mentors and coordinators write no column but these
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  update mentorcert.peer_mentors as mentor
  set
    display_name = set_contact.display_name, email = set_contact.email, phone = set_contact.phone,
    language = set_contact.language, version = coalesce(set_contact.version, mentor.version)
  where
    mentor.id = set_contact.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
    and (
      mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids)
      or mentor.id = any(mentorcert_private.own_peer_mentor_ids())
    );
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function public.set_contact(uuid, text, text, text, text, bigint) is
  'Writes how a peer mentor is reached and named on the public list; the person, a coordinator of one of the chapters, and the administrator.';

create or replace function public.my_coordinators()
returns table (chapter text, full_name text, email text)
language plpgsql
stable
security definer -- reads memberships and logins, of those to whom the caller turns only
set search_path = ''
as $$
#variable_conflict use_column
declare
  organisation constant uuid := public.get_user_organisation_id();
  own_chapter_ids constant uuid[] := array(
    with recursive above as (
      select chapter.id, chapter.parent_id
      from mentorcert.peer_mentors as mentor
      join mentorcert.chapters as chapter on chapter.id = any(mentor.chapter_ids)
      where mentor.id = any(mentorcert_private.own_peer_mentor_ids())
      union
      select parent.id, parent.parent_id from above join mentorcert.chapters as parent on parent.id = above.parent_id
    )
    select above.id from above
  );
begin
  perform mentorcert_private.check_endpoint('memberships');
  return query
  with member as (
    select membership.role, chapter.name as chapter, coalesce(membership.full_name, mentor.full_name) as full_name, login.email::text as email
    from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and login.deleted_at is null
    left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
    left join mentorcert.peer_mentors as mentor
      on mentor.user_id = membership.user_id and mentor.organisation_id = membership.organisation_id
    where
      membership.organisation_id = organisation
      and (membership.role = 'coordinator' and membership.chapter_id = any(own_chapter_ids) or membership.role = 'org_admin')
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      -- An administrator has nobody to turn to here.
      and (mentorcert_private.own_peer_mentor_ids() <> '{}' or mentorcert_private.coordinated_chapter_ids() <> '{}')
  )
  select member.chapter, member.full_name, member.email
  from member
  where member.role = 'coordinator' or not exists (select from member as coordinator where coordinator.role = 'coordinator')
  order by mentorcert_private.sort_key(member.chapter), mentorcert_private.sort_key(member.full_name), member.email;
end
$$;
comment on function public.my_coordinators() is
  'To whom the caller turns: a peer mentor to the coordinators of the own chapters and of those above them; where there are none, and a coordinator, to the administrators, without a chapter.';

revoke execute on function
  mentorcert_private.look_alikes, mentorcert_private.canonicalise_peer_mentor,
  mentorcert_private.reject_other_chapters, mentorcert_private.absent_peer_mentor_ids,
  mentorcert_private.check_left_on, public.mark_left, public.mark_returned, public.set_my_language,
  public.set_contact, public.my_coordinators
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.look_alikes, mentorcert_private.absent_peer_mentor_ids, public.mark_left, public.mark_returned,
  public.set_my_language, public.set_contact, public.my_coordinators
to authenticated, service_role;
