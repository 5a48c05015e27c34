\ir fixture.psql
-- How long a certification holds: by its type's rule, which a coordinator cannot exceed and an administrator can.

create function tests.days_left(answer timestamptz) returns text
language sql
as $$ select coalesce((mentorcert_private.day_of(answer, 'Europe/Oslo') - tests.today())::text, 'no end') $$;
grant execute on function tests.days_left(timestamptz) to authenticated;

-- The rule itself.
select is(mentorcert_private.last_valid_day(rule, months, issued, held), expected::date, format('%s %s from %s, held until %s', months, rule, issued, held))
from (
  values
    ('months', 6, date '2026-08-31', null::date, '2027-02-28'),
    ('months', 6, '2027-08-31', null, '2028-02-29'),
    ('months', 12, '2028-02-29', null, '2029-02-28'),
    ('months', 24, '2026-01-01', date '2026-03-01', '2028-01-01'),
    ('months', 24, '2026-01-01', '2028-03-01', '2028-03-01'),
    ('months', 24, '2026-01-01', '2025-12-01', '2028-01-01'),
    ('end_of_year', 0, '2026-12-31', null, '2026-12-31'),
    ('end_of_year', 0, '2027-01-01', null, '2027-12-31'),
    ('end_of_year', 0, '2026-12-01', '2026-12-31', '2027-12-31'),
    ('end_of_year', 0, '2026-12-02', '2027-12-31', '2027-12-31'),
    ('end_of_year', 0, '2026-12-02', '2030-12-31', '2030-12-31'),
    ('end_of_year', 0, '2027-01-05', '2026-12-31', '2027-12-31'),
    ('end_of_year', 12, '2026-05-01', null, '2027-12-31'),
    ('unlimited', null, '2026-05-01', null, null)
) as rules (rule, months, issued, held, expected);
select is(mentorcert_private.day_starts('2026-03-29', 'Europe/Oslo'), '2026-03-28 23:00+00', 'the day on which summer time begins');
select is(mentorcert_private.day_starts('2026-03-30', 'Europe/Oslo'), '2026-03-29 22:00+00', 'and the day after it');
select is(mentorcert_private.day_starts('2026-10-26', 'Europe/Oslo'), '2026-10-25 23:00+00', 'the day after summer time ends');

-- By default the rule is used.
select is(
  tests.attempt('cora', statement), tests.days_left(mentorcert_private.day_starts(expected + 1, 'Europe/Oslo')), statement
)
from (
  values
    ($$ select tests.days_left(expires_at) from public.renew_certification(tests.id('mia.short')) $$, mentorcert_private.last_valid_day('months', 1, tests.today())),
    ($$ select tests.days_left(expires_at) from public.renew_certification(tests.id('mia.basic')) $$, mentorcert_private.last_valid_day('months', 24, tests.today())),
    ($$ select tests.days_left(expires_at) from public.register_certification(tests.id('mia'), 'yearly') $$, mentorcert_private.last_valid_day('end_of_year', 0, tests.today())),
    ($$ select tests.days_left(expires_at) from public.register_certification(tests.id('mia'), 'life') $$, null)
) as calls (statement, expected);

-- A coordinator gives no more than the rule, by no path.
select is(tests.attempt('cora', statement), expected, format('a coordinator: %s: %s', statement, expected))
from (
  values
    ($$ select public.renew_certification(tests.id('mia.short'), tests.today(), mentorcert_private.last_valid_day('months', 1, tests.today()) + 1) $$, 'MC003 certification_expires_at_within_rule'),
    ($$ select id from public.renew_certification(tests.id('mia.short'), tests.today(), mentorcert_private.last_valid_day('months', 1, tests.today())) $$, 'mia.short'),
    ($$ select id from public.renew_certification(tests.id('mia.short'), tests.today(), tests.today(20)) $$, 'mia.short'),
    ($$ select public.register_certification(tests.id('mia'), 'yearly', tests.today(), mentorcert_private.last_valid_day('end_of_year', 0, tests.today()) + 1) $$, 'MC003 certification_expires_at_within_rule'),
    ($$ select certification_type from public.register_certification(tests.id('mia'), 'yearly', tests.today(), mentorcert_private.last_valid_day('end_of_year', 0, tests.today())) $$, 'yearly'),
    ($$ insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at) values (tests.id('mia'), 'yearly', tests.day()) $$, 'MC003 certification_expires_at_within_rule'),
    ($$ insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, expires_at) values (tests.id('mia'), 'yearly', tests.day(), tests.day(400)) $$, 'MC003 certification_expires_at_within_rule'),
    ($$ update public.peer_mentor_certifications set issued_at = tests.day(), expires_at = tests.day(99) where id = tests.id('mia.short') $$, 'MC003 certification_expires_at_within_rule'),
    ($$ update public.peer_mentor_certifications set issued_at = tests.day(), expires_at = null where id = tests.id('mia.short') $$, 'MC003 certification_expires_at_within_rule'),
    ($$ update public.peer_mentor_certifications set expires_at = tests.day(11) where id = tests.id('mia.short') $$, '42501 certification_right'),
    ($$ update public.peer_mentor_certifications set expires_at = null where id = tests.id('mia.short') $$, '42501 certification_right'),
    ($$ update public.peer_mentor_certifications set expires_at = tests.day(9) where id = tests.id('mia.short') $$, '42501 certification_right'),
    ($$ update public.peer_mentor_certifications set issued_at = tests.day(-20) where id = tests.id('mia.short') $$, '42501 certification_right'),
    ($$ update public.peer_mentor_certifications set certification_type = 'life' where id = tests.id('mia.short') $$, '42501 certification_right'),
    ($$ update public.peer_mentor_certifications set certification_type = 'life', issued_at = tests.day(), expires_at = null where id = tests.id('mia.short') $$, '42501 certification_right'),
    ($$ select public.extend_certifications('basic', tests.today(400), 'why') $$, '42501 certification_right'),
    ($$ select public.extend_certifications('basic', tests.today(400), 'why', tests.id('1a')) $$, '42501 certification_right'),
    ($$ select public.revert_change(gen_random_uuid(), 'why') $$, '42501 certification_right')
) as calls (statement, expected);
select is(tests.attempt(who, $$ select public.extend_certifications('basic', tests.today(400), 'why') $$), '42501 certification_right', who || ' extends nothing')
from unnest(array['paula', 'sev', 'mia', 'nora', 'gone', 'dora', 'dora@alfa', 'bob', 'service_role']) as who;

-- An administrator does.
select is(tests.attempt('adam', statement), expected, format('an administrator: %s: %s', statement, expected))
from (
  values
    ($$ select id from public.renew_certification(tests.id('mia.short'), tests.today(), tests.today(400)) $$, 'mia.short'),
    ($$ insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at) values (tests.id('mia'), 'yearly', tests.day()) $$, '1 rows'),
    ($$ update public.peer_mentor_certifications set expires_at = tests.day(11) where id = tests.id('mia.short') $$, '1 rows'),
    ($$ update public.peer_mentor_certifications set expires_at = tests.day(9) where id = tests.id('mia.short') $$, '1 rows'),
    ($$ update public.peer_mentor_certifications set issued_at = tests.day(-20) where id = tests.id('mia.short') $$, '1 rows'),
    ($$ update public.peer_mentor_certifications set certification_type = 'yearly' where id = tests.id('mia.short') $$, '1 rows')
) as calls (statement, expected);

-- Renewal of what was unlimited stays unlimited; of what has expired long ago begins again.
select is(
  tests.attempt('per', $$ select public.renew_certification(tests.id('per.life')) $$), '42501 certification_right', 'a peer mentor renews nothing'
);
select is(
  tests.attempt('sev', $$ select tests.days_left(expires_at) from public.renew_certification(tests.id('per.life')) $$), 'no end', 'unlimited stays unlimited'
);
select is(
  tests.attempt('sev', $$ select tests.days_left(expires_at) || ' ' || status from public.renew_certification(tests.id('lone.basic')) $$),
  tests.days_left(mentorcert_private.day_starts(mentorcert_private.last_valid_day('months', 24, tests.today()) + 1, 'Europe/Oslo')) || ' active',
  'what has expired is active again, from the day of renewal'
);

select * from finish();
rollback;
