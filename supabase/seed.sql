-- The small example (examples/small), for `supabase db reset` and `supabase start`: an organisation with its chapters, types, peer
-- mentors and what they are certified for now. `mentorcert import` brings their past renewals too. Written by `make schema`.

do $seed$
declare
  stated constant jsonb := $json${
  "organisation": {
    "slug": "apen-samtale",
    "name": "Foreningen Åpen Samtale",
    "time_zone": "Europe/Oslo"
  },
  "certification_types": [
    {
      "code": "conversation",
      "name_nb": "Samtalepartner",
      "name_en": "Conversation partner",
      "validity_rule": "months",
      "validity_months": 18,
      "required_for_listing": true
    },
    {
      "code": "first-aid",
      "name_nb": "Førstehjelp",
      "name_en": "First aid",
      "validity_rule": "months",
      "validity_months": 24,
      "required_for_listing": false
    }
  ],
  "chapters": [
    {
      "code": "nordvik",
      "name": "Nordvik"
    },
    {
      "code": "sorvik",
      "name": "Sørvik"
    },
    {
      "code": "ostvik",
      "name": "Østvik"
    },
    {
      "code": "vestvik",
      "name": "Vestvik"
    },
    {
      "code": "midtvik",
      "name": "Midtvik"
    }
  ]
}$json$;
  people constant jsonb := $json$[
{"number": "1", "name": "Malin Gundersen", "email": "malin.gundersen.1@example.org", "phone": "00 77 78 20", "chapters": "midtvik", "consent": "yes", "type": "conversation", "issued": "2026-01-18", "valid_through": "2027-07-18"},
{"number": "1", "name": "Malin Gundersen", "email": "malin.gundersen.1@example.org", "phone": "00 77 78 20", "chapters": "midtvik", "consent": "yes", "type": "first-aid", "issued": "2026-01-03", "valid_through": ""},
{"number": "2", "name": "Sander Haug", "email": "", "phone": "00 20 85 50", "chapters": "sorvik", "consent": "no", "type": "conversation", "issued": "2025-06-18", "valid_through": "2026-12-18"},
{"number": "2", "name": "Sander Haug", "email": "", "phone": "00 20 85 50", "chapters": "sorvik", "consent": "no", "type": "first-aid", "issued": "2026-02-21", "valid_through": "2028-02-21"},
{"number": "3", "name": "Sigrid Danielsen", "email": "sigrid.danielsen.3@example.org", "phone": "00 05 97 69", "chapters": "ostvik|vestvik", "consent": "yes", "type": "conversation", "issued": "2026-10-06", "valid_through": "2028-04-06"},
{"number": "4", "name": "Frode Ellingsen", "email": "frode.ellingsen.4@example.org", "phone": "+47 00 35 72 92", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-09-19", "valid_through": "2028-03-19"},
{"number": "4", "name": "Frode Ellingsen", "email": "frode.ellingsen.4@example.org", "phone": "+47 00 35 72 92", "chapters": "ostvik", "consent": "yes", "type": "first-aid", "issued": "2025-10-18", "valid_through": ""},
{"number": "5", "name": "Bjørn Lunde", "email": "bjorn.lunde.5@example.org", "phone": "+47 00 35 04 18", "chapters": "sorvik", "consent": "yes", "type": "conversation", "issued": "2023-03-12", "valid_through": "2024-09-12"},
{"number": "5", "name": "Bjørn Lunde", "email": "bjorn.lunde.5@example.org", "phone": "+47 00 35 04 18", "chapters": "sorvik", "consent": "yes", "type": "first-aid", "issued": "2026-03-12", "valid_through": ""},
{"number": "6", "name": "Torbjørn Andresen", "email": "torbjorn.andresen.6@example.org", "phone": "00 82 42 04", "chapters": "nordvik", "consent": "yes", "type": "conversation", "issued": "2026-10-28", "valid_through": ""},
{"number": "7", "name": "Thomas Rønning", "email": "thomas.ronning.7@example.org", "phone": "00 18 73 27", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-01-26", "valid_through": "2027-07-26"},
{"number": "7", "name": "Thomas Rønning", "email": "thomas.ronning.7@example.org", "phone": "00 18 73 27", "chapters": "ostvik", "consent": "yes", "type": "first-aid", "issued": "2026-09-22", "valid_through": "2028-09-22"},
{"number": "8", "name": "Torbjørn Lien", "email": "torbjorn.lien.8@example.org", "phone": "00 29 65 98", "chapters": "vestvik", "consent": "yes", "type": "conversation", "issued": "2025-11-11", "valid_through": "2027-05-11"},
{"number": "9", "name": "Jon Nilsen", "email": "jon.nilsen.9@example.org", "phone": "", "chapters": "sorvik", "consent": "yes", "type": "conversation", "issued": "2026-05-02", "valid_through": ""},
{"number": "9", "name": "Jon Nilsen", "email": "jon.nilsen.9@example.org", "phone": "", "chapters": "sorvik", "consent": "yes", "type": "first-aid", "issued": "2025-02-04", "valid_through": "2027-02-04"},
{"number": "10", "name": "Leif Fredriksen", "email": "leif.fredriksen.10@example.org", "phone": "00 75 28 93", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-09-09", "valid_through": "2028-03-09"},
{"number": "11", "name": "Johannes Christensen", "email": "johannes.christensen.11@example.org", "phone": "00 62 48 85", "chapters": "sorvik", "consent": "yes", "type": "conversation", "issued": "2026-09-02", "valid_through": "2028-03-02"},
{"number": "12", "name": "Petter Svendsen", "email": "", "phone": "+47 00 31 54 14", "chapters": "ostvik|vestvik", "consent": "yes", "type": "conversation", "issued": "2026-03-21", "valid_through": "2027-09-21"},
{"number": "12", "name": "Petter Svendsen", "email": "", "phone": "+47 00 31 54 14", "chapters": "ostvik|vestvik", "consent": "yes", "type": "first-aid", "issued": "2025-07-28", "valid_through": "2027-07-28"},
{"number": "13", "name": "Linda Tangen", "email": "linda.tangen.13@example.org", "phone": "00 93 84 78", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-06-06", "valid_through": "2027-12-06"},
{"number": "14", "name": "Trine Andresen", "email": "trine.andresen.14@example.org", "phone": "00 31 84 00", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-07-07", "valid_through": ""},
{"number": "15", "name": "Siri Bøe", "email": "siri.boe.15@example.org", "phone": "+47 00 30 67 01", "chapters": "midtvik", "consent": "yes", "type": "conversation", "issued": "2026-01-11", "valid_through": ""},
{"number": "15", "name": "Siri Bøe", "email": "siri.boe.15@example.org", "phone": "+47 00 30 67 01", "chapters": "midtvik", "consent": "yes", "type": "first-aid", "issued": "2026-01-05", "valid_through": "2028-01-05"},
{"number": "16", "name": "Bjørg Aune", "email": "", "phone": "00 32 98 50", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2025-09-26", "valid_through": "2027-03-26"},
{"number": "16", "name": "Bjørg Aune", "email": "", "phone": "00 32 98 50", "chapters": "ostvik", "consent": "yes", "type": "first-aid", "issued": "2025-10-13", "valid_through": "2027-10-13"},
{"number": "17", "name": "Nils Jakobsen", "email": "nils.jakobsen.17@example.org", "phone": "00 47 53 59", "chapters": "nordvik", "consent": "yes", "type": "conversation", "issued": "2026-05-14", "valid_through": "2027-11-14"},
{"number": "18", "name": "Stian Bakke", "email": "stian.bakke.18@example.org", "phone": "00 83 51 52", "chapters": "nordvik", "consent": "no", "type": "conversation", "issued": "2023-12-19", "valid_through": "2025-06-19"},
{"number": "18", "name": "Stian Bakke", "email": "stian.bakke.18@example.org", "phone": "00 83 51 52", "chapters": "nordvik", "consent": "no", "type": "first-aid", "issued": "2026-02-10", "valid_through": ""},
{"number": "19", "name": "Øystein Jensen", "email": "", "phone": "+47 00 14 30 52", "chapters": "vestvik", "consent": "no", "type": "conversation", "issued": "2026-02-19", "valid_through": "2027-08-19"},
{"number": "19", "name": "Øystein Jensen", "email": "", "phone": "+47 00 14 30 52", "chapters": "vestvik", "consent": "no", "type": "first-aid", "issued": "2026-02-19", "valid_through": ""},
{"number": "20", "name": "Mette Thorsen", "email": "", "phone": "00 36 54 47", "chapters": "midtvik", "consent": "yes", "type": "conversation", "issued": "2026-08-12", "valid_through": ""},
{"number": "20", "name": "Mette Thorsen", "email": "", "phone": "00 36 54 47", "chapters": "midtvik", "consent": "yes", "type": "first-aid", "issued": "2025-11-05", "valid_through": ""},
{"number": "21", "name": "Ellen Christensen", "email": "ellen.christensen.21@example.org", "phone": "00 81 35 29", "chapters": "nordvik", "consent": "yes", "type": "conversation", "issued": "2026-07-20", "valid_through": "2028-01-20"},
{"number": "21", "name": "Ellen Christensen", "email": "ellen.christensen.21@example.org", "phone": "00 81 35 29", "chapters": "nordvik", "consent": "yes", "type": "first-aid", "issued": "2026-08-07", "valid_through": "2028-08-07"},
{"number": "22", "name": "Steinar Bakke", "email": "steinar.bakke.22@example.org", "phone": "+47 00 09 10 36", "chapters": "nordvik", "consent": "yes", "type": "", "issued": "", "valid_through": ""},
{"number": "23", "name": "Gerd Karlsen", "email": "", "phone": "00 59 91 79", "chapters": "nordvik", "consent": "no", "type": "conversation", "issued": "2026-08-20", "valid_through": "2028-02-20"},
{"number": "23", "name": "Gerd Karlsen", "email": "", "phone": "00 59 91 79", "chapters": "nordvik", "consent": "no", "type": "first-aid", "issued": "2026-10-01", "valid_through": "2028-10-01"},
{"number": "24", "name": "Finn Larsen", "email": "finn.larsen.24@example.org", "phone": "00 25 67 43", "chapters": "midtvik", "consent": "yes", "type": "conversation", "issued": "2025-12-15", "valid_through": "2027-06-15"},
{"number": "25", "name": "Unni Haug", "email": "unni.haug.25@example.org", "phone": "00 39 83 16", "chapters": "ostvik|sorvik", "consent": "yes", "type": "conversation", "issued": "2026-07-25", "valid_through": "2028-01-25"},
{"number": "25", "name": "Unni Haug", "email": "unni.haug.25@example.org", "phone": "00 39 83 16", "chapters": "ostvik|sorvik", "consent": "yes", "type": "first-aid", "issued": "2026-07-30", "valid_through": "2028-07-30"},
{"number": "26", "name": "Joakim Hagen", "email": "joakim.hagen.26@example.org", "phone": "", "chapters": "midtvik|nordvik", "consent": "yes", "type": "conversation", "issued": "2025-09-24", "valid_through": "2027-03-24"},
{"number": "26", "name": "Joakim Hagen", "email": "joakim.hagen.26@example.org", "phone": "", "chapters": "midtvik|nordvik", "consent": "yes", "type": "first-aid", "issued": "2025-08-27", "valid_through": "2027-08-27"},
{"number": "27", "name": "Kjersti Paulsen", "email": "kjersti.paulsen.27@example.org", "phone": "+47 00 86 70 91", "chapters": "midtvik", "consent": "no", "type": "conversation", "issued": "2025-08-22", "valid_through": "2027-02-22"},
{"number": "27", "name": "Kjersti Paulsen", "email": "kjersti.paulsen.27@example.org", "phone": "+47 00 86 70 91", "chapters": "midtvik", "consent": "no", "type": "first-aid", "issued": "2025-09-08", "valid_through": "2027-09-08"},
{"number": "28", "name": "Tom Thorsen", "email": "tom.thorsen.28@example.org", "phone": "00 78 75 64", "chapters": "sorvik", "consent": "yes", "type": "conversation", "issued": "2026-10-31", "valid_through": "2028-04-30"},
{"number": "28", "name": "Tom Thorsen", "email": "tom.thorsen.28@example.org", "phone": "00 78 75 64", "chapters": "sorvik", "consent": "yes", "type": "first-aid", "issued": "2026-10-24", "valid_through": ""},
{"number": "29", "name": "Lars Thomassen", "email": "lars.thomassen.29@example.org", "phone": "00 33 98 02", "chapters": "midtvik", "consent": "yes", "type": "conversation", "issued": "2026-04-03", "valid_through": "2027-10-03"},
{"number": "29", "name": "Lars Thomassen", "email": "lars.thomassen.29@example.org", "phone": "00 33 98 02", "chapters": "midtvik", "consent": "yes", "type": "first-aid", "issued": "2025-06-20", "valid_through": ""},
{"number": "30", "name": "Helene Ellingsen", "email": "helene.ellingsen.30@example.org", "phone": "00 29 79 76", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-10-24", "valid_through": "2028-04-24"},
{"number": "31", "name": "Øyvind Jensen", "email": "oyvind.jensen.31@example.org", "phone": "00 18 67 86", "chapters": "midtvik", "consent": "no", "type": "conversation", "issued": "2026-06-26", "valid_through": ""},
{"number": "31", "name": "Øyvind Jensen", "email": "oyvind.jensen.31@example.org", "phone": "00 18 67 86", "chapters": "midtvik", "consent": "no", "type": "first-aid", "issued": "2026-06-22", "valid_through": "2028-06-22"},
{"number": "32", "name": "Marianne Johnsen", "email": "marianne.johnsen.32@example.org", "phone": "00 80 37 20", "chapters": "midtvik|vestvik", "consent": "no", "type": "conversation", "issued": "2025-09-22", "valid_through": "2027-03-22"},
{"number": "32", "name": "Marianne Johnsen", "email": "marianne.johnsen.32@example.org", "phone": "00 80 37 20", "chapters": "midtvik|vestvik", "consent": "no", "type": "first-aid", "issued": "2023-12-21", "valid_through": ""},
{"number": "33", "name": "Lise Lien", "email": "lise.lien.33@example.org", "phone": "00 88 07 09", "chapters": "nordvik", "consent": "yes", "type": "conversation", "issued": "2026-04-25", "valid_through": "2027-10-25"},
{"number": "33", "name": "Lise Lien", "email": "lise.lien.33@example.org", "phone": "00 88 07 09", "chapters": "nordvik", "consent": "yes", "type": "first-aid", "issued": "2026-09-27", "valid_through": "2028-09-27"},
{"number": "34", "name": "Gro Rasmussen", "email": "gro.rasmussen.34@example.org", "phone": "+47 00 73 07 16", "chapters": "ostvik", "consent": "yes", "type": "conversation", "issued": "2026-08-20", "valid_through": ""},
{"number": "34", "name": "Gro Rasmussen", "email": "gro.rasmussen.34@example.org", "phone": "+47 00 73 07 16", "chapters": "ostvik", "consent": "yes", "type": "first-aid", "issued": "2026-08-11", "valid_through": "2028-08-11"},
{"number": "35", "name": "Øystein Gulbrandsen", "email": "oystein.gulbrandsen.35@example.org", "phone": "00 09 62 80", "chapters": "nordvik", "consent": "yes", "type": "conversation", "issued": "2025-11-07", "valid_through": "2027-05-07"},
{"number": "35", "name": "Øystein Gulbrandsen", "email": "oystein.gulbrandsen.35@example.org", "phone": "00 09 62 80", "chapters": "nordvik", "consent": "yes", "type": "first-aid", "issued": "2025-02-11", "valid_through": "2027-02-11"},
{"number": "36", "name": "Kristin Ruud", "email": "kristin.ruud.36@example.org", "phone": "00 67 64 71", "chapters": "nordvik|vestvik", "consent": "no", "type": "conversation", "issued": "2026-05-13", "valid_through": "2027-11-13"},
{"number": "36", "name": "Kristin Ruud", "email": "kristin.ruud.36@example.org", "phone": "00 67 64 71", "chapters": "nordvik|vestvik", "consent": "no", "type": "first-aid", "issued": "2026-10-09", "valid_through": "2028-10-09"},
{"number": "37", "name": "Rune Aasen", "email": "rune.aasen.37@example.org", "phone": "+47 00 69 88 82", "chapters": "vestvik", "consent": "yes", "type": "conversation", "issued": "2026-10-26", "valid_through": ""},
{"number": "37", "name": "Rune Aasen", "email": "rune.aasen.37@example.org", "phone": "+47 00 69 88 82", "chapters": "vestvik", "consent": "yes", "type": "first-aid", "issued": "2025-02-15", "valid_through": "2027-02-15"},
{"number": "38", "name": "Knut Karlsen", "email": "knut.karlsen.38@example.org", "phone": "00 08 97 36", "chapters": "ostvik", "consent": "no", "type": "conversation", "issued": "2025-06-05", "valid_through": "2026-12-05"},
{"number": "39", "name": "Stine Jenssen", "email": "stine.jenssen.39@example.org", "phone": "00 14 00 88", "chapters": "nordvik", "consent": "yes", "type": "conversation", "issued": "2026-08-28", "valid_through": ""},
{"number": "40", "name": "Vegard Hauge", "email": "vegard.hauge.40@example.org", "phone": "00 88 79 01", "chapters": "vestvik", "consent": "yes", "type": "conversation", "issued": "2025-09-12", "valid_through": "2027-03-12"},
{"number": "40", "name": "Vegard Hauge", "email": "vegard.hauge.40@example.org", "phone": "00 88 79 01", "chapters": "vestvik", "consent": "yes", "type": "first-aid", "issued": "2025-09-03", "valid_through": ""}
]$json$;
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
