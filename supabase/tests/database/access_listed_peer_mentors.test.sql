\ir fixture.psql
-- Who reads and changes the public list.

-- per's lease has run out, though no job has taken the entry away.
insert into public.listed_peer_mentors
values (tests.id('per'), tests.id('alfa'), 'alfa', 'Per', '{}', now());

select tests.everybody_gets(
  $$ select peer_mentor_id from public.listed_peer_mentors $$, 'everybody reads the entries whose lease runs',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: bert,mia',
  'service_role: bert,mia,per'
);
select tests.everybody_gets(
  $$ insert into public.listed_peer_mentors values (tests.id('lone'), tests.id('alfa'), 'alfa', 'Lone', '{}', 'infinity') $$,
  'nobody adds to the list', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ update public.listed_peer_mentors set listed_until = 'infinity' $$, 'nobody changes the list', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ delete from public.listed_peer_mentors $$, 'nobody takes from the list', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select columns_are(
  'public', 'listed_peer_mentors',
  array['peer_mentor_id', 'organisation_id', 'organisation_slug', 'display_name', 'chapters', 'listed_until', 'chapter_codes', 'topic_ids', 'sort_key', 'search_keys'],
  'the public sees nothing else of anybody'
);

select * from finish();
rollback;
