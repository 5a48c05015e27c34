-- Forms whose preview is looked at: their text has no place in an address, so the address names the draft.

create table if not exists mentorcert_private.form_drafts (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  user_id uuid not null,
  path text not null,
  fields jsonb not null,
  written_at timestamptz not null default now(),
  constraint form_drafts_pkey primary key (id),
  constraint form_drafts_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint form_drafts_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint form_drafts_path_length check (length(path) <= 200),
  constraint form_drafts_fields_valid check (jsonb_typeof(fields) = 'array' and octet_length(fields::text) <= 300000)
);
create index if not exists form_drafts_user_id_idx on mentorcert_private.form_drafts (user_id, written_at);
create index if not exists form_drafts_organisation_id_idx on mentorcert_private.form_drafts (organisation_id);
create index if not exists form_drafts_written_at_idx on mentorcert_private.form_drafts (written_at);
alter table mentorcert_private.form_drafts enable row level security;
revoke all on mentorcert_private.form_drafts from public, anon, authenticated, service_role;
grant
  select (id, organisation_id, user_id, path, fields, written_at), insert (organisation_id, user_id, path, fields)
on mentorcert_private.form_drafts to authenticated;
comment on table mentorcert_private.form_drafts is
  'What somebody typed into a form whose preview is shown, for a day: nothing of it is done. Reload, back and a second tab find it by its address.';
comment on column mentorcert_private.form_drafts.path is 'The address of the form: no other form takes it.';
comment on column mentorcert_private.form_drafts.fields is 'Names and values as the browser sent them.';

drop policy if exists "people read their own drafts" on mentorcert_private.form_drafts;
create policy "people read their own drafts"
on mentorcert_private.form_drafts for select to authenticated
using (user_id = (select auth.uid()) and organisation_id = (select public.get_user_organisation_id()));
comment on policy "people read their own drafts" on mentorcert_private.form_drafts is
  'In the organisation in which they were typed; nobody else, administrators neither.';

drop policy if exists "people keep their own drafts" on mentorcert_private.form_drafts;
create policy "people keep their own drafts"
on mentorcert_private.form_drafts for insert to authenticated
with check (user_id = (select auth.uid()) and organisation_id = (select public.get_user_organisation_id()));
comment on policy "people keep their own drafts" on mentorcert_private.form_drafts is 'In their own name only.';

create or replace function mentorcert_private.keep_latest_form_drafts()
returns trigger
language plpgsql
security definer -- no client deletes
set search_path = ''
as $$
begin
  delete from mentorcert_private.form_drafts as draft
  where draft.id in (
    select older.id from mentorcert_private.form_drafts as older
    where older.user_id = new.user_id
    order by older.written_at desc
    offset 50
  );
  return null;
end
$$;
comment on function mentorcert_private.keep_latest_form_drafts() is 'Of each person the latest fifty drafts stay.';

create or replace trigger keep_latest
after insert on mentorcert_private.form_drafts
for each row execute function mentorcert_private.keep_latest_form_drafts();

create or replace function mentorcert_private.delete_outdated_form_drafts()
returns void
language sql
set search_path = ''
as $$
  delete from mentorcert_private.form_drafts as draft
  where draft.id = any(array(
    select outdated.id from mentorcert_private.form_drafts as outdated
    where outdated.written_at < now() - interval '1 day'
    for update skip locked
  ))
$$;
comment on function mentorcert_private.delete_outdated_form_drafts() is 'Deletes drafts after a day; part of mentorcert_private.delete_outdated.';

revoke execute on function mentorcert_private.keep_latest_form_drafts, mentorcert_private.delete_outdated_form_drafts
from public, anon, authenticated, service_role;
