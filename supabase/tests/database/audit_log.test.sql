\ir fixture.psql
-- What decides over rights and rules leaves its trace, by every path; and the trace stays.
-- The consequences of changes are seen here: consequences.test.sql is about those that are not.
select set_config('mentorcert.noted_state', '{}', true);

create function tests.log_of(statement text, who text default 'owner') returns setof text
language plpgsql
as $$
declare
  entry mentorcert.audit_log;
  answer text;
begin
  set local session_replication_role = replica;
  delete from mentorcert.audit_log;
  set local session_replication_role = origin;
  answer := tests.perform(who, statement);
  if answer not like '% rows' then
    return next answer;
  end if;
  for entry in select * from mentorcert.audit_log order by recorded_at, before::text, after::text loop
    return next concat_ws(
      ' ', entry.table_name, tests.name(entry.organisation_id), entry.action,
      coalesce(tests.name((entry.actor ->> 'user_id')::uuid) || '/' || (entry.actor ->> 'role'), 'a database role'),
      entry.before - 'user_id', '→', entry.after - 'user_id'
    );
  end loop;
end
$$;

select set_eq(
  $$ select tests.log_of('update mentorcert.memberships set ended_at = ''2026-01-01 00:00Z'' where id = tests.id(''m.cora'')', 'adam') $$,
  array['memberships alfa update adam/org_admin {"ended_at": null} → {"ended_at": "2026-01-01T00:00:00+00:00"}'],
  'a membership that ends: who, before and after'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert.memberships (user_id, role) values (tests.id(''nora''), ''org_admin'')', 'adam') $$,
  array['memberships alfa insert adam/org_admin → {"role": "org_admin", "ended_at": null, "chapter_id": null}'],
  'a membership that begins'
);
select set_eq(
  $$ select tests.log_of('delete from auth.users where id = tests.id(''nora'')') $$,
  array['memberships alfa delete a database role {"role": "org_admin", "ended_at": null, "chapter_id": null} →'],
  'a login that is deleted takes its memberships along'
);
select set_eq(
  $$ select tests.log_of('update mentorcert.certification_types set validity_months = 36, name_en = name_en where id = tests.id(''alfa.basic'')', 'adam') $$,
  array['certification_types alfa update adam/org_admin {"validity_months": 24} → {"validity_months": 36}'],
  'a type: what changed, and nothing else'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert.certification_types (code, name_nb, name_en, validity_rule) values (''n'', ''N'', ''N'', ''unlimited'')', 'adam') $$,
  array[
    'certification_types alfa insert adam/org_admin → {"code": "n", "name_en": "N", "name_nb": "N", "retired_on": null, "after_lapse": "course", "reminder_days": [90, 30, 7], "validity_rule": '
    || '"unlimited", "certificate_en": null, "certificate_nb": null, "merged_into_id": null, "retired_reason": null, "validity_months": null, "refresher_months": null, "gives_certificate": true, "early_renewal_days": null, "required_for_listing": false}'
  ],
  'a new type'
);
select set_eq(
  $$ select tests.log_of('delete from mentorcert.certification_types where code = ''n''') $$,
  array[
    'certification_types alfa delete a database role {"code": "n", "name_en": "N", "name_nb": "N", "retired_on": null, "after_lapse": "course", "reminder_days": [90, 30, 7], "validity_rule": '
    || '"unlimited", "certificate_en": null, "certificate_nb": null, "merged_into_id": null, "retired_reason": null, "validity_months": null, "refresher_months": null, "gives_certificate": true, "early_renewal_days": null, "required_for_listing": false} →'
  ],
  'a type that the owner deletes'
);
select set_eq(
  $$ select tests.log_of('update mentorcert.organisations set name = ''Alpha''', 'adam') $$,
  array['organisations alfa update adam/org_admin {"name": "Alfa"} → {"name": "Alpha"}'], 'the organisation'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert.organisations (id, slug, name) values (tests.id(''new''), ''new'', ''New'')') $$,
  array['organisations new insert a database role → {"name": "New", "slug": "new", "time_zone": "Europe/Oslo"}'], 'a new organisation'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert.chapters (code, name) values (''new'', ''New'')', 'adam') $$,
  array['chapters alfa insert adam/org_admin → {"code": "new", "name": "New", "places": [], "website": null, "parent_id": null, "retired_on": null, "contact_email": null, "contact_phone": null, "merged_into_id": null, "retired_reason": null}'], 'a new chapter'
);
select set_eq(
  $$ select tests.log_of('update mentorcert.chapters set parent_id = tests.id(''county2'') where code = ''new''', 'adam') $$,
  array[
    'chapters alfa update adam/org_admin {"parent_id": null} → ' || jsonb_build_object('parent_id', tests.id('county2'))::text
  ],
  'a chapter that moves: coordinators above it have another reach'
);
select set_eq(
  $$ select tests.log_of('delete from mentorcert.chapters where code = ''new''') $$,
  array[
    'chapters alfa delete a database role ' || jsonb_build_object('code', 'new', 'name', 'New', 'parent_id', tests.id('county2'), 'retired_on', null, 'merged_into_id', null, 'retired_reason', null,
      'contact_email', null, 'contact_phone', null, 'website', null, 'places', array[]::text[])::text || ' →'
  ],
  'a chapter that the owner deletes'
);
select set_eq(
  $$ select tests.log_of('update mentorcert.peer_mentors set listing_consent = not listing_consent, full_name = ''Secret'' where id = tests.id(''mia'')', 'adam') $$,
  array[
    'peer_mentors alfa update adam/org_admin {"listing_consent": true} → {"listing_consent": false}',
    'peer_mentors alfa update adam/org_admin {"personal_data": []} → {"personal_data": ["full_name"]}'
  ],
  'a consent; and of a name, that it changed'
);
select set_eq(
  $$ select tests.log_of('update mentorcert.peer_mentors set user_id = tests.id(''sev'') where id = tests.id(''lone'')', 'adam') $$,
  array['peer_mentors alfa update adam/org_admin {} → {}'], 'the login of a peer mentor'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert.peer_mentors (external_id, full_name, user_id) values (''n'', ''Secret'', tests.id(''cora''))', 'adam') $$,
  array['peer_mentors alfa insert adam/org_admin → {}'], 'a new peer mentor with a login'
);
select is_empty(
  $$ select tests.log_of('insert into mentorcert.peer_mentors (external_id, full_name) values (''n2'', ''Secret'')', 'adam') $$,
  'a new one without a login gives nobody rights'
);
select set_eq(
  $$
    select tests.log_of(
      'update mentorcert.peer_mentors set external_id = ''x1'', full_name = ''Other'', display_name = ''O'', email = ''o@example.org'', phone = ''22222222'''
      ' where id = tests.id(''mia'')', 'adam'
    )
  $$,
  array['peer_mentors alfa update adam/org_admin {"personal_data": []} → {"personal_data": ["external_id", "full_name", "display_name", "email", "phone"]}'],
  'which of a person''s data changed, and no value'
);
select is_empty(
  $$ select tests.log_of('update mentorcert.peer_mentors set full_name = full_name, email = email, language = ''en'' where id = tests.id(''mia'')', 'adam') $$,
  'what stays as it was, and the language, are none of the log''s business'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert_private.disabled_endpoints (endpoint, reason, disabled_at) values (''public_list'', ''x'', ''2026-01-01 00:00Z'')') $$,
  array['disabled_endpoints insert a database role → {"reason": "x", "endpoint": "public_list", "disabled_at": "2026-01-01T00:00:00+00:00"}'],
  'an endpoint that is switched off'
);
select set_eq(
  $$ select tests.log_of('update mentorcert_private.disabled_endpoints set reason = ''y''') $$,
  array['disabled_endpoints update a database role {"reason": "x"} → {"reason": "y"}'], 'another reason'
);
select set_eq(
  $$ select tests.log_of('delete from mentorcert_private.disabled_endpoints') $$,
  array['disabled_endpoints delete a database role {"reason": "y", "endpoint": "public_list", "disabled_at": "2026-01-01T00:00:00+00:00"} →'],
  'and on'
);
select set_eq(
  $$ select tests.log_of('update mentorcert_private.log_retention set keep = ''2 years'' where log = ''access_log''') $$,
  array['log_retention update a database role {"keep": "1 year"} → {"keep": "2 years"}'], 'how long logs are kept'
);
select set_eq(
  $$ select tests.log_of('insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id(''lost''), tests.id(''1a''))', 'adam') $$,
  array[
    'peer_mentor_chapters alfa insert adam/org_admin → '
    || jsonb_build_object('ended_at', null, 'chapter_id', tests.id('1a'), 'peer_mentor_id', tests.id('lost'))::text
  ],
  'a peer mentor who enters a chapter comes within reach of its coordinators'
);
select set_eq(
  $$ select tests.log_of('update mentorcert.peer_mentor_chapters set ended_at = ''2026-01-01 00:00Z'' where peer_mentor_id = tests.id(''lost'')', 'adam') $$,
  array['peer_mentor_chapters alfa update adam/org_admin {"ended_at": null} → {"ended_at": "2026-01-01T00:00:00+00:00"}'],
  'and leaves it'
);
select is((select count(*) from tests.log_of('delete from mentorcert.peer_mentor_chapters where peer_mentor_id = tests.id(''lost'')')), 1::bigint, 'or is taken out');
insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, user_id)
values (tests.id('gone'), tests.id('alfa'), 'gone', 'Gone', tests.id('gone'));
delete from mentorcert_portal.states where peer_mentor_id = tests.id('gone');
select set_eq(
  $$ select tests.log_of('delete from mentorcert.peer_mentors where id = tests.id(''gone'')') $$,
  array['peer_mentors alfa delete a database role {"left_on": null, "merged_into": null, "listing_consent": false, "reminders_paused": false} →'], 'a peer mentor whom the owner deletes'
);
select is(
  (select count(*) from tests.log_of('delete from mentorcert_private.log_retention where log = ''access_log''')), 1::bigint, 'a log that is kept for ever'
);
select is(
  (select count(*) from tests.log_of('insert into mentorcert_private.log_retention values (''access_log'', ''90 days'')')), 1::bigint, 'and no longer'
);
select is(tests.attempt('owner', statement), expected, statement)
from (
  values
    ($$ update mentorcert_private.log_retention set log = 'audit_log' where log = 'access_log' $$, 'MC007 log_retention_log_immutable'),
    (
      $$
        insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'x');
        update mentorcert_private.disabled_endpoints set endpoint = 'audit_log'
      $$,
      'MC007 disabled_endpoints_endpoint_immutable'
    ),
    ($$ truncate mentorcert.memberships $$, 'MC005 audit_log_complete'),
    ($$ truncate mentorcert.peer_mentor_chapters $$, 'MC005 audit_log_complete'),
    ($$ truncate mentorcert_private.disabled_endpoints $$, 'MC005 audit_log_complete'),
    ($$ truncate mentorcert_private.log_retention $$, 'MC005 audit_log_complete')
) as tried (statement, expected);
select matches(tests.attempt('owner', format('truncate mentorcert.%I cascade', emptied)), '^MC005 ', emptied || ' takes others along')
from unnest(array['organisations', 'chapters', 'certification_types', 'peer_mentors']) as emptied;
select set_eq(
  $$ select tests.log_of('insert into mentorcert_portal.connections (organisation_id, adapter, contract_version, changed_by, reason) values (tests.id(''alfa''), ''webhook'', ''v1'', ''me'', ''x'')') $$,
  array[
    'connections alfa insert a database role → {"mode": "capture", "reason": "x", "adapter": "webhook", "changed_by": "me", '
    || '"contract_version": "v1", "canary_peer_mentor_ids": []}'
  ],
  'a portal that is connected'
);
select set_eq(
  $$ select tests.log_of('update mentorcert_portal.connections set mode = ''live'', reason = ''y'', failures = 3') $$,
  array['connections alfa update a database role {"mode": "capture", "reason": "x"} → {"mode": "live", "reason": "y"}'], 'and goes live'
);
select is((select count(*) from tests.log_of('update mentorcert_portal.connections set failures = 4')), 0::bigint, 'its breaker is the worker''s business');
select is((select count(*) from tests.log_of('delete from mentorcert_portal.connections')), 1::bigint, 'a portal that is forgotten');
select is_empty(
  $$ select tests.log_of('update mentorcert.memberships set ended_at = ended_at') $$, 'what changes nothing leaves no trace'
);
select is(
  (
    select count(*) from tests.log_of('update mentorcert.chapters set name = name || ''!''', 'adam')
  ), 5::bigint, 'one entry for each row of a statement'
);

-- Append-only, for the owner too.
insert into mentorcert.audit_log (id, recorded_at, organisation_id, table_name, row_id, action, actor, before, after) values
  (tests.id('old'), now() - interval '10 years 1 day', tests.id('alfa'), 'memberships', '1', 'update', '{}', '{"user_id": 1, "x": 1}', '{"user_id": 2}'),
  (tests.id('young'), now() - interval '9 years', tests.id('alfa'), 'memberships', '2', 'update', '{}', '{"user_id": 1, "x": 1}', '{"user_id": 2}');
select is(tests.attempt('owner', statement), 'MC005 audit_log_append_only', statement)
from unnest(array[
  $$ update mentorcert.audit_log set before = '{}' where id = tests.id('young') $$,
  $$ update mentorcert.audit_log set before = before - 'user_id' where id = tests.id('young') $$,
  $$ delete from mentorcert.audit_log where id = tests.id('young') $$,
  $$ delete from mentorcert.audit_log $$,
  $$ truncate mentorcert.audit_log $$
]) as statement;
select mentorcert_private.set_change_context('{"kind": "erased"}');
select is(
  tests.attempt('owner', $$ update mentorcert.audit_log set before = before - 'user_id', after = after - 'user_id' where id = tests.id('young') $$),
  '1 rows', 'an erasure takes the login out'
);
select is(tests.attempt('owner', statement), 'MC005 audit_log_append_only', 'but not: ' || statement)
from unnest(array[
  $$ update mentorcert.audit_log set before = before - 'x' where id = tests.id('young') $$,
  $$ update mentorcert.audit_log set after = '{}', actor = '{"job": "x"}' where id = tests.id('young') $$,
  $$ update mentorcert.audit_log set recorded_at = now() where id = tests.id('young') $$,
  $$ update mentorcert.audit_log set after = null where id = tests.id('young') $$
]) as statement;
select mentorcert_private.set_change_context(null);
select is(tests.attempt('owner', $$ delete from mentorcert.audit_log where id = tests.id('old') $$), '1 rows', 'its time is over');
select throws_ok(
  $$ update mentorcert_private.log_retention set keep = '29 days' $$, '23514', null, 'nobody shortens it to nothing'
);

select * from finish();
rollback;
