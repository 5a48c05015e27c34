-- Memberships: which login acts as what, and where.

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
  full_name text,
  constraint memberships_pkey primary key (id),
  constraint memberships_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint memberships_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint memberships_chapter_id_fkey foreign key (organisation_id, chapter_id)
    references mentorcert.chapters (organisation_id, id),
  constraint memberships_role_valid check (role in ('peer_mentor', 'coordinator', 'org_admin')),
  constraint memberships_chapter_id_valid check ((role = 'coordinator') = (chapter_id is not null)),
  constraint memberships_ended_at_valid check (ended_at between '1900-01-01 00:00Z' and '2200-01-01 00:00Z'),
  constraint memberships_full_name_characters check (mentorcert_private.is_readable_line(full_name)),
  constraint memberships_full_name_length check (length(full_name) <= 200)
);
create unique index if not exists memberships_current_key
on mentorcert.memberships (user_id, organisation_id, role, chapter_id) nulls not distinct where ended_at is null;
create index if not exists memberships_organisation_id_idx on mentorcert.memberships (organisation_id, chapter_id);
create index if not exists memberships_user_id_idx on mentorcert.memberships (user_id, organisation_id);
alter table mentorcert.memberships enable row level security;
revoke all on mentorcert.memberships from anon, authenticated, service_role;
grant select, insert, update on mentorcert.memberships to service_role;
grant
  select, insert (user_id, role, chapter_id, full_name), update (ended_at, full_name, version)
on mentorcert.memberships to authenticated;
comment on table mentorcert.memberships is 'What a login may do in an organisation; a coordinator has one row for each chapter.';
comment on column mentorcert.memberships.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.memberships.ended_at is 'From when the membership no longer holds, also in the future: everything follows the clock. Null while no end is known.';
comment on column mentorcert.memberships.full_name is 'Who it is, for the peer mentors who turn to this person; null where nobody wrote it.';

drop policy if exists "people read their own memberships" on mentorcert.memberships;
create policy "people read their own memberships"
on mentorcert.memberships for select to authenticated
using (user_id = (select auth.uid()) and organisation_id operator(mentorcert_private.===) (select public.get_user_organisation_id()));
comment on policy "people read their own memberships" on mentorcert.memberships is
  'Of the organisation the caller acts in.';

drop policy if exists "administrators read the memberships of their organisation" on mentorcert.memberships;
create policy "administrators read the memberships of their organisation"
on mentorcert.memberships for select to authenticated
using (
  -- A range, as of peer mentors: else where there is one organisation everybody reads the table.
  organisation_id between (select mentorcert_private.administered_organisation_id()) and (select mentorcert_private.administered_organisation_id())
);
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
  if mentorcert_private.acting_user() is null then
    return new;
  end if;
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

create or replace function mentorcert_private.canonicalise_membership()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.full_name := nullif(mentorcert_private.canonical_line(new.full_name), '');
  return new;
end
$$;
comment on function mentorcert_private.canonicalise_membership() is
  'Brings the name of a member to its canonical form. Named to run before other triggers.';

create or replace trigger canonicalise
before insert or update of full_name on mentorcert.memberships
for each row execute function mentorcert_private.canonicalise_membership();

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
  old.role = 'org_admin' and new.ended_at < coalesce(old.ended_at, 'infinity')
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

revoke execute on function
  mentorcert_private.canonicalise_membership, mentorcert_private.keep_an_administrator, mentorcert_private.reject_second_current, public.own_organisations
from public, anon, authenticated, service_role;
grant execute on function public.own_organisations to authenticated;
