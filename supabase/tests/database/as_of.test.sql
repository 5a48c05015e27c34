\ir fixture.psql
-- Was it valid at that time, by what was known then; from JSONB and from events.

-- A history with dates of its own: issued for March 2016, renewed early in March 2017 for two years (known at once),
-- suspended on 1 July 2017, known from that day; reinstated on 1 September; on 1 October 2017 it was found out that the
-- renewal had been of one year only, and corrected.
create function tests.entry(kind text, recorded text, effective text, before jsonb, after jsonb) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'schema_version', 1, 'entry_id', gen_random_uuid(), 'kind', kind, 'recorded_at', recorded, 'effective_at', effective,
    'actor', '{"job": "test"}'::jsonb, 'before', before, 'after', after
  )
$$;
set local session_replication_role = replica;
insert into public.peer_mentor_certifications (
  id, organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, chapter_ids, renewal_history
)
values (
  tests.id('mia.yearly'), tests.id('alfa'), tests.id('mia'), 'yearly', '2017-03-01T00:00Z', '2018-03-01T00:00Z',
  array[tests.id('1a')],
  jsonb_build_array(
    tests.entry(
      'issued', '2016-03-05T00:00Z', '2016-03-01T00:00Z', null,
      '{"certification_type": "yearly", "issued_at": "2016-03-01T00:00Z", "expires_at": "2017-03-01T00:00Z", "status": "active"}'
    ),
    tests.entry(
      'renewed', '2017-02-20T00:00Z', '2017-02-20T00:00Z', '{}', '{"issued_at": "2017-02-20T00:00Z", "expires_at": "2019-03-01T00:00Z"}'
    ),
    tests.entry('suspended', '2017-07-01T00:00Z', '2017-07-01T00:00Z', '{"status": "active"}', '{"status": "suspended"}'),
    tests.entry('reinstated', '2017-09-01T00:00Z', '2017-09-01T00:00Z', '{"status": "suspended"}', '{"status": "active"}'),
    tests.entry(
      'corrected', '2017-10-01T00:00Z', '2017-02-20T00:00Z', '{"expires_at": "2019-03-01T00:00Z"}', '{"expires_at": "2018-03-01T00:00Z"}'
    ),
    tests.entry('expired', '2018-03-01T00:05Z', '2018-03-01T00:00Z', '{"status": "active"}', '{"status": "expired"}')
  )
);
set local session_replication_role = origin;

create table tests.moments (place serial, at timestamptz, known_at timestamptz, expected boolean, description text);
insert into tests.moments (at, known_at, expected, description) values
  ('2016-02-28T23:59:59Z', 'infinity', false, 'before its first day'),
  ('2016-03-01T00:00Z', 'infinity', true, 'from its first instant'),
  ('2016-03-03', '2016-03-04', false, 'not by what was known before it was registered'),
  ('2016-03-03', '2016-03-06', true, 'registered afterwards, for the days before'),
  ('2017-02-28T23:59:59Z', '2016-12-01', true, 'to its last instant'),
  ('2017-03-01T00:00Z', '2016-12-01', false, 'not from its end'),
  ('2017-03-01T00:00Z', '2017-02-21', true, 'renewed early: no gap'),
  ('2017-06-30T23:59:59Z', 'infinity', true, 'before the suspension'),
  ('2017-07-01T00:00Z', 'infinity', false, 'suspended from that instant'),
  ('2017-08-01', '2017-06-30', true, 'which nobody knew the day before'),
  ('2017-08-31T23:59:59Z', 'infinity', false, 'suspended to the end'),
  ('2017-09-01T00:00Z', 'infinity', true, 'reinstated from that instant'),
  ('2018-06-01', '2017-09-15', true, 'by what was known before the correction'),
  ('2018-06-01', '2017-10-02', false, 'corrected'),
  ('2018-02-28T23:59:59Z', 'infinity', true, 'to the corrected end'),
  ('2018-03-01T00:00Z', '2018-02-01', false, 'not from the corrected end, before the nightly run as after it'),
  ('2018-03-01T00:00Z', 'infinity', false, 'nor by what is known in the end'),
  ('2016-06-01', '2010-01-01', false, 'nothing was known');

create function tests.answers_as_of(who text) returns setof text
language sql
as $$
  select is(
    tests.attempt(who, format('select public.certification_as_of(tests.id(''mia.yearly''), %L, %L)', at, known_at)),
    expected::text, format('at %s, known at %s: %s', at, known_at, description)
  )
  from tests.moments order by place
$$;
set local time zone 'UTC';
select tests.answers_as_of('mia');

select is(
  tests.attempt(who, $$ select coalesce(public.certification_as_of(tests.id('mia.yearly'), '2017-06-01')::text, 'no answer') $$),
  expected, who || ': ' || expected
)
from (
  values ('adam', 'true'), ('cora', 'true'), ('paula', 'true'), ('mia', 'true'), ('service_role', 'true'),
    ('sev', 'no answer'), ('per', 'no answer'), ('bea', 'no answer'), ('nora', 'no answer'), ('anon', '42501')
) as callers (who, expected);

-- What was taken back counts from when it had held.
select is(
  tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.basic'), 'mix-up') $$), 'mia.basic', 'suspended by mistake'
);
select is(tests.attempt('cora', $$ select public.certification_as_of(tests.id('mia.basic'), now()) $$), 'false', 'not valid then');
select is(
  tests.perform('cora', $$ select id from public.revert_change(tests.id('mia.basic'), (tests.newest('mia.basic') ->> 'entry_id')::uuid, 'mix-up') $$),
  'mia.basic', 'taken back'
);
select is(tests.attempt('cora', $$ select public.certification_as_of(tests.id('mia.basic'), now()) $$), 'true', 'valid all the time');
select is(
  tests.attempt('cora', $$ select public.certification_as_of(tests.id('mia.basic'), tests.day(29)) $$), 'true', 'to its end in the future'
);
select is(
  tests.attempt('cora', $$ select public.certification_as_of(tests.id('mia.basic'), tests.day(30)) $$), 'false', 'and not from it'
);

-- The same once the history is kept as events, and the JSONB has lost it.
select is(tests.perform('owner', $$ select looked_at from mentorcert_private.copy_histories_to_events(null, 100) $$), '11', 'copied');
select is(tests.perform('owner', $$ select mentorcert_private.switch_history_to_events() $$), '', 'switched');
set local session_replication_role = replica;
update public.peer_mentor_certifications set renewal_history = '[]';
set local session_replication_role = origin;
select tests.answers_as_of('mia');
select is(
  tests.attempt('sev', $$ select coalesce(public.certification_as_of(tests.id('mia.yearly'), '2017-06-01')::text, 'no answer') $$),
  'no answer', 'events do not show more'
);

select * from finish();
rollback;
