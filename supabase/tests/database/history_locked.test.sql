\ir fixture.psql
-- A history, once written, stays: for clients, the service key and the owner, in JSONB and as events.

select is(
  tests.attempt(who, $$ update public.peer_mentor_certifications set renewal_history = '[]' where id = tests.id('mia.basic') $$),
  '42501', who || ' has no grant to write a history'
)
from unnest(array['cora', 'adam', 'mia', 'anon', 'service_role']) as who;
select is(
  tests.attempt(who, $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, renewal_history)
    values (tests.id('mia'), 'life', tests.day(-1), '[]')
  $$),
  '42501', who || ' brings no history'
)
from unnest(array['cora', 'adam']) as who;

-- The owner has every grant. mia.basic gets a second and a third entry first.
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic');
update public.peer_mentor_certifications set status = 'active' where id = tests.id('mia.basic');
select is(tests.kinds('mia.basic'), 'issued,suspended,reinstated', 'a history of three entries');
select is(
  tests.attempt('owner', format(
    'update public.peer_mentor_certifications set renewal_history = %s where id = tests.id(''mia.basic'')', value
  )),
  'MC005 certification_history_append_only', 'refused: renewal_history = ' || value
)
from unnest(array[
  $$ '[]' $$,
  $$ renewal_history - 0 $$,
  $$ renewal_history - -1 $$,
  $$ renewal_history - 1 $$,
  $$ jsonb_build_array(renewal_history -> 1, renewal_history -> 0, renewal_history -> 2) $$,
  $$ jsonb_set(renewal_history, '{0,note}', '"another"') $$,
  $$ jsonb_set(renewal_history, '{0,recorded_at}', '"2020-01-01T00:00:00+00:00"') $$,
  $$ renewal_history #- '{0,actor}' $$,
  $$ renewal_history || renewal_history $$,
  $$ renewal_history || (renewal_history -> 0) $$,
  $$ jsonb_set(renewal_history, '{0,schema_version}', '0') $$
]) as value;
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set renewal_history = '[]', status = 'suspended'
    where id = tests.id('mia.basic')
  $$),
  'MC005 certification_history_append_only', 'nor along with a change'
);
set local session_replication_role = replica;
update public.peer_mentor_certifications set renewal_history = (
  select jsonb_agg(tests.newest('mia.short') || jsonb_build_object('entry_id', gen_random_uuid())) from generate_series(1, 60)
)
where id = tests.id('mia.short');
set local session_replication_role = origin;
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set renewal_history = mentorcert_private.cached_history(renewal_history)
    where id = tests.id('mia.short')
  $$),
  'MC005 certification_history_append_only', 'nor is it cut to what the cache of events would keep'
);
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set renewal_history = renewal_history where id = tests.id('mia.basic')
  $$),
  '1 rows', 'as it is, it may be written'
);
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set renewal_history = mentorcert_private.upgrade_history(renewal_history)
    where id = tests.id('mia.basic')
  $$),
  '1 rows', 'and lifted to the current version'
);
select is(
  tests.attempt('owner', statement), 'MC005 certification_history_append_only', statement
)
from unnest(array[
  $$ delete from public.peer_mentor_certifications where id = tests.id('mia.basic') $$,
  $$ delete from public.peer_mentor_certifications where false $$,
  $$ truncate public.peer_mentor_certifications cascade $$
]) as statement;
select is(
  tests.attempt('owner', format(
    $$
      insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, renewal_history)
      values (tests.id('alfa'), tests.id('mia'), 'life', tests.day(-1), %L)
    $$,
    jsonb_build_array(tests.newest('mia.basic') || jsonb_build_object('kind', kind))
  )),
  'MC005 certification_history_append_only', 'a new certification brings no entry of kind ' || kind
)
from unnest(array['issued', 'renewed', 'extended', 'expired', 'suspended', 'reinstated', 'corrected', 'reverted']) as kind;

select is(
  tests.attempt('owner', format(
    $$
      insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, renewal_history)
      values (tests.id('alfa'), tests.id('mia'), 'life', tests.day(-1), %L)
    $$,
    jsonb_build_array(entry)
  )),
  'MC005 certification_history_append_only', 'a new certification brings no malformed entry: ' || entry::text
)
from (
  select past.entry - lacking as entry
  from (
    select entry || '{"kind": "imported"}' as entry
    from jsonb_array_elements((select renewal_history from public.peer_mentor_certifications where id = tests.id('mia.basic')))
      with ordinality as entries (entry, position)
    where position = 1
  ) as past
  cross join unnest(array['schema_version', 'entry_id', 'kind', 'recorded_at', 'effective_at', 'after']) as lacking
  union all
  select unnest(array['{}', '5', 'null']::jsonb[])
) as malformed;

-- A new version of an entry, of which only this test knows.
create or replace function mentorcert_private.current_history_version() returns integer
language sql immutable set search_path = ''
as $$ select 2 $$;
create or replace function mentorcert_private.upgrade_history_entry(entry jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
  select case entry -> 'schema_version'
    when '1' then entry || '{"schema_version": 2, "channel": "unknown"}'
    else entry
  end
$$;
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set renewal_history = jsonb_set(renewal_history, '{0,schema_version}', '2')
    where id = tests.id('mia.basic')
  $$),
  'MC005 certification_history_append_only', 'an entry gets a new version from the upgrade function only'
);
select is(
  tests.perform('owner', $$ select changed from mentorcert_private.upgrade_histories(null, 100) $$), '10', 'which lifts all histories'
);
select is(
  (select count(*) from jsonb_array_elements(tests.history('mia.basic')) as entry where entry @> '{"schema_version": 2, "channel": "unknown"}'),
  3::bigint, 'each entry of them'
);
select is(tests.perform('owner', $$ select changed from mentorcert_private.upgrade_histories(null, 100) $$), '0', 'once');
select is(
  tests.perform('cora', $$ select renewal_history -> -1 -> 'schema_version' from public.suspend_certification(tests.id('mia.basic'), 'why') $$),
  '2', 'new entries are of the new version'
);

-- As events.
select is(tests.perform('owner', $$ select changed >= 10 from mentorcert_private.copy_histories_to_events(null, 100) $$), 'true', 'the histories are copied');
select is(tests.perform('owner', $$ select mentorcert_private.switch_history_to_events() $$), '', 'and the home is switched');
select is(
  tests.attempt('owner', format('update mentorcert.certification_renewal_events set %s', change)),
  'MC005 certification_history_append_only', 'refused for an event: ' || change
)
from unnest(array[
  $$ entry = entry || '{"note": "another"}' $$, $$ position = position + 100 $$,
  $$ organisation_id = tests.id('beta') where organisation_id = tests.id('alfa') $$,
  $$ certification_id = tests.id('per.life') where certification_id <> tests.id('per.life') $$,
  $$ entry_id = tests.id('e'), entry = entry || jsonb_build_object('entry_id', tests.id('e')) where certification_id = tests.id('per.life') $$
]) as change;
select is(
  tests.attempt('owner', 'update mentorcert.certification_renewal_events set entry = mentorcert_private.upgrade_history_entry(entry)'),
  (select count(*) || ' rows' from mentorcert.certification_renewal_events), 'an event may be lifted to the current version'
);
select is(tests.attempt('owner', 'delete from mentorcert.certification_renewal_events'), 'MC005 certification_history_append_only', 'no event is deleted');
select is(tests.attempt('owner', 'truncate mentorcert.certification_renewal_events'), 'MC005 certification_history_append_only', 'nor are all');

select * from finish();
rollback;
