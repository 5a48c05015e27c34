\ir fixture.psql
-- A row that the caller may not see and one that does not exist must give the same error: else errors reveal who is
-- certified elsewhere.
-- The consequences of changes are seen here: consequences.test.sql is about those that are not.
select set_config('mentorcert.noted_state', '{}', true);

create function tests.same_error(who text, statement text, hidden uuid, expected text) returns setof text
language sql
as $$
  select is(
    tests.error_of(who, format(statement, hidden), hidden::text),
    tests.error_of(who, format(statement, tests.id('missing')), tests.id('missing')::text),
    format('%s gets the same error for what is hidden and what is missing: %s', who, regexp_replace(statement, '\s+', ' ', 'g'))
  )
  union all
  select is(tests.attempt(who, format(statement, hidden)), expected, 'which is ' || expected)
$$;

select tests.same_error(who, statement, hidden, '42501 certification_right')
from (
  values
    ('cora', tests.id('lone'), tests.id('lone.basic')), -- of another chapter
    ('cora', tests.id('bert'), tests.id('bert.basic')), -- of another organisation
    ('adam', tests.id('bert'), tests.id('bert.basic')),
    ('mia', tests.id('per'), tests.id('per.life')),
    ('nora', tests.id('mia'), tests.id('mia.basic'))
) as callers (who, mentor, certification)
cross join lateral (
  values
    ($$ select public.register_certification(%L, 'life') $$, mentor),
    ($$ select public.register_certification(%L, 'no-such-type') $$, mentor),
    (
      $$
        insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
        values (%L, 'life', tests.day(-1))
      $$,
      mentor
    ),
    (
      $$
        insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
        values (%L, 'basic', tests.day(-1)) -- which the hidden one has already
      $$,
      mentor
    ),
    ($$ select public.renew_certification(%L) $$, certification),
    ($$ select public.change_certifications('renew', array[%L]::uuid[]) $$, certification),
    ($$ select public.suspend_certification(%L, 'why') $$, certification),
    ($$ select public.reinstate_certification(%L) $$, certification),
    ($$ select public.revert_change(%L::uuid, gen_random_uuid(), 'why') $$, certification)
) as calls (statement, hidden);

-- A peer mentor does not change the own certification, and sees that it is there: no secret is revealed.
select is(
  tests.attempt('mia', $$ select public.renew_certification(tests.id('mia.basic')) $$),
  '42501 certification_right', 'a peer mentor does not renew'
);
select is(
  tests.attempt('mia', $$ select public.register_certification(tests.id('mia'), 'life') $$),
  '42501 certification_right', 'nor register'
);

select tests.same_error(
  'adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (%L, tests.id('1a')) $$,
  tests.id('bert'), '23503 peer_mentor_chapters_peer_mentor_id_fkey'
);
select tests.same_error(
  'adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), %L) $$,
  tests.id('b1'), '23503 peer_mentor_chapters_chapter_id_fkey'
);
select tests.same_error(
  'adam', $$ update mentorcert.chapters set parent_id = %L where id = tests.id('1a') $$,
  tests.id('b1'), '23503 chapters_parent_id_fkey'
);
select tests.same_error(
  'adam', $$ insert into mentorcert.memberships (user_id, role, chapter_id) values (tests.id('nora'), 'coordinator', %L) $$,
  tests.id('b1'), '23503 memberships_chapter_id_fkey'
);
select tests.same_error(
  'cora', $$ select public.extend_certifications('basic', tests.today(40), 'why', %L) $$,
  tests.id('b1'), '42501 certification_right'
);
select tests.same_error(
  'adam', $$ select public.extend_certifications('basic', tests.today(400), 'why', %L) $$,
  tests.id('b1'), 'MC008 extension_not_empty'
);
select tests.same_error('bea', $$ select public.revert_change(%L::uuid, 'why') $$, tests.id('batch'), 'MC006 certification_change_revertible');

-- Functions that answer with null or no rows.
select is(tests.attempt('cora', $$ select public.certification_history(tests.id('bert.basic')) $$), '', 'a hidden history is empty');
select is(
  tests.attempt('cora', $$ select coalesce(public.certification_as_of(tests.id('bert.basic'), now())::text, 'null') $$),
  'null', 'was a hidden certification valid: no answer'
);
select is(
  tests.attempt('cora', $$ select coalesce(public.certification_as_of(tests.id('missing'), now())::text, 'null') $$),
  'null', 'the same as of one that does not exist'
);

select * from finish();
rollback;
