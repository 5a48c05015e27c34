\ir fixture.psql
-- A renewal within the type's window before the end counts on from that end, by every path; any other from its own day.

create function tests.held_until(name text default 'mia.basic') returns date
language sql
as $$
  select mentorcert_private.day_of(expires_at, 'Europe/Oslo') - 1 from public.peer_mentor_certifications where id = tests.id(name)
$$;
create function tests.two_years_from(day date) returns text
language sql
as $$ select to_jsonb(mentorcert_private.day_starts(mentorcert_private.last_valid_day('months', 24, day) + 1, 'Europe/Oslo')) #>> '{}' $$;
grant execute on function tests.held_until(text) to authenticated, service_role;

-- The rule itself.
select is(
  mentorcert_private.last_valid_day(rule, months, issued, held, early), expected::date,
  format('%s %s from %s, held until %s, %s days', months, rule, issued, held, early)
)
from (
  values
    ('months', 12, date '2026-03-04', date '2026-06-02', 90, '2027-06-02'),
    ('months', 12, '2026-03-03', '2026-06-02', 90, '2027-03-03'),
    ('months', 12, '2026-06-02', '2026-06-02', 90, '2027-06-02'),
    ('months', 12, '2026-06-03', '2026-06-02', 90, '2027-06-03'),
    ('months', 12, '2026-03-04', '2026-06-02', null, '2027-03-04'),
    ('months', 6, '2026-08-20', '2026-08-31', 30, '2027-02-28'),
    ('months', 12, '2026-03-04', '2028-06-02', 90, '2028-06-02'),
    ('months', 12, '2026-03-04', null, 90, '2027-03-04'),
    ('end_of_year', 0, '2026-11-30', '2026-12-31', 31, '2027-12-31'),
    ('end_of_year', 0, '2026-11-29', '2026-12-31', 31, '2026-12-31'),
    ('end_of_year', 12, '2026-11-29', '2026-12-31', 31, '2027-12-31'),
    ('end_of_year', 12, '2026-12-02', '2027-12-31', 31, '2027-12-31'),
    ('unlimited', null, '2026-12-02', null, null, null)
) as rules (rule, months, issued, held, early, expected);

-- mia holds basic to the 29th day from today.
create function tests.set_window(days integer) returns void
language sql
as $$ update mentorcert.certification_types set early_renewal_days = days where id = tests.id('alfa.basic') $$;

select tests.set_window(29);
select is(tests.attempt(who, statement), expected, who || ' within the window: ' || statement)
from (
  values
    ('cora', $$ select expires_at from public.renew_certification(tests.id('mia.basic')) $$, tests.two_years_from(tests.held_until())),
    ('adam', $$ select expires_at from public.renew_certification(tests.id('mia.basic')) $$, tests.two_years_from(tests.held_until())),
    ('cora', $$ select expires_at from public.preview_changes('renew', array[tests.id('mia.basic')]) $$, tests.two_years_from(tests.held_until())),
    ('cora', $$ select counted_from from public.preview_changes('renew', array[tests.id('mia.basic')]) $$, 'end'),
    ('cora', $$ select counted_from from public.preview_changes('suspend', array[tests.id('mia.basic')]) $$, ''),
    ('cora', $$ select counted_from from public.preview_changes('renew', array[tests.id('mia.short')]) $$, ''),
    ('cora', $$ select public.early_renewal_from(certification) = tests.today() from public.peer_mentor_certifications as certification where id = tests.id('mia.basic') $$, 'true'),
    ('mia', $$ select public.early_renewal_from(certification) = tests.today() from public.peer_mentor_certifications as certification where id = tests.id('mia.basic') $$, 'true'),
    ('mia', $$ select public.early_renewal_from(certification) from public.peer_mentor_certifications as certification where id = tests.id('mia.short') $$, ''),
    ('mia', $$ select public.renew_certification(tests.id('mia.basic')) $$, '42501 certification_right'),
    ('cora', format(
      $$ select id from public.renew_certification(tests.id('mia.basic'), last_valid_day => %L) $$,
      mentorcert_private.last_valid_day('months', 24, tests.held_until())
    ), 'mia.basic'),
    ('cora', format(
      $$ select id from public.renew_certification(tests.id('mia.basic'), last_valid_day => %L) $$,
      mentorcert_private.last_valid_day('months', 24, tests.held_until()) + 1
    ), 'MC003 certification_expires_at_within_rule'),
    ('cora', format(
      $$ update public.peer_mentor_certifications set issued_at = tests.day(), expires_at = %L where id = tests.id('mia.basic') returning id $$,
      tests.two_years_from(tests.held_until())
    ), 'mia.basic'),
    ('cora', format(
      $$ update public.peer_mentor_certifications set issued_at = tests.day(), expires_at = %L where id = tests.id('mia.basic') returning id $$,
      tests.two_years_from(tests.held_until() + 1)
    ), 'MC003 certification_expires_at_within_rule')
) as asked (who, statement, expected);

select tests.set_window(28);
select is(tests.attempt(who, statement), expected, who || ' a day too early: ' || statement)
from (
  values
    ('cora', $$ select expires_at from public.renew_certification(tests.id('mia.basic')) $$, tests.two_years_from(tests.today())),
    ('cora', $$ select counted_from from public.preview_changes('renew', array[tests.id('mia.basic')]) $$, 'renewal'),
    ('cora', format(
      $$ select id from public.renew_certification(tests.id('mia.basic'), last_valid_day => %L) $$,
      mentorcert_private.last_valid_day('months', 24, tests.held_until())
    ), 'MC003 certification_expires_at_within_rule'),
    ('adam', $$ select counted_from from public.preview_changes('renew', array[tests.id('lone.basic')]) $$, 'renewal'),
    ('adam', $$ select expires_at from public.renew_certification(tests.id('lone.basic')) $$, tests.two_years_from(tests.today()))
) as asked (who, statement, expected);

-- The history says which; a second renewal does not add up; and a rule that is changed later changes no end.
select tests.set_window(29);
select is(
  tests.perform('cora', $$ select public.change_certifications('renew', array[tests.id('mia.basic')], tests.today(-1)) $$), '1',
  'a renewal entered a day late is one of a day too early'
);
select is(tests.newest('mia.basic') ->> 'counted_from', 'renewal', 'and its history says so');
select is(
  tests.perform('cora', $$ select expires_at from public.renew_certification(tests.id('mia.basic')) $$), tests.two_years_from(tests.today()),
  'the next one of the window that was is none'
);
select is(tests.perform('adam', $$ select public.change_certifications('renew', array[tests.id('lone.basic')]) $$), '1', 'one that had ended');
select is(tests.newest('lone.basic') ->> 'counted_from', 'renewal', 'counts from its day');
select is(tests.perform('cora', $$ select id from public.renew_certification(tests.id('mia.short')) $$), 'mia.short', 'of a type without a window');
select is(tests.newest('mia.short') -> 'counted_from', null, 'nothing is said');
select tests.set_window(null);
select is(tests.held_until(), mentorcert_private.last_valid_day('months', 24, tests.today()), 'another rule leaves what was renewed');

-- The rule is changed with its consequences seen, by administrators.
select tests.everybody_gets(
  $$ update mentorcert.certification_types set early_renewal_days = 27 where code = 'short' returning 'changed' $$,
  'no client changes the window without the consequences',
  'adam: PT428 consequences_seen', 'anon: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'service_role: changed'
);
select is(
  tests.attempt('adam', $$
    select each ->> 'kind' || ' ' || (each ->> 'subjects')
    from jsonb_array_elements(
      public.preview_consequences('change_type', tests.id('alfa.short'), '{"early_renewal_days": 7}') -> 'consequences'
    ) as each
  $$),
  'renews_by_other_rule 1', 'and it is said who is renewed by the other rule'
);

select * from finish();
rollback;
