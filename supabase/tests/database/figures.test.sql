\ir fixture.psql
-- Figures: numbers of those within reach, of a period and a knowledge that there is. What counts is proven in tests/integration.

select tests.everybody_gets(
  format(
    $$
      select string_agg(figures.valid::text, ' ') from public.figures(%L, %L) as figures
      where figures.certification_type is null and figures.chapter_id is null
    $$, tests.today(-10), tests.today()
  ),
  'how many hold something today',
  -- mia, per, lost, mixa, old, cait; dora names no organisation
  'adam: 6', 'bea bob cora dora@alfa mixa sev: 2', 'paula: 4',
  'dora dora@beta gone mia nora per: 42501 certification_right', 'anon service_role: 42501'
);
select is(
  tests.attempt('paula', format(
    $$
      select string_agg(concat_ws(' ', coalesce(tests.name(figures.chapter_id), 'all'), figures.valid, figures.lapsed), ', ' order by figures.chapter_id nulls first)
      from public.figures(%L, %L) as figures where figures.certification_type is null
    $$, tests.today(-10), tests.today()
  )),
  'all 4 0, 1a 2 0, 1b 1 0, county1 4 0', 'each chapter within reach, and those above with what lies under them'
);
-- Who has left the chapter counts there until another one follows.
select is(
  tests.attempt('adam', format(
    $$ select string_agg(figures.chapter_id::text, '') from public.figures(%L, %L) as figures where figures.certification_type is null and figures.lapsed > 0 $$,
    tests.today(-80), tests.today()
  )) <> '', true, 'lone lapsed'
);

update mentorcert.peer_mentors set left_on = tests.today(-5) where id = tests.id('per');
select tests.everybody_gets(
  format(
    $$
      select string_agg(figures.stopped::text, ' ') from public.figures(%L, %L) as figures
      where figures.certification_type is null and figures.chapter_id is null
    $$, tests.today(-10), tests.today()
  ),
  'who left is a number of those whose chapters it were',
  'adam paula sev: 1', 'bea bob cora dora@alfa mixa: 0', 'dora dora@beta gone mia nora per: 42501 certification_right', 'anon service_role: 42501'
);
update mentorcert.peer_mentors set left_on = null where id = tests.id('per');

-- What is refused
select is(tests.attempt('adam', statement), answer, statement)
from (
  values
    ($$ select * from public.figures('infinity', '2026-01-01') $$, 'MC008 first_day'), ($$ select * from public.figures('2026-01-01', '0001-01-01') $$, 'MC008 last_day'),
    ($$ select * from public.figures('2026-01-01', '2025-12-31') $$, 'MC008 last_day'), ($$ select * from public.figures(null, '2025-12-31') $$, 'MC008 last_day'),
    ($$ select * from public.figures('2026-01-01', '2026-01-31', 'infinity') $$, 'MC008 known_on'),
    ($$ select * from public.figures('2000-01-01', '2000-01-31', '2000-01-31') $$, 'MC008 known_on')
) as attempts (statement, answer);

-- For handing out
select is(
  tests.attempt('adam', format(
    $$ select string_agg(concat_ws(' ', coalesce(figures.certification_type, 'all'), figures.valid), ', ' order by figures.certification_type nulls first)
    from public.figures(%L, %L, masked => true) as figures where figures.chapter_id is null $$, tests.today(-10), tests.today()
  )),
  'all 5, basic, life, short, yearly', 'one holds life, so that no type is shown'
);

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'test');
select is(tests.attempt(who, $$ select * from public.figures('2026-01-01', '2026-01-31') $$), 'MC010 endpoint_enabled', 'switched off for ' || who)
from unnest(array['adam', 'nora']) as who;

select * from finish();
rollback;
