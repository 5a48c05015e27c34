\ir fixture.psql
-- The chapters of a peer mentor are copied to peer_mentors and to the certifications, where policies look for them.

create function tests.chapters(mentor text) returns text
language sql
as $$
  select string_agg(distinct (
    select coalesce(string_agg(tests.name(id), ',' order by tests.name(id)), 'none') from unnest(copy.chapter_ids) as id
  ), ' or ')
  from (
    select chapter_ids from mentorcert.peer_mentors where id = tests.id(mentor)
    union all
    select chapter_ids from public.peer_mentor_certifications where peer_mentor_id = tests.id(mentor)
  ) as copy
$$;

select is(tests.chapters(mentor), expected, mentor || ' is in ' || expected)
from (values ('mia', '1a'), ('per', '1b,2a'), ('lost', 'none'), ('old', 'none'), ('cait', 'county1')) as mentors (mentor, expected);

select is(
  tests.perform('adam', $$
    insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id)
    select tests.id(mentor), tests.id('1b') from unnest(array['mia', 'lost']) as mentor
  $$),
  '2 rows', 'two enter a chapter'
);
select is(tests.chapters('mia'), '1a,1b', 'it is added');
select is(tests.chapters('lost'), '1b', 'for each of them');
select is(
  tests.perform('adam', $$ update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = tests.id('mia') $$),
  '2 rows', 'one leaves both'
);
select is(tests.chapters('mia'), 'none', 'they are taken away');
select is(
  tests.perform('adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), tests.id('1a')) $$),
  '1 rows', 'and comes back to one'
);
select is(tests.chapters('mia'), '1a', 'which is the only one then');
select is(
  tests.perform('cora', $$ select tests.name(chapter_ids[1]) from public.register_certification(tests.id('mia'), 'life') $$),
  '1a', 'a new certification gets the current chapters'
);
select is(
  tests.attempt('owner', $$
    insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, chapter_ids)
    values (tests.id('alfa'), tests.id('lone'), 'life', tests.day(-1), array[tests.id('b1')]) returning tests.name(chapter_ids[1])
  $$),
  '2a', 'whatever chapters it brings'
);
select is(
  tests.attempt('owner', format('update %s set chapter_ids = %s where id = tests.id(%L)', tests.qualified(table_name), value, row_name)),
  format('MC007 %s_chapter_ids_immutable', table_name), format('refused for %s: %s', table_name, value)
)
from (values ('peer_mentors', 'per'), ('peer_mentor_certifications', 'per.life')) as rows (table_name, row_name)
cross join unnest(array[$$ '{}' $$, $$ array[tests.id('1b')] $$, $$ array[tests.id('2a'), tests.id('1b'), tests.id('b1')] $$]) as value;
select is(
  tests.attempt(who, $$
    insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, chapter_ids)
    values (tests.id('alfa'), 'new', 'New', array[tests.id('b1')])
  $$),
  'MC007 peer_mentors_chapter_ids_immutable', 'a new peer mentor is in no chapter yet, not even by ' || who
)
from unnest(array['service_role', 'owner']) as who;
select is(
  (select count(*) from public.peer_mentor_certifications where renewal_history -> -1 ->> 'kind' <> 'issued'), 0::bigint,
  'no history holds chapters'
);

select * from finish();
rollback;
