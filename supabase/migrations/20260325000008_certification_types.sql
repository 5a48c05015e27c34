-- Certification types: how long each is valid, and by which rule it is renewed.

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
  early_renewal_days integer,
  retired_on date,
  retired_reason text,
  merged_into_id uuid,
  version bigint not null default 1,
  gives_certificate boolean not null default true,
  certificate_nb text,
  certificate_en text,
  constraint certification_types_pkey primary key (id),
  constraint certification_types_organisation_id_id_key unique (organisation_id, id),
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
  -- Shorter than what a renewal gives: else the next one would count on from an end that has just been given.
  constraint certification_types_early_renewal_days_valid check (
    early_renewal_days is null
    or early_renewal_days between 1 and 364
    and (validity_rule = 'end_of_year' or validity_rule = 'months' and early_renewal_days < 28 * validity_months)
  ),
  constraint certification_types_merged_into_id_fkey foreign key (organisation_id, merged_into_id)
    references mentorcert.certification_types (organisation_id, id),
  constraint certification_types_merged_into_id_valid check (merged_into_id is null or retired_on is not null and merged_into_id <> id),
  constraint certification_types_retired_reason_characters check (mentorcert_private.is_readable_line(retired_reason)),
  constraint certification_types_retired_reason_length check (length(retired_reason) <= 500),
  constraint certification_types_retired_reason_valid check (
    (retired_on is null) = (retired_reason is null) and (retired_reason is null or retired_reason <> '')
  ),
  constraint certification_types_certificate_characters check (
    mentorcert_private.is_readable_line(certificate_nb) and mentorcert_private.is_readable_line(certificate_en)
  ),
  constraint certification_types_certificate_length check (length(certificate_nb) <= 300 and length(certificate_en) <= 300),
  constraint certification_types_certificate_valid check (
    (certificate_nb is null) = (certificate_en is null) and certificate_nb is distinct from '' and certificate_en is distinct from ''
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
  insert (code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days),
  update (name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days, retired_on, retired_reason, merged_into_id, version)
on mentorcert.certification_types to authenticated;
comment on table mentorcert.certification_types is
  'A kind of training whose completion an organisation certifies, and for how long it holds.';
comment on column mentorcert.certification_types.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert.certification_types.validity_rule is
  'months: as many from the day of issue; end_of_year: to 31 December of the year that many months reach (0 = the same year); unlimited.';
comment on column mentorcert.certification_types.retired_on is
  'From which day nothing of this type is issued or renewed; it is not required, forecast or reminded of. What is held keeps its end.';
comment on column mentorcert.certification_types.merged_into_id is 'The type into which this one was merged when it was retired.';
comment on column mentorcert.certification_types.early_renewal_days is
  'How many days before the last valid day, and on it, a renewal counts on from that day. Before them, and where it is null, it counts from its own day.';
comment on column mentorcert.certification_types.gives_certificate is 'Whether what is held of this type has a certificate to print, and whether one that was printed is still genuine.';
comment on column mentorcert.certification_types.certificate_nb is 'What the certificate says of the person in Norwegian, after the name; null: that they hold the type.';
comment on column mentorcert.certification_types.certificate_en is 'The same in English.';
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
before insert or update of code, name_nb, name_en, retired_reason, certificate_nb, certificate_en on mentorcert.certification_types
for each row execute function mentorcert_private.canonicalise(
  'line', 'code', 'name_nb', 'name_en', 'retired_reason', 'certificate_nb', 'certificate_en'
);

create or replace trigger keep_identity
before update of id, organisation_id, code, created_at on mentorcert.certification_types
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'code', 'created_at');

create or replace trigger check_version
before update of version on mentorcert.certification_types
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert.certification_types
for each row execute function mentorcert_private.set_version();

create or replace function public.set_type_certificate(
  type_id uuid, gives_certificate boolean, certificate_nb text, certificate_en text, version bigint default null
)
returns void
language plpgsql
security definer -- says what the three columns are together, which no grant of columns does
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
begin
  perform mentorcert_private.check_endpoint('organisations');
  update mentorcert.certification_types as type
  set
    gives_certificate = set_type_certificate.gives_certificate, certificate_nb = set_type_certificate.certificate_nb,
    certificate_en = set_type_certificate.certificate_en, version = coalesce(set_type_certificate.version, type.version)
  where type.id = set_type_certificate.type_id and type.organisation_id = organisation;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function public.set_type_certificate(uuid, boolean, text, text, bigint) is
  'Says whether a type gives certificates, and what they say after the name in both languages (null: that the person holds it); administrators only.';

revoke execute on function public.set_type_certificate from public, anon, authenticated, service_role;
grant execute on function public.set_type_certificate to authenticated;
revoke execute on function mentorcert_private.are_distinct from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.are_distinct to authenticated, service_role;
