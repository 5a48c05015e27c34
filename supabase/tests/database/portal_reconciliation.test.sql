\ir fixture.psql
-- Reconciliations, step by step; the clock is a parameter. The comparison itself is tested against a portal.

select mentorcert_portal.connect(tests.id('alfa'), 'webhook', 'v1', 'test', as_of => '2027-03-01 12:00+01');
select mentorcert_portal.set_mode(tests.id('alfa'), 'live', 'test', as_of => '2027-03-01 12:00+01');
create function tests.due(at timestamptz) returns text
language sql
as $$ select coalesce(string_agg(organisation || ' ' || scope, ','), '') from mentorcert_portal.reconciliations_due(at) $$;
create function tests.start(at timestamptz, scope text default 'recent', dry boolean default false) returns bigint
language sql
as $$ select id from mentorcert_portal.start_reconciliation(tests.id('alfa'), scope, dry, 'test', false, at) $$;
create function tests.finish(id bigint, outcome text, at timestamptz) returns void
language sql
as $$
  select mentorcert_portal.finish_reconciliation(
    id, outcome, case when outcome <> 'done' then 'why' end, 7, 6, 1, '{"stale": 2, "missing": 1}', at, at
  )
$$;

-- When.
select is(tests.due('2027-03-01 12:59+01'), '', 'nothing is due in the first hour after a change of mode');
select is(tests.due('2027-03-01 13:00+01'), 'alfa recent', 'then what is recent');
select is(tests.due('2027-03-02 03:00+01'), 'alfa full', 'and at night everything');
select throws_ok($$ select * from mentorcert_portal.start_reconciliation(tests.id('beta'), 'full', false, 'test') $$, 'MC008', null, 'without a connection there is nothing to compare');
create temporary table run as select tests.start('2027-03-01 13:00+01') as id;
select is(tests.start('2027-03-01 13:04+01'), null, 'while one runs nobody starts another');
select is(tests.due('2027-03-01 13:04+01'), '', 'and none is due');
select throws_ok(
  format($$ insert into mentorcert_portal.reconciliations (organisation_id, scope, worker, started_at, lease_until)
    values (%L, 'full', 'x', now(), now()) $$, tests.id('alfa')), '23505', null, 'a rule of the table'
);
select tests.finish((select id from run), 'done', '2027-03-01 13:05+01');
select is(tests.due('2027-03-01 13:59+01'), '', 'an hour from its start');
select is(tests.due('2027-03-01 14:00+01'), 'alfa recent', 'the next is due');
update run set id = tests.start('2027-03-01 14:00+01');
select tests.finish((select id from run), 'failed', '2027-03-01 14:01+01');
select is(tests.due('2027-03-01 14:10+01'), '', 'after a failure');
select is(tests.due('2027-03-01 14:11+01'), 'alfa recent', 'it is sooner');
update run set id = tests.start('2027-03-02 03:00+01', 'full');
select tests.finish((select id from run), 'done', '2027-03-02 03:01+01');
select is(tests.due('2027-03-02 03:59+01'), '', 'everything counts as recent');
select is(tests.due('2027-03-03 02:59+01'), 'alfa recent', 'not before the next night');
select is(tests.due('2027-03-03 03:00+01'), 'alfa full', 'is everything due again');
select is(
  mentorcert_portal.full_reconciliation_after('2027-03-27 12:00+01', 'Europe/Oslo'), '2027-03-28 04:00+02'::timestamptz,
  'also in the night that lacks an hour'
);
update run set id = tests.start('2027-03-03 03:00+01', 'full', true);
select tests.finish((select id from run), 'done', '2027-03-03 03:01+01');
select is(tests.due('2027-03-03 03:02+01'), 'alfa full', 'a dry run leaves it due');
select mentorcert_portal.set_mode(tests.id('alfa'), 'paused', 'test');
select is(tests.due('2027-03-03 03:02+01'), '', 'where nothing is sent nothing is due');
update run set id = tests.start('2027-03-03 04:00+01', 'full');
select ok((select is_dry_run from mentorcert_portal.reconciliations where id = (select id from run)), 'and a run is dry');
select tests.finish((select id from run), 'done', '2027-03-03 04:01+01');
select mentorcert_portal.set_mode(tests.id('alfa'), 'live', 'test');

-- A run whose process no longer reports.
update run set id = tests.start('2027-03-04 12:00+01');
select mentorcert_portal.renew_reconciliation((select id from run), '2027-03-04 12:04+01');
select is(tests.start('2027-03-04 12:08+01'), null, 'a run with a heartbeat is kept');
select isnt(tests.start('2027-03-04 12:09+01'), null, 'one without is replaced');
select is(
  (select outcome || ' ' || reason from mentorcert_portal.reconciliations where id = (select id from run)),
  'failed Its process no longer reported.', 'which the run says'
);
select throws_ok(format(statement, (select id from run)), 'MC008', null, statement)
from unnest(array[
  'select mentorcert_portal.renew_reconciliation(%s)', 'select mentorcert_portal.record_drift(%s, ''[]'')', 'select * from mentorcert_portal.repair_next(%s, 0, 1)',
  'select mentorcert_portal.finish_reconciliation(%s, ''done'', null, 1, 1, 1)'
]) as statement;

-- Repairs.
create temporary table claimed as select * from mentorcert_portal.claim(tests.id('alfa'));
select mentorcert_portal.acknowledge(tests.id('alfa'), (select jsonb_agg(to_jsonb(claimed) || '{"outcome": "applied"}') from claimed), 'test');
update run set id = (select max(id) from mentorcert_portal.reconciliations);
select mentorcert_portal.record_drift((select id from run), jsonb_agg(found order by found ->> 'kind' desc))
from (
  select jsonb_build_object(
    'kind', kind, 'peer_mentor_id', state.peer_mentor_id, 'version', state.version + case when who = 'lone' then 1 else 0 end,
    'there', jsonb_build_object('version', case when kind = 'stale' then 1 else 40 end, 'listed', kind = 'listed_but_expired')
  )
  from (values ('stale', 'mia'), ('listed_but_expired', 'old'), ('missing', 'lone'), ('duplicate', 'mixa'), ('stale', 'cait')) as found (kind, who)
  join mentorcert_portal.states as state on state.peer_mentor_id = tests.id(who)
) as drift (found);
select is((select kind from mentorcert_portal.drift order by id limit 1), 'listed_but_expired', 'what must not be shown is first');
select mentorcert_portal.claim(tests.id('alfa'), 0);
update mentorcert_portal.states set lease_token = gen_random_uuid(), lease_until = '2200-01-01' where peer_mentor_id = tests.id('cait');
select is((select marked from mentorcert_portal.repair_next((select id from run), 0, 1)), 1, 'a batch');
select is(
  (select string_agg(tests.name(peer_mentor_id), ',') from mentorcert_portal.states where state = 'pending' and organisation_id = tests.id('alfa')),
  'old', 'is marked'
);
select is((select is_removal from mentorcert_portal.states where peer_mentor_id = tests.id('old')), true, 'to be taken off');
select is((select confirmed from mentorcert_portal.states where peer_mentor_id = tests.id('old')), null, 'whatever was confirmed');
select is((select version from mentorcert_portal.states where peer_mentor_id = tests.id('old')), 41::bigint, 'in a version above the portal''s');
select is(
  (select marked from mentorcert_portal.repair_next((select id from run), (select min(id) from mentorcert_portal.drift), 100)), 1, 'of the rest'
);
select is(
  (select string_agg(tests.name(peer_mentor_id), ',' order by kind) from mentorcert_portal.drift where marked_at is not null), 'old,mia',
  'who has changed, is being sent, or is a duplicate is left'
);
select is((select last_id from mentorcert_portal.repair_next((select id from run), (select max(id) from mentorcert_portal.drift), 100)), null, 'there is no more');
select tests.finish((select id from run), 'done', now());
select is(
  (select concat_ws(' ', read, compared, in_motion, listed_but_expired, missing, stale, unknown_there, duplicate, marked)
   from mentorcert_portal.reconciliations where id = (select id from run)),
  '7 6 1 0 1 2 0 0 2', 'the run keeps how much it found'
);

-- The log.
select is(tests.attempt('owner', statement), 'MC005 portal_reconciliations_append_only', statement)
from unnest(array[
  'update mentorcert_portal.reconciliations set reason = ''x''', 'delete from mentorcert_portal.drift', 'truncate mentorcert_portal.drift cascade',
  'truncate mentorcert_portal.reconciliations cascade', 'update mentorcert_portal.drift set kind = ''stale''',
  'update mentorcert_portal.drift set marked_at = null where marked_at is not null', 'delete from mentorcert_portal.reconciliations where started_at > now() - interval ''1 day'''
]) as statement;
select is(tests.attempt(who, statement), '42501', format('%s: %s', who, statement))
from unnest(array['anon', 'adam', 'service_role']) as who
cross join unnest(array[
  'select * from mentorcert_portal.reconciliations', 'select * from mentorcert_portal.drift', 'select * from mentorcert_portal.reconciliations_due()'
]) as statement;
select throws_ok(
  format('insert into mentorcert_portal.drift (reconciliation_id, organisation_id, kind, peer_mentor_id, found_at, marked_at) values (%s, %L, ''unknown_there'', null, now(), now())', (select id from run), tests.id('alfa')),
  '23514', null, 'somebody unknown is never sent'
);
select throws_ok(
  format('insert into mentorcert_portal.reconciliations (organisation_id, scope, worker, started_at, finished_at, outcome) values (%L, ''full'', ''x'', now(), now(), ''stopped'')', tests.id('alfa')),
  '23514', null, 'what is not done says why'
);

select * from finish();
rollback;
