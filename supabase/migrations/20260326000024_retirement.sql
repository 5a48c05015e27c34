-- Types and chapters are retired: nothing new is certified or enters, what there is stays readable, and they may come back.
--
-- A retirement counts at once, so that its consequences are those that were shown: its day has come. An earlier day says
-- from when nothing was given any more; what is dated before it may still be entered.

create or replace function mentorcert_private.raise_retired(message text, hint text, table_name text, violated text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC024', message = message, hint = hint, schema = 'mentorcert', table = table_name, constraint = violated;
end
$$;
comment on function mentorcert_private.raise_retired(text, text, text, text) is 'Raises MC024.';

create or replace function mentorcert_private.check_retired_on()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.retired_on > mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(new.organisation_id)) then
    raise exception using
      errcode = 'MC008', message = 'a type or chapter is retired from a day that has come',
      hint = 'Give today or an earlier day.',
      schema = 'mentorcert', table = tg_table_name, column = 'retired_on', constraint = tg_table_name || '_retired_on_not_future';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_retired_on() is 'Refuses (MC008) a retirement from a day to come.';

create or replace trigger check_retired_on
before insert or update of retired_on on mentorcert.certification_types
for each row when (new.retired_on is not null) execute function mentorcert_private.check_retired_on();

create or replace trigger check_retired_on
before insert or update of retired_on on mentorcert.chapters
for each row when (new.retired_on is not null) execute function mentorcert_private.check_retired_on();

create or replace function mentorcert_private.check_retired_chapter()
returns trigger
language plpgsql
security definer -- reads who is in the chapter and what lies under it, whatever the caller may see
set search_path = ''
as $$
begin
  -- A chapter retired and one put under it at once would not see each other: one at a time in an organisation.
  perform 1 from mentorcert.organisations where id = new.organisation_id for no key update;
  if new.retired_on is null then
    if exists (select from mentorcert.chapters as parent where parent.id = new.parent_id and parent.retired_on is not null) then
      perform mentorcert_private.raise_retired(
        'the chapter above is retired', 'Choose another one, or take that one into use again.', 'chapters', 'chapters_parent_not_retired'
      );
    end if;
  elsif exists (select from mentorcert.chapters as below where below.parent_id = new.id and below.retired_on is null)
    or exists (
      select from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = new.id and (link.ended_at is null or link.ended_at > statement_timestamp())
    )
  then
    perform mentorcert_private.raise_retired(
      'peer mentors are in this chapter, or chapters lie under it', 'Move them first, or merge the chapter into another one.',
      'chapters', 'chapters_retired_empty'
    );
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_retired_chapter() is
  'Refuses (MC024) to retire a chapter that somebody is in or a chapter lies under, and one in use under a retired one.';

create or replace trigger check_retired_chapter
before insert or update of parent_id, retired_on on mentorcert.chapters
for each row when (new.parent_id is not null or new.retired_on is not null) execute function mentorcert_private.check_retired_chapter();

create or replace function mentorcert_private.reject_retired_chapters(chapter_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- A retirement that is not committed yet is waited for, and one that follows waits for this transaction.
  perform 1 from mentorcert.chapters as chapter where chapter.id = any(chapter_ids) order by chapter.id for share;
  if exists (
    select from mentorcert.chapters as chapter where chapter.id = any(chapter_ids) and chapter.retired_on is not null
  ) then
    perform mentorcert_private.raise_retired(
      'the chapter is retired', 'Choose another one, or take it into use again.', 'chapters', 'chapters_not_retired'
    );
  end if;
end
$$;
comment on function mentorcert_private.reject_retired_chapters(uuid[]) is 'Refuses (MC024) that somebody enters a chapter that is retired.';

create or replace function mentorcert_private.reject_retired_chapter()
returns trigger
language plpgsql
security definer -- locks and reads chapters, whatever the caller may do with them
set search_path = ''
as $$
begin
  perform mentorcert_private.reject_retired_chapters(array(
    select distinct entered.chapter_id from changed_rows as entered
    where entered.chapter_id is not null and (entered.ended_at is null or entered.ended_at > statement_timestamp())
  ));
  return null;
end
$$;
comment on function mentorcert_private.reject_retired_chapter() is 'Refuses (MC024) peer mentors and coordinators who enter a retired chapter.';

create or replace trigger reject_retired_on_insert
after insert on mentorcert.peer_mentor_chapters
referencing new table as changed_rows
for each statement execute function mentorcert_private.reject_retired_chapter();

create or replace trigger reject_retired_on_update
after update on mentorcert.peer_mentor_chapters
referencing new table as changed_rows
for each statement execute function mentorcert_private.reject_retired_chapter();

create or replace trigger reject_retired_on_insert
after insert on mentorcert.memberships
referencing new table as changed_rows
for each statement execute function mentorcert_private.reject_retired_chapter();

create or replace trigger reject_retired_on_update
after update on mentorcert.memberships
referencing new table as changed_rows
for each statement execute function mentorcert_private.reject_retired_chapter();

revoke execute on function
  mentorcert_private.raise_retired, mentorcert_private.check_retired_on, mentorcert_private.check_retired_chapter,
  mentorcert_private.reject_retired_chapters, mentorcert_private.reject_retired_chapter
from public, anon, authenticated, service_role;
