\ir fixture.psql
-- Names, numbers and addresses: one canonical form written by anyone, and what is refused.

create function tests.kept(who text, written text, variadic shown text[]) returns text
language plpgsql
as $$
declare
  outcome text;
begin
  outcome := tests.attempt(who, format('update mentorcert.peer_mentors set %s where id = tests.id(''mia'')', written));
  if outcome like '23%' or outcome like 'MC%' then
    return outcome;
  end if;
  perform tests.perform(who, format('update mentorcert.peer_mentors set %s where id = tests.id(''mia'')', written));
  return (
    select string_agg(coalesce(to_jsonb(mentor) ->> name, 'null'), ' ' order by position)
    from mentorcert.peer_mentors as mentor, unnest(shown) with ordinality as asked (name, position)
    where mentor.id = tests.id('mia')
  );
end
$$;

select is(tests.kept(who, written, shown), expected, who || ': ' || written)
from (values ('adam'), ('service_role'), ('owner')) as doors (who)
cross join (
  values
    ($$ external_id = E' \u200bA\u00a0 1\ufeff ' $$, 'external_id', 'A 1'),
    ($$ external_id = E'A\u00ad1' $$, 'external_id', 'A1'),
    ($$ external_id = E'\u0410-1' $$, 'external_id', '23514 peer_mentors_external_id_valid'),
    ($$ external_id = E'\uff11' $$, 'external_id', '23514 peer_mentors_external_id_valid'),
    ($$ external_id = 'PER' $$, 'external_id', '23505 peer_mentors_external_id_folded_key'),
    ($$ external_id = repeat('1', 101) $$, 'external_id', '23514 peer_mentors_external_id_length'),
    ($$ full_name = E'  Bjo\u0308rn\u2003Dahl\n' $$, 'full_name', 'Björn Dahl'),
    ($$ full_name = E'Ka\u0007ri' $$, 'full_name', '23514 peer_mentors_full_name_characters'),
    ($$ full_name = E'Bj\ufffdrn' $$, 'full_name', '23514 peer_mentors_full_name_characters'),
    ($$ full_name = E'\u200b\u2800' $$, 'full_name', '23514 peer_mentors_full_name_valid'),
    ($$ full_name = repeat('a', 201) $$, 'full_name', '23514 peer_mentors_full_name_length'),
    ($$ full_name = repeat('a', 30000) $$, 'full_name', '23514 peer_mentors_full_name_length'),
    ($$ display_name = ' ' $$, 'display_name', 'null'),
    ($$ display_name = E'Mia\ue000' $$, 'display_name', '23514 peer_mentors_display_name_characters'),
    ($$ display_name = repeat('a', 201) $$, 'display_name', '23514 peer_mentors_display_name_length'),
    ($$ email = ' Post@Blåbær.NO ' $$, 'email', 'Post@blåbær.no'),
    ($$ email = '' $$, 'email', 'null'),
    ($$ email = 'ikke en adresse' $$, 'email', '23514 peer_mentors_email_valid'),
    ($$ email = 'mailto:a@example.org' $$, 'email', '23514 peer_mentors_email_valid'),
    ($$ email = repeat('a', 300) || '@example.org' $$, 'email', '23514 peer_mentors_email_length'),
    ($$ phone = E'\u00a0' $$, 'phone', 'null'),
    ($$ phone = 'ring meg' $$, 'phone', '23514 peer_mentors_phone_valid'),
    ($$ phone = repeat('1', 41) $$, 'phone', '23514 peer_mentors_phone_length')
) as cases (written, shown, expected);

select is(tests.attempt('owner', statement), expected, statement)
from (
  values
    ($$ update mentorcert.organisations set name = repeat('a', 201) where slug = 'alfa' $$, '23514 organisations_name_length'),
    ($$ update mentorcert.organisations set name = E'a\ufffd' where slug = 'alfa' $$, '23514 organisations_name_characters'),
    ($$ insert into mentorcert.organisations (slug, name) values (repeat('a', 64), 'x') $$, '23514 organisations_slug_length'),
    ($$ update mentorcert.chapters set retired_reason = repeat('a', 501) where code = '1a' $$, '23514 chapters_retired_reason_length'),
    ($$ update mentorcert.certification_types set retired_reason = repeat('a', 501) where code = 'life' $$, '23514 certification_types_retired_reason_length'),
    ($$ update mentorcert.chapters set retired_reason = E'a\ufffd' where code = '1a' $$, '23514 chapters_retired_reason_characters'),
    ($$ update mentorcert.certification_types set retired_reason = E'a\ufffd' where code = 'life' $$, '23514 certification_types_retired_reason_characters'),
    ($$ update mentorcert.memberships set full_name = repeat('a', 201) where user_id = tests.id('cora') $$, '23514 memberships_full_name_length'),
    ($$ update mentorcert.memberships set full_name = E'a\u0007' where user_id = tests.id('cora') $$, '23514 memberships_full_name_characters'),
    ($$ update mentorcert.chapters set code = repeat('a', 101) where code = '1a' $$, '23514 chapters_code_length'),
    ($$ update mentorcert.chapters set code = E'a\ue000' where code = '1a' $$, '23514 chapters_code_characters'),
    ($$ update mentorcert.chapters set name = repeat('a', 201) where code = '1a' $$, '23514 chapters_name_length'),
    ($$ update mentorcert.chapters set name = E'a\u0001' where code = '1a' $$, '23514 chapters_name_characters'),
    ($$ update mentorcert.certification_types set name_nb = repeat('a', 201) where code = 'life' $$, '23514 certification_types_name_length'),
    ($$ update mentorcert.certification_types set name_en = E'a\u0001' where code = 'life' $$, '23514 certification_types_name_characters'),
    (
      $$ insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule) values (tests.id('alfa'), repeat('a', 101), 'x', 'x', 'unlimited') $$,
      '23514 certification_types_code_length'
    ),
    ($$ insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('audit_log', repeat('a', 2001)) $$, '23514 disabled_endpoints_reason_length'),
    ($$ update mentorcert.peer_mentors set left_on = now(), left_reason = E'a\u0007' where id = tests.id('mia') $$, '23514 peer_mentors_left_reason_characters'),
    ($$ update mentorcert.peer_mentors set left_on = now(), left_reason = repeat('a', 2001) where id = tests.id('mia') $$, '23514 peer_mentors_left_reason_length'),
    (
      $$ insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way, reason) values (tests.id('alfa'), tests.id('mia'), true, now(), '{}', 'sql', E'a\u0007') $$,
      '23514 listing_consents_reason_characters'
    ),
    (
      $$ insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way, reason) values (tests.id('alfa'), tests.id('mia'), true, now(), '{}', 'sql', repeat('a', 2001)) $$,
      '23514 listing_consents_reason_length'
    )
) as refused (statement, expected);

select is(tests.perform('owner', $$ update mentorcert.organisations set name = E' Al\u200bfa\u00a0' where slug = 'alfa' $$), '1 rows', 'a name is taken');
select is(tests.perform('owner', $$ update mentorcert.chapters set name = E'Ve\u00adst' where code = '1a' $$), '1 rows', 'a name is taken');
select is(tests.perform('owner', $$ update mentorcert.certification_types set name_nb = E'Kurs\u2003A', name_en = E'Course\ufeff' where code = 'life' $$), '1 rows', 'a name is taken');
select is(
  (select name from mentorcert.organisations where slug = 'alfa') || ' ' || (select name from mentorcert.chapters where code = '1a')
    || ' ' || (select name_nb || ' ' || name_en from mentorcert.certification_types where code = 'life'),
  'Alfa Vest Kurs A Course', 'names of organisations, chapters and types are kept in that form too'
);

select is(tests.perform('owner', $$ update mentorcert.memberships set full_name = E' Cora\u200b  C ' where user_id = tests.id('cora') and role = 'coordinator' $$), '1 rows', 'a name is taken');
select is((select full_name from mentorcert.memberships where user_id = tests.id('cora') and role = 'coordinator'), 'Cora C', 'as are those of members');

-- Reasons and evidence: lines stay, what nobody sees goes.
select is(
  tests.perform('cora', $$ select 1 from public.suspend_certification(tests.id('mia.basic'), E' Sick\u200b\r\n\r\n\r\n\u00a0 leave\u2028x ') $$),
  '1', 'a reason of several lines'
);
select is(
  renewal_history #>> '{-1,note}', E'Sick\n\nleave\nx', 'is kept in its canonical form'
) from public.peer_mentor_certifications where id = tests.id('mia.basic');
select is(
  tests.attempt('cora', $$ select 1 from public.reinstate_certification(tests.id('mia.basic'), E'a\u0007') $$),
  'MC008 certification_note_characters', 'a reason with a control character is refused'
);
select is(
  tests.attempt('cora', $$ select 1 from public.reinstate_certification(tests.id('mia.basic'), repeat('a', 2001)) $$),
  'MC008 certification_note_valid', 'and one without an end'
);
select is(
  tests.attempt('cora', $$ select 1 from public.suspend_certification(tests.id('mia.short'), E'\u2060\u3164') $$),
  'MC004 certification_reason_required', 'and one that nobody sees'
);
select is(
  tests.attempt(
    'cora',
    $$ select 1 from public.renew_certification(tests.id('mia.short'), current_date, null, null, jsonb_build_object('seen', E'a\ufffd', 'seen_on', '2026-01-01', 'seen_by', 'x')) $$
  ),
  'MC008 certification_note_characters', 'and evidence that could not be read'
);

-- Searches: letter by letter, so that a part of a text has a part of its key.
select is(mentorcert_private.search_keys(written), keys, written || ' is found by ' || keys)
from (
  values
    ('Bøe', 'boee boe'), ('BOE', 'boe'), ('Skåne', 'skaane skane'), ('SKAANE', 'skaane'), ('Mæland', 'maeland'), ('Mäland 7', 'maeland 7 maland 7'),
    ('André Ünal', 'andre uenal andre unal'), ('Nguyễn', 'nguyen'), ('ĐẶNG', 'dang'), ('Łódź', 'lodz'), ('Čáhppe Ŋiŧŧu', 'cahppe nittu'), ('Þóra Weiß', 'thora weiss'),
    ('Ольга Ёлкина', 'ольга елкина'), ('Ελένη', 'ελενη'), ('عمر', 'عمر'), ('50%_\', '50%_\')
) as texts (written, keys);
select is(
  mentorcert_private.search_key(first.letter || second.letter),
  mentorcert_private.search_key(first.letter) || mentorcert_private.search_key(second.letter), first.letter || second.letter
)
from unnest('{a,e,o,å,Æ,ø,é,ß," "}'::text[]) as first (letter), unnest('{a,e,A,å,Ö,œ,Z}'::text[]) as second (letter);
select is(
  (select string_agg(name, ',' order by mentorcert_private.sort_key(name)) from unnest('{Åse,zoe,Ærlend,anne,Øystein,Zara}'::text[]) as name),
  'anne,Zara,zoe,Ærlend,Øystein,Åse', 'names are sorted as in Norwegian'
);

select * from finish();
rollback;
