\ir fixture.psql
-- Which functions a client's role may execute, name by name; and how functions are made.

-- All of these are for authenticated, and but for the last group for service_role.
create table tests.allowed (signature text, is_for_service_role boolean not null default true);
insert into tests.allowed (signature) values
  -- the Data API
  ('public.calendar_feed_created_at()'),
  ('public.calendar_of(text)'),
  ('mentorcert.certifications_page(timestamp with time zone,uuid,integer,text,text,uuid,timestamp with time zone)'),
  ('public.certification_as_of(uuid,timestamp with time zone,timestamp with time zone)'),
  ('public.certification_history(uuid)'),
  ('public.certifications_page(timestamp with time zone,uuid,integer,text,text,uuid,timestamp with time zone)'),
  ('public.change_certifications(text,uuid[],date,text,jsonb)'),
  ('public.check_certificate(uuid)'),
  ('public.create_calendar_feed()'),
  ('public.current_status(public.peer_mentor_certifications)'),
  ('public.extend_certifications(text,date,text,uuid,date)'),
  ('public.get_user_organisation_id()'),
  ('public.preview_changes(text,uuid[],date)'),
  ('public.public_organisation(text)'),
  ('public.register_certification(uuid,text,date,date,text,jsonb)'),
  ('public.reinstate_certification(uuid,text)'),
  ('public.renew_certification(uuid,date,date,text,jsonb)'),
  ('public.revert_change(uuid,text)'),
  ('public.revert_change(uuid,uuid,text)'),
  ('public.revoke_calendar_feed()'),
  ('public.search_certifications(text,text,text,uuid,date,date,boolean,text,boolean,text,timestamp with time zone,uuid,integer)'),
  ('public.set_my_language(text)'),
  ('public.suspend_certification(uuid,text)'),
  -- what policies and the functions above call
  ('mentorcert_private.administered_organisation_id()'),
  ('mentorcert_private.set_change_context(jsonb)'),
  ('mentorcert_private.are_distinct(smallint[])'),
  ('mentorcert_private.use_sort_plan(uuid[],integer)'),
  ('mentorcert_private.check_endpoint(text)'),
  ('mentorcert_private.coordinated_chapter_ids()'),
  ('mentorcert_private.current_history_version()'),
  ('mentorcert_private.day_of(timestamp with time zone,text)'),
  ('mentorcert_private.day_starts(date,text)'),
  ('mentorcert_private.raise_forbidden(text)'),
  ('mentorcert_private.evidence(jsonb)'),
  ('mentorcert_private.expires_at_by_rule(public.peer_mentor_certifications,date,text)'),
  ('mentorcert_private.found_peer_mentors(uuid,text[],uuid[],integer)'),
  ('mentorcert_private.history_is_in_events()'),
  ('mentorcert_private.require_type(uuid,text)'),
  ('mentorcert_private.last_valid_day(text,integer,date,date)'),
  ('mentorcert_private.latest_change(uuid)'),
  ('mentorcert_private.lock_certification(uuid)'),
  ('mentorcert_private.name_patterns(text)'),
  ('mentorcert_private.own_peer_mentor_ids()'),
  ('mentorcert_private.reject_revert(text,text)'),
  ('mentorcert_private.reject_transition(text,text)'),
  ('mentorcert_private.require_administered_organisation(text)'),
  ('mentorcert_private.require_administrator(boolean,text)'),
  ('mentorcert_private.require_certifications()'),
  ('mentorcert_private.require_reason(text)'),
  ('mentorcert_private.status_at(boolean,timestamp with time zone,timestamp with time zone)'),
  ('mentorcert_private.state_before(public.peer_mentor_certifications,jsonb)'),
  ('mentorcert_private.time_zone_of(uuid)'),
  ('mentorcert_private.upgrade_history_entry(jsonb)'),
  ('mentorcert_private.scan_certifications(uuid,uuid[],boolean,timestamp with time zone,timestamp with time zone,uuid,uuid,integer,text,text,uuid)'),
  ('mentorcert_private.with_chapters_below(uuid[])'),
  ('mentorcert_private.canonical_text(text)'),
  ('mentorcert_private.canonical_line(text)'),
  ('mentorcert_private.canonical_email(text)'),
  ('mentorcert_private.folded(text)'),
  ('mentorcert_private.is_readable(text)'),
  ('mentorcert_private.is_readable_line(text)'),
  ('mentorcert_private.is_email(text)'),
  ('mentorcert_private.is_number(text)'),
  ('mentorcert_private.look_alikes(text,text,text)'),
  ('mentorcert_private.is_phone(text)'),
  ('mentorcert_private.number_key(text)'),
  ('mentorcert_private.check_extension(text,date)'),
  ('mentorcert_private.record_reversal(uuid,text)'),
  ('mentorcert_private.preview_extension(text,date,uuid,date)'),
  ('mentorcert_private.preview_reversal(uuid)');
-- what answers requests calls; service_role has no user who could be asked for, or whose access could be logged
insert into tests.allowed (signature, is_for_service_role)
select signature, false
from unnest(array[
  'mentorcert_private.cancel_task(uuid)',
  'mentorcert_private.find_login(text)',
  'mentorcert_private.log_access(text,uuid[],text)',
  'mentorcert_private.member_logins()',
  'mentorcert_private.portal_alarm()',
  'mentorcert_private.preview_replay(jsonb,integer)',
  'mentorcert_private.request_task(text,text,bytea,jsonb,uuid)',
  'mentorcert_private.set_portal_mode(text,text,uuid[])',
  'public.own_organisations()'
]) as signature;

-- With an empty search_path every name comes out in full.
create function tests.signature(function oid) returns text
language sql set search_path = ''
as $$ select function::regprocedure::text $$;

create view tests.functions as
select
  function.oid, function.proname::text as name, function.prosecdef as definer, function.proconfig as settings,
  function.pronamespace::regnamespace::text as schema, tests.signature(function.oid) as signature
from pg_catalog.pg_proc as function
where function.pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace, 'mentorcert_private'::regnamespace);

select set_eq(
  format(
    'select signature from tests.functions where has_function_privilege(%L, oid, ''execute'')', role_name
  ),
  format(
    'select signature from tests.allowed where %L <> ''service_role'' or is_for_service_role', role_name
  ),
  role_name || ' executes what is on the list'
)
from unnest(array['authenticated', 'service_role']) as role_name;
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('anon', oid, 'execute') $$,
  array[
    'mentorcert_private.check_endpoint(text)', 'public.calendar_of(text)', 'public.check_certificate(uuid)',
    'public.public_organisation(text)'
  ],
  'anon executes what policies call for it and what needs no login, and nothing else'
);
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('mentorcert_jobs', oid, 'execute') $$,
  array[
    'mentorcert_private.claim_digests(uuid[],uuid[],timestamp with time zone)',
    'mentorcert_private.claim_notices(uuid[],timestamp with time zone,integer)',
    'mentorcert_private.due_digests(timestamp with time zone,uuid[],uuid[])',
    'mentorcert_private.due_notices(timestamp with time zone,integer,uuid[])',
    'mentorcert_private.finish_notices(uuid[],timestamp with time zone,text)',
    'mentorcert_private.next_nightly_at(timestamp with time zone)', 'mentorcert_private.next_notices_at(timestamp with time zone)',
    'mentorcert_private.report_notices(uuid[],uuid[])', 'mentorcert_private.run_nightly(timestamp with time zone,integer)',
    'mentorcert_private.start_notices(timestamp with time zone,integer,boolean)', 'mentorcert_private.uncertain_notices()'
  ],
  'the role of the jobs executes the job functions'
);
select is_empty(
  $$ select signature from tests.functions where has_function_privilege('mentorcert_web', oid, 'execute') $$,
  'the role of the web executes nothing before it becomes somebody'
);
select is_empty(
  $$
    select function.signature
    from tests.functions as function
    join pg_catalog.pg_proc as proc on proc.oid = function.oid
    cross join lateral pg_catalog.aclexplode(coalesce(proc.proacl, pg_catalog.acldefault('f', proc.proowner))) as acl
    where acl.grantee = 0
  $$,
  'nothing is granted to public'
);
select is_empty(
  $$ select signature from tests.functions where settings is null or not 'search_path=""' = any(settings) $$,
  'every function has an empty search_path'
);
select set_eq(
  $$ select name || ': ' || setting from tests.functions, unnest(settings) as setting where setting <> 'search_path=""' $$,
  array[
    'certifications_page: plan_cache_mode=force_generic_plan',
    'found_peer_mentors: plan_cache_mode=force_custom_plan',
    'digest_lines: plan_cache_mode=force_custom_plan', 'due_notices: plan_cache_mode=force_custom_plan',
    'scan_certifications: plan_cache_mode=force_custom_plan'
  ],
  'and no other setting but these'
);
select set_eq(
  $$ select name from tests.functions where schema in ('public', 'mentorcert') and definer $$,
  array[
    'calendar_feed_created_at', 'calendar_of', 'check_certificate', 'create_calendar_feed', 'get_user_organisation_id',
    'own_organisations', 'public_organisation', 'revoke_calendar_feed', 'set_my_language'
  ],
  'but for these, the functions of the Data API run with the rights of the caller'
);
select set_eq(
  $$ select name from tests.functions where definer $$,
  array[
    'administered_organisation_id', 'use_sort_plan', 'audit_delete', 'audit_insert', 'audit_update',
    'calendar_feed_created_at', 'calendar_of', 'cancel_task', 'check_certificate', 'check_endpoint', 'claim_digests',
    'claim_notices', 'coordinated_chapter_ids',
    'copy_chapter_ids', 'create_calendar_feed', 'due_digests', 'due_notices', 'end_calendar_feed', 'find_login', 'finish_notices', 'get_user_organisation_id',
    'history_is_in_events', 'keep_an_administrator', 'log_access', 'member_logins', 'next_nightly_at', 'next_notices_at',
    'own_organisations', 'own_peer_mentor_ids', 'portal_alarm', 'preview_replay', 'public_organisation', 'record_change', 'refresh_listing_of_certifications',
    'refresh_listing_of_chapters', 'refresh_listing_of_peer_mentors', 'refresh_listing_of_types',
    'reject_chapter_cycle', 'reject_other_chapters', 'report_notices', 'request_task', 'revoke_calendar_feed', 'run_nightly', 'set_my_language',
    'set_portal_mode', 'start_notices', 'store_events', 'uncertain_notices'
  ],
  'these functions, and no others, run with the rights of their owner'
);
select is_empty(
  $$ select signature from tests.functions where pg_catalog.obj_description(oid, 'pg_proc') is null $$,
  'every function has a comment'
);
select ok(not has_schema_privilege('anon', schema, 'usage'), 'anon does not get into the schema ' || schema)
from unnest(array['mentorcert', 'mentorcert_private']) as schema;

select * from finish();
rollback;
