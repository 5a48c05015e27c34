\ir fixture.psql
-- Figures of courses: numbers of those for chapters within reach. What counts is proven in tests/integration.

create function tests.course(name text, chapters uuid[], attended text[]) returns void
language sql as $$
  with course as (
    insert into mentorcert_private.courses (organisation_id, kind, name_nb, types, chapter_ids, days, starts, ends)
    select tests.id('alfa'), 'course', name, '{basic}', chapters, array[tests.today(-2)], '{null}', '{null}'
    returning id, organisation_id
  )
  insert into mentorcert_private.course_sign_ups (organisation_id, course_id, peer_mentor_id, state, rank, attendance)
  select course.organisation_id, course.id, tests.id(who), 'seated', 1, 'attended' from course cross join unnest(attended) as who
$$;
create function tests.held(masked text default 'false') returns text
language sql as $$
  select format(
    $query$
      select string_agg(concat_ws(' ', figures.held, coalesce(figures.attended::text, '-'), coalesce(figures.people::text, '-')), ' ') from public.course_figures(%L, %L, masked => %s) as figures
      where num_nulls(figures.kind, figures.certification_type, figures.chapter_id) = 3
    $query$, tests.today(-10), tests.today(), masked
  )
$$;
select tests.course('Whole', '{}', '{mia,per,lost}');
select tests.course('1a', array[tests.id('1a')], '{mia}');
select tests.course('1a and 1b', array[tests.id('1a'), tests.id('1b')], '{mia,per}');

select tests.everybody_gets(
  tests.held(), 'courses held, attendances and people',
  'adam: 3 6 3', 'cora dora@alfa mixa paula: 2 3 2', 'sev: 1 2 2', 'bea bob: 0 0 0',
  'dora dora@beta gone mia nora per: 42501 certification_right', 'anon service_role: 42501'
);
select is(
  tests.attempt('sev', format(
    $$
      select string_agg(concat_ws(' ', tests.name(figures.chapter_id), figures.held), ', ' order by tests.name(figures.chapter_id))
      from public.course_figures(%L, %L) as figures
      where figures.chapter_id is not null and num_nulls(figures.kind, figures.certification_type) = 2
    $$, tests.today(-10), tests.today()
  )),
  '1b 1, 2a 0', 'only chapters within reach have a row'
);
select is(tests.attempt('adam', tests.held('true')), '3 - -', 'three people are not shown, nor how often they came');

-- What is refused
select is(tests.attempt('adam', statement), answer, statement)
from (
  values
    ($$ select * from public.course_figures('infinity', '2026-01-01') $$, 'MC008 first_day'),
    ($$ select * from public.course_figures('2026-01-01', '2025-12-31') $$, 'MC008 last_day'),
    ($$ select * from public.course_figures('2000-01-01', '2000-01-31', '2000-01-31') $$, 'MC008 known_on')
) as attempts (statement, answer);

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt(who, $$ select * from public.course_figures('2026-01-01', '2026-01-31') $$), 'MC010 endpoint_enabled', 'switched off for ' || who)
from unnest(array['adam', 'nora']) as who;

select * from finish();
rollback;
