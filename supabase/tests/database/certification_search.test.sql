\ir fixture.psql
-- search_certifications: what each role finds, the order of names, words as they are written, wrong arguments.

insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)
select tests.id('s' || number), tests.id('alfa'), 'S-' || number, name
from unnest(array['Åse Aas', 'Øystein Berg', 'Ærlend 50%', 'anne_marie', 'Zoe Berg', 'Haakon Vik']) with ordinality as people (name, number);
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select tests.id('alfa'), mentor.id, tests.id('1a') from mentorcert.peer_mentors as mentor where mentor.external_id like 'S-%';
insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
select tests.id('alfa'), mentor.id, 'basic', tests.day(-400), tests.day(30) from mentorcert.peer_mentors as mentor where mentor.external_id like 'S-%';

create function tests.found(arguments text) returns text
language plpgsql
as $$
declare
  names text;
begin
  execute format(
    'select string_agg(full_name, '','') from (select full_name from public.search_certifications(%s) where external_id like ''S-%%'') as found',
    arguments
  ) into names;
  return names;
end
$$;
grant execute on function tests.found(text) to authenticated, service_role;

select is(
  tests.attempt(who, $$ select string_agg(id::text, ',' order by id) from public.search_certifications(page_size => 1000) $$),
  tests.attempt(who, $$ select string_agg(id::text, ',' order by id) from public.peer_mentor_certifications $$),
  who || ' finds what a select finds'
)
from unnest(array['adam', 'cora', 'sev', 'paula', 'mixa', 'mia', 'per', 'bea', 'bob', 'dora@alfa', 'dora@beta', 'nora', 'gone', 'dora']) as who;
select is(
  tests.attempt(who, $$ select mentorcert_private.count_certifications(null, null, null, null, null, null, null, false, 1000) $$),
  tests.attempt(who, $$ select count(*) from public.search_certifications(page_size => 1000) $$),
  who || ' counts what a search finds'
)
from unnest(array['adam', 'cora', 'mia', 'per', 'gone', 'service_role', 'anon']) as who;
select is(
  tests.attempt('adam', $$ select mentorcert_private.count_certifications(null, null, null, null, null, null, null, false, 2) $$), '2',
  'and no more than asked for'
);
select isnt(
  tests.attempt('cora', $$ select tests.found('') $$), '', 'and for some that is something'
);
select is(
  tests.attempt('service_role', 'select count(*) from public.search_certifications()'), '0',
  'the service key acts in no organisation'
);
select is(
  tests.attempt('anon', 'select count(*) from public.search_certifications()'), '42501', 'who is not signed in may not ask'
);

select is(tests.attempt('cora', format('select tests.found(%L)', arguments)), names, arguments)
from (
  values
    ($$sort => 'name'$$, 'anne_marie,Haakon Vik,Zoe Berg,Ærlend 50%,Øystein Berg,Åse Aas'),
    ($$sort => 'name', descending => true$$, 'Åse Aas,Øystein Berg,Ærlend 50%,Zoe Berg,Haakon Vik,anne_marie'),
    ($$query => 'BERG', sort => 'name'$$, 'Zoe Berg,Øystein Berg'),
    ($$query => 'berg øy'$$, 'Øystein Berg'),
    ($$query => 'åSE'$$, 'Åse Aas'),
    ($$query => 'aase'$$, 'Åse Aas'),
    ($$query => 'HÅKON'$$, 'Haakon Vik'),
    ($$query => 'ase'$$, 'Åse Aas'),
    ($$query => 'ås'$$, 'Åse Aas'),
    ($$query => 'oystein'$$, 'Øystein Berg'),
    ($$query => 'ÖYSTEIN berg'$$, 'Øystein Berg'),
    ($$query => 'bérg zøe'$$, 'Zoe Berg'),
    ($$query => '%'$$, 'Ærlend 50%'),
    ($$query => '_'$$, 'anne_marie'),
    ($$query => '\'$$, ''),
    ($$query => 's-2'$$, 'Øystein Berg'),
    ($$query => 'berg', status => 'expired'$$, ''),
    -- Whatever is pasted is read as names are kept.
    (U&'query => ''zoe\00A0 \200BBe\00ADrg''', 'Zoe Berg'),
    (U&'query => E''\FEFFA\030Ase\\r\\n\\t''', 'Åse Aas'),
    (U&'query => ''Zoe \+01F44D''', ''),
    ($$query => rpad('Zoe', 10000)$$, 'Zoe Berg'),
    ($$query => 'Zoe' || repeat(' Zoe', 50)$$, 'Zoe Berg'),
    ($$query => repeat('Zoe', 10000)$$, '')
) as asked (arguments, names);
select is(
  mentorcert_private.name_patterns(repeat('x', 10000)), array['%' || repeat('x', 100) || '%'], 'of a long text the beginning counts'
);
select is(mentorcert_private.name_patterns(pasted), '{}', 'what nobody sees narrows nothing')
from unnest(array[null, '', '  ', U&'\200B\FEFF']) as pasted;

-- A page begins after a row that the search has no more: a filter was changed meanwhile.
select is(
  tests.attempt('adam', format('select count(*) from public.search_certifications(page_size => 100, after_id => tests.id(''0''), %s)', after)),
  tests.attempt('adam', format('select count(*) from public.search_certifications(page_size => 100, %s)', of_all)), after
)
from (
  values
    ('unlimited => false, descending => true', 'unlimited => false'),
    ('unlimited => false', $$query => 'nobody'$$),
    ($$status => 'expired'$$, $$query => 'nobody'$$),
    ($$unlimited => true, after_expires_at => '1900-01-01'$$, 'unlimited => true'),
    ($$unlimited => true, after_expires_at => '1900-01-01', descending => true$$, $$query => 'nobody'$$)
) as asked (after, of_all);

select is(
  tests.attempt('cora', format('select id from public.search_certifications(%s)', arguments)), 'MC008 ' || violated, arguments
)
from (
  values
    ($$status => 'lapsed'$$, 'status'), ($$sort => 'id'$$, 'sort'), ('sort => null', 'sort'), ('page_size => 0', 'page_size'),
    ('page_size => null', 'page_size')
) as asked (arguments, violated);

select * from finish();
rollback;
