-- A project as it may be before the registry comes: tables, helpers, policies and habits of its own, under names like ours.

create schema private;
create function private.set_updated_at() returns trigger language plpgsql as $$ begin new.updated_at := now(); return new; end $$;

create table public.organisations (id uuid primary key default gen_random_uuid(), name text not null);
create table public.chapters (
  id uuid primary key default gen_random_uuid(),
  organisation_id uuid not null references public.organisations (id),
  name text not null,
  updated_at timestamptz not null default now()
);
create table public.profiles (
  id uuid primary key references auth.users (id),
  organisation_id uuid references public.organisations (id),
  full_name text not null
);
create table public.memberships (profile_id uuid references public.profiles (id), chapter_id uuid references public.chapters (id), role text);
create table public.audit_log (id bigint generated always as identity primary key, what jsonb not null, at timestamptz not null default now());
create trigger set_updated_at before update on public.chapters for each row execute function private.set_updated_at();

create function public.get_user_organisation_id() returns uuid
language sql stable security definer set search_path = public
as $$ select organisation_id from profiles where id = auth.uid() $$;
comment on function public.get_user_organisation_id() is 'The organisation of the signed-in user.';

-- Their own definer, which clients call, and one for everybody.
create function public.colleagues() returns setof text
language sql stable security definer set search_path = public
as $$ select full_name from profiles where organisation_id = get_user_organisation_id() order by 1 $$;
create function public.greeting() returns text language sql as $$ select 'hello' $$;

create function private.note_change() returns trigger language plpgsql security definer set search_path = public
as $$ begin insert into audit_log (what) values (to_jsonb(new)); return new; end $$;
create trigger note_change after insert or update on public.chapters for each row execute function private.note_change();

alter table public.organisations enable row level security;
alter table public.chapters enable row level security;
alter table public.profiles enable row level security;
create policy "own organisation" on public.organisations for select to authenticated using (id = public.get_user_organisation_id());
create policy "chapters of the organisation" on public.chapters to authenticated
using (organisation_id = public.get_user_organisation_id()) with check (organisation_id = public.get_user_organisation_id());
create policy "own profile" on public.profiles for select to authenticated using (id = auth.uid());
create view public.chapter_names with (security_invoker = on) as select name from public.chapters;
grant select, insert, update on public.organisations, public.chapters, public.profiles, public.chapter_names to authenticated;

insert into public.organisations (id, name)
values ('00000000-0000-4000-8000-00000000000a', 'Alfa'), ('00000000-0000-4000-8000-00000000000b', 'Beta');
insert into public.chapters (organisation_id, name)
values ('00000000-0000-4000-8000-00000000000a', 'Alfa Oslo'), ('00000000-0000-4000-8000-00000000000b', 'Beta Oslo');

create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text not null primary key, statements text [], name text);
insert into supabase_migrations.schema_migrations (version, statements, name)
values
  ('20240101000000', array['create table public.organisations ()'], 'first'),
  ('20991231000000', array['create table public.profiles ()', 'create function public.reads() as $$ from mentorcert.chapters $$'], 'newest');
