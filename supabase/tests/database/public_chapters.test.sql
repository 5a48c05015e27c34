\ir fixture.psql
-- How the public finds a chapter and somebody in it: contact, places, counties, and the words of a search.

-- Contact: who writes it.
select tests.everybody_gets(
  $$ select public.set_chapter_contact(tests.id('1a'), 'post@1a.example.org', '22 33 44 55', 'https://example.org/1a', '{5003 Bergen}')::text as done $$,
  'the administrator, and coordinators of the chapter and of those above it', 'adam cora dora@alfa mixa paula: ',
  'bea bob dora dora@beta gone mia nora per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.perform('cora', statement), expected, statement)
from (
  values
    ($$ select public.set_chapter_contact(tests.id('1a'), 'nobody', null, null, null) $$, '23514 chapters_contact_email_valid'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, 'call', null, null) $$, '23514 chapters_contact_phone_valid'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, 'javascript:alert(1)', null) $$, '23514 chapters_website_valid'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, 'https://example', null) $$, '23514 chapters_website_valid'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, 'https://example.org/' || repeat('x', 300), null) $$, '23514 chapters_website_length'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, null, array[repeat('x', 101)]) $$, '23514 chapters_places_valid'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, null, array_fill('x'::text, array[101])) $$, '23514 chapters_places_valid'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, null, array_fill(repeat('x', 99), array[60])) $$, '23514 chapters_places_length'),
    ($$ select public.set_chapter_contact(tests.id('1a'), repeat('x', 250) || '@example.org', null, null, null) $$, '23514 chapters_contact_email_length'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, repeat('1', 41), null, null) $$, '23514 chapters_contact_phone_length'),
    ($$ select public.set_chapter_contact(tests.id('1a'), null, null, null, null, 7) $$, 'PT409 chapters_version_current'),
    ($$ select public.set_chapter_contact(tests.id('1a'), ' Post@1a.EXAMPLE.org ', ' ', 'https://example.org/1a', E'{" 5003\u00a0Bergen ","",Bøe}')::text as done $$, '')
) as attempts (statement, expected);
select results_eq(
  $$ select contact_email, contact_phone, website, places from mentorcert.chapters where id = tests.id('1a') $$,
  $$ values ('Post@1a.example.org', null::text, 'https://example.org/1a', array['5003 Bergen', 'Bøe']) $$, 'written as everything is'
);
select tests.everybody_gets(
  $$ update mentorcert.chapters set contact_email = 'x@example.org' $$, 'nobody writes the column by another way', 'service_role: 7 rows',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);

-- What the public sees
create function tests.chapters(slug text) returns text
language sql set search_path = ''
as $$
  select tests.attempt('anon', format(
    'select concat_ws(''/'', array_to_string(above, ''>''), code, case when has_listed then ''listed'' end) as chapter from public.public_chapters(%L)', slug
  ))
$$;
select is(tests.chapters('alfa'), '/county1,county1/1a/listed', 'the chapter that lists somebody, and the one above');
select is(tests.chapters('gamma'), '', 'none of an organisation that does not exist');
select is(tests.perform('adam', $$ select public.set_chapter_contact(tests.id('2a'), 'post@2a.example.org', null, null, null)::text as done $$), '', '2a can be reached');
select is(tests.chapters('alfa'), '/county1,/county2,county1/1a/listed,county2/2a', 'and so is there');
insert into mentorcert.chapters (id, organisation_id, code, name, contact_phone) values (tests.id('3a'), tests.id('alfa'), '3a', 'Chapter 3a', '22334455');
select is(tests.chapters('alfa'), '/3a,/county1,/county2,county1/1a/listed,county2/2a', 'also one without anybody');
update mentorcert.chapters set retired_on = tests.today(), retired_reason = 'why' where id = tests.id('3a');
select is(tests.perform('adam', $$ select public.set_chapter_contact(tests.id('2a'), null, null, null, null)::text as done $$), '', '2a takes it back');
select is(tests.chapters('alfa'), '/county1,county1/1a/listed', 'until it is retired, or says so no longer');
update public.listed_peer_mentors set listed_until = now() where peer_mentor_id = tests.id('mia');
select is(tests.chapters('alfa'), '/county1,county1/1a', 'a lease that has ended lists nobody');
update public.listed_peer_mentors set listed_until = now() + interval '1 day' where peer_mentor_id = tests.id('mia');

-- The words of a search
create function tests.found(asked text) returns text
language sql set search_path = ''
as $$
  select tests.attempt('anon', format($q$
    select display_name from public.listed_peer_mentors as listed
    where organisation_slug = 'alfa' and not exists (
      select from public.public_search('alfa', %L) as word
      where not (listed.search_keys like word.pattern or listed.chapter_codes && word.chapter_codes)
    )
  $q$, asked))
$$;
update mentorcert.peer_mentors set display_name = 'Anne-Lise Bøe' where id = tests.id('mia');
update mentorcert.chapters set name = 'Vestland' where id = tests.id('county1');
select is(tests.found(asked), expected, asked || ': ' || expected)
from (
  values
    ('boe', 'Anne-Lise Bøe'), ('bøe', 'Anne-Lise Bøe'), ('BO', 'Anne-Lise Bøe'), ('lise anne', 'Anne-Lise Bøe'), ('ise', ''), ('anne x', ''),
    ('bergen', 'Anne-Lise Bøe'), ('5003', 'Anne-Lise Bøe'), ('bøe 5003', 'Anne-Lise Bøe'), ('5004', ''), ('chapter 1a', 'Anne-Lise Bøe'), ('vestl', 'Anne-Lise Bøe'),
    ('chapter 2a', ''), ('%', ''), ('_', ''), ('\', ''), (' - ', 'Anne-Lise Bøe'), ('', 'Anne-Lise Bøe')
) as searches (asked, expected);
update mentorcert.peer_mentors set display_name = 'A\B 50% x_y' where id = tests.id('mia');
select is(tests.found(asked), 'A\B 50% x_y', asked || ' is found as it is written') from unnest(array['a\b', '50%', 'x_y']) as asked;
select is(tests.found('xzy'), '', 'and no other letter in its place');
select is(
  tests.attempt('anon', $$ select count(*)::text as words from public.public_search('alfa', repeat('word ', 100)) $$), '8', 'a search has a bound'
);

-- As Norwegians sort
select is(
  (select string_agg(name, ',' order by mentorcert_private.sort_key(name)) from unnest('{Zara,anne,Álvaro,Åse,Ærlig,Østen,Öberg,Aase,Ägir,Þór}'::text[]) as name),
  'Álvaro,anne,Þór,Zara,Ägir,Ærlig,Öberg,Østen,Aase,Åse', 'by Norwegian rules'
);
select is(
  tests.attempt('anon', $$ select chapter_codes[1] from public.listed_peer_mentors where organisation_slug = 'alfa' $$), '1a', 'the code beside the name'
);
update mentorcert.chapters set code = '1A!' where id = tests.id('1a');
select is(
  tests.attempt('anon', $$ select chapter_codes[1] from public.listed_peer_mentors where organisation_slug = 'alfa' $$), '1A!', 'also another one'
);

-- Off with the list
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('public_list', 'A test');
select is(tests.attempt('anon', statement), 'MC010 endpoint_enabled', statement)
from unnest(array[
  $$ select code from public.public_chapters('alfa') $$, $$ select name_nb from public.public_topics('alfa') $$, $$ select pattern from public.public_search('alfa', 'x') $$
]) as statement;
update mentorcert_private.disabled_endpoints set reason = 'Another';

select * from finish();
rollback;
