-- Organisations and their chapters.
--
-- A client names none: a new row of the tables below belongs to the one the caller acts in.

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
create index if not exists organisations_time_zone_idx on mentorcert.organisations (time_zone, created_at);
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

-- Does what CHECK cannot: look at the elements of an array. It runs with the rights of the one who writes the row.
create or replace function mentorcert_private.are_places(places text[])
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(bool_and(place is not null and place <> '' and length(place) <= 100 and mentorcert_private.is_readable_line(place)), true)
  from unnest(places) as place
$$;
comment on function mentorcert_private.are_places(text[]) is 'Whether each is a postal place or code: one readable line.';

create table if not exists mentorcert.chapters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  parent_id uuid,
  code text not null,
  name text not null,
  retired_on date,
  retired_reason text,
  merged_into_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  contact_email text,
  contact_phone text,
  website text,
  places text[] not null default '{}',
  constraint chapters_pkey primary key (id),
  constraint chapters_organisation_id_id_key unique (organisation_id, id),
  constraint chapters_organisation_id_code_key unique (organisation_id, code),
  constraint chapters_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint chapters_parent_id_fkey foreign key (organisation_id, parent_id)
    references mentorcert.chapters (organisation_id, id),
  constraint chapters_code_characters check (mentorcert_private.is_readable_line(code)),
  constraint chapters_code_length check (length(code) <= 100),
  constraint chapters_code_valid check (code ~ '^\S+$' and code !~ '[|;,]'),
  constraint chapters_merged_into_id_fkey foreign key (organisation_id, merged_into_id)
    references mentorcert.chapters (organisation_id, id),
  constraint chapters_merged_into_id_valid check (merged_into_id is null or retired_on is not null and merged_into_id <> id),
  constraint chapters_retired_reason_characters check (mentorcert_private.is_readable_line(retired_reason)),
  constraint chapters_retired_reason_length check (length(retired_reason) <= 500),
  constraint chapters_retired_reason_valid check (
    (retired_on is null) = (retired_reason is null) and (retired_reason is null or retired_reason <> '')
  ),
  constraint chapters_name_characters check (mentorcert_private.is_readable_line(name)),
  constraint chapters_name_length check (length(name) <= 200),
  constraint chapters_name_valid check (name <> '' and name !~ '[|]'),
  constraint chapters_contact_email_length check (length(contact_email) <= 254),
  constraint chapters_contact_email_valid check (mentorcert_private.is_email(contact_email)),
  constraint chapters_contact_phone_length check (length(contact_phone) <= 40),
  constraint chapters_contact_phone_valid check (mentorcert_private.is_phone(contact_phone)),
  constraint chapters_website_length check (length(website) <= 300),
  constraint chapters_website_valid check (website ~ '^https?://[^\s"<>\\]+\.[^\s"<>\\]+$' and mentorcert_private.is_readable_line(website)),
  constraint chapters_places_length check (length(places::text) <= 5000),
  constraint chapters_places_valid check (cardinality(places) <= 100 and mentorcert_private.are_places(places))
);
create index if not exists chapters_parent_id_idx on mentorcert.chapters (parent_id, organisation_id);
alter table mentorcert.chapters enable row level security;
revoke all on mentorcert.chapters from anon, authenticated, service_role;
grant select, insert, update on mentorcert.chapters to service_role;
grant select, insert (parent_id, code, name), update (parent_id, code, name, retired_on, retired_reason, merged_into_id, version) on mentorcert.chapters to authenticated;
comment on table mentorcert.chapters is 'A branch of an organisation; a county chapter is the parent of its local chapters.';
comment on column mentorcert.chapters.retired_on is 'From which day nobody enters the chapter. It stands in no choice, and stays readable in what was.';
comment on column mentorcert.chapters.merged_into_id is 'The chapter into which this one was merged when it was retired.';
comment on column mentorcert.chapters.contact_email is 'Where the public writes to the chapter: its own address, shown to everybody.';
comment on column mentorcert.chapters.contact_phone is 'Where the public calls the chapter, shown to everybody.';
comment on column mentorcert.chapters.website is 'The chapter''s own page, shown to everybody.';
comment on column mentorcert.chapters.places is 'Postal places and codes that the chapter serves: the public finds it by them.';
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
before insert or update of code, name, retired_reason on mentorcert.chapters
for each row execute function mentorcert_private.canonicalise('line', 'code', 'name', 'retired_reason');

create or replace function mentorcert_private.canonicalise_chapter_contact()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- What a form leaves empty is not known.
  new.contact_email := nullif(mentorcert_private.canonical_email(new.contact_email), '');
  new.contact_phone := nullif(mentorcert_private.canonical_line(new.contact_phone), '');
  new.website := nullif(mentorcert_private.canonical_line(new.website), '');
  new.places := array(
    select place.written from unnest(new.places) with ordinality as given (place, position)
    cross join lateral (select mentorcert_private.canonical_line(given.place) as written) as place
    where place.written <> ''
    order by given.position
  );
  return new;
end
$$;
comment on function mentorcert_private.canonicalise_chapter_contact() is
  'Brings the contact and the places of a chapter to their canonical form. Named to run before other triggers.';

create or replace trigger canonicalise_contact
before insert or update of contact_email, contact_phone, website, places on mentorcert.chapters
for each row execute function mentorcert_private.canonicalise_chapter_contact();

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

create or replace function public.set_chapter_contact(
  chapter_id uuid, contact_email text, contact_phone text, website text, places text[], version bigint default null
)
returns void
language plpgsql
security definer -- a coordinator writes no column but these
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('organisations');
  update mentorcert.chapters as chapter
  set
    contact_email = set_chapter_contact.contact_email, contact_phone = set_chapter_contact.contact_phone,
    website = set_chapter_contact.website, places = coalesce(set_chapter_contact.places, '{}'),
    version = coalesce(set_chapter_contact.version, chapter.version)
  where
    chapter.id = set_chapter_contact.chapter_id
    and mentorcert_private.may_certify(chapter.organisation_id, array[chapter.id]);
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function public.set_chapter_contact(uuid, text, text, text, text[], bigint) is
  'Says where the public reaches a chapter, and which places it serves; the administrator, and a coordinator of the chapter or of one above it.';

revoke execute on function
  mentorcert_private.check_time_zone, mentorcert_private.reject_chapter_cycle, mentorcert_private.are_places,
  mentorcert_private.canonicalise_chapter_contact, public.set_chapter_contact
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.are_places to authenticated, service_role;
grant execute on function public.set_chapter_contact to authenticated;
