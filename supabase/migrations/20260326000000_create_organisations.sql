-- Organisations, chapters, memberships, peer mentors, their chapters and certification types; and who reaches which of them.

create schema if not exists mentorcert;
comment on schema mentorcert is
  'The hierarchy, certification types, events and the audit log; exposed through the Data API beside public.';
revoke all on schema mentorcert from public;
grant usage on schema mentorcert to authenticated, service_role;

-- Trigger functions that tables share

create or replace function mentorcert_private.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function mentorcert_private.set_updated_at() is 'Stamps updated_at with the time of the transaction.';

create or replace function mentorcert_private.set_version()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.version := old.version + 1;
  new.updated_at := now();
  return new;
end
$$;
comment on function mentorcert_private.set_version() is
  'Counts the changes of a row in its version, and stamps updated_at with the time of the transaction.';

-- Of two people who change one row, the second may not know what the first wrote. PostgREST answers PT409 with HTTP 409.
create or replace function mentorcert_private.check_version()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.version is distinct from old.version then
    raise exception using
      errcode = 'PT409', message = format('this row of %s is not the version that was read', tg_table_name),
      hint = 'Read it again, and change the version that it has now.',
      schema = tg_table_schema, table = tg_table_name, column = 'version',
      constraint = format('%s_version_current', tg_table_name);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_version() is
  'Refuses (PT409) an UPDATE that names another version than the current one. It fires where the version is named at all.';

create or replace function mentorcert_private.reject_change_of_column()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  column_name text;
begin
  foreach column_name in array tg_argv loop
    if to_jsonb(new) -> column_name is distinct from to_jsonb(old) -> column_name then
      raise exception using
        errcode = 'MC007',
        message = format('%s.%s cannot be changed', tg_table_name, column_name),
        hint = 'Make a new row instead.',
        schema = tg_table_schema, table = tg_table_name, column = column_name,
        constraint = format('%s_%s_immutable', tg_table_name, column_name);
    end if;
  end loop;
  return new;
end
$$;
comment on function mentorcert_private.reject_change_of_column() is
  'Refuses (MC007) an UPDATE that gives another value to a column named in the trigger''s arguments.';

create or replace function mentorcert_private.reject_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC005', message = format('%s is not allowed on %s', tg_op, tg_table_name), hint = tg_argv[1],
    schema = tg_table_schema, table = tg_table_name, constraint = tg_argv[0];
end
$$;
comment on function mentorcert_private.reject_change() is
  'Refuses (MC005) a change, for what is append-only or never emptied. The arguments of the trigger: the name of the rule, and what may be done instead.';

-- Days and instants: what no calendar or client can hold is refused before anything is written.

create or replace function mentorcert_private.require_instants(arguments jsonb)
returns void
language plpgsql
immutable
set search_path = ''
as $$
declare
  name text;
begin
  select given.key into name
  from jsonb_each_text(arguments) as given
  where given.value !~ '^(19\d\d|[2-8]\d{3}|9[0-8]\d\d|99[0-8]\d|999[0-8])-' or given.value like '% BC'
  limit 1;
  if found then
    raise exception using
      errcode = 'MC008', message = format('%s is no time from 1900 to 9998', name),
      hint = 'Leave out what has no end; infinity and years that no calendar has are not taken.', constraint = name;
  end if;
end
$$;
comment on function mentorcert_private.require_instants(jsonb) is
  'Refuses (MC008) days and instants before 1900 or after 9998, infinite ones included; each by the name of its argument, which is the constraint of the error.';

-- Whose reach: the organisation, chapters and peer mentors of the caller.
--
-- Policies call these functions as (select f()), so that they run once in a statement and not once in a row.
-- They are definers because they read tables whose own policies call them. Arrays are never null.
-- In plpgsql, which keeps their plans for the session: in SQL each statement would plan them again.

create or replace function public.get_user_organisation_id()
returns uuid
language plpgsql
stable
security definer -- reads memberships, whose policies call this function
set search_path = ''
as $$
declare
  ids constant uuid[] := array(
    select membership.organisation_id
    from mentorcert.memberships as membership
    where membership.user_id = (select auth.uid()) and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );
begin
  if ids[1] = all(ids) then
    return ids[1];
  end if;
  return (
    select distinct id from unnest(ids) as id
    where id::text = lower(auth.jwt() #>> '{app_metadata,organisation_id}')
  );
end
$$;
comment on function public.get_user_organisation_id() is
  'The organisation the caller acts in: that of the memberships; where there are several, the one named in app_metadata.organisation_id of the token if the caller is a member of it; else null.';

create or replace function mentorcert_private.administered_organisation_id()
returns uuid
language plpgsql
stable
security definer -- reads memberships, whose policies call this function
set search_path = ''
as $$
begin
  return (
    select membership.organisation_id
    from mentorcert.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'org_admin'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      -- No condition for an index: so it is asked last, and only if the caller is an administrator at all.
      and membership.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
comment on function mentorcert_private.administered_organisation_id() is
  'The organisation the caller acts in, if as its administrator; else null.';

create or replace function mentorcert_private.require_administrator(is_administrator boolean, violated text default 'certification_right')
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if is_administrator is not true then
    raise exception using
      errcode = '42501', message = 'only the administrator of the organisation does this',
      hint = 'Ask the administrator of the organisation.', constraint = violated;
  end if;
end
$$;
comment on function mentorcert_private.require_administrator(boolean, text) is 'Raises 42501 for everybody but an administrator.';

create or replace function mentorcert_private.require_administered_organisation(violated text default 'certification_right')
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.administered_organisation_id();
begin
  perform mentorcert_private.require_administrator(organisation is not null, violated);
  return organisation;
end
$$;
comment on function mentorcert_private.require_administered_organisation(text) is
  'The organisation the caller administers; 42501 for everybody else.';

create or replace function mentorcert_private.with_chapters_below(chapter_ids uuid[])
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  found_ids uuid[] := chapter_ids;
  below uuid[] := chapter_ids;
begin
  while below <> '{}' loop
    below := array(
      select chapter.id from mentorcert.chapters as chapter
      where chapter.parent_id = any(below) and chapter.id <> all(found_ids)
    );
    found_ids := found_ids || below;
  end loop;
  return found_ids;
end
$$;
comment on function mentorcert_private.with_chapters_below(uuid[]) is
  'These chapters and every chapter under them; level by level, which beats a recursive query of a few rows.';

create or replace function mentorcert_private.coordinated_chapter_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads memberships and chapters, whose policies call this function
set search_path = ''
as $$
begin
  return mentorcert_private.with_chapters_below(array(
    select membership.chapter_id
    from mentorcert.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and membership.organisation_id is not distinct from (select public.get_user_organisation_id())
  ));
end
$$;
comment on function mentorcert_private.coordinated_chapter_ids() is
  'The chapters the caller coordinates, and every chapter under them.';

create or replace function mentorcert_private.left_peer_mentor_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads peer_mentor_chapters, whose policies call this function
set search_path = ''
as $$
declare
  -- The clock first, and nearly always that is all.
  left_now constant uuid[] := array(
    select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
    where link.ended_at > link.updated_at and link.ended_at <= statement_timestamp()
  );
begin
  if left_now = '{}' then
    return left_now;
  end if;
  return array(
    select mentor_id from unnest(left_now) as mentor_id
    where not exists (
      select from mentorcert.peer_mentor_chapters as link
      where
        link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
        and link.chapter_id = any(mentorcert_private.coordinated_chapter_ids())
    )
  );
end
$$;
comment on function mentorcert_private.left_peer_mentor_ids() is
  'Peer mentors whose known end in a chapter has come, and whose chapter_ids do not say so yet, but for those whom the caller coordinates in another one.';

create or replace function mentorcert_private.current_chapter_ids(mentor_id uuid)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select link.chapter_id from mentorcert.peer_mentor_chapters as link
    where link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
    order by link.chapter_id
  );
end
$$;
comment on function mentorcert_private.current_chapter_ids(uuid) is 'The chapters in which a peer mentor is now.';

create or replace function mentorcert_private.own_peer_mentor_ids()
returns uuid[]
language plpgsql
stable
security definer -- reads peer_mentors, whose policies call this function
set search_path = ''
as $$
begin
  return array(
    select mentor.id
    from mentorcert.peer_mentors as mentor
    where
      mentor.user_id = (select auth.uid())
      and mentor.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
comment on function mentorcert_private.own_peer_mentor_ids() is 'The peer mentor the caller is, in the organisation the caller acts in.';

create or replace function mentorcert_private.may_certify(organisation_id uuid, chapter_ids uuid[])
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(
    organisation_id = mentorcert_private.administered_organisation_id() or chapter_ids && mentorcert_private.coordinated_chapter_ids(), false
  )
$$;
comment on function mentorcert_private.may_certify(uuid, uuid[]) is
  'Whether the caller may certify a peer mentor of these chapters: the administrator, and a coordinator of one of them.';

-- Endpoints can be switched off: with the next statement nobody who comes through row-level security gets at their tables.
--
-- A restrictive policy on each table asks whether its endpoint is on, and raises an error of its own where it is not: an
-- empty answer would read as "there is nobody". Jobs, the owner and service_role are above row-level security and go on.
-- They are closed to every organisation, so the administrator of a single one sees which they are, and switches none.

create table if not exists mentorcert_private.disabled_endpoints (
  endpoint text not null,
  reason text not null,
  disabled_at timestamptz not null default now(),
  constraint disabled_endpoints_pkey primary key (endpoint),
  constraint disabled_endpoints_endpoint_known check (
    endpoint in ('audit_log', 'certifications', 'memberships', 'organisations', 'peer_mentors', 'public_list')
  ),
  constraint disabled_endpoints_reason_given check (btrim(reason) <> ''),
  constraint disabled_endpoints_reason_length check (length(reason) <= 2000)
);
alter table mentorcert_private.disabled_endpoints enable row level security;
grant select (endpoint, disabled_at) on mentorcert_private.disabled_endpoints to authenticated;
comment on table mentorcert_private.disabled_endpoints is 'Endpoints that are switched off now; mentorcert endpoint writes it, the audit log keeps who and why.';
comment on column mentorcert_private.disabled_endpoints.reason is 'For colleagues, not for clients: the error does not quote it.';

drop policy if exists "administrators read which endpoints are switched off" on mentorcert_private.disabled_endpoints;
create policy "administrators read which endpoints are switched off"
on mentorcert_private.disabled_endpoints for select to authenticated
using ((select mentorcert_private.administered_organisation_id()) is not null);
comment on policy "administrators read which endpoints are switched off" on mentorcert_private.disabled_endpoints is
  'The reason, which is for colleagues of the operator, is not granted.';

create or replace trigger canonicalise
before insert or update of reason on mentorcert_private.disabled_endpoints
for each row execute function mentorcert_private.canonicalise('text', 'reason');

create or replace trigger keep_identity
before update on mentorcert_private.disabled_endpoints
for each row execute function mentorcert_private.reject_change_of_column('endpoint');

-- No trigger sees the rows that TRUNCATE removes. On a table that others refer to, it cascades to these and is refused there.
create or replace trigger reject_truncation
before truncate on mentorcert_private.disabled_endpoints
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');

create or replace function mentorcert_private.check_endpoint(endpoint text)
returns boolean
language plpgsql
stable
security definer -- what is switched off, and why, is no client's to read
set search_path = ''
as $$
begin
  if exists (select from mentorcert_private.disabled_endpoints as disabled where disabled.endpoint = check_endpoint.endpoint) then
    raise exception using
      errcode = 'MC010', message = format('%s is switched off for now', endpoint),
      hint = 'Nothing is lost. Try again later; the operator knows of it.',
      constraint = 'endpoint_enabled';
  end if;
  return true;
end
$$;
comment on function mentorcert_private.check_endpoint(text) is 'True; raises MC010 while the endpoint is switched off.';

create or replace function mentorcert_private.require_certifications()
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('certifications') where row_security_active('public.peer_mentor_certifications');
end
$$;
comment on function mentorcert_private.require_certifications() is
  'Raises MC010 while certifications are switched off for the caller. For functions: a policy speaks up only where there is a row to refuse.';

-- Organisations. A client names none: a new row of the tables below belongs to the one the caller acts in.

create table if not exists mentorcert.organisations (
  id uuid not null default gen_random_uuid(),
  slug text not null,
  name text not null,
  time_zone text not null default 'Europe/Oslo',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint organisations_pkey primary key (id),
  constraint organisations_slug_key unique (slug),
  constraint organisations_slug_valid check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint organisations_slug_length check (length(slug) <= 63),
  constraint organisations_name_characters check (mentorcert_private.is_readable_line(name)),
  constraint organisations_name_length check (length(name) <= 200),
  constraint organisations_name_valid check (name <> '')
);
alter table mentorcert.organisations enable row level security;
revoke all on mentorcert.organisations from anon, authenticated, service_role;
grant select, insert, update on mentorcert.organisations to service_role;
grant select, update (name, version) on mentorcert.organisations to authenticated;
comment on table mentorcert.organisations is 'A patient organisation that runs a peer-mentor programme.';
comment on column mentorcert.organisations.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.organisations.time_zone is
  'IANA name; a day of this organisation begins and ends at midnight there. Every stored date was cut by it, so it never changes.';

drop policy if exists "members read their organisation" on mentorcert.organisations;
create policy "members read their organisation"
on mentorcert.organisations for select to authenticated
using (id = (select public.get_user_organisation_id()));
comment on policy "members read their organisation" on mentorcert.organisations is
  'Every role may know the organisation it acts in.';

drop policy if exists "administrators rename their organisation" on mentorcert.organisations;
create policy "administrators rename their organisation"
on mentorcert.organisations for update to authenticated
using (id = (select mentorcert_private.administered_organisation_id()))
with check (id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators rename their organisation" on mentorcert.organisations is
  'The column grant leaves the name only, and the version that is changed.';

drop policy if exists "the endpoint organisations is switched on" on mentorcert.organisations;
create policy "the endpoint organisations is switched on"
on mentorcert.organisations as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('organisations')));
comment on policy "the endpoint organisations is switched on" on mentorcert.organisations is
  'Raises MC010 while it is off.';

create or replace function mentorcert_private.check_time_zone()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from pg_catalog.pg_timezone_names as zone where zone.name = new.time_zone;
  if not found then
    raise exception using
      errcode = 'MC008',
      message = format('unknown time zone %L', new.time_zone),
      hint = 'Give an IANA name such as Europe/Oslo.',
      schema = 'mentorcert', table = 'organisations', column = 'time_zone', constraint = 'organisations_time_zone_valid';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_time_zone() is 'Refuses (MC008) a time zone that the server does not know.';

create or replace trigger canonicalise
before insert or update of name on mentorcert.organisations
for each row execute function mentorcert_private.canonicalise('line', 'name');

create or replace trigger check_time_zone
before insert on mentorcert.organisations
for each row execute function mentorcert_private.check_time_zone();

create or replace trigger keep_identity
before update of id, slug, time_zone, created_at on mentorcert.organisations
for each row execute function mentorcert_private.reject_change_of_column('id', 'slug', 'time_zone', 'created_at');

create or replace trigger check_version
before update of version on mentorcert.organisations
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.organisations
for each row execute function mentorcert_private.set_version();

-- Chapters

create table if not exists mentorcert.chapters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  parent_id uuid,
  code text not null,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint chapters_pkey primary key (id),
  constraint chapters_organisation_id_id_key unique (organisation_id, id),
  constraint chapters_organisation_id_code_key unique (organisation_id, code),
  constraint chapters_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint chapters_parent_id_fkey foreign key (organisation_id, parent_id)
    references mentorcert.chapters (organisation_id, id),
  constraint chapters_code_characters check (mentorcert_private.is_readable_line(code)),
  constraint chapters_code_length check (length(code) <= 100),
  constraint chapters_code_valid check (code ~ '^\S+$' and code !~ '[|;,]'),
  constraint chapters_name_characters check (mentorcert_private.is_readable_line(name)),
  constraint chapters_name_length check (length(name) <= 200),
  constraint chapters_name_valid check (name <> '' and name !~ '[|]')
);
create index if not exists chapters_parent_id_idx on mentorcert.chapters (parent_id, organisation_id);
alter table mentorcert.chapters enable row level security;
revoke all on mentorcert.chapters from anon, authenticated, service_role;
grant select, insert, update on mentorcert.chapters to service_role;
grant select, insert (parent_id, code, name), update (parent_id, code, name, version) on mentorcert.chapters to authenticated;
comment on table mentorcert.chapters is 'A branch of an organisation; a county chapter is the parent of its local chapters.';
comment on column mentorcert.chapters.version is 'How often the row was written. An update that names it changes that version only.';

drop policy if exists "members read the chapters of their organisation" on mentorcert.chapters;
create policy "members read the chapters of their organisation"
on mentorcert.chapters for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read the chapters of their organisation" on mentorcert.chapters is
  'Names of chapters are no secret within the organisation.';

drop policy if exists "administrators add chapters to their organisation" on mentorcert.chapters;
create policy "administrators add chapters to their organisation"
on mentorcert.chapters for insert to authenticated
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators add chapters to their organisation" on mentorcert.chapters is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change chapters of their organisation" on mentorcert.chapters;
create policy "administrators change chapters of their organisation"
on mentorcert.chapters for update to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()))
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators change chapters of their organisation" on mentorcert.chapters is
  'What may be changed is said by the column grant.';

drop policy if exists "the endpoint organisations is switched on" on mentorcert.chapters;
create policy "the endpoint organisations is switched on"
on mentorcert.chapters as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('organisations')));
comment on policy "the endpoint organisations is switched on" on mentorcert.chapters is
  'Raises MC010 while it is off.';

create or replace function mentorcert_private.reject_chapter_cycle()
returns trigger
language plpgsql
security definer -- the caller may not see every chapter above this one
set search_path = ''
as $$
begin
  -- Two moves at once could close a cycle that neither of them sees: one at a time in an organisation.
  perform 1 from mentorcert.organisations where id = new.organisation_id for no key update;
  if exists (
    with recursive above as (
      select new.parent_id as id
      union
      select chapter.parent_id from above
      join mentorcert.chapters as chapter on chapter.id = above.id
    )
    select from above where above.id = new.id
  ) then
    raise exception using
      errcode = 'MC009',
      message = 'a chapter cannot lie under itself',
      hint = 'Choose a parent chapter that is not below this one.',
      schema = 'mentorcert', table = 'chapters', column = 'parent_id', constraint = 'chapters_no_cycle';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.reject_chapter_cycle() is 'Refuses (MC009) a parent that lies below the chapter.';

create or replace trigger canonicalise
before insert or update of code, name on mentorcert.chapters
for each row execute function mentorcert_private.canonicalise('line', 'code', 'name');

create or replace trigger reject_cycle
before insert or update of parent_id on mentorcert.chapters
for each row when (new.parent_id is not null) execute function mentorcert_private.reject_chapter_cycle();

create or replace trigger keep_identity
before update of id, organisation_id, created_at on mentorcert.chapters
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'created_at');

create or replace trigger check_version
before update of version on mentorcert.chapters
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.chapters
for each row execute function mentorcert_private.set_version();

-- Memberships

create table if not exists mentorcert.memberships (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  user_id uuid not null,
  role text not null,
  chapter_id uuid,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint memberships_pkey primary key (id),
  constraint memberships_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint memberships_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint memberships_chapter_id_fkey foreign key (organisation_id, chapter_id)
    references mentorcert.chapters (organisation_id, id),
  constraint memberships_role_valid check (role in ('peer_mentor', 'coordinator', 'org_admin')),
  constraint memberships_chapter_id_valid check ((role = 'coordinator') = (chapter_id is not null)),
  constraint memberships_ended_at_valid check (ended_at between '1900-01-01 00:00Z' and '2200-01-01 00:00Z')
);
create unique index if not exists memberships_current_key
on mentorcert.memberships (user_id, organisation_id, role, chapter_id) nulls not distinct where ended_at is null;
create index if not exists memberships_organisation_id_idx on mentorcert.memberships (organisation_id, chapter_id);
create index if not exists memberships_user_id_idx on mentorcert.memberships (user_id, organisation_id);
alter table mentorcert.memberships enable row level security;
revoke all on mentorcert.memberships from anon, authenticated, service_role;
grant select, insert, update on mentorcert.memberships to service_role;
grant select, insert (user_id, role, chapter_id), update (ended_at, version) on mentorcert.memberships to authenticated;
comment on table mentorcert.memberships is 'What a login may do in an organisation; a coordinator has one row for each chapter.';
comment on column mentorcert.memberships.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.memberships.ended_at is 'From when the membership no longer holds, also in the future: everything follows the clock. Null while no end is known.';

drop policy if exists "people read their own memberships" on mentorcert.memberships;
create policy "people read their own memberships"
on mentorcert.memberships for select to authenticated
using (user_id = (select auth.uid()) and organisation_id = (select public.get_user_organisation_id()));
comment on policy "people read their own memberships" on mentorcert.memberships is
  'Of the organisation the caller acts in.';

drop policy if exists "administrators read the memberships of their organisation" on mentorcert.memberships;
create policy "administrators read the memberships of their organisation"
on mentorcert.memberships for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the memberships of their organisation" on mentorcert.memberships is
  'The administrator answers for who may do what.';

drop policy if exists "administrators add memberships to their organisation" on mentorcert.memberships;
create policy "administrators add memberships to their organisation"
on mentorcert.memberships for insert to authenticated
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators add memberships to their organisation" on mentorcert.memberships is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change memberships of their organisation" on mentorcert.memberships;
create policy "administrators change memberships of their organisation"
on mentorcert.memberships for update to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()))
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators change memberships of their organisation" on mentorcert.memberships is
  'What may be changed is said by the column grant.';

drop policy if exists "the endpoint memberships is switched on" on mentorcert.memberships;
create policy "the endpoint memberships is switched on"
on mentorcert.memberships as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('memberships')));
comment on policy "the endpoint memberships is switched on" on mentorcert.memberships is
  'Raises MC010 while it is off.';

create or replace function mentorcert_private.keep_an_administrator()
returns trigger
language plpgsql
security definer -- counts memberships, whatever the caller may see of them
set search_path = ''
as $$
begin
  -- Locked, so that of two administrators who end each other's membership at once the second one sees the first.
  perform from mentorcert.memberships as other
  where
    other.organisation_id = old.organisation_id and other.role = 'org_admin' and other.id <> old.id
    and coalesce(other.ended_at, 'infinity') >= coalesce(old.ended_at, 'infinity')
  for no key update;
  if not found then
    raise exception using
      errcode = 'MC011', message = 'the last administrator of an organisation stays',
      hint = 'Make somebody else administrator first.',
      schema = 'mentorcert', table = 'memberships', column = 'ended_at', constraint = 'memberships_last_administrator';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.keep_an_administrator() is
  'Refuses (MC011) that a client ends, now or later, the membership of the administrator who stays longest; the owner may.';

create or replace trigger keep_identity
before update of id, organisation_id, user_id, role, chapter_id, created_at on mentorcert.memberships
for each row execute function mentorcert_private.reject_change_of_column(
  'id', 'organisation_id', 'user_id', 'role', 'chapter_id', 'created_at'
);

create or replace trigger check_version
before update of version on mentorcert.memberships
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.memberships
for each row execute function mentorcert_private.set_version();

create or replace trigger reject_truncation
before truncate on mentorcert.memberships
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');

create or replace function mentorcert_private.reject_second_current()
returns trigger
language plpgsql
security definer -- the caller may not see every row of the same
set search_path = ''
as $$
declare
  -- A record of either table has fields that one of the other has not.
  written constant jsonb := to_jsonb(new);
  is_second boolean;
begin
  -- After the row is in: who waited at the unique index for a row whose end was being written sees that end here.
  if tg_table_name = 'memberships' then
    select exists (
      select from mentorcert.memberships as other
      where
        other.user_id = (written ->> 'user_id')::uuid and other.organisation_id = new.organisation_id
        and other.role = written ->> 'role'
        and other.chapter_id is not distinct from new.chapter_id and other.id <> new.id
        and (other.ended_at is null or other.ended_at > statement_timestamp())
    ) into is_second;
  else
    select exists (
      select from mentorcert.peer_mentor_chapters as other
      where
        other.peer_mentor_id = (written ->> 'peer_mentor_id')::uuid and other.chapter_id = new.chapter_id
        and other.id <> new.id
        and (other.ended_at is null or other.ended_at > statement_timestamp())
    ) into is_second;
  end if;
  if is_second then
    raise exception using
      errcode = 'unique_violation', message = format('one row of %s holds already, perhaps to a day that is known', tg_table_name),
      hint = 'Take the end of that row away instead.',
      schema = tg_table_schema, table = tg_table_name, constraint = format('%s_current_key', tg_table_name);
  end if;
  return null;
end
$$;
comment on function mentorcert_private.reject_second_current() is
  'Refuses (23505) a second row of the same that holds now, which the unique index cannot see where an end lies in the future.';

create or replace trigger reject_second_current
after insert or update of ended_at on mentorcert.memberships
for each row when (new.ended_at is null or new.ended_at > statement_timestamp()) execute function mentorcert_private.reject_second_current();

create or replace trigger keep_an_administrator
before update of ended_at on mentorcert.memberships
for each row when (
  old.role = 'org_admin' and new.ended_at < coalesce(old.ended_at, 'infinity') and auth.uid() is not null
)
execute function mentorcert_private.keep_an_administrator();

-- Who is in several organisations chooses one, and must see which there are before acting in any.

create or replace function public.own_organisations()
returns table (id uuid, slug text, name text, time_zone text)
language sql
stable
security definer -- row-level security shows only the organisation in which the caller acts already
set search_path = ''
as $$
  select organisation.id, organisation.slug, organisation.name, organisation.time_zone
  from mentorcert.organisations as organisation
  where mentorcert_private.check_endpoint('organisations') and exists (
    select from mentorcert.memberships as membership
    where
      membership.organisation_id = organisation.id
      and membership.user_id = (select auth.uid())
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )
$$;
comment on function public.own_organisations() is
  'The organisations in which the caller has a membership; the token names one of them in app_metadata.organisation_id.';

-- Peer mentors
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
  version bigint not null default 1,
  constraint peer_mentors_pkey primary key (id),
  constraint peer_mentors_organisation_id_id_key unique (organisation_id, id),
  constraint peer_mentors_organisation_id_external_id_key unique (organisation_id, external_id),
  constraint peer_mentors_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint peer_mentors_user_id_fkey foreign key (user_id) references auth.users (id) on delete set null,
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
  constraint peer_mentors_erased_at_valid check (
    erased_at is null
    or user_id is null and email is null and phone is null and display_name is null and not listing_consent
    and full_name = 'erased' and external_id = 'erased-' || id
  )
) with (fillfactor = 90);
-- The constraint of the same columns is the target of ON CONFLICT; this one knows that w1 and W1 are one.
create unique index if not exists peer_mentors_external_id_folded_key
on mentorcert.peer_mentors (organisation_id, mentorcert_private.folded(external_id));
create index if not exists peer_mentors_number_key_idx
on mentorcert.peer_mentors (organisation_id, mentorcert_private.number_key(external_id));
create index if not exists peer_mentors_email_idx
on mentorcert.peer_mentors (organisation_id, mentorcert_private.folded(email)) where email is not null;
create unique index if not exists peer_mentors_user_id_key
on mentorcert.peer_mentors (user_id, organisation_id) where user_id is not null;
create index if not exists peer_mentors_chapter_ids_idx on mentorcert.peer_mentors using gin (chapter_ids);
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
comment on column mentorcert.peer_mentors.chapter_ids is 'The current chapters, kept by trigger from peer_mentor_chapters.';
comment on column mentorcert.peer_mentors.language is 'The language of what is written to this person: nb or en.';

drop policy if exists "members read peer mentors of their organisation" on mentorcert.peer_mentors;
create policy "members read peer mentors of their organisation"
on mentorcert.peer_mentors for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read peer mentors of their organisation" on mentorcert.peer_mentors is
  'Those within reach, as the restrictive policy says.';

drop policy if exists "peer mentors are within reach and switched on" on mentorcert.peer_mentors;
create policy "peer mentors are within reach and switched on"
on mentorcert.peer_mentors as restrictive to anon, authenticated
using (
  (select mentorcert_private.check_endpoint('peer_mentors'))
  and (
    organisation_id = (select mentorcert_private.administered_organisation_id())
    or chapter_ids && (select mentorcert_private.coordinated_chapter_ids()) and id <> all((select mentorcert_private.left_peer_mentor_ids())::uuid[])
    or id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
  )
);
comment on policy "peer mentors are within reach and switched on" on mentorcert.peer_mentors is
  'Holds whatever else lets in. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';

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
    and (
      mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(mentorcert_private.canonical_line(look_alikes.external_id))
      or mentorcert_private.folded(mentor.email) = mentorcert_private.folded(mentorcert_private.canonical_email(look_alikes.email))
        and mentorcert_private.folded(mentor.full_name) = mentorcert_private.folded(mentorcert_private.canonical_line(look_alikes.full_name))
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
  return new;
end
$$;
comment on function mentorcert_private.canonicalise_peer_mentor() is
  'Brings what is written of a peer mentor to its canonical form. Named to run before other triggers.';

create or replace trigger canonicalise
before insert or update of external_id, full_name, display_name, email, phone on mentorcert.peer_mentors
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
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or (ended_at is null or ended_at > statement_timestamp()) and chapter_id = any((select mentorcert_private.coordinated_chapter_ids())::uuid[])
  or peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
);
comment on policy "people read the chapters of peer mentors within their reach" on mentorcert.peer_mentor_chapters is
  'A coordinator sees who is in the own chapters now, not the other chapters of the same person.';

drop policy if exists "administrators put peer mentors into chapters" on mentorcert.peer_mentor_chapters;
create policy "administrators put peer mentors into chapters"
on mentorcert.peer_mentor_chapters for insert to authenticated
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators put peer mentors into chapters" on mentorcert.peer_mentor_chapters is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators take peer mentors out of chapters" on mentorcert.peer_mentor_chapters;
create policy "administrators take peer mentors out of chapters"
on mentorcert.peer_mentor_chapters for update to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()))
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
before update of id, organisation_id, peer_mentor_id, chapter_id, created_at on mentorcert.peer_mentor_chapters
for each row execute function mentorcert_private.reject_change_of_column(
  'id', 'organisation_id', 'peer_mentor_id', 'chapter_id', 'created_at'
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
    where (link.ended_at is null or link.ended_at > statement_timestamp()) and mentor.erased_at is not null
  ) then
    perform mentorcert_private.raise_forbidden('the person was erased, and enters no chapter');
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

-- Certification types

-- Does what CHECK cannot: look at the elements of an array together. It runs with the rights of the one who writes the row.
create or replace function mentorcert_private.are_distinct(numbers smallint[])
returns boolean
language sql
immutable
set search_path = ''
as $$ select count(*) = count(distinct number) from unnest(numbers) as number $$;
comment on function mentorcert_private.are_distinct(smallint[]) is 'Whether no number is null or comes twice.';

create table if not exists mentorcert.certification_types (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  code text not null,
  name_nb text not null,
  name_en text not null,
  validity_rule text not null,
  validity_months integer,
  required_for_listing boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  reminder_days smallint[] not null default '{90,30,7}',
  version bigint not null default 1,
  constraint certification_types_pkey primary key (id),
  constraint certification_types_organisation_id_code_key unique (organisation_id, code),
  constraint certification_types_organisation_id_fkey foreign key (organisation_id)
    references mentorcert.organisations (id),
  constraint certification_types_code_length check (length(code) <= 100),
  constraint certification_types_code_valid check (code ~ '^[a-z0-9]+([_-][a-z0-9]+)*$'),
  constraint certification_types_name_characters check (mentorcert_private.is_readable_line(name_nb) and mentorcert_private.is_readable_line(name_en)),
  constraint certification_types_name_length check (length(name_nb) <= 200 and length(name_en) <= 200),
  constraint certification_types_name_valid check (name_nb <> '' and name_en <> ''),
  constraint certification_types_validity_rule_valid check (validity_rule in ('months', 'end_of_year', 'unlimited')),
  constraint certification_types_validity_months_valid check (
    case
      when validity_rule = 'unlimited' then validity_months is null
      else validity_months is not null and validity_months between 0 and 1200
        and (validity_months > 0 or validity_rule = 'end_of_year')
    end
  ),
  constraint certification_types_reminder_days_valid check (
    cardinality(reminder_days) <= 6
    and array_position(reminder_days, null) is null
    and 0 <= all(reminder_days)
    and 365 >= all(reminder_days)
    and mentorcert_private.are_distinct(reminder_days)
  )
);
alter table mentorcert.certification_types enable row level security;
revoke all on mentorcert.certification_types from anon, authenticated, service_role;
grant select, insert, update on mentorcert.certification_types to service_role;
grant
  select,
  insert (code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days),
  update (name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, version)
on mentorcert.certification_types to authenticated;
comment on table mentorcert.certification_types is
  'A kind of training whose completion an organisation certifies, and for how long it holds.';
comment on column mentorcert.certification_types.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.certification_types.validity_rule is
  'months: as many from the day of issue; end_of_year: to 31 December of the year that many months reach (0 = the same year); unlimited.';
comment on column mentorcert.certification_types.required_for_listing is
  'Whether a peer mentor must hold this type, active, to be on the public list.';
comment on column mentorcert.certification_types.reminder_days is
  'How many days before the first day without it the holder is reminded; where any is given, also once it has expired. None: no notices of this type.';

drop policy if exists "members read the types of their organisation" on mentorcert.certification_types;
create policy "members read the types of their organisation"
on mentorcert.certification_types for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read the types of their organisation" on mentorcert.certification_types is
  'Everybody may know what can be certified.';

drop policy if exists "administrators add types to their organisation" on mentorcert.certification_types;
create policy "administrators add types to their organisation"
on mentorcert.certification_types for insert to authenticated
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators add types to their organisation" on mentorcert.certification_types is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change types of their organisation" on mentorcert.certification_types;
create policy "administrators change types of their organisation"
on mentorcert.certification_types for update to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()))
with check (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators change types of their organisation" on mentorcert.certification_types is
  'What may be changed is said by the column grant.';

drop policy if exists "the endpoint organisations is switched on" on mentorcert.certification_types;
create policy "the endpoint organisations is switched on"
on mentorcert.certification_types as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('organisations')));
comment on policy "the endpoint organisations is switched on" on mentorcert.certification_types is
  'Raises MC010 while it is off.';

create or replace trigger canonicalise
before insert or update of code, name_nb, name_en on mentorcert.certification_types
for each row execute function mentorcert_private.canonicalise('line', 'code', 'name_nb', 'name_en');

create or replace trigger keep_identity
before update of id, organisation_id, code, created_at on mentorcert.certification_types
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'code', 'created_at');

create or replace trigger check_version
before update of version on mentorcert.certification_types
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.certification_types
for each row execute function mentorcert_private.set_version();

-- A function is closed until it is opened by name. Supabase grants EXECUTE to each of its roles as well, so revoking it from
-- public alone would leave the door open.
revoke execute on function
  mentorcert_private.set_updated_at, mentorcert_private.set_version, mentorcert_private.check_version,
  mentorcert_private.reject_change_of_column, mentorcert_private.reject_change, mentorcert_private.require_instants,
  public.get_user_organisation_id,
  mentorcert_private.administered_organisation_id, mentorcert_private.require_administrator, mentorcert_private.require_administered_organisation,
  mentorcert_private.with_chapters_below, mentorcert_private.coordinated_chapter_ids, mentorcert_private.left_peer_mentor_ids, mentorcert_private.current_chapter_ids,
  mentorcert_private.own_peer_mentor_ids, mentorcert_private.may_certify, mentorcert_private.reject_second_current, mentorcert_private.refresh_ended_chapters,
  mentorcert_private.check_endpoint, mentorcert_private.canonicalise_peer_mentor, mentorcert_private.look_alikes,
  mentorcert_private.require_certifications, mentorcert_private.check_time_zone, mentorcert_private.reject_chapter_cycle, mentorcert_private.keep_an_administrator,
  public.own_organisations, mentorcert_private.reject_other_chapters, public.set_my_language, mentorcert_private.copy_chapter_ids,
  mentorcert_private.are_distinct
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.require_instants, public.get_user_organisation_id, mentorcert_private.administered_organisation_id, mentorcert_private.require_administrator,
  mentorcert_private.require_administered_organisation, mentorcert_private.with_chapters_below,
  mentorcert_private.coordinated_chapter_ids, mentorcert_private.left_peer_mentor_ids, mentorcert_private.own_peer_mentor_ids, mentorcert_private.require_certifications,
  public.set_my_language,
  mentorcert_private.are_distinct, mentorcert_private.look_alikes
to authenticated, service_role;
grant execute on function public.own_organisations to authenticated;
-- anon has no way into the schema mentorcert_private, so it reaches this function through policies alone.
grant execute on function mentorcert_private.check_endpoint to anon, authenticated, service_role;
