-- The small example (examples/small), for `supabase db reset` and `supabase start`: an organisation with its chapters, types, peer
-- mentors and what they are certified for now. `mentorcert import` brings their past renewals too. Written by `make schema`.

do $seed$
declare
  stated constant jsonb := $json$__ORGANISATION__$json$;
  people constant jsonb := $json$__PEOPLE__$json$;
  organisation uuid;
  zone constant text := stated #>> '{organisation,time_zone}';
begin
  insert into mentorcert.organisations (slug, name, time_zone)
  values (stated #>> '{organisation,slug}', stated #>> '{organisation,name}', zone)
  on conflict (slug) do nothing
  returning id into organisation;
  if organisation is null then
    return; -- it is there already, and stays as it is
  end if;
  perform mentorcert_private.set_change_context('{"kind": "imported", "job": "seed"}');

  insert into mentorcert.certification_types (
    organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing
  )
  select organisation, type.code, type.name_nb, type.name_en, type.validity_rule, type.validity_months, type.required_for_listing
  from jsonb_to_recordset(stated -> 'certification_types') as type (
    code text, name_nb text, name_en text, validity_rule text, validity_months integer, required_for_listing boolean
  );

  insert into mentorcert.chapters (organisation_id, code, name)
  select organisation, chapter.code, chapter.name
  from jsonb_to_recordset(stated -> 'chapters') as chapter (code text, name text);

  insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, email, phone, listing_consent)
  select distinct on (person.number)
    organisation, person.number, person.name, nullif(person.email, ''), nullif(person.phone, ''), person.consent = 'yes'
  from jsonb_to_recordset(people) as person (number text, name text, email text, phone text, consent text)
  order by person.number;

  insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
  select distinct organisation, mentor.id, chapter.id
  from jsonb_to_recordset(people) as person (number text, chapters text)
  join mentorcert.peer_mentors as mentor on mentor.organisation_id = organisation and mentor.external_id = person.number
  join mentorcert.chapters as chapter
    on chapter.organisation_id = organisation and chapter.code = any(string_to_array(person.chapters, '|'));

  insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
  select
    organisation, mentor.id, type.code, mentorcert_private.day_starts(person.issued::date, zone),
    mentorcert_private.day_starts(
      coalesce(
        nullif(person.valid_through, '')::date,
        mentorcert_private.last_valid_day(type.validity_rule, type.validity_months, person.issued::date)
      ) + 1,
      zone
    )
  from jsonb_to_recordset(people) as person (number text, type text, issued text, valid_through text)
  join mentorcert.peer_mentors as mentor on mentor.organisation_id = organisation and mentor.external_id = person.number
  join mentorcert.certification_types as type on type.organisation_id = organisation and type.code = person.type;

  perform mentorcert_private.set_change_context(null);
end
$seed$;
