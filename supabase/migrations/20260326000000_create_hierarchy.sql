-- Organisations, chapters, memberships, peer mentors, their chapters, and certification types.

create schema if not exists private;
comment on schema private is
  'Helpers of policies, triggers and jobs. Not exposed through the Data API.';
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

-- A function is closed until a migration opens it by name. Supabase grants EXECUTE to each of its roles
-- as well, so revoking it from public alone would leave the door open.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;

-- Trigger functions that every table shares

create or replace function private.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function private.set_updated_at() is 'Stamps updated_at with the time of the transaction.';

create or replace function private.reject_change_of_column()
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
comment on function private.reject_change_of_column() is
  'Refuses (MC007) an UPDATE that gives another value to a column named in the trigger''s arguments.';

-- Organisations

create table if not exists public.organisations (
  id uuid not null default gen_random_uuid(),
  slug text not null,
  name text not null,
  time_zone text not null default 'Europe/Oslo',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint organisations_pkey primary key (id),
  constraint organisations_slug_key unique (slug),
  constraint organisations_slug_valid check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint organisations_name_valid check (btrim(name) <> '')
);
alter table public.organisations enable row level security;
revoke all on public.organisations from anon, authenticated, service_role;
grant select, insert, update on public.organisations to service_role;
grant select, update (name) on public.organisations to authenticated;
comment on table public.organisations is 'A patient organisation that runs a peer-mentor programme.';
comment on column public.organisations.time_zone is
  'IANA name; a day of this organisation begins and ends at midnight there. Every stored date was cut by it, so it never changes.';

create or replace function private.check_time_zone()
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
      schema = 'public', table = 'organisations', column = 'time_zone', constraint = 'organisations_time_zone_valid';
  end if;
  return new;
end
$$;
comment on function private.check_time_zone() is 'Refuses (MC008) a time zone that the server does not know.';

create or replace trigger check_time_zone
before insert on public.organisations
for each row execute function private.check_time_zone();

create or replace trigger keep_identity
before update of id, slug, time_zone, created_at on public.organisations
for each row execute function private.reject_change_of_column('id', 'slug', 'time_zone', 'created_at');

create or replace trigger set_updated_at
before update on public.organisations
for each row execute function private.set_updated_at();

-- Chapters

create table if not exists public.chapters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  parent_id uuid,
  code text not null,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint chapters_pkey primary key (id),
  constraint chapters_organisation_id_id_key unique (organisation_id, id),
  constraint chapters_organisation_id_code_key unique (organisation_id, code),
  constraint chapters_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint chapters_parent_id_fkey foreign key (organisation_id, parent_id)
    references public.chapters (organisation_id, id),
  constraint chapters_code_valid check (code ~ '^\S+$' and code !~ '[|;,]'),
  constraint chapters_name_valid check (btrim(name) <> '' and name !~ '[|\r\n]')
);
create index if not exists chapters_parent_id_idx on public.chapters (parent_id, organisation_id);
alter table public.chapters enable row level security;
revoke all on public.chapters from anon, authenticated, service_role;
grant select, insert, update on public.chapters to service_role;
grant select, insert (parent_id, code, name), update (parent_id, code, name) on public.chapters to authenticated;
comment on table public.chapters is 'A branch of an organisation; a county chapter is the parent of its local chapters.';

create or replace function private.reject_chapter_cycle()
returns trigger
language plpgsql
security definer -- the caller may not see every chapter above this one
set search_path = ''
as $$
begin
  -- Two moves at once could close a cycle that neither of them sees: one at a time in an organisation.
  perform 1 from public.organisations where id = new.organisation_id for no key update;
  if exists (
    with recursive above as (
      select new.parent_id as id
      union
      select chapter.parent_id from above
      join public.chapters as chapter on chapter.id = above.id
    )
    select from above where above.id = new.id
  ) then
    raise exception using
      errcode = 'MC009',
      message = 'a chapter cannot lie under itself',
      hint = 'Choose a parent chapter that is not below this one.',
      schema = 'public', table = 'chapters', column = 'parent_id', constraint = 'chapters_no_cycle';
  end if;
  return new;
end
$$;
comment on function private.reject_chapter_cycle() is 'Refuses (MC009) a parent that lies below the chapter.';

create or replace trigger reject_cycle
before insert or update of parent_id on public.chapters
for each row when (new.parent_id is not null) execute function private.reject_chapter_cycle();

create or replace trigger keep_identity
before update of id, organisation_id, created_at on public.chapters
for each row execute function private.reject_change_of_column('id', 'organisation_id', 'created_at');

create or replace trigger set_updated_at
before update on public.chapters
for each row execute function private.set_updated_at();

-- Memberships

create table if not exists public.memberships (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  user_id uuid not null,
  role text not null,
  chapter_id uuid,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint memberships_pkey primary key (id),
  constraint memberships_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint memberships_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint memberships_chapter_id_fkey foreign key (organisation_id, chapter_id)
    references public.chapters (organisation_id, id),
  constraint memberships_role_valid check (role in ('peer_mentor', 'coordinator', 'org_admin')),
  constraint memberships_chapter_id_valid check ((role = 'coordinator') = (chapter_id is not null))
);
create unique index if not exists memberships_current_key
on public.memberships (user_id, organisation_id, role, chapter_id) nulls not distinct where ended_at is null;
create index if not exists memberships_organisation_id_idx on public.memberships (organisation_id, chapter_id);
alter table public.memberships enable row level security;
revoke all on public.memberships from anon, authenticated, service_role;
grant select, insert, update on public.memberships to service_role;
grant select, insert (user_id, role, chapter_id), update (ended_at) on public.memberships to authenticated;
comment on table public.memberships is 'What a login may do in an organisation; a coordinator has one row for each chapter.';
comment on column public.memberships.ended_at is 'When the membership was taken away; null while it holds.';

create or replace trigger keep_identity
before update of id, organisation_id, user_id, role, chapter_id, created_at on public.memberships
for each row execute function private.reject_change_of_column(
  'id', 'organisation_id', 'user_id', 'role', 'chapter_id', 'created_at'
);

create or replace trigger set_updated_at
before update on public.memberships
for each row execute function private.set_updated_at();

-- Peer mentors and their chapters

create table if not exists public.peer_mentors (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
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
  constraint peer_mentors_pkey primary key (id),
  constraint peer_mentors_organisation_id_id_key unique (organisation_id, id),
  constraint peer_mentors_organisation_id_external_id_key unique (organisation_id, external_id),
  constraint peer_mentors_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint peer_mentors_user_id_fkey foreign key (user_id) references auth.users (id) on delete set null,
  constraint peer_mentors_external_id_valid check (external_id ~ '^\S(.*\S)?$'),
  constraint peer_mentors_full_name_valid check (full_name ~ '^\S(.*\S)?$'),
  constraint peer_mentors_display_name_valid check (btrim(display_name) <> ''),
  constraint peer_mentors_erased_at_valid check (
    erased_at is null
    or user_id is null and email is null and phone is null and display_name is null and not listing_consent
    and full_name = 'erased' and external_id = 'erased-' || id
  )
) with (fillfactor = 90);
create unique index if not exists peer_mentors_user_id_key
on public.peer_mentors (user_id, organisation_id) where user_id is not null;
create index if not exists peer_mentors_chapter_ids_idx on public.peer_mentors using gin (chapter_ids);
alter table public.peer_mentors enable row level security;
revoke all on public.peer_mentors from anon, authenticated, service_role;
grant select, insert, update on public.peer_mentors to service_role;
grant
  select,
  insert (external_id, user_id, full_name, display_name, email, phone, listing_consent),
  update (external_id, user_id, full_name, display_name, email, phone, listing_consent)
on public.peer_mentors to authenticated;
comment on table public.peer_mentors is
  'A volunteer of ONE organisation, with or without a login; a person active in two organisations is two rows.';
comment on column public.peer_mentors.external_id is 'The organisation''s own number for this person, as in its files and its CRM.';
comment on column public.peer_mentors.display_name is 'The name on the public list; null means full_name.';
comment on column public.peer_mentors.erased_at is
  'When the person was erased, by private.erase_peer_mentor; the row stays, without a name, for the counts of past years.';
comment on column public.peer_mentors.chapter_ids is 'The chapters of now, kept by trigger from peer_mentor_chapters.';

create or replace trigger keep_identity
before update of id, organisation_id, created_at on public.peer_mentors
for each row execute function private.reject_change_of_column('id', 'organisation_id', 'created_at');

create or replace trigger set_updated_at
before update on public.peer_mentors
for each row execute function private.set_updated_at();

create table if not exists public.peer_mentor_chapters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  chapter_id uuid not null,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint peer_mentor_chapters_pkey primary key (id),
  constraint peer_mentor_chapters_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references public.peer_mentors (organisation_id, id),
  constraint peer_mentor_chapters_chapter_id_fkey foreign key (organisation_id, chapter_id)
    references public.chapters (organisation_id, id)
);
create unique index if not exists peer_mentor_chapters_current_key
on public.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) where ended_at is null;
create index if not exists peer_mentor_chapters_chapter_id_idx on public.peer_mentor_chapters (chapter_id, peer_mentor_id);
create index if not exists peer_mentor_chapters_peer_mentor_id_idx on public.peer_mentor_chapters (peer_mentor_id, chapter_id);
alter table public.peer_mentor_chapters enable row level security;
revoke all on public.peer_mentor_chapters from anon, authenticated, service_role;
grant select, insert, update on public.peer_mentor_chapters to service_role;
grant select, insert (peer_mentor_id, chapter_id), update (ended_at) on public.peer_mentor_chapters to authenticated;
comment on table public.peer_mentor_chapters is 'Which chapters a peer mentor belongs, or has belonged, to.';
comment on column public.peer_mentor_chapters.ended_at is 'When the peer mentor left the chapter; null while in it.';

create or replace trigger keep_identity
before update of id, organisation_id, peer_mentor_id, chapter_id, created_at on public.peer_mentor_chapters
for each row execute function private.reject_change_of_column(
  'id', 'organisation_id', 'peer_mentor_id', 'chapter_id', 'created_at'
);

create or replace trigger set_updated_at
before update on public.peer_mentor_chapters
for each row execute function private.set_updated_at();

-- Certification types

create table if not exists public.certification_types (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  code text not null,
  name_nb text not null,
  name_en text not null,
  validity_rule text not null,
  validity_months integer,
  required_for_listing boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint certification_types_pkey primary key (id),
  constraint certification_types_organisation_id_code_key unique (organisation_id, code),
  constraint certification_types_organisation_id_fkey foreign key (organisation_id)
    references public.organisations (id),
  constraint certification_types_code_valid check (code ~ '^[a-z0-9]+([_-][a-z0-9]+)*$'),
  constraint certification_types_name_valid check (btrim(name_nb) <> '' and btrim(name_en) <> ''),
  constraint certification_types_validity_rule_valid check (validity_rule in ('months', 'end_of_year', 'unlimited')),
  constraint certification_types_validity_months_valid check (
    case
      when validity_rule = 'unlimited' then validity_months is null
      else validity_months is not null and validity_months between 0 and 1200
        and (validity_months > 0 or validity_rule = 'end_of_year')
    end
  )
);
alter table public.certification_types enable row level security;
revoke all on public.certification_types from anon, authenticated, service_role;
grant select, insert, update on public.certification_types to service_role;
grant
  select,
  insert (code, name_nb, name_en, validity_rule, validity_months, required_for_listing),
  update (name_nb, name_en, validity_rule, validity_months, required_for_listing)
on public.certification_types to authenticated;
comment on table public.certification_types is
  'A kind of training whose completion an organisation certifies, and for how long it holds.';
comment on column public.certification_types.validity_rule is
  'months: as many from the day of issue; end_of_year: to 31 December of the year that many months reach (0 = the same year); unlimited.';
comment on column public.certification_types.required_for_listing is
  'Whether a peer mentor must hold this type, active, to be on the public list.';

create or replace trigger keep_identity
before update of id, organisation_id, code, created_at on public.certification_types
for each row execute function private.reject_change_of_column('id', 'organisation_id', 'code', 'created_at');

create or replace trigger set_updated_at
before update on public.certification_types
for each row execute function private.set_updated_at();
