-- A project that had its own organisations, chapters and roles before the registry came: its app writes these tables.

create table public.organisations (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  short_name text not null unique
);

create table public.chapters (
  id bigint primary key generated always as identity,
  organisation_id uuid not null references public.organisations (id),
  county_id bigint references public.chapters (id),
  name text not null
);

-- One row for each login. The role counts in the whole organisation.
create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  organisation_id uuid references public.organisations (id),
  member_number integer unique generated always as identity,
  full_name text not null,
  email text,
  phone text,
  role text not null default 'guest',
  is_active boolean not null default true
);

-- Who is where: volunteers, and who leads a chapter, until when.
create table public.chapter_members (
  profile_id uuid not null references public.profiles (id) on delete cascade,
  chapter_id bigint not null references public.chapters (id) on delete cascade,
  position text not null,
  until date,
  primary key (profile_id, chapter_id, position)
);

create function public.get_user_organisation_id() returns uuid
language sql stable security definer -- reads profiles, whose policy calls it
set search_path = ''
as $$ select organisation_id from public.profiles where id = auth.uid() $$;

create function public.is_office() returns boolean
language sql stable security definer -- reads profiles, whose policy calls it
set search_path = ''
as $$ select exists (select from public.profiles where id = auth.uid() and role = 'office' and is_active) $$;

alter table public.organisations enable row level security;
alter table public.chapters enable row level security;
alter table public.profiles enable row level security;
alter table public.chapter_members enable row level security;

create policy "members read their organisation" on public.organisations for select to authenticated
using (id = (select public.get_user_organisation_id()));
create policy "members read chapters" on public.chapters for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
create policy "the office changes chapters" on public.chapters to authenticated
using (organisation_id = (select public.get_user_organisation_id()) and (select public.is_office()))
with check (organisation_id = (select public.get_user_organisation_id()) and (select public.is_office()));
create policy "people read their own profile" on public.profiles for select to authenticated using (id = (select auth.uid()));
create policy "the office changes profiles" on public.profiles to authenticated
using (organisation_id = (select public.get_user_organisation_id()) and (select public.is_office()))
with check (organisation_id = (select public.get_user_organisation_id()) and (select public.is_office()));
create policy "the office places members" on public.chapter_members to authenticated
using (chapter_id in (select id from public.chapters) and (select public.is_office()))
with check (chapter_id in (select id from public.chapters) and (select public.is_office()));

grant select on public.organisations to authenticated;
grant select, insert, update, delete on public.chapters, public.profiles, public.chapter_members to authenticated;
