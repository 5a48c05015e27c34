\ir fixture.psql
-- The last valid day: the organisation's calendar decides, whatever zone the session or a phone is in.

update public.peer_mentor_certifications
set expires_at = '2027-07-19 00:00 Europe/Oslo', status = 'active' where id = tests.id('mia.basic');
select is(tests.perform('mia', statement), expected, zone || ': ' || statement)
from unnest(array['UTC', 'Pacific/Auckland', 'America/Los_Angeles']) as zone
cross join lateral (select set_config('TimeZone', zone, true)) as session
cross join (
  values
    ($$ select public.last_valid_day(held) from public.peer_mentor_certifications as held where id = tests.id('mia.basic') $$, '2027-07-18'),
    ($$ select last_valid_day from mentorcert.peer_mentor_certifications where id = tests.id('mia.basic') $$, '2027-07-18'),
    ($$ select last_valid_day from mentorcert.certifications_page() where id = tests.id('mia.basic') $$, '2027-07-18')
) as asked (statement, expected);

select tests.everybody_gets(
  $$ select public.last_valid_day(held) is not null as a_day from public.peer_mentor_certifications as held where id = tests.id('mia.basic') $$,
  'who sees the certification sees its day',
  'adam cora dora@alfa mia mixa paula service_role: true', 'bea bob dora dora@beta gone nora per sev: ', 'anon: 42501'
);

update public.peer_mentor_certifications set expires_at = null where id = tests.id('mia.basic');
select is(
  tests.perform('mia', $$ select coalesce(last_valid_day::text, 'no end') from mentorcert.certifications_page() where id = tests.id('mia.basic') $$),
  'no end', 'what does not expire has no last day'
);

select * from finish();
rollback;
