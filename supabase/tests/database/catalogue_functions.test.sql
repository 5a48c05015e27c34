\ir fixture.psql
-- Which functions a client's role may execute, name by name; and how functions are made.

-- All of these are for authenticated, and but for the last for service_role.
create table tests.allowed (signature text);
insert into tests.allowed values
  -- the Data API
  ('public.certification_as_of(uuid,timestamp with time zone,timestamp with time zone)'),
  ('public.certification_history(uuid)'),
  ('public.certifications_page(timestamp with time zone,uuid,integer,text,text,uuid,timestamp with time zone)'),
  ('public.current_status(public.peer_mentor_certifications)'),
  ('public.extend_certifications(text,date,text,uuid,date)'),
  ('public.get_user_organisation_id()'),
  ('public.register_certification(uuid,text,date,date,text,jsonb)'),
  ('public.reinstate_certification(uuid,text)'),
  ('public.renew_certification(uuid,date,date,text,jsonb)'),
  ('public.revert_change(uuid,text)'),
  ('public.revert_change(uuid,uuid,text)'),
  ('public.suspend_certification(uuid,text)'),
  -- what policies and the functions above call
  ('private.administered_organisation_id()'),
  ('private.announce_change(jsonb)'),
  ('private.are_few(uuid[],integer)'),
  ('private.check_endpoint(text)'),
  ('private.coordinated_chapter_ids()'),
  ('private.current_history_version()'),
  ('private.day_of(timestamp with time zone,text)'),
  ('private.day_starts(date,text)'),
  ('private.deny_right(text)'),
  ('private.evidence(jsonb)'),
  ('private.expires_at_by_rule(public.peer_mentor_certifications,date,text)'),
  ('private.history_is_in_events()'),
  ('private.known_type(uuid,text)'),
  ('private.last_valid_day(text,integer,date,date)'),
  ('private.lock_certification(uuid)'),
  ('private.own_peer_mentor_ids()'),
  ('private.reject_revert(text,text)'),
  ('private.reject_transition(text,text)'),
  ('private.require_certifications()'),
  ('private.require_reason(text)'),
  ('private.status_at(boolean,timestamp with time zone,timestamp with time zone)'),
  ('private.taken_back(public.peer_mentor_certifications,jsonb)'),
  ('private.time_zone_of(uuid)'),
  ('private.upgrade_history_entry(jsonb)'),
  ('private.walk_certifications(uuid,uuid[],boolean,timestamp with time zone,timestamp with time zone,uuid,uuid,integer,text,text,uuid)'),
  ('private.with_chapters_below(uuid[])'),
  -- what answers requests calls; service_role has no user whose access it could log
  ('private.log_access(text,uuid[],text)');

-- With an empty search_path every name comes out in full.
create function tests.signature(function oid) returns text
language sql set search_path = ''
as $$ select function::regprocedure::text $$;

create view tests.functions as
select
  function.oid, function.proname::text as name, function.prosecdef as definer, function.proconfig as settings,
  function.pronamespace::regnamespace::text as schema, tests.signature(function.oid) as signature
from pg_catalog.pg_proc as function
where function.pronamespace in ('public'::regnamespace, 'private'::regnamespace);

select set_eq(
  format(
    'select signature from tests.functions where has_function_privilege(%L, oid, ''execute'')', role_name
  ),
  format(
    'select signature from tests.allowed where %L <> ''service_role'' or signature not like ''private.log_access%%''', role_name
  ),
  role_name || ' executes what is on the list'
)
from unnest(array['authenticated', 'service_role']) as role_name;
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('anon', oid, 'execute') $$,
  array['private.check_endpoint(text)'],
  'anon executes what policies call for it, and nothing else'
);
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('mentorcert_jobs', oid, 'execute') $$,
  array['private.next_nightly_at(timestamp with time zone)', 'private.run_nightly(timestamp with time zone,integer)'],
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
    'walk_certifications: plan_cache_mode=force_custom_plan'
  ],
  'and no other setting but these'
);
select is_empty(
  $$
    select signature from tests.functions
    where schema = 'public' and definer and name <> 'get_user_organisation_id'
  $$,
  'the functions of the Data API run with the rights of the caller'
);
select set_eq(
  $$ select name from tests.functions where definer $$,
  array[
    'administered_organisation_id', 'are_few', 'audit_delete', 'audit_insert', 'audit_update', 'check_endpoint', 'coordinated_chapter_ids',
    'copy_chapter_ids', 'get_user_organisation_id', 'history_is_in_events', 'log_access', 'next_nightly_at',
    'own_peer_mentor_ids', 'record_change', 'refresh_listing_of_certifications', 'refresh_listing_of_chapters',
    'refresh_listing_of_peer_mentors', 'refresh_listing_of_types', 'reject_chapter_cycle', 'reject_other_chapters',
    'run_nightly', 'store_events'
  ],
  'these functions, and no others, run with the rights of their owner'
);
select is_empty(
  $$ select signature from tests.functions where pg_catalog.obj_description(oid, 'pg_proc') is null $$,
  'every function has a comment'
);
select ok(
  not has_schema_privilege('anon', 'private', 'usage'), 'anon does not get into the schema private'
);

-- A function that somebody adds and forgets to close is closed.
create function public.forgotten() returns integer language sql set search_path = '' as 'select 1';
create function private.forgotten() returns integer language sql set search_path = '' as 'select 1';
select is_empty(
  $$
    select role_name from unnest(array['anon', 'authenticated', 'service_role']) as role_name
    where has_function_privilege(role_name, 'public.forgotten()', 'execute')
      or has_function_privilege(role_name, 'private.forgotten()', 'execute')
  $$,
  'a new function is closed until it is opened by name'
);

select * from finish();
rollback;
