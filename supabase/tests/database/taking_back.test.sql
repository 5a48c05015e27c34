\ir fixture.psql
-- An extension that is taken back brings its history entries along: those that the trigger would append, and no others, by anyone.

create function tests.taken_back(names text[]) returns text
language sql
as $$
  select coalesce(string_agg(tests.name(id), ',' order by tests.name(id)), '')
  from unnest(mentorcert_private.take_back_extension(array(select tests.id(name) from unnest(names) as name))) as id
$$;
grant execute on function tests.taken_back to anon, authenticated, service_role;
create function tests.batch() returns text
language sql
as $$ select tests.newest('mia.basic') ->> 'batch_id' $$;
create function tests.held(name text, out status text, out expires_at timestamptz)
language sql
as $$ select held.status, held.expires_at from public.peer_mentor_certifications as held where held.id = tests.id(name) $$;

create table tests.held_before as
select name, (tests.held(name)).* from unnest(array['mia.basic', 'old.basic', 'lone.basic', 'mixa.basic']) as name;
grant select on tests.held_before to authenticated;
select is(
  tests.perform('adam', $$
    select public.extend_certifications('basic', tests.today(1000), 'no courses', expired_since => tests.today(-1000)) is not null
  $$),
  'true', 'extended, also what had ended'
);
create table tests.batches as select tests.batch() as batch;

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
    entry := tests.history(certification) -> jsonb_array_length(before) || jsonb_build_object(
      'entries', jsonb_array_length(tests.history(certification)) - jsonb_array_length(before),
      'held', (
        select concat_ws(' ', held.status, held.issued_at, held.expires_at, held.updated_at = now())
        from public.peer_mentor_certifications as held where held.id = tests.id(certification)
      )
    );
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return coalesce(entry - array['entry_id', 'recorded_at'], to_jsonb(answer));
  end;
end
$$;
select mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts_batch', batch, 'note', 'courses  after all'))
from tests.batches;
create table tests.by_trigger as
select before.name, tests.entry_after(format(
  'update public.peer_mentor_certifications set expires_at = %L where id = tests.id(%L)', before.expires_at, before.name
), before.name) as entry
from tests.held_before as before;
select isnt(entry ->> 'kind', null, 'the trigger takes back ' || name) from tests.by_trigger;
select is(
  tests.entry_after(format($$ select tests.taken_back('{%s}') $$, name), name), entry, 'taken back with others as by an update: ' || name
)
from tests.by_trigger;
select mentorcert_private.set_change_context(null);
select is(
  tests.entry_after(format($$ select public.revert_change(%L::uuid, 'courses  after all') $$, batch), name), entry, 'and by revert_change: ' || name
)
from tests.by_trigger cross join tests.batches;

-- Whose, and which.
select mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts_batch', batch, 'note', 'why')) from tests.batches;
select is(tests.attempt(who, format('select tests.taken_back(%L)', names)), expected, format('%s takes back %s', who, names))
from (
  values
    ('adam', '{mia.basic,lone.basic,mia.short}', 'lone.basic,mia.basic'), ('adam', '{bert.basic}', ''),
    ('bea', '{mia.basic}', ''), ('cora', '{mia.basic}', ''), ('mia', '{mia.basic}', ''), ('gone', '{mia.basic}', ''),
    ('service_role', '{mia.basic}', ''), ('owner', '{mia.basic}', ''), ('anon', '{mia.basic}', '42501')
) as asked (who, names, expected);

-- What the change is about.
select mentorcert_private.set_change_context(change || jsonb_build_object('reverts_batch', batch))
from (values ('{"note": "why"}'::jsonb)) as wrong (change) cross join tests.batches;
select is(tests.attempt('adam', $$ select tests.taken_back('{mia.basic}') $$), '', 'not by what takes nothing back');
select mentorcert_private.set_change_context('{"kind": "reverted", "reverts_latest": true, "note": "why"}');
select is(tests.attempt('adam', $$ select tests.taken_back('{mia.basic}') $$), '', 'nor of no batch');
select mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts_batch', batch)) from tests.batches;
select is(tests.attempt('adam', $$ select tests.taken_back('{mia.basic}') $$), '', 'nor without a reason');
select mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts_batch', batch, 'note', 'why', 'evidence', 'a file'))
from tests.batches;
select is(tests.attempt('adam', $$ select tests.taken_back('{mia.basic}') $$), '', 'nor with remarks that are refused');

-- What was changed since is left to the trigger, which refuses it.
select mentorcert_private.set_change_context(null);
create function tests.changed_since(statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  begin
    execute statement;
    perform mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts_batch', batch, 'note', 'why'))
    from tests.batches;
    answer := tests.attempt('adam', $call$ select tests.taken_back('{lone.basic,mia.basic}') $call$);
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;
select is(tests.changed_since(statement), expected, statement)
from (
  values
    ('select 1', 'lone.basic,mia.basic'),
    ($$ update public.peer_mentor_certifications set expires_at = tests.day(999) where id = tests.id('mia.basic') $$, 'lone.basic'),
    ($$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic') $$, 'lone.basic'),
    -- renewed after the day on which it would end again
    ($$ update public.peer_mentor_certifications set issued_at = tests.day(-1) where id = tests.id('lone.basic') $$, ''),
    (
      $$
        set local session_replication_role = replica;
        update public.peer_mentor_certifications set status = 'expired' where id = tests.id('lone.basic');
        set local session_replication_role = origin;
        select mentorcert_private.erase_peer_mentor(tests.id('lone'), false) -- who is not suspended then, and out of reach all the same
      $$,
      'mia.basic'
    ),
    (
      $$
        set local session_replication_role = replica;
        update public.peer_mentor_certifications
        set renewal_history = (
          select jsonb_agg(case when position = 50 then renewal_history -> -1 else renewal_history -> 0 end order by position)
          from (values (renewal_history)) as held (renewal_history), generate_series(1, 50) as position
        )
        where id = tests.id('mia.basic');
        set local session_replication_role = origin
      $$,
      'lone.basic' -- it may have to be cut
    )
) as changes (statement, expected);

-- Forged: by those who may write histories, in the name of such a change.
create function tests.forged(but jsonb, also text default '', history text default 'renewal_history') returns text
language plpgsql
as $$
declare
  before constant jsonb := tests.history('mia.basic');
  held_before timestamptz;
  answer text;
begin
  select was.expires_at into held_before from tests.held_before as was where was.name = 'mia.basic';
  begin
    answer := tests.perform('owner', format(
      'update public.peer_mentor_certifications set expires_at = %L, renewal_history = %s || %L %s where id = tests.id(''mia.basic'')',
      held_before, history,
      '{"schema_version": 1, "actor": {"user_id": null, "role": "org_admin"}, "kind": "reverted", "note": "why"}'::jsonb || jsonb_build_object(
        'entry_id', gen_random_uuid(), 'recorded_at', clock_timestamp(), 'effective_at', before #> '{-1,effective_at}',
        'reverts', before #> '{-1,entry_id}',
        'before', jsonb_build_object('expires_at', tests.day(1001)), 'after', jsonb_build_object('expires_at', held_before)
      ) || but,
      also
    ));
    answer := case when answer ~ '^[0-9A-Z]{5}( |$)' then answer else '+' || jsonb_array_length(tests.history('mia.basic')) - jsonb_array_length(before) end;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;
select is(tests.forged('{}'), 'MC005 certification_history_append_only', 'without such a change no entry is brought along');
select set_config('mentorcert.entry', format(
  '{"schema_version": 1, "actor": {"user_id": null, "role": "org_admin"}, "note": "why", "reverts_batch": "%s"}', batch
), true)
from tests.batches;
select is(tests.forged('{}'), '+1', 'within one, just its entry');
select is(tests.forged(but), '22P02', format('refused: %s', but))
from (values ('{"entry_id": "mine"}'::jsonb), ('{"entry_id": "1-2-3-4-5"}'), ('{"entry_id": "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"}')) as tried (but);
select is(tests.forged('{}', history => history), 'MC005 certification_history_append_only', 'refused: to ' || history)
from unnest(array[
  $$ jsonb_set(renewal_history, '{0,note}', '"forged"') $$, $$ renewal_history - 0 $$, $$ renewal_history || '{"kind": "forged"}' $$
]) as history;
select is(tests.forged(but, also), 'MC005 certification_history_append_only', format('refused: %s %s', but, also))
from (
  values
    ('{"kind": "corrected"}'::jsonb, ''), ('{"kind": "extended"}', ''), ('{"note": "mine"}', ''), ('{"actor": {"job": "nightly"}}', ''),
    ('{"batch_id": "00000000-0000-0000-0000-000000000000"}', ''), ('{"schema_version": 2}', ''), ('{"effective_at": "2020-01-01T00:00:00+00:00"}', ''),
    ('{"reverts": "00000000-0000-0000-0000-000000000000"}', ''), ('{"before": null}', ''), ('{"after": {}}', ''),
    (jsonb_build_object('after', jsonb_build_object('expires_at', tests.day(29))), ''),
    (jsonb_build_object('before', jsonb_build_object('expires_at', tests.day(9))), ''),
    ('{"entry_id": "0000000000000000000000000000000A"}', ''),
    ('{"recorded_at": "2020-01-01T00:00:00+00:00"}', ''), ('{"recorded_at": "2100-01-01T00:00:00+00:00"}', ''),
    ('{}', $$ , status = 'suspended' $$), ('{}', $$ , status = 'expired' $$), ('{}', ', issued_at = tests.day(-1)'), ('{}', $$ , certification_type = 'yearly' $$)
) as tried (but, also);
select set_config('mentorcert.entry', '', true);
select is(
  tests.perform('adam', format($$ select public.revert_change(%L::uuid, 'why') $$, batch)), '6', 'all of them'
)
from tests.batches;
select is(current_setting('mentorcert.entry'), '', 'and nobody may write entries from here on');

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'A test');
select is(tests.attempt('adam', $$ select tests.taken_back('{mia.basic}') $$), 'MC010 endpoint_enabled', 'while the endpoint is off');

select * from finish();
rollback;
