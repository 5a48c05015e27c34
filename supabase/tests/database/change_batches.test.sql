\ir fixture.psql
-- Changes of many are batches: read and taken back by the person who made them and by administrators, all or nothing.

create function tests.batch() returns uuid
language sql stable security definer
as $$ select batch_id from mentorcert_private.change_batches where changed_at = now() $$;
create function tests.entries(name text) returns text
language sql
as $$ select string_agg(entry ->> 'kind', ' ') from jsonb_array_elements(tests.history(name)) as entry $$;
grant execute on all functions in schema tests to authenticated;
create function tests.undone(who text, leaves_out boolean default false) returns text
language sql
as $$ select tests.attempt(who, format('select mentorcert_private.revert_batch(tests.batch(), ''why'', %L)', leaves_out)) $$;

select is(
  tests.perform('cora', $$ select public.change_certifications('renew', array[tests.id('mia.basic'), tests.id('mia.short')]) $$), '2', 'two are renewed'
);
select tests.everybody_gets(
  $$ select change || ' ' || cardinality(certification_ids) || ' ' || (entry_ids[1] is not null) from mentorcert_private.change_batches $$,
  'who made it reads it, and administrators',
  'adam cora: renew 2 true', 'bea bob dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select is(tests.attempt(who, statement), outcome, who || ': ' || statement)
from (
  values
    ('cora', $$ select refusal from mentorcert_private.preview_batch_reversal(tests.batch()) where refusal is not null $$, ''),
    ('cora', $$ select tests.name(certification_id) from mentorcert_private.preview_batch_reversal(tests.batch()) where expires_at = tests.day(30) $$, 'mia.basic'),
    ('dora', $$ select refusal from mentorcert_private.preview_batch_reversal(tests.batch()) $$, ''),
    ('adam', $$ select public.revert_change(tests.batch(), 'why') $$, '2'),
    ('cora', $$ select public.revert_change(tests.batch(), 'why') $$, '2'),
    ('cora', $$ select public.revert_change(tests.batch(), ' ') $$, 'MC004 certification_reason_required'),
    ('cora', $$ select mentorcert_private.revert_batch(tests.batch(), null) $$, 'MC004 certification_reason_required'),
    ('dora', $$ select public.revert_change(tests.batch(), 'why') $$, '42501 certification_right'),
    ('dora', $$ select mentorcert_private.revert_batch(tests.batch(), 'why', true) $$, '42501 certification_right'),
    ('mia', $$ select mentorcert_private.revert_batch(tests.batch(), 'why', true) $$, '42501 certification_right'),
    ('bea', $$ select mentorcert_private.revert_batch(tests.batch(), 'why', true) $$, '42501 certification_right'),
    ('dora', $$ update mentorcert_private.change_batches set reverted_at = now(), reversal_reason = 'x', reverted = 1, reverted_by = auth.uid() $$, '0 rows'),
    (
      'cora', $$ update mentorcert_private.change_batches set reverted_at = now(), reversal_reason = 'x', reverted = 1, reverted_by = tests.id('adam') $$,
      '42501'
    ),
    (
      'dora', $$ insert into mentorcert_private.change_batches (organisation_id, change, certification_ids, entry_ids, changed_by)
      values (tests.id('alfa'), 'renew', array[tests.id('mia.basic')], array[gen_random_uuid()], tests.id('cora')) $$, '42501'
    ),
    (
      'bea', $$ insert into mentorcert_private.change_batches (organisation_id, change, certification_ids, entry_ids, changed_by)
      values (tests.id('alfa'), 'renew', array[tests.id('mia.basic')], array[gen_random_uuid()], auth.uid()) $$, '42501'
    )
) as asked (who, statement, outcome);

-- What was changed since stands against the whole, and says so; the rest goes without it.
select tests.perform('adam', $$ select public.suspend_certification(tests.id('mia.basic'), 'away') $$);
select is(
  tests.perform('cora', $$
    select string_agg(concat_ws(' ', tests.name(certification_id), refusal, changed_since ->> 'kind', changed_since #>> '{actor,role}'), ', ' order by refusal)
    from mentorcert_private.preview_batch_reversal(tests.batch())
  $$),
  'mia.basic certification_change_revertible suspended org_admin, mia.short', 'who did what'
);
select is(tests.undone('cora'), 'MC006 certification_change_revertible', 'nothing is taken back with it');
select is(tests.entries('mia.short') like '%reverted', false, 'nothing at all');
select is(
  tests.perform('cora', $$ select mentorcert_private.revert_batch(tests.batch(), 'why', true) $$), '1', 'the rest is taken back'
);
select is(tests.entries('mia.short') like '%renewed reverted', true, 'as its history says');
select is(tests.entries('mia.basic') like '%renewed suspended', true, 'and the other one is left as it is');
select is(tests.undone('cora', true), 'MC006 certification_change_revertible', 'only once');
select is(tests.undone('adam'), 'MC006 certification_change_revertible', 'by anybody');
select is(
  (select reverted || ' ' || reversal_reason from mentorcert_private.change_batches), '1 why', 'the batch says so, and taking it back is none'
);

-- A job's changes are none, and what has left the reach of the coordinator is not taken back.
delete from mentorcert_private.change_batches;
select lives_ok($$ select public.change_certifications('renew', array[tests.id('lone.basic')]) $$, 'the owner changes');
select is((select count(*)::integer from mentorcert_private.change_batches), 0, 'without a batch');
select tests.perform('cora', $$ select public.change_certifications('suspend', array[tests.id('mia.short')], note => 'away') $$);
update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = tests.id('mia');
select is(tests.undone('cora'), '42501 certification_right', 'a person who can no longer change it cannot take it back');
select is(tests.undone('cora', true), '42501 certification_right', 'nor leave out all');
select is(tests.undone('adam'), '1', 'an administrator does');
select is(
  tests.attempt('service_role', $$ select public.revert_change(tests.batch(), 'why') $$), '42501 certification_right', 'a job does not'
);

select * from finish();
rollback;
