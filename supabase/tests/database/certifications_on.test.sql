\ir fixture.psql
-- How many stood on a day: the same as certification_as_of says of each, by each knowledge, from JSONB and from events.

-- Suspended and reinstated, renewed, corrected: with entries of several days.
create function tests.entry(kind text, recorded integer, effective integer, after jsonb) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'schema_version', 1, 'entry_id', gen_random_uuid(), 'kind', kind, 'recorded_at', tests.day(recorded) + interval '10 hours',
    'effective_at', tests.day(effective) + interval '10 hours' * (effective = recorded)::integer, 'actor', '{"job": "test"}'::jsonb,
    'before', '{}'::jsonb, 'after', after
  )
$$;
set local session_replication_role = replica;
update public.peer_mentor_certifications set renewal_history = jsonb_build_array(
  tests.entry('issued', -90, -100, jsonb_build_object('issued_at', tests.day(-100), 'expires_at', tests.day(-40), 'status', 'active')),
  tests.entry('suspended', -80, -80, '{"status": "suspended"}'),
  tests.entry('reinstated', -70, -70, '{"status": "active"}'),
  tests.entry('renewed', -50, -50, jsonb_build_object('issued_at', tests.day(-50), 'expires_at', tests.day(60))),
  tests.entry('corrected', -20, -50, jsonb_build_object('expires_at', tests.day(30)))
)
where id = tests.id('mia.basic');
set local session_replication_role = origin;

create function tests.answers_on(who text) returns setof text
language sql
as $$
  select is(
    tests.attempt(who, format(
      $q$
        select coalesce(string_agg(held.id::text, ',' order by held.id), 'none')
        from public.certifications_on(%L, %L, page_size => 1000) as held
      $q$, tests.today(days), known
    )),
    tests.attempt(who, format(
      $q$
        select coalesce(string_agg(held.id::text, ',' order by held.id), 'none')
        from public.peer_mentor_certifications as held
        where public.certification_as_of(held.id, %1$L, case when %2$L and %1$L < now() then %1$L::timestamptz end)
      $q$, tests.day(days + 1) - interval '1 microsecond', known
    )),
    format('%s, day %s, known then: %s', who, days, known)
  )
  from unnest(array[-900, -101, -100, -95, -85, -80, -75, -60, -41, -40, -30, -1, 0, 29, 30, 59, 60, 800]) as days
  cross join unnest(array[false, true]) as known
$$;
select tests.answers_on('adam');
select tests.answers_on('cora');
select isnt(
  tests.attempt('adam', format('select count(*) from public.certifications_on(%L)', tests.today())), '0', 'it is not all empty'
);

-- What a person held
select is(
  tests.attempt('cora', format(
    $$ select string_agg(held.type || ' ' || held.status_then, ', ' order by held.type) from public.certifications_on(%L, %L, tests.id('mia')) as held $$,
    tests.today(days), known
  )),
  expected, format('day %s, known then: %s', days, known)
)
from (
  values
    (-101, false, 'basic unknown, short unknown'), (-95, false, 'basic active, short unknown'), (-95, true, 'basic unknown, short unknown'),
    (-75, false, 'basic suspended, short unknown'), (-5, false, 'basic active, short active'),
    (15, false, 'basic active, short expired'), (30, false, 'basic expired, short expired')
) as days (days, known, expected);
select is(
  tests.attempt('cora', format(
    $$ select tests.today() - mentorcert_private.day_of(held.expires_at, 'Europe/Oslo') from public.certifications_on(%L, %L, tests.id('mia'), certification_type => 'basic') as held $$,
    tests.today(-30), known
  )), expected, 'its end, known then: ' || known
) from (values (false, '-30'), (true, '-60')) as ends (known, expected);

-- Reach
select is(
  tests.attempt(who, format($$ select coalesce(string_agg(distinct held.peer_mentor_id::text, ','), '') from public.certifications_on(%L, page_size => 1000) as held $$, tests.today(-1))),
  tests.attempt(who, $$ select coalesce(string_agg(distinct held.peer_mentor_id::text, ','), '') from public.peer_mentor_certifications as held
    where public.current_status(held) = 'active' and held.organisation_id = public.get_user_organisation_id() and held.issued_at < tests.day(-1) $$),
  who || ': as far as the reach goes'
)
from tests.personas where who not in ('anon', 'service_role');
select tests.everybody_gets(
  format('select 1 as one from public.certifications_on(%L, of_peer_mentor => tests.id(''bert''))', tests.today()), 'another organisation''s',
  'bea bob: 1', 'adam cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);

-- Who has left, chapters, types, pages
update mentorcert.peer_mentors set left_on = tests.today(-10) where id = tests.id('per');
select is(
  tests.attempt('adam', format($$ select count(*) from public.certifications_on(%L) as held where held.peer_mentor_id = tests.id('per') $$, tests.today(days))), expected, 'who left, on day ' || days
) from (values (-11, '1'), (-10, '0'), (-9, '0')) as days (days, expected);
select is(
  tests.attempt('adam', format($$ select string_agg(distinct held.full_name, ', ' order by held.full_name) from public.certifications_on(%L, chapter_id => tests.id('county1')) as held $$, tests.today())),
  'Full name of cait, Full name of mia', 'of a chapter and those under it'
);
select is(
  tests.attempt('adam', format($$ select string_agg(distinct held.type, ', ') from public.certifications_on(%L, certification_type => 'short') as held $$, tests.today())), 'short', 'of a type'
);
select is(
  tests.attempt('adam', format(
    $$
      with first as (select * from public.certifications_on(%1$L, page_size => 2)),
      last as (select first.sort_key, first.id from first order by first.sort_key desc, first.id desc limit 1)
      select count(distinct every.id) = min(every.certifications)
      from (
        select first.id, first.certifications from first
        union all
        select rest.id, rest.certifications from last, public.certifications_on(%1$L, after_key => last.sort_key, after_id => last.id) as rest
      ) as every
    $$, tests.today()
  )), 'true', 'page by page it is all of them, once'
);
select is(tests.attempt('adam', statement), answer, statement)
from (
  values
    ($$ select * from public.certifications_on('infinity') $$, 'MC008 day'), ($$ select * from public.certifications_on('0001-01-01') $$, 'MC008 day'),
    ($$ select * from public.certifications_on('2026-01-01', page_size => 0) $$, 'MC008 page_size'),
    ($$ select * from public.certifications_on('2026-01-01', page_size => null) $$, 'MC008 page_size')
) as attempts (statement, answer);

-- The same from events
update mentorcert.peer_mentors set left_on = null where id = tests.id('per');
select is(tests.perform('owner', $$ select looked_at > 0 from mentorcert_private.copy_histories_to_events(null, 100) $$), 'true', 'copied');
select is(tests.perform('owner', $$ select mentorcert_private.switch_history_to_events() $$), '', 'switched');
set local session_replication_role = replica;
update public.peer_mentor_certifications set renewal_history = '[]';
set local session_replication_role = origin;
select tests.answers_on('adam');

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt(who, $$ select * from public.certifications_on('2026-01-01') $$), 'MC010 endpoint_enabled', 'switched off for ' || who)
from unnest(array['adam', 'nora']) as who;

select * from finish();
rollback;
