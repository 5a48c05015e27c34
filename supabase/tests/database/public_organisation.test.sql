\ir fixture.psql
-- What stands above a public list: to everybody the same, and no more than the list below it shows.

create function tests.heading(slug text) returns text
language sql set search_path = ''
as $$ select tests.attempt('anon', format('select array[name] || chapters as heading from public.public_organisation(%L)', slug)) $$;

select is(tests.heading('alfa'), '["Alfa", "Chapter 1a"]', 'the chapter of the one who is listed');
select is(tests.heading('beta'), '["Beta", "Chapter b1"]', 'each organisation its own');
select is(tests.heading(slug), '', 'nothing of an organisation that does not exist')
from unnest(array['gamma', 'ALFA', '', null]) as slug;
select tests.everybody_gets(
  $$ select array[name] || chapters as heading from public.public_organisation('beta') $$, 'everybody gets the same',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: ["Beta", "Chapter b1"]'
);

-- With the list below it.
insert into mentorcert.chapters (id, organisation_id, code, name)
values (tests.id('1a2'), tests.id('alfa'), '1a2', 'Chapter 1a');
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
values (tests.id('alfa'), tests.id('mia'), tests.id('1a2')), (tests.id('alfa'), tests.id('mia'), tests.id('2a'));
select is(tests.heading('alfa'), '["Alfa", "Chapter 1a", "Chapter 2a"]', 'two chapters of one name are one to choose');
update mentorcert.peer_mentor_chapters set ended_at = now() where chapter_id = tests.id('2a') and peer_mentor_id = tests.id('mia');
select is(tests.heading('alfa'), '["Alfa", "Chapter 1a"]', 'who has left a chapter is not listed there');
update public.listed_peer_mentors set listed_until = now() where peer_mentor_id = tests.id('mia');
select is(tests.heading('alfa'), '["Alfa"]', 'whose lease has ended is not on the list, though no job has noticed');

create function tests.heading_without(endpoint text) returns text
language plpgsql set search_path = ''
as $$
declare
  answer text;
begin
  insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (heading_without.endpoint, 'A test');
  answer := tests.heading('alfa');
  delete from mentorcert_private.disabled_endpoints;
  return answer;
end
$$;
select is(tests.heading_without('public_list'), 'MC010 endpoint_enabled', 'off with the public list');
select is(tests.heading_without('organisations'), 'MC010 endpoint_enabled', 'and with the organisations');

select * from finish();
rollback;
