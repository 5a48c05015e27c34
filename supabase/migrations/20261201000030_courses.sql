-- Courses: what an organisation plans, for whom, on which days, and which certification types it gives or renews.
--
-- A course of no chapter is for the whole organisation. Chapters and types are named as they were when the course was written;
-- where one was merged into another since, that one stands for it, until the merge is undone.

create or replace function mentorcert_private.are_ascending(days date[])
returns boolean
language sql
immutable
set search_path = ''
as $$
  select days is not distinct from array(select distinct day from unnest(days) as day where day is not null order by day)
$$;
comment on function mentorcert_private.are_ascending(date[]) is 'Whether the days stand in their order, each once.';

create or replace function mentorcert_private.are_spans(starts time[], ends time[])
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    bool_and(
      (span.starts is not null or span.ends is null) and span.starts < span.ends is not false
      and greatest(span.starts, span.ends) < '24:00' is not false -- 24:00 is no time of most calendars
    ),
    true
  )
  from unnest(starts, ends) as span (starts, ends)
$$;
comment on function mentorcert_private.are_spans(time[], time[]) is 'Whether each span of the clock begins before it ends; one without an end, and one without both, are spans too.';

create or replace function mentorcert_private.are_codes(codes text[])
returns boolean
language sql
immutable
set search_path = ''
as $$
  select count(*) = count(distinct code) from unnest(codes) as code
$$;
comment on function mentorcert_private.are_codes(text[]) is 'Whether no code is null or comes twice.';

create table if not exists mentorcert_private.courses (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kind text not null,
  name_nb text not null,
  name_en text,
  types text[] not null,
  required_types text[] not null default '{}',
  chapter_ids uuid[] not null default '{}',
  days date[] not null,
  starts time[] not null,
  ends time[] not null,
  first_day date not null generated always as (coalesce(days[1], '-infinity')) stored,
  last_day date not null generated always as (coalesce(days[cardinality(days)], '-infinity')) stored,
  place text,
  link text,
  seats integer,
  responsible_id uuid,
  note text,
  state text not null default 'planned',
  reason text,
  settled_at timestamptz,
  settled_by uuid,
  batch_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint courses_pkey primary key (id),
  constraint courses_organisation_id_id_key unique (organisation_id, id),
  constraint courses_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint courses_responsible_id_fkey foreign key (responsible_id) references auth.users (id) on delete set null,
  constraint courses_settled_by_fkey foreign key (settled_by) references auth.users (id) on delete set null,
  -- A batch is kept for a while, the course for good.
  constraint courses_batch_id_fkey foreign key (batch_id) references mentorcert_private.change_batches (batch_id) on delete set null,
  constraint courses_kind_valid check (kind in ('course', 'refresher')),
  constraint courses_name_characters check (mentorcert_private.is_readable_line(name_nb) and mentorcert_private.is_readable_line(name_en)),
  constraint courses_name_length check (length(name_nb) <= 200 and length(name_en) <= 200),
  constraint courses_name_valid check (name_nb <> '' and name_en <> ''),
  constraint courses_types_valid check (
    cardinality(types) between 1 and 20 and cardinality(required_types) <= 20 and mentorcert_private.are_codes(types || required_types)
  ),
  constraint courses_chapter_ids_valid check (cardinality(chapter_ids) <= 500 and (array_ndims(chapter_ids) > 1) is not true),
  constraint courses_days_valid check (array_ndims(days) = 1 and cardinality(days) between 1 and 20 and mentorcert_private.are_ascending(days)),
  constraint courses_times_valid check (
    array_length(starts, 1) = cardinality(days) and array_length(ends, 1) = cardinality(days)
    and array_ndims(starts) = 1 and array_ndims(ends) = 1 and mentorcert_private.are_spans(starts, ends)
  ),
  constraint courses_place_characters check (mentorcert_private.is_readable_line(place)),
  constraint courses_place_length check (length(place) <= 200),
  constraint courses_place_valid check (place <> ''),
  constraint courses_link_length check (length(link) <= 500),
  -- Nor a name and a password before the host: those who may read the course may read it.
  constraint courses_link_valid check (
    link ~ '^https?://[^\s"<>\\]+\.[^\s"<>\\]+$' and link !~ '^https?://[^/?#]*@' and mentorcert_private.is_readable_line(link)
  ),
  constraint courses_seats_valid check (seats between 1 and 5000),
  constraint courses_note_characters check (mentorcert_private.is_readable(note)),
  constraint courses_note_length check (length(note) <= 2000),
  constraint courses_note_valid check (note <> ''),
  constraint courses_state_valid check (
    state in ('planned', 'cancelled', 'closed') and (settled_at is null) = (state = 'planned') and (reason is not null) = (state = 'cancelled')
  ),
  constraint courses_reason_characters check (mentorcert_private.is_readable(reason)),
  constraint courses_reason_length check (length(reason) <= 1000),
  constraint courses_reason_valid check (reason <> ''),
  constraint courses_first_day_in_calendar check (first_day between '1899-12-31' and '9999-12-31'),
  constraint courses_last_day_in_calendar check (last_day between '1899-12-31' and '9999-12-31'),
  constraint courses_settled_at_in_calendar check (settled_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint courses_created_at_in_calendar check (created_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint courses_updated_at_in_calendar check (updated_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z')
);
create index if not exists courses_organisation_id_idx on mentorcert_private.courses (organisation_id, last_day, id);
create index if not exists courses_responsible_id_idx on mentorcert_private.courses (responsible_id);
create index if not exists courses_settled_by_idx on mentorcert_private.courses (settled_by);
create index if not exists courses_batch_id_idx on mentorcert_private.courses (batch_id);
alter table mentorcert_private.courses enable row level security;
revoke all on mentorcert_private.courses from public, anon, authenticated, service_role;
comment on table mentorcert_private.courses is 'What an organisation plans and has held. Read by public.courses; kept for good, since figures count it.';
comment on column mentorcert_private.courses.kind is 'course: the whole one, which gives a first certification; refresher: renews what is held.';
comment on column mentorcert_private.courses.types is 'The codes of the certification types that it gives or renews.';
comment on column mentorcert_private.courses.required_types is 'The codes of the types that are held before: on the first day by who signs up, on the last day by who is certified.';
comment on column mentorcert_private.courses.chapter_ids is 'The chapters for which it is, with those below them; none: the whole organisation.';
comment on column mentorcert_private.courses.starts is 'When it begins on each of the days, by the clock of the organisation''s time zone; null where nobody said it.';
comment on column mentorcert_private.courses.link is 'Where it is held online, or its page.';
comment on column mentorcert_private.courses.seats is 'How many have a seat; null: as many as come.';
comment on column mentorcert_private.courses.state is 'planned; cancelled, for a reason; closed: who attended is certified.';
comment on column mentorcert_private.courses.batch_id is 'The change of certifications that its closing was; null where nobody''s was changed.';
comment on column mentorcert_private.courses.version is 'How often the row was written. An update that names it changes that version only.';

create or replace trigger canonicalise
before insert or update of name_nb, name_en, place, link on mentorcert_private.courses
for each row execute function mentorcert_private.canonicalise('line', 'name_nb', 'name_en', 'place', 'link');

create or replace trigger canonicalise_texts
before insert or update of note, reason on mentorcert_private.courses
for each row execute function mentorcert_private.canonicalise('text', 'note', 'reason');

create or replace trigger keep_identity
before update on mentorcert_private.courses
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'created_at');

create or replace trigger check_version
before update of version on mentorcert_private.courses
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert_private.courses
for each row execute function mentorcert_private.set_version();

do $$
begin
  perform mentorcert_private.audit_table('mentorcert_private.courses', columns => '{kind,state,days,seats,types,required_types,chapter_ids,responsible_id}');
end
$$;

create or replace function mentorcert_private.check_course()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform mentorcert_private.require_type(new.organisation_id, code) from unnest(new.types || new.required_types) as code;
  if exists (
    select from mentorcert.certification_types as type
    where type.organisation_id = new.organisation_id and type.code = any(new.types) and type.merged_into_id is null and type.retired_on <= new.days[cardinality(new.days)]
  ) then
    raise exception using
      errcode = 'MC024', message = 'one of the certification types is not given any more on the last day',
      hint = 'Leave it out.', constraint = 'certification_type_retired';
  elsif exists (
    select from unnest(new.chapter_ids) as named (id)
    where not exists (
      select from mentorcert.chapters as chapter where chapter.organisation_id = new.organisation_id and chapter.id = named.id
    )
  ) then
    raise exception using
      errcode = 'MC008', message = 'a chapter is none of the organisation''s', hint = 'Choose among the organisation''s chapters.',
      constraint = 'courses_chapter_ids_known';
  elsif new.responsible_id is not null and not exists (
    select from mentorcert.memberships as membership
    where
      membership.organisation_id = new.organisation_id and membership.user_id = new.responsible_id and membership.role <> 'peer_mentor'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ) then
    raise exception using
      errcode = 'MC008', message = 'the responsible login is no coordinator or administrator of the organisation',
      hint = 'Choose one who is, or nobody.', constraint = 'courses_responsible_id_known';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_course() is
  'Refuses types that the organisation does not have (MC002) or does not give any more (MC024), and chapters and a responsible login that are not its own (MC008).';

create or replace trigger check_course_on_insert
before insert on mentorcert_private.courses
for each row execute function mentorcert_private.check_course();

create or replace trigger check_course_on_update
before update on mentorcert_private.courses
for each row when (
  (new.types, new.required_types, new.chapter_ids, new.days) is distinct from (old.types, old.required_types, old.chapter_ids, old.days)
  -- Nobody's is asked of nothing: a login that is deleted takes itself out.
  or new.responsible_id <> old.responsible_id or old.responsible_id is null and new.responsible_id is not null
)
execute function mentorcert_private.check_course();

-- Whose course it is

create or replace function mentorcert_private.with_merged_chapters(chapter_ids uuid[], with_above boolean default false)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  found_ids uuid[] := chapter_ids;
  latest uuid[] := chapter_ids;
begin
  while latest <> '{}' loop
    latest := array(
      select chapter.id from mentorcert.chapters as chapter
      where
        (chapter.merged_into_id = any(latest) or with_above and chapter.id in (
          select below.parent_id from mentorcert.chapters as below where below.id = any(latest)
        ))
        and chapter.id <> all(found_ids)
    );
    found_ids := found_ids || latest;
  end loop;
  return found_ids;
end
$$;
comment on function mentorcert_private.with_merged_chapters(uuid[], boolean) is
  'These chapters, and those that were merged into them; also those above: a course of one of them is for who is in these.';

create or replace function mentorcert_private.manages_course(organisation_id uuid, chapter_ids uuid[])
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    organisation_id = mentorcert_private.administered_organisation_id()
    or organisation_id = public.get_user_organisation_id() and chapter_ids <> '{}'
    and chapter_ids <@ mentorcert_private.with_merged_chapters(mentorcert_private.coordinated_chapter_ids()),
    false
  );
end
$$;
comment on function mentorcert_private.manages_course(uuid, uuid[]) is
  'Whether the caller plans, changes and closes a course of these chapters: the administrator, and who coordinates all of them.';

create or replace function mentorcert_private.locked_course(course_id uuid, version bigint default null)
returns mentorcert_private.courses
language plpgsql
set search_path = ''
as $$
declare
  course mentorcert_private.courses;
begin
  select * into course from mentorcert_private.courses as of where of.id = locked_course.course_id for no key update;
  if course.id is null then
    perform mentorcert_private.raise_forbidden('no such course, or no right to it');
  elsif version <> course.version then
    raise exception using
      errcode = 'PT409', message = 'this row of courses is not the version that was read',
      hint = 'Read it again, and change the version that it has now.',
      schema = 'mentorcert_private', table = 'courses', column = 'version', constraint = 'courses_version_current';
  elsif course.state <> 'planned' then
    raise exception using
      errcode = 'MC001', message = format('the course is %s already', course.state),
      hint = 'Look at it again. What was closed can be opened again as a whole; what was cancelled stays so.',
      schema = 'mentorcert_private', table = 'courses', column = 'state', constraint = 'courses_transition';
  end if;
  return course;
end
$$;
comment on function mentorcert_private.locked_course(uuid, bigint) is
  'A course that is planned, locked after the people it concerns: 42501 where there is none, PT409 for another version, MC001 for what is settled.';

create or replace function mentorcert_private.require_course(course_id uuid)
returns mentorcert_private.courses
language plpgsql
stable
set search_path = ''
as $$
declare
  course mentorcert_private.courses;
begin
  perform mentorcert_private.check_endpoint('certifications');
  select * into course from mentorcert_private.courses as of where of.id = require_course.course_id;
  if (course.id is not null and mentorcert_private.manages_course(course.organisation_id, course.chapter_ids)) is not true then
    perform mentorcert_private.raise_forbidden('no such course, or no right to it');
  end if;
  return course;
end
$$;
comment on function mentorcert_private.require_course(uuid) is 'A course that the caller manages; 42501 for all others, whether it is there or not.';

-- Planning

create or replace function public.course_responsibles()
returns table (user_id uuid, organisation_id uuid, name text)
language plpgsql
stable
security definer -- reads memberships and logins, of those only with whom the caller shares chapters, and the administrators
set search_path = ''
as $$
#variable_conflict use_column
declare
  organisation constant uuid := public.get_user_organisation_id();
  is_administrator constant boolean := mentorcert_private.administered_organisation_id() is not null;
  shared constant uuid[] := mentorcert_private.with_merged_chapters(mentorcert_private.coordinated_chapter_ids(), with_above => true);
begin
  perform mentorcert_private.check_endpoint('certifications');
  return query
  select staff.user_id, organisation, staff.name
  from (
    select distinct membership.user_id, mentorcert_private.member_name(organisation, membership.user_id) as name
    from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and login.deleted_at is null
    where
      membership.organisation_id = organisation
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and (is_administrator or shared <> '{}')
      and (
        membership.role = 'org_admin'
        or membership.role = 'coordinator' and (is_administrator or membership.chapter_id = any(shared))
      )
  ) as staff
  order by mentorcert_private.sort_key(staff.name), staff.user_id;
end
$$;
comment on function public.course_responsibles() is
  'Who can be made responsible for a course, by name: the administrators, and the coordinators of the caller''s chapters and of those above them; for an administrator every coordinator.';

create or replace function public.plan_course(
  kind text, name_nb text, types text[], days date[], name_en text default null, starts time[] default null, ends time[] default null,
  chapter_ids uuid[] default '{}', required_types text[] default '{}', place text default null, link text default null,
  seats integer default null, responsible_id uuid default null, note text default null
)
returns uuid
language plpgsql
security definer -- courses are no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := public.get_user_organisation_id();
  written_id uuid;
begin
  perform mentorcert_private.check_endpoint('certifications');
  if not mentorcert_private.manages_course(organisation, coalesce(plan_course.chapter_ids, '{}')) then
    perform mentorcert_private.raise_forbidden('a coordinator plans courses of the own chapters, an administrator all');
  end if;
  perform mentorcert_private.require_instants(jsonb_build_object('days', day)) from unnest(plan_course.days) as day;
  insert into mentorcert_private.courses as course (
    organisation_id, kind, name_nb, name_en, types, required_types, chapter_ids, days, starts, ends, place, link, seats, responsible_id, note
  )
  values (
    organisation, plan_course.kind, plan_course.name_nb, plan_course.name_en, plan_course.types, coalesce(plan_course.required_types, '{}'),
    coalesce(plan_course.chapter_ids, '{}'), plan_course.days,
    coalesce(plan_course.starts, array_fill(null::time, array[coalesce(cardinality(plan_course.days), 0)])),
    coalesce(plan_course.ends, array_fill(null::time, array[coalesce(cardinality(plan_course.days), 0)])),
    plan_course.place, plan_course.link, plan_course.seats, coalesce(plan_course.responsible_id, auth.uid()), plan_course.note
  )
  returning course.id into written_id;
  return written_id;
end
$$;
comment on function public.plan_course(
  text, text, text[], date[], text, time[], time[], uuid[], text[], text, text, integer, uuid, text
) is
  'Plans a course (or refresher) that gives or renews these types, on these days, for these chapters (none: the whole organisation). Its responsible is the caller where nobody else is named. Returns its id.';

create or replace function public.change_course(
  course_id uuid, kind text, name_nb text, types text[], days date[], name_en text default null, starts time[] default null,
  ends time[] default null, chapter_ids uuid[] default '{}', required_types text[] default '{}', place text default null,
  link text default null, seats integer default null, responsible_id uuid default null, note text default null, version bigint default null
)
returns void
language plpgsql
security definer -- courses are no client's to write
set search_path = ''
as $$
declare
  course mentorcert_private.courses := mentorcert_private.require_course(course_id);
begin
  if not mentorcert_private.manages_course(course.organisation_id, coalesce(change_course.chapter_ids, '{}')) then
    perform mentorcert_private.raise_forbidden('a coordinator plans courses of the own chapters, an administrator all');
  end if;
  perform mentorcert_private.require_instants(jsonb_build_object('days', day)) from unnest(change_course.days) as day;
  course := mentorcert_private.locked_course(course_id, change_course.version);
  -- Asked again under the lock: the course may have been moved to other chapters meanwhile.
  perform mentorcert_private.require_course(course_id);
  update mentorcert_private.courses as changed
  set
    kind = change_course.kind, name_nb = change_course.name_nb, name_en = change_course.name_en, types = change_course.types,
    required_types = coalesce(change_course.required_types, '{}'), chapter_ids = coalesce(change_course.chapter_ids, '{}'),
    days = change_course.days,
    starts = coalesce(change_course.starts, array_fill(null::time, array[coalesce(cardinality(change_course.days), 0)])),
    ends = coalesce(change_course.ends, array_fill(null::time, array[coalesce(cardinality(change_course.days), 0)])),
    place = change_course.place, link = change_course.link, seats = change_course.seats,
    responsible_id = change_course.responsible_id, note = change_course.note
  where changed.id = course.id;
end
$$;
comment on function public.change_course(
  uuid, text, text, text[], date[], text, time[], time[], uuid[], text[], text, text, integer, uuid, text, bigint
) is
  'Writes a planned course once more, as a whole, if it is still that version. More seats are taken by who waits; never fewer than are taken.';

create or replace function public.cancel_course(course_id uuid, reason text, version bigint default null)
returns void
language plpgsql
security definer -- courses are no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.require_course(course_id);
  perform mentorcert_private.require_reason(cancel_course.reason);
  perform mentorcert_private.locked_course(course_id, cancel_course.version);
  -- Asked again under the lock: the course may have been moved to other chapters meanwhile.
  perform mentorcert_private.require_course(course_id);
  update mentorcert_private.courses as cancelled
  set state = 'cancelled', reason = cancel_course.reason, settled_at = clock_timestamp(), settled_by = auth.uid()
  where cancelled.id = cancel_course.course_id;
end
$$;
comment on function public.cancel_course(uuid, text, bigint) is
  'Cancels a planned course for a reason, which who is signed up reads, if it is still that version.';

revoke execute on function
  mentorcert_private.are_ascending, mentorcert_private.are_spans, mentorcert_private.are_codes, mentorcert_private.check_course,
  mentorcert_private.with_merged_chapters, mentorcert_private.manages_course, mentorcert_private.locked_course,
  mentorcert_private.require_course, public.course_responsibles, public.plan_course, public.change_course,
  public.cancel_course
from public, anon, authenticated, service_role;
grant execute on function public.course_responsibles, public.plan_course, public.change_course, public.cancel_course to authenticated;
