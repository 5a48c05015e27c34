\ir fixture.psql
-- An administrator's renewals and extensions of many bring their history entries along: those that the trigger would append, and
-- no others, by anyone.

create function tests.prolonged(names text[], issued timestamptz, ends timestamptz) returns text
language sql
as $$
  select coalesce(string_agg(tests.name(id), ',' order by tests.name(id)), '')
  from unnest(mentorcert_private.prolong_certifications(
    array(select tests.id(name) from unnest(names) as name),
    array_fill(issued, array[cardinality(names)]), array_fill(ends, array[cardinality(names)])
  )) as id
$$;
grant execute on function tests.prolonged to anon, authenticated, service_role;

-- Whose, and which.
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mixa.basic');
select is(
  tests.attempt(who, format('select tests.prolonged(%L, %s, %s)', names, issued, ends)), expected,
  format('%s prolongs %s, issued %s, to %s', who, names, issued, ends)
)
from (
  values
    ('adam', '{mia.basic,old.basic,lone.basic}', 'null', 'tests.day(99)', 'lone.basic,mia.basic,old.basic'), -- lone's has ended
    ('adam', '{mia.basic,old.basic}', 'tests.day(-1)', 'tests.day(99)', 'mia.basic,old.basic'),
    ('adam', '{mia.basic}', 'tests.day(-1)', 'tests.day(30)', 'mia.basic'), -- renewed to where it ends anyway
    ('adam', '{mia.basic}', 'null', 'tests.day(30)', ''),
    ('adam', '{mia.basic}', 'tests.day(-1)', 'tests.day(29)', ''),
    ('adam', '{mia.basic}', 'tests.day(-100)', 'tests.day(99)', ''), -- issued on that day already
    ('adam', '{mia.basic}', 'tests.day(-101)', 'tests.day(99)', ''),
    ('adam', '{mia.basic}', 'tests.day(1)', 'tests.day(99)', ''),
    ('adam', '{mia.basic}', $$ tests.day(-1) + interval '1 hour' $$, 'tests.day(99)', ''),
    ('adam', '{mia.basic}', 'null', $$ tests.day(99) + interval '1 hour' $$, ''),
    ('adam', '{mia.basic}', 'null', $$ 'infinity' $$, ''),
    ('adam', '{mixa.basic}', 'null', 'tests.day(99)', ''), -- suspended
    ('adam', '{per.life}', 'tests.day(-1)', 'tests.day(99)', ''), -- without end
    ('adam', '{bert.basic}', 'null', 'tests.day(999)', ''),
    ('bea', '{mia.basic}', 'null', 'tests.day(99)', ''),
    ('bea', '{bert.basic}', 'null', 'tests.day(999)', 'bert.basic'),
    ('cora', '{mia.basic}', 'tests.day(-1)', 'tests.day(99)', ''),
    ('paula', '{cait.basic}', 'tests.day(-1)', 'tests.day(999)', ''),
    ('mia', '{mia.basic}', 'null', 'tests.day(99)', ''),
    ('gone', '{mia.basic}', 'null', 'tests.day(99)', ''),
    ('service_role', '{mia.basic}', 'null', 'tests.day(99)', ''),
    ('owner', '{mia.basic}', 'null', 'tests.day(99)', ''),
    ('anon', '{mia.basic}', 'null', 'tests.day(99)', '42501')
) as asked (who, names, issued, ends, expected);

-- Types with a rule of their own for renewals, and retired ones, are extended alone.
update mentorcert.certification_types set early_renewal_days = 30 where id = tests.id('alfa.basic');
update mentorcert.certification_types set retired_on = tests.today(-5), retired_reason = 'x' where id = tests.id('alfa.short');
select is(
  tests.attempt('adam', format($$ select tests.prolonged('{mia.basic,mia.short}', %s, tests.day(99)) $$, issued)), expected,
  format('of such types, issued %s: %s', issued, expected)
)
from (values ('null', 'mia.basic,mia.short'), ('tests.day(-1)', '')) as asked (issued, expected);
update mentorcert.certification_types set early_renewal_days = null, retired_on = null, retired_reason = null where organisation_id = tests.id('alfa');
update mentorcert.certification_types set refresher_months = 12 where id = tests.id('alfa.basic');
select is(tests.attempt('adam', $$ select tests.prolonged('{mia.basic}', tests.day(-1), tests.day(99)) $$), '', 'nor of one that a refresher renews for a time only');
update mentorcert.certification_types set refresher_months = null where organisation_id = tests.id('alfa');

-- What the change is about.
select mentorcert_private.set_change_context('{"kind": "reverted", "reverts_latest": true}');
select is(tests.attempt('adam', $$ select tests.prolonged('{mia.basic}', null, tests.day(99)) $$), '', 'not while something is taken back');
select mentorcert_private.set_change_context('{"evidence": "a file"}');
select is(tests.attempt('adam', $$ select tests.prolonged('{mia.basic}', null, tests.day(99)) $$), '', 'nor with remarks that are refused');
select is(
  tests.attempt('adam', $$ select public.change_certifications('renew', array[tests.id('mia.basic')], evidence => '["a file"]') $$),
  'MC008 certification_evidence_valid', 'which the trigger says'
);
select mentorcert_private.set_change_context(null);

-- Histories that may have to be cut are the trigger's.
set local session_replication_role = replica;
update public.peer_mentor_certifications
set renewal_history = (
  select jsonb_agg(tests.newest('old.basic') || jsonb_build_object('entry_id', gen_random_uuid())) from generate_series(1, 50)
)
where id = tests.id('old.basic');
set local session_replication_role = origin;
select is(tests.attempt('adam', $$ select tests.prolonged('{old.basic}', null, tests.day(999)) $$), '', 'a long history');

-- The entry is the trigger's.
create function tests.entry_after(statement text, certification text) returns jsonb
language plpgsql
as $$
declare
  before constant jsonb := tests.history(certification);
  answer text;
  entry jsonb;
begin
  begin
    answer := tests.perform('adam', statement);
    entry := tests.history(certification) -> jsonb_array_length(before) || jsonb_build_object('entries', jsonb_array_length(tests.history(certification)) - jsonb_array_length(before), 'status', (
      select concat_ws(' ', held.status, held.issued_at, held.expires_at, held.updated_at = now())
      from public.peer_mentor_certifications as held where held.id = tests.id(certification)
    ));
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return coalesce(entry - array['entry_id', 'recorded_at'], to_jsonb(answer));
  end;
end
$$;
create function tests.evidence() returns jsonb
language sql
as $$ select jsonb_build_object('seen', 'course certificate', 'seen_on', tests.today(-1), 'seen_by', 'A. Dam') $$;
grant execute on function tests.evidence to authenticated;
select is(
  tests.entry_after(format($$ select public.change_certifications('renew', array[tests.id(%L)], note => 'autumn', evidence => tests.evidence()) $$, name), name),
  tests.entry_after(format($$ select public.renew_certification(tests.id(%L), note => 'autumn', evidence => tests.evidence()) $$, name), name),
  'renewed with others as alone: ' || name
)
from unnest(array['mia.basic', 'lone.basic', 'old.basic']) as name;
select is(
  tests.entry_after(format('select tests.prolonged(array[%L], %s, %s)', name, coalesce(issued, 'null'), ends), name),
  tests.entry_after(format(
    'update public.peer_mentor_certifications set issued_at = coalesce(%s, issued_at), expires_at = %s where id = tests.id(%L)', coalesce(issued, 'null'), ends, name
  ), name),
  format('%s, issued %s, to %s, as by an update', name, issued, ends)
)
from (
  values
    ('mia.basic', null, 'tests.day(99)'), ('mia.basic', 'tests.day(-2)', 'tests.day(30)'), ('lone.basic', null, 'tests.day(99)'),
    ('lone.basic', null, 'tests.day(-3)'), ('lone.basic', 'tests.day(-4)', 'tests.day(-3)')
) as asked (name, issued, ends);
select is(
  tests.attempt('adam', $$
    select public.change_certifications('renew', array[tests.id('mia.basic'), tests.id('per.life'), tests.id('mixa.basic'), tests.id('old.basic')])
  $$),
  '4', 'those that are left to the trigger are renewed with the others'
);
select is(
  tests.perform('adam', $$ select public.change_certifications('renew', array[tests.id('mia.basic'), tests.id('per.life')]) $$), '2', 'renewed'
);

-- Forged: by those who may write histories.
create function tests.forged(who text, history jsonb, also text) returns text
language plpgsql
as $$
declare
  before constant jsonb := tests.history('mia.short');
  after jsonb;
  answer text;
begin
  begin
    answer := tests.perform(who, format(
      'update public.peer_mentor_certifications set renewal_history = %L %s where id = tests.id(''mia.short'')', history, also
    ));
    after := tests.history('mia.short');
    if answer !~ '^[0-9A-Z]{5}( |$)' then
      answer := concat_ws(
        ' ', case when after - -1 = before then 'one more:' end, after #>> '{-1,kind}', after #>> '{-1,actor,role}', after #>> '{-1,after}',
        (after #>> '{-1,recorded_at}')::timestamptz between now() and clock_timestamp() and (after #>> '{-1,entry_id}')::uuid is not null
      );
    end if;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;
create function tests.said() returns jsonb
language sql
as $$ select '{"schema_version": 1, "actor": {"user_id": null, "role": "org_admin"}, "entry_id": "any"}'::jsonb $$;
select is(
  tests.forged('owner', tests.said() || but, ', expires_at = tests.day(99)'),
  format('one more: extended org_admin {"expires_at": %s} t', to_jsonb(tests.day(99))), format('its entry is that of the row: %s', but)
)
from unnest(array[
  '{}', '{"kind": "renewed"}', '{"recorded_at": "2020-01-01T00:00:00+00:00"}', '{"recorded_at": "2100-01-01T00:00:00+00:00"}',
  '{"after": {}}', '{"before": null}', '{"effective_at": "2020-01-01T00:00:00+00:00"}'
]::jsonb[]) as but;
select is(tests.forged('owner', tests.said() - without, also), 'MC005 certification_history_append_only', format('refused: %s, without %L', also, without))
from (
  values
    ('entry_id', ', expires_at = tests.day(99)'), ('', ''), ('', ', expires_at = tests.day(5)'),
    ('', ', expires_at = tests.day(5), issued_at = tests.day(-1)'), -- a shorter end is no renewal
    ('', $$ , expires_at = tests.day(99), status = 'suspended' $$), ('', $$ , expires_at = tests.day(99), status = 'expired' $$),
    ('', ', expires_at = tests.day(99), issued_at = tests.day(1)'), ('', ', expires_at = null'),
    ('', $$ , expires_at = tests.day(99), certification_type = 'yearly' $$)
) as tried (without, also);
-- A history is not brought along, whatever mentorcert.entry says.
select set_config('mentorcert.entry', (tests.said() - 'entry_id')::text, true);
select is(
  tests.forged('owner', history || (tests.said() || jsonb_build_object(
    'kind', 'extended', 'entry_id', gen_random_uuid(), 'recorded_at', clock_timestamp(), 'effective_at', now(),
    'before', jsonb_build_object('expires_at', tests.day(10)), 'after', jsonb_build_object('expires_at', tests.day(99))
  )), ', expires_at = tests.day(99)'),
  'MC005 certification_history_append_only', 'refused: with ' || history::text
)
from unnest(array[tests.history('mia.short'), '[]']) as history;
-- By who owns the tables only, even where the column was granted.
grant update (renewal_history) on public.peer_mentor_certifications to service_role;
select is(tests.forged('service_role', tests.said(), ', expires_at = tests.day(99)'), '22023', 'not by the service key');
revoke update (renewal_history) on public.peer_mentor_certifications from service_role;
-- By clients, whatever they set.
select is(tests.attempt(who, statement), '42501', format('%s: %s', who, statement))
from unnest(array['adam', 'cora', 'service_role']) as who
cross join unnest(array[
  $$ update public.peer_mentor_certifications set renewal_history = renewal_history || '{}' $$,
  $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
    values (tests.id('mia'), 'short', tests.day(-1))
    on conflict on constraint peer_mentor_certifications_one_of_a_type do update set renewal_history = excluded.renewal_history
  $$
]) as statement;
select set_config('mentorcert.entry', '', true);

-- What had ended when its person was erased is not suspended, and out of reach all the same.
select mentorcert_private.erase_peer_mentor(tests.id('lone'), false);
select is(tests.attempt('adam', $$ select tests.prolonged('{lone.basic}', null, tests.day(99)) $$), '', 'of the erased');

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'A test');
select is(
  tests.attempt('adam', $$ select tests.prolonged('{mia.basic}', null, tests.day(99)) $$), 'MC010 endpoint_enabled', 'while the endpoint is off'
);

select * from finish();
rollback;
