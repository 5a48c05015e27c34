-- The chapters of a peer mentor, copied to where policies look for them, in the transaction of the change.

create table if not exists mentorcert.peer_mentor_chapters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  peer_mentor_id uuid not null,
  chapter_id uuid not null,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint peer_mentor_chapters_pkey primary key (id),
  constraint peer_mentor_chapters_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_chapters_chapter_id_fkey foreign key (organisation_id, chapter_id)
    references mentorcert.chapters (organisation_id, id),
  constraint peer_mentor_chapters_ended_at_valid check (ended_at between '1900-01-01 00:00Z' and '2200-01-01 00:00Z')
);
create unique index if not exists peer_mentor_chapters_current_key
on mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) where ended_at is null;
-- An end that lay in the future when the row was last written: whether the copies of it still hold is the clock's to say.
create index if not exists peer_mentor_chapters_ending_idx
on mentorcert.peer_mentor_chapters (ended_at) where ended_at > updated_at;
create index if not exists peer_mentor_chapters_chapter_id_idx on mentorcert.peer_mentor_chapters (chapter_id, peer_mentor_id);
create index if not exists peer_mentor_chapters_organisation_id_idx on mentorcert.peer_mentor_chapters (organisation_id);
create index if not exists peer_mentor_chapters_peer_mentor_id_idx on mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id);
alter table mentorcert.peer_mentor_chapters enable row level security;
revoke all on mentorcert.peer_mentor_chapters from anon, authenticated, service_role;
grant select, insert, update on mentorcert.peer_mentor_chapters to service_role;
grant select, insert (peer_mentor_id, chapter_id), update (ended_at, version) on mentorcert.peer_mentor_chapters to authenticated;
comment on table mentorcert.peer_mentor_chapters is 'Which chapters a peer mentor belongs, or has belonged, to.';
comment on column mentorcert.peer_mentor_chapters.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.peer_mentor_chapters.ended_at is 'From when the peer mentor is no longer in the chapter, also in the future: everything follows the clock. Null while no end is known.';

drop policy if exists "people read the chapters of peer mentors within their reach" on mentorcert.peer_mentor_chapters;
create policy "people read the chapters of peer mentors within their reach"
on mentorcert.peer_mentor_chapters for select to authenticated
using (
  organisation_id operator(mentorcert_private.===) (select public.get_user_organisation_id())
  and (
    organisation_id between (select mentorcert_private.administered_organisation_id())
      and (select mentorcert_private.administered_organisation_id())
    or (ended_at is null or ended_at > statement_timestamp()) and chapter_id = any((select mentorcert_private.coordinated_chapter_ids())::uuid[])
    -- Once more: of the few chapters of an organisation the planner takes any ten for a fifth of the table.
    and organisation_id operator(mentorcert_private.===) (select public.get_user_organisation_id())
    or peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
  )
  and peer_mentor_id <> all((select mentorcert_private.absent_peer_mentor_ids(true))::uuid[])
);
comment on policy "people read the chapters of peer mentors within their reach" on mentorcert.peer_mentor_chapters is
  'A coordinator sees who is in the own chapters now, not the other chapters of the same person; nobody sees where the erased were.';

drop policy if exists "administrators put peer mentors into chapters" on mentorcert.peer_mentor_chapters;
create policy "administrators put peer mentors into chapters"
on mentorcert.peer_mentor_chapters for insert to authenticated
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  and peer_mentor_id <> all((select mentorcert_private.absent_peer_mentor_ids(true))::uuid[])
);
comment on policy "administrators put peer mentors into chapters" on mentorcert.peer_mentor_chapters is
  'The organisation is filled in by default, never by the client. Nobody puts the erased back.';

drop policy if exists "administrators take peer mentors out of chapters" on mentorcert.peer_mentor_chapters;
create policy "administrators take peer mentors out of chapters"
on mentorcert.peer_mentor_chapters for update to authenticated
using (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  and peer_mentor_id <> all((select mentorcert_private.absent_peer_mentor_ids(true))::uuid[])
)
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators take peer mentors out of chapters" on mentorcert.peer_mentor_chapters is
  'What may be changed is said by the column grant.';

drop policy if exists "the endpoint peer_mentors is switched on" on mentorcert.peer_mentor_chapters;
create policy "the endpoint peer_mentors is switched on"
on mentorcert.peer_mentor_chapters as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('peer_mentors')));
comment on policy "the endpoint peer_mentors is switched on" on mentorcert.peer_mentor_chapters is
  'Raises MC010 while it is off.';

create or replace trigger keep_identity
before update of id, organisation_id, chapter_id, created_at on mentorcert.peer_mentor_chapters
for each row execute function mentorcert_private.reject_change_of_column(
  'id', 'organisation_id', 'chapter_id', 'created_at'
);

create or replace trigger reject_second_current
after insert or update of ended_at on mentorcert.peer_mentor_chapters
for each row when (new.ended_at is null or new.ended_at > statement_timestamp()) execute function mentorcert_private.reject_second_current();

create or replace trigger check_version
before update of version on mentorcert.peer_mentor_chapters
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.peer_mentor_chapters
for each row execute function mentorcert_private.set_version();

create or replace trigger reject_truncation
before truncate on mentorcert.peer_mentor_chapters
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');

create or replace function mentorcert_private.copy_chapter_ids()
returns trigger
language plpgsql
security definer -- the copies are no client's to write
set search_path = ''
as $$
declare
  mentor_ids constant uuid[] := array(select distinct link.peer_mentor_id from changed_rows as link);
begin
  -- A chapter that is renamed meanwhile would come to the public list under its old name.
  perform 1 from mentorcert.chapters as chapter
  where chapter.id in (select link.chapter_id from changed_rows as link)
  order by chapter.id
  for share;

  -- Certifications first, then peer mentors, each by id: the order in which everybody locks.
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = any(mentor_ids)
  order by certification.id
  for no key update;

  perform 1 from mentorcert.peer_mentors as mentor
  where mentor.id = any(mentor_ids)
  order by mentor.id
  for no key update;

  if exists (
    select from changed_rows as link
    join mentorcert.peer_mentors as mentor on mentor.id = link.peer_mentor_id
    where (link.ended_at is null or link.ended_at > statement_timestamp()) and (mentor.erased_at is not null or mentor.merged_into is not null)
  ) then
    perform mentorcert_private.raise_forbidden('the person was erased or merged into another one, and enters no chapter');
  end if;

  update mentorcert.peer_mentors as mentor
  set chapter_ids = link.chapter_ids
  from (
    select mentor_id, coalesce(array_agg(link.chapter_id order by link.chapter_id) filter (where link.id is not null), '{}') as chapter_ids
    from unnest(mentor_ids) as mentor_id
    left join mentorcert.peer_mentor_chapters as link
      on link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
    group by mentor_id
  ) as link
  where mentor.id = link.mentor_id and mentor.chapter_ids <> link.chapter_ids;

  update public.peer_mentor_certifications as certification
  set chapter_ids = mentor.chapter_ids
  from mentorcert.peer_mentors as mentor
  where
    mentor.id = any(mentor_ids)
    and certification.peer_mentor_id = mentor.id
    and certification.chapter_ids <> mentor.chapter_ids;
  return null;
end
$$;
comment on function mentorcert_private.copy_chapter_ids() is
  'Copies the current chapters of the changed peer mentors to peer_mentors and to their certifications.';

create or replace trigger copy_chapter_ids_on_insert
after insert on mentorcert.peer_mentor_chapters
referencing new table as changed_rows
for each statement execute function mentorcert_private.copy_chapter_ids();

create or replace trigger copy_chapter_ids_on_update
after update on mentorcert.peer_mentor_chapters
referencing new table as changed_rows
for each statement execute function mentorcert_private.copy_chapter_ids();

create or replace function mentorcert_private.refresh_ended_chapters()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  refreshed integer;
begin
  -- The row says by updated_at that its end is known to the copies, which its trigger writes.
  update mentorcert.peer_mentor_chapters as link set updated_at = now()
  where link.id in (
    select ended.id from mentorcert.peer_mentor_chapters as ended
    where ended.ended_at > ended.updated_at and ended.ended_at <= now()
    order by ended.id
    for no key update skip locked
  );
  get diagnostics refreshed = row_count;
  return refreshed;
end
$$;
comment on function mentorcert_private.refresh_ended_chapters() is
  'Copies the chapters of peer mentors again whose known end in one has come; returns how many ends. Access does not wait for it.';

revoke execute on function
  mentorcert_private.copy_chapter_ids, mentorcert_private.refresh_ended_chapters
from public, anon, authenticated, service_role;
