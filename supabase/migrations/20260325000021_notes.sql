-- Notes on peer mentors, and follow-ups: notes with a day on which they are due and somebody responsible.
--
-- They are for the coordinators of the chapters and the administrators. The person does not read them here, has the right to a
-- copy (GDPR, article 15: mentorcert person export), and they go with an erasure. So no client reads or writes the table, and
-- the audit log has who did what, and never the text. Of two rows that are merged, the kept one shows the notes of both.

create table if not exists mentorcert_private.peer_mentor_notes (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  author_id uuid,
  text text not null,
  edited_at timestamptz,
  due_on date,
  responsible_id uuid,
  done_at timestamptz,
  done_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint peer_mentor_notes_pkey primary key (id),
  constraint peer_mentor_notes_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_notes_author_id_fkey foreign key (author_id) references auth.users (id) on delete set null,
  constraint peer_mentor_notes_responsible_id_fkey foreign key (responsible_id) references auth.users (id) on delete set null,
  constraint peer_mentor_notes_done_by_fkey foreign key (done_by) references auth.users (id) on delete set null,
  constraint peer_mentor_notes_text_characters check (mentorcert_private.is_readable(text)),
  constraint peer_mentor_notes_text_length check (length(text) <= 2000),
  constraint peer_mentor_notes_text_valid check (text <> ''),
  constraint peer_mentor_notes_responsible_id_valid check (responsible_id is null or due_on is not null),
  constraint peer_mentor_notes_done_at_valid check (done_at is null or due_on is not null)
);
create index if not exists peer_mentor_notes_peer_mentor_id_idx on mentorcert_private.peer_mentor_notes (peer_mentor_id);
create index if not exists peer_mentor_notes_open_idx
on mentorcert_private.peer_mentor_notes (organisation_id, due_on, id) where due_on is not null and done_at is null;
create index if not exists peer_mentor_notes_author_id_idx on mentorcert_private.peer_mentor_notes (author_id);
create index if not exists peer_mentor_notes_responsible_id_idx on mentorcert_private.peer_mentor_notes (responsible_id);
create index if not exists peer_mentor_notes_done_by_idx on mentorcert_private.peer_mentor_notes (done_by);
alter table mentorcert_private.peer_mentor_notes enable row level security;
revoke all on mentorcert_private.peer_mentor_notes from anon, authenticated, service_role;
comment on table mentorcert_private.peer_mentor_notes is
  'What coordinators and administrators note about a peer mentor; with a day it is a follow-up. Read by public.peer_mentor_notes and public.follow_ups.';
comment on column mentorcert_private.peer_mentor_notes.edited_at is 'When the text was last changed, which the audit log does not hold.';
comment on column mentorcert_private.peer_mentor_notes.responsible_id is
  'Who follows it up: a coordinator or administrator in whose reach the person was on that day. Null where the login is gone.';
comment on column mentorcert_private.peer_mentor_notes.version is 'How often the row was written. An update that names it changes that version only.';

create or replace trigger canonicalise
before insert or update of text on mentorcert_private.peer_mentor_notes
for each row execute function mentorcert_private.canonicalise('text', 'text');

create or replace trigger keep_identity
before update of id, organisation_id, peer_mentor_id, created_at on mentorcert_private.peer_mentor_notes
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'peer_mentor_id', 'created_at');

create or replace trigger check_version
before update of version on mentorcert_private.peer_mentor_notes
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert_private.peer_mentor_notes
for each row execute function mentorcert_private.set_version();

create or replace function mentorcert_private.may_note(peer_mentor_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from mentorcert.peer_mentors as mentor
    where
      mentor.id = may_note.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
      -- Coordinators may be peer mentors of their own chapter.
      and mentor.user_id is distinct from (select auth.uid())
      and mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))
  );
end
$$;
comment on function mentorcert_private.may_note(uuid) is
  'Whether the caller reads and writes notes about a peer mentor: the administrator, and a coordinator of one of the chapters; nobody about themselves.';

create or replace function mentorcert_private.responsible_ids(peer_mentor_id uuid)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    with recursive above as (
      select chapter.id, chapter.parent_id from mentorcert.chapters as chapter
      where chapter.id = any(mentorcert_private.current_chapter_ids(responsible_ids.peer_mentor_id))
      union
      select parent.id, parent.parent_id from above join mentorcert.chapters as parent on parent.id = above.parent_id
    )
    select distinct membership.user_id
    from mentorcert.peer_mentors as mentor
    join mentorcert.memberships as membership on membership.organisation_id = mentor.organisation_id
    join auth.users as login on login.id = membership.user_id and login.deleted_at is null
    where
      mentor.id = responsible_ids.peer_mentor_id and membership.user_id is distinct from mentor.user_id
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and (
        membership.role = 'org_admin'
        or membership.role = 'coordinator' and exists (select from above where above.id = membership.chapter_id)
      )
  );
end
$$;
comment on function mentorcert_private.responsible_ids(uuid) is
  'The logins that can follow up a peer mentor now: the administrators, and the coordinators of the chapters and of those above them.';

create or replace function mentorcert_private.member_name(organisation_id uuid, user_id uuid)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      select membership.full_name from mentorcert.memberships as membership
      where
        membership.organisation_id = member_name.organisation_id and membership.user_id = member_name.user_id
        and membership.full_name is not null
      order by membership.ended_at desc nulls first, membership.id
      limit 1
    ),
    (
      select mentor.full_name from mentorcert.peer_mentors as mentor
      where mentor.organisation_id = member_name.organisation_id and mentor.user_id = member_name.user_id
    ),
    (select login.email::text from auth.users as login where login.id = member_name.user_id)
  );
end
$$;
comment on function mentorcert_private.member_name(uuid, uuid) is
  'What to call a member: the name of a membership, that of the peer mentor, or the address of the login.';

create or replace function public.note_responsibles(peer_mentor_id uuid)
returns table (user_id uuid, organisation_id uuid, name text)
language plpgsql
stable
security definer -- reads memberships and logins, of those only who can follow up this peer mentor
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  select of.user_id, mentor.organisation_id, mentorcert_private.member_name(mentor.organisation_id, of.user_id) as name
  from mentorcert.peer_mentors as mentor
  cross join lateral unnest(mentorcert_private.responsible_ids(mentor.id)) as of (user_id)
  where mentor.id = note_responsibles.peer_mentor_id and mentorcert_private.may_note(mentor.id)
  order by mentorcert_private.sort_key(mentorcert_private.member_name(mentor.organisation_id, of.user_id)), of.user_id;
end
$$;
comment on function public.note_responsibles(uuid) is
  'Who can be made responsible for a follow-up of a peer mentor, by name; for those who may write it.';

create or replace function public.peer_mentor_notes(peer_mentor_id uuid)
returns table (
  id uuid, organisation_id uuid, text text, author text, created_at timestamptz, edited_at timestamptz, due_on date,
  responsible_id uuid, responsible text, is_reached boolean, done_at timestamptz, done_by text, may_change boolean, version bigint
)
language plpgsql
stable
security definer -- the notes are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  select
    note.id, note.organisation_id, note.text, mentorcert_private.member_name(note.organisation_id, note.author_id), note.created_at,
    note.edited_at, note.due_on, note.responsible_id, mentorcert_private.member_name(note.organisation_id, note.responsible_id),
    note.responsible_id = any(mentorcert_private.responsible_ids(peer_mentor_notes.peer_mentor_id)), note.done_at,
    mentorcert_private.member_name(note.organisation_id, note.done_by), mentorcert_private.owns_note(note.organisation_id, note.author_id),
    note.version
  from mentorcert_private.peer_mentor_notes as note
  where
    note.peer_mentor_id = any(mentorcert_private.merged_peer_mentor_ids(peer_mentor_notes.peer_mentor_id))
    and mentorcert_private.may_note(peer_mentor_notes.peer_mentor_id)
  order by case when note.done_at is null then note.due_on end, note.created_at desc, note.id;
end
$$;
comment on function public.peer_mentor_notes(uuid) is
  'The notes about a peer mentor, and about rows merged into it: open follow-ups by their day, then the newest first. For administrators and coordinators of the chapters; nobody reads what is noted about themselves.';

create or replace function public.follow_ups(of_everybody boolean default false)
returns table (
  id uuid, organisation_id uuid, peer_mentor_id uuid, full_name text, text text, due_on date, responsible_id uuid, responsible text,
  is_reached boolean, version bigint
)
language plpgsql
stable
security definer -- the notes are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  select
    note.id, note.organisation_id, mentor.id, mentor.full_name, note.text, note.due_on, note.responsible_id,
    mentorcert_private.member_name(note.organisation_id, note.responsible_id),
    note.responsible_id = any(mentorcert_private.responsible_ids(mentor.id)), note.version
  from mentorcert_private.peer_mentor_notes as note
  join mentorcert.peer_mentors as mentor on mentor.id = mentorcert_private.kept_peer_mentor_id(note.peer_mentor_id)
  where
    note.organisation_id = (select public.get_user_organisation_id()) and note.due_on is not null and note.done_at is null
    and (follow_ups.of_everybody or note.responsible_id = (select auth.uid()))
    and mentorcert_private.may_note(mentor.id)
  order by note.due_on, note.id
  limit 200;
end
$$;
comment on function public.follow_ups(boolean) is
  'The open follow-ups of the caller, or of everybody within the caller''s reach, what is due first; the first 200.';

create or replace function mentorcert_private.owns_note(organisation_id uuid, author_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(
    author_id = (select auth.uid()) or organisation_id = (select mentorcert_private.administered_organisation_id()), false
  )
$$;
comment on function mentorcert_private.owns_note(uuid, uuid) is 'Whether the caller changes a note: its author, and the administrator.';

create or replace function mentorcert_private.require_responsible(peer_mentor_id uuid, responsible_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if responsible_id <> all(mentorcert_private.responsible_ids(require_responsible.peer_mentor_id)) then
    raise exception using
      errcode = 'MC008', message = 'this person does not have the peer mentor within reach',
      hint = 'Choose an administrator, or a coordinator of one of the chapters.', constraint = 'responsible_id';
  end if;
end
$$;
comment on function mentorcert_private.require_responsible(uuid, uuid) is
  'Refuses (MC008) somebody who cannot follow up a peer mentor.';

create or replace function mentorcert_private.locked_note(note_id uuid, is_own boolean)
returns mentorcert_private.peer_mentor_notes
language plpgsql
set search_path = ''
as $$
declare
  note mentorcert_private.peer_mentor_notes;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  select of.* into note
  from mentorcert_private.peer_mentor_notes as of
  where
    of.id = locked_note.note_id and mentorcert_private.may_note(mentorcert_private.kept_peer_mentor_id(of.peer_mentor_id))
    and (not is_own or mentorcert_private.owns_note(of.organisation_id, of.author_id))
  for update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  return note;
end
$$;
comment on function mentorcert_private.locked_note(uuid, boolean) is
  'A note that the caller may settle, or (is_own) change, locked; 42501 for all others, whether it is there or not.';

create or replace function public.write_note(peer_mentor_id uuid, text text, due_on date default null, responsible_id uuid default null)
returns uuid
language plpgsql
security definer -- the notes are no client's to write
set search_path = ''
as $$
declare
  organisation uuid;
  written_id uuid;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  -- One at a time about a person: so that the bound holds, and nothing is written about somebody who is being erased.
  select mentor.organisation_id into organisation
  from mentorcert.peer_mentors as mentor
  where mentor.id = write_note.peer_mentor_id and mentorcert_private.may_note(mentor.id)
  for no key update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  if (select count(*) >= 500 from mentorcert_private.peer_mentor_notes as note where note.peer_mentor_id = write_note.peer_mentor_id) then
    raise exception using
      errcode = 'MC008', message = 'there are 500 notes about this peer mentor',
      hint = 'Remove those that are not needed any more.', constraint = 'notes_number';
  end if;
  perform mentorcert_private.require_responsible(write_note.peer_mentor_id, write_note.responsible_id);
  insert into mentorcert_private.peer_mentor_notes (organisation_id, peer_mentor_id, author_id, text, due_on, responsible_id)
  values (
    organisation, write_note.peer_mentor_id, auth.uid(), write_note.text, write_note.due_on,
    case when write_note.due_on is not null then coalesce(write_note.responsible_id, auth.uid()) else write_note.responsible_id end
  )
  returning id into written_id;
  return written_id;
end
$$;
comment on function public.write_note(uuid, text, date, uuid) is
  'Notes something about a peer mentor; with a day it is a follow-up, whose responsible is the caller where none is named. Administrators, and coordinators of the chapters. Returns its id.';

create or replace function public.change_note(
  note_id uuid, text text, due_on date default null, responsible_id uuid default null, version bigint default null
)
returns void
language plpgsql
security definer -- the notes are no client's to write
set search_path = ''
as $$
declare
  note constant mentorcert_private.peer_mentor_notes := mentorcert_private.locked_note(note_id, is_own => true);
begin
  if change_note.responsible_id is distinct from note.responsible_id then
    perform mentorcert_private.require_responsible(
      mentorcert_private.kept_peer_mentor_id(note.peer_mentor_id), change_note.responsible_id
    );
  end if;
  update mentorcert_private.peer_mentor_notes as changed
  set
    text = change_note.text,
    edited_at = case
      when mentorcert_private.canonical_text(change_note.text) <> changed.text then clock_timestamp() else changed.edited_at
    end,
    due_on = change_note.due_on,
    responsible_id = case
      when change_note.due_on is not null then coalesce(change_note.responsible_id, auth.uid()) else change_note.responsible_id
    end,
    done_at = case when change_note.due_on is not null then changed.done_at end,
    done_by = case when change_note.due_on is not null then changed.done_by end,
    version = coalesce(change_note.version, changed.version)
  where changed.id = note.id;
end
$$;
comment on function public.change_note(uuid, text, date, uuid, bigint) is
  'Changes a note, if it is still that version; its author, for as long as the person is within reach, and administrators.';

create or replace function public.settle_note(note_id uuid, is_done boolean, version bigint default null)
returns void
language plpgsql
security definer -- the notes are no client's to write
set search_path = ''
as $$
declare
  note constant mentorcert_private.peer_mentor_notes := mentorcert_private.locked_note(note_id, is_own => false);
begin
  update mentorcert_private.peer_mentor_notes as changed
  set
    done_at = case when is_done then clock_timestamp() end, done_by = case when is_done then auth.uid() end,
    version = coalesce(settle_note.version, changed.version)
  where changed.id = note.id;
end
$$;
comment on function public.settle_note(uuid, boolean, bigint) is
  'Marks a follow-up as done, or opens it again; everybody who reads it.';

create or replace function public.remove_note(note_id uuid, version bigint default null)
returns void
language plpgsql
security definer -- the notes are no client's to write
set search_path = ''
as $$
declare
  note constant mentorcert_private.peer_mentor_notes := mentorcert_private.locked_note(note_id, is_own => true);
begin
  -- An update says whether it is the version that was read.
  update mentorcert_private.peer_mentor_notes as removed
  set version = coalesce(remove_note.version, removed.version) where removed.id = note.id;
  delete from mentorcert_private.peer_mentor_notes as removed where removed.id = note.id;
end
$$;
comment on function public.remove_note(uuid, bigint) is
  'Removes a note; its author, for as long as the person is within reach, and administrators. The audit log keeps that it was there.';

revoke execute on function
  mentorcert_private.may_note, mentorcert_private.responsible_ids, mentorcert_private.member_name, mentorcert_private.owns_note,
  mentorcert_private.require_responsible, mentorcert_private.locked_note, public.note_responsibles, public.peer_mentor_notes,
  public.follow_ups, public.write_note, public.change_note, public.settle_note, public.remove_note
from public, anon, authenticated, service_role;
grant execute on function
  public.note_responsibles, public.peer_mentor_notes, public.follow_ups, public.write_note, public.change_note, public.settle_note,
  public.remove_note
to authenticated;
