\ir fixture.psql
-- search_peer_mentors: what each role finds, names and chapters, how people stand with a certification, wrong arguments.

select is(
  tests.attempt(who, $$ select string_agg(id::text, ',' order by id) from public.search_peer_mentors(with_left => true, page_size => 1000) $$),
  tests.attempt(who, $$ select string_agg(id::text, ',' order by id) from mentorcert.peer_mentors $$),
  who || ' finds whom a select finds'
)
from unnest(array['adam', 'cora', 'sev', 'paula', 'mixa', 'mia', 'per', 'bea', 'bob', 'dora@alfa', 'dora@beta', 'nora', 'gone', 'dora']) as who;
select is(
  tests.attempt('sev', 'select id from public.search_peer_mentors()'), 'lone,mixa,per', 'and for some that is somebody'
);
select is(
  tests.attempt('service_role', 'select count(*) from public.search_peer_mentors()'), '0', 'the service key acts in no organisation'
);
select is(
  tests.attempt('anon', 'select count(*) from public.search_peer_mentors()'), '42501', 'who is not signed in may not ask'
);
select is(
  tests.attempt('adam', format('select id from public.search_peer_mentors(peer_mentor_ids => array[%L, %L]::uuid[])', tests.id('mia'), tests.id('bert'))),
  'mia', 'nobody is reached by an id'
);

update mentorcert.peer_mentors set email = 'mia@example.org', phone = '12345678' where id = tests.id('mia');
select is(
  tests.attempt('cora', 'select concat_ws('' '', email, phone) from public.search_peer_mentors()'), 'mia@example.org 12345678',
  'a coordinator sees how the people of the own chapters are reached'
);
select is(
  tests.attempt('cora', $$
    select held ->> 'certification_type' || ' ' || (held ->> 'status') || ' ' || ((held ->> 'last_valid_day')::date - tests.today())
    from public.search_peer_mentors(), jsonb_array_elements(certifications) as held
  $$),
  'basic active 29,short active 9', 'and what they hold, to the last valid day'
);

-- Names and chapters
select is(tests.attempt(who, format('select id from public.search_peer_mentors(%s)', arguments)), found, who || ' ' || arguments)
from (
  values
    ('adam', $$query => 'NAME of mi'$$, 'mia,mixa'),
    ('adam', $$query => 'county1'$$, 'cait,mia,per'),
    ('adam', $$query => 'chápter 2A'$$, 'lone,mixa,per'),
    ('sev', $$query => 'chapter 1b'$$, 'per'),
    ('cora', $$query => 'chapter 2a'$$, ''),
    ('adam', $$query => '%'$$, ''),
    ('adam', format('chapter_id => %L', tests.id('county1')), 'cait,mia,per'),
    ('sev', format('chapter_id => %L', tests.id('county1')), 'per'),
    ('adam', format('chapter_id => %L, query => ''mia''', tests.id('2a')), '')
) as asked (who, arguments, found);

-- How people stand with a certification
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mixa.basic');
select is(tests.attempt('adam', format('select id from public.search_peer_mentors(%s)', arguments)), found, arguments)
from (
  values
    ($$certification_type => 'basic', standing => 'held'$$, 'cait,lost,mia,old'),
    ($$certification_type => 'basic', standing => 'not_held'$$, 'lone,mixa,per'),
    ($$certification_type => 'basic', standing => 'never'$$, 'per'),
    ($$certification_type => 'basic', standing => 'lapsed'$$, 'lone'),
    ($$certification_type => 'basic', standing => 'suspended'$$, 'mixa'),
    ($$holds => 'basic', certification_type => 'short', standing => 'not_held'$$, 'cait,lost,old'),
    ($$holds => 'short'$$, 'mia'),
    ($$certification_type => 'basic', standing => 'held', on_day => tests.today(29)$$, 'cait,lost,mia,old'),
    ($$certification_type => 'basic', standing => 'held', on_day => tests.today(30)$$, 'cait,lost,old'),
    ($$certification_type => 'basic', standing => 'lapsed', on_day => tests.today(30)$$, 'lone,mia'),
    ($$certification_type => 'basic', standing => 'ends', first_day => tests.today(29), last_day => tests.today(89)$$, 'mia,old'),
    ($$certification_type => 'basic', standing => 'ends', first_day => tests.today(30), last_day => tests.today(88)$$, ''),
    ($$certification_type => 'basic', standing => 'ends', last_day => tests.today(-1)$$, 'lone'),
    ($$certification_type => 'basic', standing => 'obtained', first_day => tests.today(-50), last_day => tests.today(-20)$$, 'cait,mixa'),
    ($$certification_type => 'basic', standing => 'obtained', first_day => tests.today(-49), last_day => tests.today(-21)$$, ''),
    ($$certification_type => 'life', standing => 'ends', first_day => tests.today(-9000)$$, ''),
    ($$certification_type => 'basic', standing => 'held', descending => true, page_size => 1$$, 'old')
) as asked (arguments, found);

-- Who has left
update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('cait');
select is(
  tests.attempt('adam', $$ select id from public.search_peer_mentors(query => 'cait') $$), '', 'who has left is not in it'
);
select is(
  tests.attempt('adam', $$ select id from public.search_peer_mentors(query => 'cait', with_left => true) where has_left $$), 'cait',
  'unless asked for'
);

-- Days of the past are those of the history.
select tests.perform('adam', format($$ select public.renew_certification(%L, tests.today()) is not null $$, tests.id('lone.basic')));
select is(tests.attempt('adam', format('select id from public.search_peer_mentors(%s)', arguments)), found, arguments)
from (
  values
    ($$query => 'lone', certification_type => 'basic', standing => 'held'$$, 'lone'),
    ($$query => 'lone', certification_type => 'basic', standing => 'lapsed'$$, ''),
    -- Who holds a newer one is not among those whose old one ended.
    ($$query => 'lone', certification_type => 'basic', standing => 'ends', last_day => tests.today(-1)$$, ''),
    ($$query => 'lone', certification_type => 'basic', standing => 'obtained', first_day => tests.today()$$, 'lone'),
    ($$query => 'lone', certification_type => 'basic', standing => 'lapsed', on_day => tests.today(-1)$$, 'lone'),
    ($$query => 'lone', certification_type => 'basic', standing => 'held', on_day => tests.today(-71)$$, 'lone'),
    ($$query => 'lone', certification_type => 'basic', standing => 'never', on_day => tests.today(-801)$$, 'lone'),
    -- Suspended today only.
    ($$query => 'mixa', certification_type => 'basic', standing => 'held', on_day => tests.today(-1)$$, 'mixa'),
    ($$query => 'mixa', certification_type => 'basic', standing => 'suspended', on_day => tests.today(-1)$$, ''),
    ($$query => 'mixa', certification_type => 'basic', standing => 'ends', last_day => tests.today(59)$$, ''),
    ($$query => 'mixa', certification_type => 'basic', standing => 'ends', last_day => tests.today(59), on_day => tests.today(-1)$$, 'mixa')
) as asked (arguments, found);

select is(
  tests.attempt('cora', format('select id from public.search_peer_mentors(%s)', arguments)), 'MC008 ' || violated, arguments
)
from (
  values
    ($$certification_type => 'basic', standing => 'lost'$$, 'standing'),
    ($$certification_type => 'basic'$$, 'certification_type'), ($$standing => 'held'$$, 'certification_type'),
    ($$certification_type => 'basic', standing => 'ends'$$, 'first_day'),
    ('page_size => 0', 'page_size'), ('page_size => null', 'page_size'), ($$on_day => 'infinity'$$, 'on_day'),
    ($$first_day => '1000-01-01'$$, 'first_day'), ($$last_day => '-infinity'$$, 'last_day')
) as asked (arguments, violated);

select * from finish();
rollback;
