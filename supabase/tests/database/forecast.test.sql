\ir fixture.psql
-- The forecast: who reads of whom, and each outlook once. What renews, and what counts, is proven in tests/integration.

insert into public.peer_mentor_certifications (id, organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
select tests.id(who || '.' || type), tests.id('alfa'), tests.id(who), type, tests.day(-100), tests.day(expires)
from (
  values ('per', 'basic', 150), ('cait', 'short', 15)
) as certifications (who, type, expires);
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('cait.short');

create function tests.course(name text, day date, seats integer, required text[] default '{}') returns void
language sql as $$
  insert into mentorcert_private.courses (id, organisation_id, kind, name_nb, types, required_types, days, starts, ends, seats)
  values (tests.id(name), tests.id('alfa'), 'course', name, '{basic}', required, array[day], '{null}', '{null}', seats)
$$;
select tests.course('full', tests.today(20), 1), tests.course('demanding', tests.today(25), 1, '{life}'), tests.course('free', tests.today(40), 1);
insert into mentorcert_private.course_sign_ups (organisation_id, course_id, peer_mentor_id, state, rank)
select tests.id('alfa'), tests.id(course), tests.id(who), state, rank
from (
  values ('full', 'mia', 'seated', 1), ('full', 'mixa', 'waiting', 2), ('demanding', 'old', 'seated', 1)
) as sign_ups (course, who, state, rank);

create function tests.ahead(arguments text default '12') returns text
language sql as $$
  select format(
    $query$
      select string_agg(
        concat_ws(' ', tests.name(peer_mentor_id), certification_type, outlook, refusal, tests.name(course_id)), ', ' order by last_valid_day
      ) from public.forecast_renewals(%s)
    $query$, arguments
  )
$$;
create function tests.covered() returns text
language sql as $$
  select $query$
    select string_agg(concat_ws(' ', tests.name(chapter_id), today, if_nobody_renews[12], with_courses[12]), ', ' order by tests.name(chapter_id))
    from public.forecast_coverage(12)
  $query$
$$;

select tests.everybody_gets(
  tests.ahead(), 'what ends, and who renews it',
  'adam: mia short nothing_planned, mia basic expected full, mixa basic waits full, old basic refused course_prerequisites_held demanding, '
  'per basic possible free, lost basic nothing_planned',
  'cora dora@alfa mixa: mia short nothing_planned, mia basic expected full',
  'paula: mia short nothing_planned, mia basic expected full, per basic possible free',
  'sev: mixa basic waits full, per basic possible free',
  'bea bob: dora basic nothing_planned, bert basic nothing_planned',
  'dora dora@beta gone mia nora per: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  tests.covered(), 'how many today, at the end if nobody renews, and with the courses',
  'adam: 1a 1 0 1, 1b 1 0 0, 2a 2 0 0, county1 3 1 2, county2 2 0 0',
  'cora dora@alfa mixa: 1a 1 0 1', 'paula: 1a 1 0 1, 1b 1 0 0, county1 3 1 2', 'sev: 1b 1 0 0, 2a 2 0 0',
  'bea: b1 2 0 0, countyb 2 0 0', 'bob: b1 2 0 0',
  'dora dora@beta gone mia nora per: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt(who, tests.ahead(format('12, %L', tests.id(chapter)))), answer, who || ' asks for ' || chapter)
from (
  values
    ('adam', 'county2', 'mixa basic waits full, per basic possible free'), ('adam', 'b1', ''), ('sev', '2a', 'mixa basic waits full, per basic possible free'),
    ('cora', '2a', ''), ('paula', '1a', 'mia short nothing_planned, mia basic expected full')
) as asked (who, chapter, answer);

-- A person who has left counts no more
select is(tests.perform('owner', $$ update mentorcert.peer_mentors set left_on = tests.today() where id = tests.id('mixa') $$), '1 rows', 'mixa leaves');
select is(
  tests.attempt('adam', tests.ahead()),
  'mia short nothing_planned, mia basic expected full, old basic refused course_prerequisites_held demanding, per basic possible free, lost basic nothing_planned',
  'what mixa holds is not forecast'
);
select is(tests.attempt('adam', tests.covered()), '1a 1 0 1, 1b 1 0 0, 2a 1 0 0, county1 3 1 2, county2 1 0 0', 'nor counted');

-- What is refused
select is(tests.attempt('adam', format('select * from public.%s(%s)', function, months)), 'MC008 months', function || ' of ' || months)
from unnest(array['forecast_renewals', 'forecast_coverage']) as function
cross join unnest(array['0', '25', 'null']) as months;

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt(who, format('select * from public.%s()', function)), 'MC010 endpoint_enabled', function || ' is switched off for ' || who)
from unnest(array['forecast_renewals', 'forecast_coverage']) as function
cross join unnest(array['adam', 'nora']) as who;

select * from finish();
rollback;
