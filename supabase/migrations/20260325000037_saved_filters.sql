-- Saved filters: what a coordinator or administrator narrows a list to, kept under a name.
--
-- A row belongs to one person in one organisation, or (user_id is null) to everybody there. Of the address of a list it holds the
-- parameters alone, each known and of its form, so that opening one leads nowhere else. What is searched for may be a name, so that no
-- client reads the table, and the rows end with the access of their owner. A parameter that gets another name gets it here too, with the
-- rows; the pages say of a filter that they cannot read that it is of no use.

create or replace function mentorcert_private.list_parameters()
returns table (list text, name text, pattern text)
language sql
immutable
set search_path = ''
as $$
  values
    ('certifications', 'q', '^.{1,200}$'), ('certifications', 'status', '^(active|expired|suspended)$'),
    ('certifications', 'type', '^.{1,100}$'), ('certifications', 'chapter', '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    ('certifications', 'ends', '^(30|60|90|180|365|never|(19|20|21)[0-9]{2}-(0[1-9]|1[0-2]))$'), ('certifications', 'left', '^true$'),
    ('certifications', 'sort', '^(next|-?(expires|issued|name|type))$'), ('certifications', 'size', '^(50|100|500)$'),
    ('mentors', 'q', '^.{1,200}$'), ('mentors', 'chapter', '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'), ('mentors', 'left', '^true$'),
    ('mentors', 'holds', '^.{1,100}$'), ('mentors', 'standing', '^(held|not_held|never|lapsed|suspended|ends|obtained)$'),
    ('mentors', 'type', '^.{1,100}$'), ('mentors', 'first', '^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$'),
    ('mentors', 'last', '^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$'), ('mentors', 'on', '^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$'),
    ('mentors', 'size', '^(50|100|500)$')
$$;
comment on function mentorcert_private.list_parameters() is 'By what each list can be narrowed and sorted: the parameters of its address, and their form.';

create or replace function mentorcert_private.is_list_filter(list text, parameters jsonb)
returns boolean
language sql
immutable
strict
set search_path = ''
as $$
  select case when jsonb_typeof(parameters) = 'object' then
    parameters <> '{}' and not exists (
      select from jsonb_each(parameters) as given
      left join mentorcert_private.list_parameters() as known on known.list = is_list_filter.list and known.name = given.key
      where
        known.name is null or jsonb_typeof(given.value) <> 'string' or given.value #>> '{}' !~ known.pattern
        or not mentorcert_private.is_readable_line(given.value #>> '{}')
    )
  else false end
$$;
comment on function mentorcert_private.is_list_filter(text, jsonb) is
  'Whether these are parameters of a list, at least one, each a text of its form.';

create table if not exists mentorcert_private.saved_filters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  user_id uuid,
  list text not null,
  name text not null,
  parameters jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint saved_filters_pkey primary key (id),
  constraint saved_filters_name_key unique nulls not distinct (organisation_id, user_id, list, name),
  constraint saved_filters_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint saved_filters_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint saved_filters_list_valid check (list in ('certifications', 'mentors')),
  constraint saved_filters_name_characters check (mentorcert_private.is_readable_line(name)),
  constraint saved_filters_name_length check (length(name) <= 60),
  constraint saved_filters_name_valid check (name <> ''),
  constraint saved_filters_parameters_valid check (mentorcert_private.is_list_filter(list, parameters))
);
create index if not exists saved_filters_user_id_idx on mentorcert_private.saved_filters (user_id);
alter table mentorcert_private.saved_filters enable row level security;
revoke all on mentorcert_private.saved_filters from anon, authenticated, service_role;
comment on table mentorcert_private.saved_filters is
  'Filters of the lists, under names: of one person, or of everybody in the organisation. Read by public.saved_filters.';
comment on column mentorcert_private.saved_filters.user_id is 'Whose it is; null: of everybody in the organisation, kept by its administrators.';
comment on column mentorcert_private.saved_filters.parameters is 'What the address of the list asks for: names and texts, as mentorcert_private.list_parameters knows them.';
comment on column mentorcert_private.saved_filters.version is 'How often the row was written. An update that names it changes that version only.';

create or replace trigger canonicalise
before insert or update of name on mentorcert_private.saved_filters
for each row execute function mentorcert_private.canonicalise('line', 'name');

create or replace trigger keep_identity
before update of id, organisation_id, user_id, list, parameters, created_at on mentorcert_private.saved_filters
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'user_id', 'list', 'parameters', 'created_at');

create or replace trigger check_version
before update of version on mentorcert_private.saved_filters
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert_private.saved_filters
for each row execute function mentorcert_private.set_version();

create or replace function mentorcert_private.check_saved_filter()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from jsonb_each_text(new.parameters) as given
    where
      given.key = 'chapter' and not exists (
        select from mentorcert.chapters as chapter where chapter.organisation_id = new.organisation_id and chapter.id::text = given.value
      )
      or given.key in ('holds', 'type') and not exists (
        select from mentorcert.certification_types as type where type.organisation_id = new.organisation_id and type.code = given.value
      )
  ) then
    raise exception using
      errcode = 'MC008', message = 'the filter names a chapter or a certification type that the organisation does not have',
      hint = 'Choose one of the organisation''s.', constraint = 'saved_filters_parameters_known';
  end if;
  return null;
end
$$;
comment on function mentorcert_private.check_saved_filter() is
  'Refuses (MC008) a filter by a chapter or a type of another organisation, or of none.';

-- After the constraints: what is no filter at all is refused by them.
create or replace trigger check_parameters
after insert on mentorcert_private.saved_filters
for each row execute function mentorcert_private.check_saved_filter();

create or replace function mentorcert_private.keeps_saved_filter(organisation_id uuid, user_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(
    organisation_id = (select mentorcert_private.administered_organisation_id()) and (user_id is null or user_id = (select auth.uid()))
    or organisation_id = (select public.get_user_organisation_id()) and user_id = (select auth.uid())
    and (select mentorcert_private.coordinated_chapter_ids()) <> '{}',
    false
  )
$$;
comment on function mentorcert_private.keeps_saved_filter(uuid, uuid) is
  'Whether the caller saves, renames and removes a filter: coordinators and administrators their own, administrators those of everybody.';

create or replace function public.saved_filters()
returns table (
  id uuid, organisation_id uuid, list text, name text, parameters jsonb, is_shared boolean, may_change boolean, version bigint
)
language plpgsql
stable
security definer -- the table is no client's to read
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  select
    saved.id, saved.organisation_id, saved.list, saved.name, saved.parameters, saved.user_id is null,
    mentorcert_private.keeps_saved_filter(saved.organisation_id, saved.user_id), saved.version
  from mentorcert_private.saved_filters as saved
  where
    saved.organisation_id = (select public.get_user_organisation_id()) and (saved.user_id is null or saved.user_id = (select auth.uid()))
    and mentorcert_private.keeps_saved_filter(saved.organisation_id, (select auth.uid()))
  order by saved.list, saved.user_id is null, mentorcert_private.sort_key(saved.name), saved.id;
end
$$;
comment on function public.saved_filters() is
  'The saved filters of the caller, and then those of everybody in the organisation, by name; for coordinators and administrators.';

create or replace function public.save_filter(list text, name text, parameters jsonb, is_shared boolean default false)
returns uuid
language plpgsql
security definer -- the table is no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := public.get_user_organisation_id();
  owner constant uuid := case when is_shared is distinct from true then auth.uid() end;
  saved_id uuid;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if not mentorcert_private.keeps_saved_filter(organisation, owner) then
    perform mentorcert_private.raise_forbidden();
  end if;
  -- One at a time, so that the bound holds.
  perform mentorcert_private.take_lock(concat_ws(' ', 'saved filters', organisation, owner));
  if (
    select count(*) >= 30 from mentorcert_private.saved_filters as saved
    where saved.organisation_id = organisation and saved.user_id is not distinct from owner
  ) then
    raise exception using
      errcode = 'MC008', message = 'there are 30 saved filters', hint = 'Remove one that is not needed any more.',
      constraint = 'saved_filters_number';
  end if;
  insert into mentorcert_private.saved_filters (organisation_id, user_id, list, name, parameters)
  values (organisation, owner, save_filter.list, save_filter.name, save_filter.parameters)
  returning id into saved_id;
  return saved_id;
end
$$;
comment on function public.save_filter(text, text, jsonb, boolean) is
  'Saves a filter of a list (certifications or mentors) under a name: for the caller, or by an administrator for everybody in the organisation (is_shared); at most 30 of each. Returns its id.';

create or replace function mentorcert_private.locked_saved_filter(filter_id uuid)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  locked_id uuid;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  select saved.id into locked_id
  from mentorcert_private.saved_filters as saved
  where saved.id = locked_saved_filter.filter_id and mentorcert_private.keeps_saved_filter(saved.organisation_id, saved.user_id)
  for update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  return locked_id;
end
$$;
comment on function mentorcert_private.locked_saved_filter(uuid) is
  'A saved filter that the caller may change, locked; 42501 for all others, whether it is there or not.';

create or replace function public.rename_filter(filter_id uuid, name text, version bigint default null)
returns void
language plpgsql
security definer -- the table is no client's to write
set search_path = ''
as $$
declare
  locked_id constant uuid := mentorcert_private.locked_saved_filter(filter_id);
begin
  update mentorcert_private.saved_filters as saved
  set name = rename_filter.name, version = coalesce(rename_filter.version, saved.version)
  where saved.id = locked_id;
end
$$;
comment on function public.rename_filter(uuid, text, bigint) is
  'Gives a saved filter another name, if it is still that version; its owner, and administrators those of everybody.';

create or replace function public.remove_filter(filter_id uuid, version bigint default null)
returns void
language plpgsql
security definer -- the table is no client's to write
set search_path = ''
as $$
declare
  locked_id constant uuid := mentorcert_private.locked_saved_filter(filter_id);
begin
  -- An update says whether it is the version that was read.
  update mentorcert_private.saved_filters as saved
  set version = coalesce(remove_filter.version, saved.version) where saved.id = locked_id;
  delete from mentorcert_private.saved_filters as saved where saved.id = locked_id;
end
$$;
comment on function public.remove_filter(uuid, bigint) is
  'Removes a saved filter, if it is still that version; its owner, and administrators those of everybody.';

revoke execute on function
  mentorcert_private.list_parameters, mentorcert_private.is_list_filter, mentorcert_private.check_saved_filter,
  mentorcert_private.keeps_saved_filter, mentorcert_private.locked_saved_filter, public.saved_filters, public.save_filter,
  public.rename_filter, public.remove_filter
from public, anon, authenticated, service_role;
grant execute on function public.saved_filters, public.save_filter, public.rename_filter, public.remove_filter to authenticated;
