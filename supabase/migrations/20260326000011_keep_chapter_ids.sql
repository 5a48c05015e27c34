-- The chapters of a peer mentor, copied to where policies look for them, in the transaction of the change.

create or replace function private.copy_chapter_ids()
returns trigger
language plpgsql
security definer -- the copies are no client's to write
set search_path = ''
as $$
declare
  mentor_ids constant uuid[] := array(select distinct link.peer_mentor_id from changed_rows as link);
begin
  -- A chapter that is renamed meanwhile would come to the public list under its old name.
  perform 1 from public.chapters as chapter
  where chapter.id in (select link.chapter_id from changed_rows as link)
  order by chapter.id
  for share;

  -- Certifications first, then peer mentors, each by id: the order in which everybody locks.
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = any(mentor_ids)
  order by certification.id
  for no key update;

  perform 1 from public.peer_mentors as mentor
  where mentor.id = any(mentor_ids)
  order by mentor.id
  for no key update;

  if exists (
    select from changed_rows as link
    join public.peer_mentors as mentor on mentor.id = link.peer_mentor_id
    where link.ended_at is null and mentor.erased_at is not null
  ) then
    perform private.raise_forbidden('the person was erased, and enters no chapter');
  end if;

  update public.peer_mentors as mentor
  set chapter_ids = link.chapter_ids
  from (
    select mentor_id, coalesce(array_agg(link.chapter_id order by link.chapter_id) filter (where link.id is not null), '{}') as chapter_ids
    from unnest(mentor_ids) as mentor_id
    left join public.peer_mentor_chapters as link on link.peer_mentor_id = mentor_id and link.ended_at is null
    group by mentor_id
  ) as link
  where mentor.id = link.mentor_id and mentor.chapter_ids <> link.chapter_ids;

  update public.peer_mentor_certifications as certification
  set chapter_ids = mentor.chapter_ids
  from public.peer_mentors as mentor
  where
    mentor.id = any(mentor_ids)
    and certification.peer_mentor_id = mentor.id
    and certification.chapter_ids <> mentor.chapter_ids;
  return null;
end
$$;
comment on function private.copy_chapter_ids() is
  'Copies the chapters of now of the changed peer mentors to peer_mentors and to their certifications.';

create or replace trigger copy_chapter_ids_on_insert
after insert on public.peer_mentor_chapters
referencing new table as changed_rows
for each statement execute function private.copy_chapter_ids();

create or replace trigger copy_chapter_ids_on_update
after update on public.peer_mentor_chapters
referencing new table as changed_rows
for each statement execute function private.copy_chapter_ids();

create or replace function private.reject_other_chapters()
returns trigger
language plpgsql
security definer -- compares with the chapters themselves, whatever the caller may see
set search_path = ''
as $$
declare
  mentor_id constant uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
begin
  if new.chapter_ids is distinct from (
    select coalesce(array_agg(link.chapter_id order by link.chapter_id), '{}')
    from public.peer_mentor_chapters as link
    where link.peer_mentor_id = mentor_id and link.ended_at is null
  ) then
    raise exception using
      errcode = 'MC007', message = format('%s.chapter_ids is kept by trigger', tg_table_name),
      hint = 'Change peer_mentor_chapters instead.',
      schema = 'public', table = tg_table_name, column = 'chapter_ids',
      constraint = format('%s_chapter_ids_immutable', tg_table_name);
  end if;
  return new;
end
$$;
comment on function private.reject_other_chapters() is
  'Refuses (MC007) chapter_ids other than those of peer_mentor_chapters: a wrong copy would open the row to a stranger. The argument names the column of the peer mentor.';

create or replace trigger keep_chapter_ids_on_insert
before insert on public.peer_mentors
for each row when (new.chapter_ids <> '{}') execute function private.reject_other_chapters('id');

create or replace trigger keep_chapter_ids
before update of chapter_ids on public.peer_mentors
for each row execute function private.reject_other_chapters('id');

create or replace trigger keep_chapter_ids
before update of chapter_ids on public.peer_mentor_certifications
for each row execute function private.reject_other_chapters('peer_mentor_id');

revoke execute on function private.copy_chapter_ids(), private.reject_other_chapters()
from public, anon, authenticated, service_role;
