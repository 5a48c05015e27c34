\ir fixture.psql
-- Extending everybody at once, and taking changes back: one, or a whole batch.

create function tests.ends(certification text) returns integer
language sql
as $$
  select mentorcert_private.day_of(expires_at, 'Europe/Oslo') - tests.today()
  from public.peer_mentor_certifications where id = tests.id(certification)
$$;
create function tests.extended() returns text
language sql
as $$
  select coalesce(string_agg(tests.name(id), ',' order by tests.name(id)), '')
  from public.peer_mentor_certifications where renewal_history -> -1 ->> 'kind' = 'extended'
$$;
create function tests.newest_id(certification text) returns uuid
language sql
as $$ select (tests.newest(certification) ->> 'entry_id')::uuid $$;
create function tests.newest_batch(certification text) returns uuid
language sql
as $$ select (tests.newest(certification) ->> 'batch_id')::uuid $$;
grant execute on all functions in schema tests to authenticated;

-- Whom an extension reaches: what is valid now and ends before the day. mia.basic ends in 30 days, mixa.basic in 60,
-- old.basic in 90, lost.basic in 200, cait.basic in 700; lone.basic ended 70 days ago.
create function tests.would_extend(arguments text) returns text
language plpgsql
as $$
declare
  extended text;
begin
  begin
    extended := tests.perform('adam', format('select public.extend_certifications(%s) is not null', arguments));
    if extended = 'true' then
      extended := tests.extended();
    end if;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return extended;
  end;
end
$$;
select is(tests.would_extend(arguments), expected, format('extend_certifications(%s)', arguments))
from (
  values
    ($$ 'basic', tests.today(100), 'why' $$, 'mia.basic,mixa.basic,old.basic'),
    ($$ 'basic', tests.today(29), 'why' $$, 'MC008 extension_not_empty'), -- to where the first one ends
    ($$ 'basic', tests.today(30), 'why' $$, 'mia.basic'), -- one day more
    ($$ 'basic', tests.today(100), 'why', tests.id('1a') $$, 'mia.basic'),
    ($$ 'basic', tests.today(900), 'why', tests.id('county1') $$, 'cait.basic,mia.basic'),
    ($$ 'basic', tests.today(100), 'why', tests.id('1b') $$, 'MC008 extension_not_empty'),
    ($$ 'basic', tests.today(100), 'why', tests.id('2a') $$, 'mixa.basic'),
    ($$ 'basic', tests.today(100), 'why', tests.id('2a'), tests.today(-70) $$, 'mixa.basic'), -- ended at the day's beginning
    ($$ 'basic', tests.today(100), 'why', tests.id('2a'), tests.today(-71) $$, 'lone.basic,mixa.basic'),
    ($$ 'short', tests.today(100), 'why' $$, 'mia.short')
) as calls (arguments, expected);

-- The preview judges by itself: what it is asked for may have no lock.
create function tests.judged(person text, arguments text) returns text
language sql
as $$
  select tests.perform(person, format(
    'select string_agg(outcome || '' '' || number, '', '' order by outcome) from ('
    '  select outcome, count(*) as number from mentorcert_private.preview_extension(%s) group by outcome'
    ') as outcomes', arguments
  ))
$$;
select is(tests.judged('adam', arguments), expected, format('preview_extension(%s)', arguments))
from (
  values
    ($$ 'basic', tests.today(90), tests.id('2a') $$, 'expired 1, extended 1'),
    ($$ 'basic', tests.today(59), tests.id('2a') $$, 'expired 1, holds_longer 1'),
    ($$ 'basic', tests.today(90), tests.id('2a'), tests.today(-71) $$, 'extended 2'),
    ($$ 'basic', tests.today(90), tests.id('2a'), tests.today(-70) $$, 'expired 1, extended 1')
) as calls (arguments, expected);

-- What it does to them. One is suspended, one not yet seen by the nightly run.
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mixa.basic');
select is(
  tests.perform('adam', $$ select public.extend_certifications('basic', tests.today(100), 'pandemic', null, tests.today(-80)) is not null $$),
  'true', 'a batch comes back'
);
select is(tests.extended(), 'lone.basic,mia.basic,mixa.basic,old.basic', 'these are extended');
select is(tests.ends(name), 101, name || ' to the end of that day') from unnest(array['lone.basic', 'mia.basic', 'mixa.basic', 'old.basic']) as name;
select results_eq(
  $$ select status from public.peer_mentor_certifications where renewal_history -> -1 ->> 'kind' = 'extended' order by tests.name(id) $$,
  array['active', 'active', 'suspended', 'active'], 'the expired one is active again, the suspended one stays so'
);
select is(
  count(distinct tests.newest_batch(name)) || ' ' || string_agg(distinct tests.newest(name) ->> 'note', ','),
  '1 pandemic', 'they share a batch and the reason'
)
from unnest(array['lone.basic', 'mia.basic', 'mixa.basic', 'old.basic']) as name;
select is(tests.newest_batch('cait.basic'), null, 'which others have not');

-- Taking the batch back.
select is(
  tests.attempt(who, format('select public.revert_change(%L::uuid, ''why'')', tests.newest_batch('mia.basic'))),
  expected, who || ' takes the batch back: ' || expected
)
from (
  values
    ('adam', '4'), ('cora', '42501 certification_right'), ('mia', '42501 certification_right'),
    ('service_role', '42501 certification_right'), ('bea', 'MC006 certification_change_revertible')
) as callers (who, expected);
select is(tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'mia.basic', 'one is suspended meanwhile');
select is(
  tests.attempt('adam', format('select public.revert_change(%L::uuid, ''why'')', tests.newest_batch('old.basic'))),
  '4', 'which does not touch its end'
);
select is(tests.perform('adam', $$ select id from public.renew_certification(tests.id('old.basic')) $$), 'old.basic', 'one is renewed meanwhile');
select is(
  tests.attempt('adam', format('select public.revert_change(%L::uuid, ''why'')', tests.newest_batch('lone.basic'))),
  'MC006 certification_change_revertible', 'then nothing is taken back'
);
select is(
  tests.perform('adam', format('select id from public.revert_change(tests.id(''old.basic''), %L, ''mistake'')', tests.newest_id('old.basic'))),
  'old.basic', 'until that renewal is taken back'
);
select is(
  tests.perform('adam', format('select public.revert_change(%L::uuid, ''no pandemic'')', tests.newest_batch('lone.basic'))),
  '4', 'then all four'
);
select is(tests.ends(name), expected, name || ' ends as before')
from (values ('lone.basic', -70), ('mia.basic', 30), ('mixa.basic', 60), ('old.basic', 90)) as ends (name, expected);
select is(
  (select string_agg(status, ',' order by tests.name(id)) from public.peer_mentor_certifications
    where id in (tests.id('lone.basic'), tests.id('mia.basic'), tests.id('mixa.basic'), tests.id('old.basic'))),
  'expired,suspended,suspended,active', 'the status is by the dates, under a suspension that stays'
);
select is(tests.kinds('mia.basic'), 'issued,extended,suspended,reverted', 'the history has all of it');
select is(
  jsonb_build_object('reverts', tests.newest('mia.basic') -> 'reverts', 'note', tests.newest('mia.basic') -> 'note'),
  jsonb_build_object('reverts', tests.history('mia.basic') #> '{1,entry_id}', 'note', 'no pandemic'),
  'and which entry was taken back, and why'
);
select is(tests.newest('mia.basic') ->> 'effective_at', tests.history('mia.basic') #>> '{1,effective_at}', 'from when it had held');
select is(
  tests.attempt('adam', format('select public.revert_change(%L::uuid, ''again'')', tests.history('mia.basic') #>> '{1,batch_id}')),
  'MC006 certification_change_revertible', 'a batch is taken back once'
);

-- Taking one change back, of each kind, in a place where nothing else has happened.
create function tests.there_and_back(who text, change text, certification text default 'mia.short') returns text
language plpgsql
as $$
declare
  before text;
  answer text;
begin
  select format('%s %s %s %s', certification_type, issued_at, expires_at, status) into before
  from public.peer_mentor_certifications where id = tests.id(certification);
  begin
    answer := tests.perform('adam', change);
    if answer !~ '^[0-9A-Z]{5} ' then
      answer := tests.perform(who, format(
        'select format(''%%s %%s %%s %%s'', certification_type, issued_at, expires_at, status) '
        'from public.revert_change(tests.id(%L), %L, ''mistake'')', certification, tests.newest_id(certification)
      ));
      answer := case when answer = before then 'as before' else answer end;
    end if;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;
set local time zone 'UTC';
select is(tests.there_and_back(who, change, certification), expected, format('%s, by %s: %s', change, who, expected))
from (
  values
    ('cora', $$ select public.renew_certification(tests.id('mia.short')) $$, 'mia.short', 'as before'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.short'), 'why') $$, 'mia.short', 'as before'),
    ('sev', $$ select public.reinstate_certification(tests.id('mixa.basic')) $$, 'mixa.basic', 'as before'),
    ('cora', $$ update public.peer_mentor_certifications set expires_at = tests.day(9) where id = tests.id('mia.short') $$, 'mia.short', '42501 certification_right'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(9) where id = tests.id('mia.short') $$, 'mia.short', 'as before'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = null where id = tests.id('mia.short') $$, 'mia.short', 'as before'),
    ('adam', $$ update public.peer_mentor_certifications set certification_type = 'yearly', issued_at = tests.day(-1), expires_at = tests.day(5) where id = tests.id('mia.short') $$, 'mia.short', 'as before'),
    ('cora', $$ select public.extend_certifications('short', tests.today(50), 'why') $$, 'mia.short', '42501 certification_right'),
    ('adam', $$ select public.extend_certifications('short', tests.today(50), 'why') $$, 'mia.short', 'as before')
) as changes (who, change, certification, expected);
select is(tests.perform('owner', $$ select expired from mentorcert_private.expire_due_certifications(tests.day(15)) $$), '1', 'a night passes');
select is(
  tests.attempt('adam', format('select public.revert_change(tests.id(''mia.short''), %L, ''why'')', tests.newest_id('mia.short'))),
  'MC006 certification_change_revertible', 'an expiry is not taken back'
);
select is(
  tests.attempt('cora', format('select public.revert_change(tests.id(''mia.short''), %L, ''why'')', tests.newest_id('cait.basic'))),
  'MC006 certification_change_revertible', 'nor an entry of another certification'
);
select is(
  tests.perform('cora', $$ select id from public.renew_certification(tests.id('mia.short')) $$), 'mia.short', 'a renewal'
);
select is(
  tests.perform('cora', format('select id from public.revert_change(tests.id(''mia.short''), %L, ''why'')', tests.newest_id('mia.short'))),
  'mia.short', 'is taken back'
);
select is(
  tests.attempt('cora', format('select public.revert_change(tests.id(''mia.short''), %L, ''why'')', tests.newest_id('mia.short'))),
  '42501 certification_right', 'a coordinator does not take back what was taken back'
);
select is(
  tests.attempt('cora', format('select public.revert_change(tests.id(''mia.short''), %L, ''why'')', tests.history('mia.short') #>> '{-2,entry_id}')),
  'MC006 certification_change_revertible', 'nor anybody the same change twice'
);

-- What a client says of a change by itself, past the functions: no batch of others, and nothing is taken back without a reason.
select tests.perform('adam', $$ select public.extend_certifications('short', tests.today(1500), 'why') $$);
select is(
  tests.perform('cora', format(
    $$
      with said as materialized (select mentorcert_private.set_change_context('{"batch_id": %s, "note": "x"}')::text as nothing)
      update public.peer_mentor_certifications set status = 'suspended' from said
      where id = tests.id('mia.short') returning concat_ws(' ', renewal_history -> -1 ->> 'kind', renewal_history -> -1 ->> 'batch_id')
    $$, to_jsonb(tests.newest_batch('mia.short'))
  )),
  'suspended', 'a change that names the batch of others is none of it'
);
select is(
  tests.attempt('cora', format(
    $$
      with said as materialized (select mentorcert_private.set_change_context('{"kind": "reverted", "reverts": %s}')::text as nothing)
      update public.peer_mentor_certifications set status = 'active' from said
      where id = tests.id('mia.short') returning 'taken back'
    $$, to_jsonb(tests.newest_id('mia.short'))
  )),
  'MC004 certification_reason_required', 'nor is a change taken back without a reason'
);

select * from finish();
rollback;
