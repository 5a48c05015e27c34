\ir fixture.psql
-- What an entry says: its kind, from when it holds, what was before and after, who, why and on what evidence.

create function tests.entry_after(who text, statement text, certification text) returns jsonb
language plpgsql
as $$
declare
  answer text;
  entry jsonb;
begin
  begin
    answer := tests.perform(who, statement);
    entry := case when answer ~ '^[0-9A-Z]{5}( |$)' then to_jsonb(answer) else tests.newest(certification) end;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return entry;
  end;
end
$$;
create function tests.changed(statement text, certification text default 'mia.short') returns text
language sql
as $$
  select case jsonb_typeof(entry)
    when 'object' then format('%s from %s', entry ->> 'kind',  mentorcert_private.day_of((entry ->> 'effective_at')::timestamptz, 'Europe/Oslo') - tests.today())
    else entry #>> '{}'
  end
  from tests.entry_after('owner', 'update public.peer_mentor_certifications set ' || statement, certification) as entry
$$;

-- Kinds and effective days, counted from today in the organisation's zone. mia.short holds from -10 to 10;
-- lone.basic ended at -70; per.life has no end.
update public.peer_mentor_certifications set status = 'suspended' where id in (tests.id('cait.basic'), tests.id('old.basic'));
select is(tests.changed(statement || format(' where id = tests.id(%L)', certification), certification), expected, statement || ': ' || expected)
from (
  values
    ('mia.short', 'issued_at = tests.day(-1), expires_at = tests.day(40)', 'renewed from -1'),
    ('mia.short', 'issued_at = tests.day(0), expires_at = tests.day(10)', 'renewed from 0'),
    ('mia.short', 'issued_at = tests.day(0), expires_at = null', 'renewed from 0'),
    ('lone.basic', 'issued_at = tests.day(-2), expires_at = tests.day(40)', 'renewed from -2'),
    ('mia.short', 'expires_at = tests.day(11)', 'extended from 0'),
    ('mia.short', 'expires_at = null', 'extended from 0'),
    ('lone.basic', 'expires_at = tests.day(11)', 'extended from -70'),
    ('mia.short', 'expires_at = tests.day(9)', 'corrected from -10'),
    ('per.life', 'expires_at = tests.day(9)', 'corrected from -400'),
    ('mia.short', 'issued_at = tests.day(-12)', 'corrected from -12'),
    ('mia.short', 'issued_at = tests.day(-8), expires_at = tests.day(9)', 'corrected from -10'),
    ('mia.short', $$ certification_type = 'yearly' $$, 'corrected from -10'),
    ('mia.short', $$ status = 'suspended' $$, 'suspended from 0'),
    ('lone.basic', $$ status = 'suspended' $$, 'suspended from 0'),
    ('cait.basic', $$ status = 'active' $$, 'reinstated from 0'),
    ('cait.basic', $$ status = 'expired' $$, 'reinstated from 0'),
    ('cait.basic', 'expires_at = tests.day(900)', 'extended from 0'),
    ('cait.basic', 'issued_at = tests.day(-1), expires_at = tests.day(900)', 'renewed from -1'),
    ('lost.basic', $$ status = 'expired' $$, 'MC001 certification_transition')
) as changes (certification, statement, expected);
select is(
  (tests.entry_after('owner', 'select mentorcert_private.expire_due_certifications(tests.day(15))', 'mia.short') ->> 'effective_at')::timestamptz,
  tests.day(10), 'an expiry holds from the end of the certification, whenever the run comes'
);

-- What the status becomes.
select is(
  tests.attempt('owner', format('update public.peer_mentor_certifications set %s where id = tests.id(%L) returning status', statement, certification)),
  expected, format('%s: %s', statement, expected)
)
from (
  values
    ('lone.basic', 'expires_at = tests.day(11)', 'active'),
    ('mia.short', 'expires_at = tests.day(0)', 'expired'),
    ('cait.basic', $$ status = 'active' $$, 'active'),
    ('cait.basic', $$ status = 'expired' $$, 'active'),
    ('cait.basic', 'expires_at = tests.day(-1)', 'suspended'),
    ('cait.basic', 'issued_at = tests.day(-1), expires_at = tests.day(900)', 'suspended')
) as changes (certification, statement, expected);
update public.peer_mentor_certifications set expires_at = tests.day(-1) where id = tests.id('cait.basic');
select is(
  tests.attempt('paula', $$ select status from public.reinstate_certification(tests.id('cait.basic')) $$), 'expired',
  'time goes on running under a suspension'
);

-- Entries, word for word.
create function tests.without_id(entry jsonb) returns jsonb
language sql
as $$ select case when (entry ->> 'entry_id')::uuid is not null then entry - 'entry_id' end $$;
select is(
  tests.without_id(tests.newest('mia.basic')),
  jsonb_build_object(
    'schema_version', 1, 'kind', 'issued', 'recorded_at', now(), 'effective_at', tests.day(-100),
    'actor', jsonb_build_object('user_id', null, 'role', session_user), 'before', null,
    'after', jsonb_build_object(
      'certification_type', 'basic', 'status', 'active', 'issued_at', tests.day(-100), 'expires_at', tests.day(30)
    )
  ),
  'the first entry says everything, and nothing before it'
);
select is(
  tests.without_id(tests.entry_after(
    'cora',
    $$ select public.renew_certification(
      tests.id('mia.basic'), tests.today(-1), null, 'passed', '{"seen": "course diploma", "seen_on": "2026-01-31", "seen_by": "Cora"}'
    ) $$,
    'mia.basic'
  )),
  jsonb_build_object(
    'schema_version', 1, 'kind', 'renewed', 'recorded_at', now(), 'effective_at', tests.day(-1),
    'actor', jsonb_build_object('user_id', tests.id('cora'), 'role', 'coordinator'),
    'before', jsonb_build_object('issued_at', tests.day(-100), 'expires_at', tests.day(30)),
    'after', jsonb_build_object(
      'issued_at', tests.day(-1),
      'expires_at', mentorcert_private.day_starts(mentorcert_private.last_valid_day('months', 24, tests.today(-1)) + 1, 'Europe/Oslo')
    ),
    'note', 'passed',
    'evidence', '{"seen": "course diploma", "seen_on": "2026-01-31", "seen_by": "Cora"}'::jsonb
  ),
  'a renewal says what it changed, by whom, why and on what evidence'
);
select is(
  tests.entry_after(
    'cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "diploma", "seen_on": "2026-01-31"}') $$, 'mia.basic'
  ) #>> '{evidence,seen_by}',
  tests.id('cora')::text, 'evidence is seen by the caller where it does not say by whom'
);
select is(
  tests.without_id(tests.entry_after('adam', $$ select public.suspend_certification(tests.id('mia.basic'), 'complaint') $$, 'mia.basic')),
  jsonb_build_object(
    'schema_version', 1, 'kind', 'suspended', 'recorded_at', now(), 'effective_at', now(),
    'actor', jsonb_build_object('user_id', tests.id('adam'), 'role', 'org_admin'),
    'before', '{"status": "active"}'::jsonb, 'after', '{"status": "suspended"}'::jsonb, 'note', 'complaint'
  ),
  'a suspension says why'
);
select is(
  tests.without_id(tests.entry_after('owner', 'select mentorcert_private.expire_due_certifications(tests.day(15))', 'mia.short')),
  jsonb_build_object(
    'schema_version', 1, 'kind', 'expired', 'recorded_at', now(), 'effective_at', tests.day(10),
    'actor', '{"job": "nightly"}'::jsonb, 'before', '{"status": "active"}'::jsonb, 'after', '{"status": "expired"}'::jsonb
  ),
  'an expiry is the nightly run''s'
);
select is(
  tests.without_id(tests.entry_after(
    'owner',
    $$ with announced as materialized (select mentorcert_private.set_change_context('{"job": "import", "kind": "imported"}'))
    select 1 from announced $$,
    'mia.basic'
  )) ->> 'kind',
  'issued', 'an announcement alone changes nothing'
);

-- An import, and what a user may not announce.
set local mentorcert.change = '{"kind": "imported", "job": "import", "note": "from a file"}';
insert into public.peer_mentor_certifications (id, organisation_id, peer_mentor_id, certification_type, issued_at)
values (tests.id('lost.life'), tests.id('alfa'), tests.id('lost'), 'life', tests.day(-40));
select is(
  tests.without_id(tests.newest('lost.life')) - 'after' - 'before',
  jsonb_build_object(
    'schema_version', 1, 'kind', 'imported', 'recorded_at', now(), 'effective_at', tests.day(-40),
    'actor', '{"job": "import"}'::jsonb, 'note', 'from a file'
  ),
  'an import says so'
);
set local mentorcert.change = '{"kind": "imported", "job": "nightly", "as_of": "2000-01-01"}';
select is(
  (
    select concat_ws(' ', entry ->> 'kind', entry #>> '{actor,role}', (entry ->> 'effective_at')::timestamptz = tests.day(-3))
    from tests.entry_after('adam', $$
      update public.peer_mentor_certifications set issued_at = tests.day(-3), expires_at = tests.day(50) where id = tests.id('mia.short')
    $$, 'mia.short') as entry
  ),
  'renewed org_admin t', 'a signed-in user is no job, whatever is announced'
);
set local mentorcert.change = '';

-- Notes and evidence.
select is(
  tests.attempt('cora', format('select public.renew_certification(tests.id(''mia.basic''), note => %L, evidence => %L)', note, evidence)),
  expected, coalesce(evidence, left(note, 10)) || ': ' || expected
)
from (
  values
    (repeat('x', 2001), null, 'MC008 certification_note_valid'),
    (null, '"a diploma"', 'MC008 certification_evidence_valid'),
    (null, '[]', 'MC008 certification_evidence_valid'),
    (null, '{"seen": "diploma"}', 'MC008 certification_evidence_valid'),
    (null, '{"seen": " ", "seen_on": "2026-01-31"}', 'MC008 certification_evidence_valid'),
    (null, '{"seen": "diploma", "seen_on": "yesterday"}', 'MC008 certification_evidence_valid'),
    (null, '{"seen": "diploma", "seen_on": "2026-01-31", "file": "JVBERi0"}', 'MC008 certification_evidence_valid'),
    (null, jsonb_build_object('seen', repeat('x', 1000), 'seen_on', '2026-01-31')::text, 'MC008 certification_evidence_valid')
) as given (note, evidence, expected);

select * from finish();
rollback;
