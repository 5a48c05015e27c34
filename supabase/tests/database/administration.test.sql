\ir fixture.psql
-- What administrators see of the ledger, the portal sync and the switches, always of their own organisation; and its mode.

insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, finished_at, expired)
select 'nightly', tests.id(organisation), tests.today(), now(), now(), now(), expired
from (values ('alfa', 1), ('beta', 2)) as runs (organisation, expired);
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('public_list', 'for colleagues');
insert into mentorcert_portal.workers (worker, started_at, seen_at) values ('host:1', now(), now());
select mentorcert_portal.connect(tests.id(organisation), 'webhook', 'v1', 'why') from unnest(array['alfa', 'beta']) as organisation;
insert into mentorcert_portal.inbox (organisation_id, message_id, digest, headers, body, stripped)
select tests.id(organisation), organisation, sha256(organisation::bytea), '{}', '{}', false
from unnest(array['alfa', 'beta']) as organisation;
insert into mentorcert_portal.secrets (organisation_id, place, expires)
select tests.id(organisation), organisation, '2199-12-31' from unnest(array['alfa', 'beta']) as organisation;
insert into mentorcert_portal.reconciliations (organisation_id, scope, worker, started_at, finished_at, outcome)
select tests.id(organisation), 'full', 'host:1', now(), now(), 'done' from unnest(array['alfa', 'beta']) as organisation;
insert into mentorcert_portal.drift (reconciliation_id, organisation_id, kind, peer_mentor_id, found_at)
select run.id, run.organisation_id, 'missing', tests.id('mia'), now() from mentorcert_portal.reconciliations as run;
insert into mentorcert_portal.attempts (attempted_at, organisation_id, peer_mentor_id, version, attempt, outcome, worker)
select now(), tests.id(organisation), tests.id('mia'), 1, 1, 'rejected', 'host:1' from unnest(array['alfa', 'beta']) as organisation;
insert into mentorcert_portal.replays (organisation_id, selection, total, reason)
select tests.id(organisation), '{}', 1, 'why' from unnest(array['alfa', 'beta']) as organisation;

-- Each table: the own organisation's rows for its administrator, no row for other members, no way in for the others.
select tests.everybody_gets(
  format('select organisation_id from %s', named), format('administrators read %s of their organisation', named),
  format('adam: %s', case named when 'mentorcert_portal.states' then 'alfa' || repeat(',alfa', 6) else 'alfa' end),
  format('bea: %s', case named when 'mentorcert_portal.states' then 'beta,beta' else 'beta' end),
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
)
from unnest(array[
  'mentorcert_private.job_runs', 'mentorcert_portal.connections', 'mentorcert_portal.states', 'mentorcert_portal.attempt_counts', 'mentorcert_portal.reconciliations', 'mentorcert_portal.drift',
  'mentorcert_portal.inbox', 'mentorcert_portal.secrets', 'mentorcert_portal.replays'
]) as named;
select tests.everybody_gets(
  statement, format('administrators: %s', statement), format('adam bea: %s', answer),
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
)
from (
  values
    ('select endpoint from mentorcert_private.disabled_endpoints', 'public_list'),
    ('select ''one'' from mentorcert_portal.workers where seen_at = now()', 'one'),
    ('select log from mentorcert_portal.retention where log = ''attempts''', 'attempts')
) as shared (statement, answer);
select tests.everybody_gets(
  statement, format('nobody: %s', statement),
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
)
from unnest(array[
  'select reason from mentorcert_private.disabled_endpoints', 'select worker from mentorcert_portal.workers', 'select body from mentorcert_portal.inbox',
  'select lease_token from mentorcert_portal.states', 'delete from mentorcert_private.disabled_endpoints', 'update mentorcert_portal.connections set mode = ''live''',
  'insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (''audit_log'', ''x'')',
  'update mentorcert_private.job_runs set error = null', 'delete from mentorcert_portal.states', 'select mentorcert_portal.enqueue_sync(''{}'')'
]) as statement;

-- The mode
select tests.everybody_gets(
  $$ with done as (select mentorcert_private.set_portal_mode('paused', 'why')) select 'done' from done $$,
  'administrators change the mode of their organisation''s portal', 'adam bea: done',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', statement), answer, statement)
from (
  values
    ($$ select mentorcert_private.set_portal_mode('live', ' ') $$, 'MC004 certification_reason_required'),
    ($$ select mentorcert_private.set_portal_mode('full', 'why') $$, '23514 connections_mode_valid'),
    ($$ select mentorcert_private.set_portal_mode('canary', 'why', array[tests.id('bert')]) $$, 'MC008 portal_canary_known'),
    ($$ select mentorcert_private.set_portal_mode('canary', 'why') $$, '23514 connections_canary_valid')
) as attempts (statement, answer);
select is(tests.perform('adam', $$ select mentorcert_private.set_portal_mode('live', 'agreed') $$), '', 'adam goes live');
select results_eq(
  $$ select tests.name(organisation_id), mode, reason from mentorcert_portal.connections order by 1 $$,
  $$ values ('alfa', 'live', 'agreed'), ('beta', 'capture', 'why') $$, 'with the own portal only'
);
select is(
  (
    select tests.name((actor ->> 'user_id')::uuid) || ' ' || (after ->> 'mode') from mentorcert.audit_log
    where table_name = 'connections' and action = 'update'
  ),
  'adam live', 'and the audit log knows who'
);

-- A replay, seen before it is asked for
select tests.everybody_gets(
  $$ select peer_mentor_id from mentorcert_private.preview_replay('{}') $$, 'administrators preview a replay of their organisation',
  'adam: cait,lone,lost,mia,mixa,old,per', 'bea: bert,dora',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(
  tests.perform('adam', $$ select count(*) || ' of ' || max(total) from mentorcert_private.preview_replay('{}', 2) $$), '2 of 7', 'a page of it'
);
select is(
  tests.perform('adam', format('select peer_mentor_id from mentorcert_private.preview_replay(%L)', jsonb_build_object('peer_mentor_ids', array[tests.id(who)]))),
  answer, who || ' by id'
)
from (values ('mia', 'mia'), ('bert', '')) as asked (who, answer);

-- The alarm: nobody whose removal is young, or where nothing is sent.
create function tests.alarm(who text default 'adam') returns text
language sql
as $$ select tests.perform(who, $ask$ select mode || ' ' || removals from mentorcert_private.portal_alarm() $ask$) $$;
select is(tests.alarm(), '', 'no alarm for what is young');
update mentorcert_portal.connections set mode_since = now() - interval '1 hour';
update mentorcert_portal.states set first_dirty_at = now() - interval '16 minutes', is_removal = tests.name(peer_mentor_id) in ('old', 'bert')
where tests.name(peer_mentor_id) in ('old', 'mia', 'bert');
select is(tests.alarm(), 'live 1', 'a removal that waits for 15 minutes, in a mode that sends; not what is no removal');
select is(tests.alarm(who), answer, who)
from (
  values ('cora', ''), ('mia', ''), ('bea', ''), ('nora', ''), ('anon', '42501'), ('service_role', '42501')
) as others (who, answer);
update mentorcert_portal.states set state = 'in_sync', confirmed_version = version, first_dirty_at = null, next_attempt_at = now() + interval '1 day'
where peer_mentor_id = tests.id('old');
select is(tests.alarm(), '', 'confirmed');
update mentorcert_portal.states set next_attempt_at = now() - interval '14 minutes' where peer_mentor_id = tests.id('old');
select is(tests.alarm(), '', 'ended a moment ago');
update mentorcert_portal.states set next_attempt_at = now() - interval '16 minutes' where peer_mentor_id = tests.id('old');
select is(tests.alarm(), 'live 1', 'what ended by the calendar, and nobody came');
insert into mentorcert_portal.drift (reconciliation_id, organisation_id, kind, peer_mentor_id, found_at, repaired_at)
select run.id, run.organisation_id, 'listed_but_expired', tests.id(who), now(), repaired_at
from mentorcert_portal.reconciliations as run
cross join (values ('old', null::timestamptz), ('lone', null), ('mixa', now())) as found (who, repaired_at)
where run.organisation_id = tests.id('alfa');
select is(tests.alarm(), 'live 2', 'whom a comparison found there counts, once, until another does not');
update mentorcert_portal.connections set mode = 'shadow' where organisation_id = tests.id('alfa');
select is(tests.alarm(), '', 'shadow raises no alarm');
update mentorcert_portal.connections set mode = 'paused', changed_at = now() - interval '1 hour' where organisation_id = tests.id('alfa');
select is(tests.alarm(), 'paused 2', 'a pause leaves shown who must go');
update mentorcert_portal.drift set repaired_at = now() where repaired_at is null;
select is(tests.alarm(), 'paused 1', 'also whom no comparison found');
update mentorcert_portal.connections set mode = 'canary', canary_peer_mentor_ids = array[tests.id('per')], changed_at = now() - interval '1 hour'
where organisation_id = tests.id('alfa');
select is(tests.alarm(), '', 'of others than the canaries nothing is expected');
update mentorcert_portal.connections set canary_peer_mentor_ids = array[tests.id('old')] where organisation_id = tests.id('alfa');
select is(tests.alarm(), 'canary 1', 'of a canary it is');

select * from finish();
rollback;
