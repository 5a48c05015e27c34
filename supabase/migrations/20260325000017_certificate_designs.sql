-- What stands on every certificate of an organisation besides its words: the logo, and who signs.

create table if not exists mentorcert_private.certificate_designs (
  organisation_id uuid not null,
  signatory text,
  signatory_title text,
  logo bytea,
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint certificate_designs_pkey primary key (organisation_id),
  constraint certificate_designs_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint certificate_designs_signatory_characters check (
    mentorcert_private.is_readable_line(signatory) and mentorcert_private.is_readable_line(signatory_title)
  ),
  constraint certificate_designs_signatory_length check (length(signatory) <= 100 and length(signatory_title) <= 100),
  constraint certificate_designs_signatory_valid check (signatory is not null or signatory_title is null),
  constraint certificate_designs_logo_length check (octet_length(logo) <= 300000),
  constraint certificate_designs_logo_valid check (substring(logo for 8) = '\x89504e470d0a1a0a')
);
alter table mentorcert_private.certificate_designs enable row level security;
revoke all on mentorcert_private.certificate_designs from anon, authenticated, service_role;
comment on table mentorcert_private.certificate_designs is 'The logo and the signatory of the certificates of an organisation; written by public.set_certificate_design and set_certificate_logo.';
comment on column mentorcert_private.certificate_designs.logo is 'A picture in PNG, which the pages have drawn again from what was uploaded.';
comment on column mentorcert_private.certificate_designs.version is 'How often the row was written.';

create or replace trigger canonicalise
before insert or update of signatory, signatory_title on mentorcert_private.certificate_designs
for each row execute function mentorcert_private.canonicalise('line', 'signatory', 'signatory_title');

create or replace trigger keep_identity
before update of organisation_id on mentorcert_private.certificate_designs
for each row execute function mentorcert_private.reject_change_of_column('organisation_id');

create or replace trigger set_version
before update on mentorcert_private.certificate_designs
for each row execute function mentorcert_private.set_version();

create or replace function public.certificate_design()
returns table (organisation_id uuid, signatory text, signatory_title text, logo bytea, version bigint)
language sql
stable
security definer -- the table is no client's to read
set search_path = ''
as $$
  select design.organisation_id, design.signatory, design.signatory_title, design.logo, design.version
  from mentorcert_private.certificate_designs as design
  where mentorcert_private.check_endpoint('organisations') and design.organisation_id = (select public.get_user_organisation_id())
$$;
comment on function public.certificate_design() is
  'The logo and the signatory of the certificates of the organisation the caller acts in; no row before the first is given.';

create or replace function public.set_certificate_design(signatory text, signatory_title text, logo bytea, has_logo boolean)
returns void
language plpgsql
security definer -- the table is no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
begin
  perform mentorcert_private.check_endpoint('organisations');
  insert into mentorcert_private.certificate_designs as design (organisation_id, signatory, signatory_title, logo)
  values (
    organisation, nullif(btrim(set_certificate_design.signatory), ''), nullif(btrim(set_certificate_design.signatory_title), ''),
    case when set_certificate_design.has_logo then set_certificate_design.logo end
  )
  on conflict on constraint certificate_designs_pkey do update set
    signatory = excluded.signatory, signatory_title = excluded.signatory_title,
    logo = case when set_certificate_design.has_logo then coalesce(excluded.logo, design.logo) end;
end
$$;
comment on function public.set_certificate_design(text, text, bytea, boolean) is
  'Says who signs the certificates of the organisation, and which logo they have: a PNG, null for the one there is; without has_logo none. Administrators only.';

revoke execute on function public.certificate_design, public.set_certificate_design from public, anon, authenticated, service_role;
grant execute on function public.certificate_design, public.set_certificate_design to authenticated;
