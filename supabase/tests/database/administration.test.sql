\ir fixture.psql
-- What administrators see of the ledger, the portal sync and the switches, always of their own organisation; and its mode.

insert into mentorcert_private.job_runs (job, organisation_id, local_day, as_of, started_at, finished_at, expired)
select 'nightly', tests.id(organisation), tests.today(), now(), now(), now(), expired
from (values ('alfa', 1), ('beta', 2)) as runs (organisation, expired);
insert into mentorcert_private.nights (time_zone, local_day, as_of, started_at)
select time_zone, tests.today(), now(), now() from unnest(array['Europe/Oslo', 'Asia/Kathmandu']) as time_zone;
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
    ('select time_zone from mentorcert_private.nights', 'Europe/Oslo'),
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
  'update mentorcert_private.job_runs set error = null', 'update mentorcert_private.nights set error = null', 'delete from mentorcert_portal.states', 'select mentorcert_portal.enqueue_sync(''{}'')'
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

-- The alarm: whom the portal may be showing though it must not, in whatever mode.
create function tests.set_portal_mode(mode text) returns boolean
language sql
as $$ update mentorcert_portal.connections as connection set mode = set_portal_mode.mode where organisation_id = tests.id('alfa') returning true $$;
create function tests.alarm(who text default 'adam') returns text
language sql
as $$
  select tests.perform(who, $ask$
    select string_agg(tests.name(peer_mentor_id) || case when is_seen then ' seen' else '' end, ' ' order by tests.name(peer_mentor_id), is_seen)
    from mentorcert_portal.unconfirmed_removals
  $ask$)
$$;
update mentorcert_portal.connections set mode_since = now() - interval '1 hour';
update mentorcert_portal.states set shown = false;
select is(tests.alarm(), '', 'nobody where nobody is shown');
update mentorcert_portal.states set shown = true where tests.name(peer_mentor_id) in ('old', 'mia', 'bert');
update mentorcert_portal.states set removal_due_at = now() where peer_mentor_id = tests.id('bert');
select is(tests.alarm(), 'old', 'who is shown and not listed, at once; not who is listed');
select is(tests.alarm(who), answer, who)
from (
  values ('cora', ''), ('mia', ''), ('bea', 'bert'), ('nora', ''), ('anon', '42501'), ('service_role', '42501')
) as others (who, answer);
update mentorcert_portal.states set removal_due_at = now() + interval '1 minute' where peer_mentor_id = tests.id('old');
select is(tests.alarm(), '', 'not before the end of the listing');
update mentorcert_portal.states set removal_due_at = now() where peer_mentor_id = tests.id('mia');
select is(tests.alarm(), 'mia', 'what ended by the calendar, and nobody came');
update mentorcert_portal.states set version = version + 1 where peer_mentor_id in (tests.id('mia'), tests.id('old'));
select is(tests.alarm(), 'old', 'every change derives the deadline again');
insert into mentorcert_portal.drift (reconciliation_id, organisation_id, kind, peer_mentor_id, found_at, repaired_at)
select run.id, run.organisation_id, 'listed_but_expired', tests.id(who), now(), repaired_at
from mentorcert_portal.reconciliations as run
cross join (values ('old', null::timestamptz), ('lone', null), ('mixa', now())) as found (who, repaired_at)
where run.organisation_id = tests.id('alfa');
select is(tests.alarm(), 'lone seen old old seen', 'whom a comparison saw counts until another does not');
update mentorcert_portal.states set confirmed_version = version where peer_mentor_id = tests.id('old');
select is(tests.alarm(), answer, mode)
from (values ('capture', 'old old seen'), ('paused', 'old old seen'), ('live', 'lone seen old old seen')) as modes (mode, answer)
cross join lateral tests.set_portal_mode(mode) as is_set
where is_set;
update mentorcert_portal.drift set repaired_at = now() where repaired_at is null;
update mentorcert_portal.states set shown = null, removal_due_at = now() where tests.name(peer_mentor_id) in ('old', 'lone');
update mentorcert_portal.states set removal_due_at = now() - interval '1 day' where tests.name(peer_mentor_id) in ('old', 'lone');
select is(tests.alarm(), 'lone old', 'live: also of whom nothing was ever sent');
update mentorcert_portal.states set content = '{"status": "uncertified"}' where peer_mentor_id = tests.id('lone');
select is(tests.alarm(), 'old', 'but for who was never certified');
select ok(bool_and(since >= now() - interval '2 hours'), 'and not before the mode sent') from mentorcert_portal.unconfirmed_removals;
update mentorcert_portal.connections set mode = 'canary', canary_peer_mentor_ids = array[tests.id('per')] where organisation_id = tests.id('alfa');
select is(tests.alarm(), '', 'canary: of others than the canaries nothing is expected');
update mentorcert_portal.connections set canary_peer_mentor_ids = array[tests.id('old')] where organisation_id = tests.id('alfa');
select is(tests.alarm(), 'old', 'of a canary it is');

-- Alerts: planned once, daily while they stand, and at their end; acknowledged for a reason, by the own administrators.
create function tests.noticed() returns text
language sql
as $$
  select string_agg(distinct notice.kind || ' ' || notice.channel || ' ' || coalesce(tests.name(notice.user_id), notice.address, 'operator'), ', ' order by notice.kind || ' ' || notice.channel || ' ' || coalesce(tests.name(notice.user_id), notice.address, 'operator'))
  from mentorcert_portal.alert_notices as notice where notice.state = 'due'
$$;
create function tests.found(codes text[]) returns void
language sql
as $$
  update mentorcert_portal.alert_notices set state = 'sent' where state = 'due';
  select mentorcert_portal.plan_alerts(
    coalesce((select jsonb_agg(jsonb_build_object('organisation', (select slug from mentorcert.organisations where id = tests.id('alfa')), 'code', code, 'what', 'x')) from unnest(codes) as code), '[]'),
    true, false, '{chair@example.org}', true
  )
$$;
update auth.users set email = 'adam@example.org' where id = tests.id('adam');
select tests.found('{no_worker}');
select is(tests.noticed(), 'began mail adam, began mail operator', 'a new error: administrators and the operator');
select tests.found('{no_worker}');
select is(tests.noticed(), null, 'once');
update mentorcert_portal.alerts set notice_at = now();
select tests.found('{no_worker}');
select is(tests.noticed(), 'unacknowledged mail adam, unacknowledged mail chair@example.org, unacknowledged mail operator', 'after a day that nobody sees to it, others hear of it too');
select is(tests.perform(who, $$ select count(*) from mentorcert_portal.alerts $$), answer, who)
from (values ('adam', '1'), ('bea', '0'), ('cora', '0'), ('mia', '0')) as others (who, answer);
select is(tests.perform(who, $$ select mentorcert_private.acknowledge_portal_alert('no_worker', 'on it') $$), answer, who)
from (values ('bea', '0'), ('cora', '42501 certification_right'), ('anon', '42501')) as others (who, answer);
select is(tests.perform('adam', $$ select mentorcert_private.acknowledge_portal_alert('no_worker', ' ') $$), 'MC004 certification_reason_required', 'not without a reason');
select is(tests.perform('adam', $$ select mentorcert_private.acknowledge_portal_alert('no_worker', 'on it') $$), '1', 'adam sees to it');
select ok(notice_at > now() + interval '6 days', 'and it is quiet for a week') from mentorcert_portal.alerts;
select tests.found('{}');
select is(tests.noticed(), 'ended mail adam, ended mail chair@example.org, ended mail operator, well mail operator', 'its end, and that all is well');
select tests.found('{}');
select is(tests.noticed(), null, 'once');
update mentorcert_portal.alert_notices set planned_at = planned_at - interval '1 day';
select tests.found('{no_worker}');
update mentorcert_portal.alert_notices
set state = case when user_id is null then 'due' else 'sent' end, error = 'refused', planned_at = now() - interval '16 minutes'
where state = 'due';
select is_empty($$ select * from mentorcert_portal.unsent_alerts() $$, 'a quarter of an hour is allowed');
update mentorcert_portal.alerts set began_at = now() - interval '16 minutes' where ended_at is null;
select results_eq($$ select code, why from mentorcert_portal.unsent_alerts() $$, $$ values ('no_worker', 'refused') $$, 'whom nothing reached');
select throws_ok($$ insert into mentorcert_portal.heartbeat_urls (url, changed_by) values ('ftp://x', 'x') $$, '23514', null, 'an address of the web');

-- A number that the portal's key cannot hold
update mentorcert_portal.connections set adapter = 'dataverse', target = '{"key_holds": "external_id"}' where organisation_id = tests.id('alfa');
select is(tests.perform(who, format($$ select mentorcert_private.is_unaddressable(%L, %L)::integer $$, tests.id('alfa'), number)), answer, who || ' ' || number)
from (values ('adam', '1/2', '1'), ('adam', '1-2', '0'), ('cora', '1/2', '1'), ('bea', '1/2', '0')) as expected (who, number, answer);
update mentorcert_portal.connections set target = '{"key_holds": "peer_mentor_id"}' where organisation_id = tests.id('alfa');
select is(tests.perform('adam', format($$ select mentorcert_private.is_unaddressable(%L, '1/2')::integer $$, tests.id('alfa'))), '0', 'where our id is the key any number will do');
select * from finish();
rollback;
