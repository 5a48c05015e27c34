\ir fixture.psql
-- An import brings the history entries of new certifications along: those that the trigger would write, and no others, by anyone.

create function tests.registered(names text[], type text, issued date, last_day date) returns integer
language sql
as $$
  select mentorcert_private.register_imported(
    tests.id('alfa'), array(select tests.id(name) from unnest(names) as name), array_fill(type, array[cardinality(names)]),
    array_fill(issued, array[cardinality(names)]), array_fill(last_day, array[cardinality(names)])
  )
$$;

-- Which, and for whom; all of them or none.
update mentorcert.certification_types set retired_on = tests.today(-5), retired_reason = 'x' where id = tests.id('alfa.yearly');
select mentorcert_private.erase_peer_mentor(tests.id('old'), false);
select set_config('mentorcert.change', '{"kind": "imported", "job": "import"}', true);
select is(
  tests.attempt('owner', format('select tests.registered(%L, %L, %s, %s)', names, type, issued, last_day)), expected,
  format('%s: %s, issued %s, to %s', names, type, issued, last_day)
)
from (
  values
    ('{mia,per}', 'life', 'tests.today(-1)', $$ 'infinity' $$, '23505 peer_mentor_certifications_one_of_a_type'), -- per has one
    ('{mia,lost}', 'life', 'tests.today(-1)', $$ 'infinity' $$, '2'),
    ('{mia,lost}', 'life', 'tests.today(-1)', 'tests.today(20)', '2'), -- more than the type gives, as a file may say
    ('{mia,lost}', 'life', 'tests.today(-9)', 'tests.today(-3)', '2'), -- ended, which the nightly run settles
    ('{mia,old}', 'life', 'tests.today(-1)', $$ 'infinity' $$, '0'), -- erased
    ('{mia,bert}', 'life', 'tests.today(-1)', $$ 'infinity' $$, '0'), -- of another organisation
    ('{mia,nobody}', 'life', 'tests.today(-1)', $$ 'infinity' $$, '0'),
    ('{mia}', 'unknown', 'tests.today(-1)', $$ 'infinity' $$, '0'),
    ('{mia}', 'beta-only', 'tests.today(-1)', $$ 'infinity' $$, '0'),
    ('{mia}', 'yearly', 'tests.today(-1)', 'tests.today(20)', '0'), -- retired
    ('{mia}', 'life', 'tests.today(1)', $$ 'infinity' $$, '0'),
    ('{mia}', 'life', $$ '1899-12-31' $$, $$ 'infinity' $$, '0'),
    ('{mia}', 'life', 'tests.today(-1)', 'tests.today(-3)', '0')
) as asked (names, type, issued, last_day, expected);
select is(tests.perform('owner', $$ select tests.registered('{cait}', 'life', tests.today(-1), 'infinity') $$), '1', 'registered');
select is(current_setting('mentorcert.entry', true), '', 'and nobody may write entries from here on');

-- In another connection's words: only what an import announces, as nobody in particular.
select is(
  tests.attempt('owner', format(
    $$ select tests.registered('{mia}', 'life', tests.today(-1), 'infinity') from set_config('mentorcert.change', %L, true) $$, change
  )), '0', 'announced: ' || change
)
from unnest(array[
  '', '{"kind": "imported", "as_of": "2020-01-01"}', '{"job": "import"}', '{"kind": "reverted"}', '{"kind": "imported", "evidence": "a file"}'
]) as change;
select is(
  tests.attempt(who, $$ select mentorcert_private.register_imported(tests.id('alfa'), '{}', '{}', '{}', '{}') $$), '42501', who || ' registers nothing so'
)
from unnest(array['adam', 'cora', 'mia', 'service_role', 'anon']) as who;

-- The entry and the row are the trigger's.
create function tests.row_after(statement text) returns jsonb
language plpgsql
as $$
declare
  answer text;
  written jsonb;
begin
  begin
    answer := tests.perform('owner', statement);
    select to_jsonb(held) - array['id', 'renewal_history'] || jsonb_build_object('history', (
      select jsonb_agg(entry - array['entry_id', 'recorded_at']) from jsonb_array_elements(held.renewal_history) as entry
    )) into written
    from public.peer_mentor_certifications as held where held.peer_mentor_id = tests.id('per') and held.certification_type = 'short';
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return coalesce(written, to_jsonb(answer));
  end;
end
$$;
select is(
  tests.row_after(format($$ select tests.registered('{per}', 'short', tests.today(-9), %s) $$, last_day)),
  tests.row_after(format(
    $$
      insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
      values (tests.id('alfa'), tests.id('per'), 'short', tests.day(-9), %s)
    $$, ends
  )),
  'as alone, to ' || last_day
)
from (
  values ('tests.today(20)', 'tests.day(21)'), ($$ 'infinity' $$, 'null'), ('tests.today(-2)', 'tests.day(-1)')
) as asked (last_day, ends);
select is(
  tests.row_after($$ select tests.registered('{per}', 'short', tests.today(-9), 'infinity') $$) -> 'chapter_ids', to_jsonb(array[tests.id('1b'), tests.id('2a')]),
  'in both chapters'
);

-- Forged: by those who may write histories, in the name of an import.
create function tests.forged(who text, entries jsonb, also text) returns text
language sql
as $$
  select tests.attempt(who, format(
    'insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, status, renewal_history)'
    ' select tests.id(''alfa''), tests.id(''per''), ''short'', tests.day(-9), ''active'', %L %s'
    ' returning (select string_agg(coalesce(entry ->> ''note'', entry ->> ''kind''), ''+'') from jsonb_array_elements(renewal_history) as entry)', entries, also
  ))
$$;
create function tests.entry(but jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_array(
    '{"schema_version": 1, "kind": "imported", "actor": {"job": "import"}, "before": null, "note": "brought along"}'::jsonb || jsonb_build_object(
      'entry_id', gen_random_uuid(), 'recorded_at', now(), 'effective_at', tests.day(-9),
      'after', jsonb_build_object('certification_type', 'short', 'status', 'active', 'issued_at', tests.day(-9), 'expires_at', null)
    ) || but
  )
$$;
-- The trigger takes what is brought for the past, and adds its own entry; a signed-in user brings none.
select is(tests.forged('owner', tests.entry(), ''), 'brought along+imported', 'without such an import, the trigger writes the entry');
select set_config('mentorcert.entry', (tests.entry() -> 0) - array['entry_id', 'effective_at', 'after'] #>> '{}', true);
select is(tests.forged('owner', tests.entry(), ''), 'brought along', 'within one, just its entry');
select is(tests.forged('service_role', tests.entry(), ''), 'brought along+imported', 'which the service key never brings, whatever it sets');
select is(tests.forged('owner', entries, also), expected, format('not so: %s %s', entries, also))
from (
  values
    (tests.entry('{"note": "mine"}'), '', 'mine+imported'),
    (tests.entry('{"kind": "issued"}'), '', 'MC005 certification_history_append_only'),
    (tests.entry('{"actor": {"job": "nightly"}}'), '', 'brought along+imported'),
    (tests.entry('{"batch_id": "00000000-0000-0000-0000-000000000000"}'), '', 'brought along+imported'),
    (tests.entry(jsonb_build_object('effective_at', tests.day(-8))), '', 'brought along+imported'),
    (tests.entry('{"recorded_at": "2020-01-01T00:00:00+00:00"}'), '', 'brought along+imported'),
    (tests.entry('{"after": {"certification_type": "short", "issued_at": null, "expires_at": null, "status": "active"}}'), '', 'brought along+imported'),
    (tests.entry('{"entry_id": "0000000000000000000000000000000A"}'), '', 'brought along+imported'),
    (tests.entry() || tests.entry(), '', 'brought along+brought along+imported'),
    ('[]', '', 'imported')
) as tried (entries, also, expected);
select is(tests.forged('owner', tests.entry('{"entry_id": "mine"}'), ''), '22P02', 'nor with another id');
-- Nor when it was known: not before this transaction, nor ahead of the clock.
select is(
  tests.forged('owner', tests.entry(jsonb_build_object('recorded_at', at)), format(
    ' from set_config(''mentorcert.entry'', %L, true)',
    (tests.entry(jsonb_build_object('recorded_at', at)) -> 0) - array['entry_id', 'effective_at', 'after'] #>> '{}'
  )), 'brought along+imported', 'known at ' || at
)
from unnest(array[now() - interval '1 second', now() + interval '1 hour']) as at;
-- Nor another kind, nor what is not active.
select is(
  tests.attempt('owner', format(
    $$
      insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, status, renewal_history)
      select tests.id('alfa'), tests.id('per'), 'short', tests.day(-9), tests.day(-1), %L, jsonb_build_array(
        said || jsonb_build_object('entry_id', gen_random_uuid(), 'effective_at', tests.day(-9), 'after', jsonb_build_object(
          'certification_type', 'short', 'status', %1$L, 'issued_at', tests.day(-9), 'expires_at', tests.day(-1)
        ))
      )
      from (select (tests.entry(%L) -> 0) - array['entry_id', 'effective_at', 'after'] as said) as announced,
        set_config('mentorcert.entry', said::text, true)
      returning jsonb_array_length(renewal_history)
    $$, status, but
  )), expected, format('%s %s', status, but)
)
from (
  values
    ('active', '{}', '1'), ('expired', '{}', '2'), ('suspended', '{}', 'MC001 certification_transition'),
    ('active', '{"kind": "issued"}', 'MC005 certification_history_append_only')
) as tried (status, but, expected);
select set_config('mentorcert.entry', '', true);

select * from finish();
rollback;
