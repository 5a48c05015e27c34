\ir fixture.psql
-- Row-level security, grants and comments of every table.

-- With an empty search_path every name comes out in full.
create function tests.conditions() returns table (policy text, conditions text)
language sql set search_path = ''
as $$ select tablename || ': ' || policyname, coalesce(qual, '') || coalesce(with_check, '') from pg_catalog.pg_policies where schemaname in ('public', 'mentorcert') $$;

create view tests.tables as
select class.oid, class.relname::text as name, class.relnamespace::regnamespace::text as schema, class.relkind as kind,
  class.relrowsecurity as row_security
from pg_catalog.pg_class as class
where class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace, 'mentorcert_private'::regnamespace) and class.relkind in ('r', 'p', 'v', 'm', 'f', 'S');

select set_eq(
  $$ select schema || '.' || name from tests.tables where schema in ('public', 'mentorcert') and kind <> 'v' $$,
  array[
    'mentorcert.audit_log', 'mentorcert.certification_renewal_events', 'mentorcert.certification_types', 'mentorcert.chapters',
    'mentorcert.listing_consents', 'mentorcert.memberships', 'mentorcert.organisations', 'mentorcert.peer_mentor_chapters', 'mentorcert.peer_mentors',
    'public.listed_peer_mentors', 'public.peer_mentor_certifications'
  ],
  'these tables are in the Data API, and no sequence'
);
select set_eq(
  $$
    select name, pg_catalog.array_to_string(class.reloptions, ' ')
    from tests.tables join pg_catalog.pg_class as class using (oid) where kind = 'v'
  $$,
  $$ values ('peer_mentor_certifications', 'security_invoker=true') $$,
  'the one view has no rights but those of its caller'
);
select is_empty(
  $$ select name from tests.tables where kind <> 'v' and not row_security $$, 'row-level security is on for every table'
);
select is_empty($$ select name from tests.tables where obj_description(oid, 'pg_class') is null $$, 'every table has a comment');
select is_empty(
  $$
    select attribute.attname from pg_catalog.pg_attribute as attribute
    where attribute.attrelid = 'public.peer_mentor_certifications'::regclass and attribute.attnum > 0
      and not attribute.attisdropped and col_description(attribute.attrelid, attribute.attnum) is null
  $$,
  'every column of peer_mentor_certifications has a comment'
);
select is_empty(
  $$ select polname from pg_catalog.pg_policy where obj_description(oid, 'pg_policy') is null $$,
  'every policy has a comment'
);
select is_empty(
  $$
    select policyname from pg_catalog.pg_policies
    where
      permissive = 'PERMISSIVE'
      and roles <> '{authenticated}' and (tablename, roles) <> ('listed_peer_mentors', '{anon,authenticated}')
      and not (cardinality(roles) = 1 and roles[1] ~ '^mentorcert_' and (cmd = 'SELECT' or roles = '{mentorcert_tasks}'))
  $$,
  'every policy that lets somebody in is for authenticated, or for a process; that of the public list for anon as well'
);
select is_empty(
  $$ select policyname from pg_catalog.pg_policies where permissive = 'PERMISSIVE' and cmd in ('ALL', 'DELETE') $$,
  'and for one command, and none for DELETE'
);
select set_eq(
  $$
    select tablename || ' ' || cmd || ' ' || roles::text || ' ' || policyname
    from pg_catalog.pg_policies where permissive = 'RESTRICTIVE' and with_check is null
  $$,
  array[
    'audit_log ALL {anon,authenticated} the endpoint audit_log is switched on',
    'certification_renewal_events ALL {anon,authenticated} the endpoint certifications is switched on',
    'certification_types ALL {anon,authenticated} the endpoint organisations is switched on',
    'chapters ALL {anon,authenticated} the endpoint organisations is switched on',
    'listed_peer_mentors ALL {anon,authenticated} the endpoint public_list is switched on',
    'listing_consents ALL {anon,authenticated} the endpoint peer_mentors is switched on',
    'memberships ALL {anon,authenticated} the endpoint memberships is switched on',
    'organisations ALL {anon,authenticated} the endpoint organisations is switched on',
    'peer_mentor_certifications ALL {anon,authenticated} certifications are within reach and switched on',
    'peer_mentor_chapters ALL {anon,authenticated} the endpoint peer_mentors is switched on',
    'peer_mentors ALL {anon,authenticated} peer mentors are within reach and switched on'
  ],
  'each table belongs to an endpoint that can be switched off, for every command and every client'
);
select set_eq(
  $$
    select tablename || ' ' || cmd from pg_catalog.pg_policies
    where schemaname in ('public', 'mentorcert') and permissive = 'PERMISSIVE' and roles && '{anon,authenticated}'
  $$,
  array[
    'audit_log SELECT', 'certification_renewal_events SELECT', 'certification_types INSERT', 'certification_types SELECT',
    'certification_types UPDATE', 'chapters INSERT', 'chapters SELECT', 'chapters UPDATE', 'listed_peer_mentors SELECT',
    'listing_consents SELECT', 'memberships INSERT', 'memberships SELECT', 'memberships UPDATE', 'organisations SELECT', 'organisations UPDATE',
    'peer_mentor_certifications INSERT', 'peer_mentor_certifications SELECT', 'peer_mentor_certifications UPDATE',
    'peer_mentor_chapters INSERT', 'peer_mentor_chapters SELECT', 'peer_mentor_chapters UPDATE',
    'peer_mentors INSERT', 'peer_mentors SELECT', 'peer_mentors UPDATE'
  ],
  'these commands have a policy'
);

-- Grants: what no role has, then column by column what authenticated writes.
select is_empty(
  $$
    select grantee || ' ' || privilege_type || ' ' || table_name from information_schema.table_privileges
    where table_schema in ('public', 'mentorcert', 'mentorcert_private') and grantee in ('anon', 'authenticated', 'service_role', 'PUBLIC')
      and privilege_type in ('DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER')
  $$,
  'nobody deletes, empties (which is above row-level security), refers to or puts triggers on a table'
);
select is_empty(
  $$
    select table_name from information_schema.role_table_grants
    where table_schema = 'mentorcert_private' and grantee in ('anon', 'authenticated', 'service_role', 'PUBLIC')
  $$,
  'nobody gets at a table of the schema mentorcert_private'
);
select set_eq(
  $$
    select table_name || ' ' || privilege_type from information_schema.role_table_grants
    where table_schema in ('public', 'mentorcert') and grantee in ('anon', 'PUBLIC')
    union
    select table_name || ' ' || privilege_type from information_schema.column_privileges
    where table_schema in ('public', 'mentorcert') and grantee in ('anon', 'PUBLIC')
  $$,
  array['listed_peer_mentors SELECT'],
  'anon reads the public list, and has no other grant'
);
select set_eq(
  $$
    select table_name || ' ' || privilege_type || ' ' || string_agg(column_name, ' ' order by column_name collate "C")
    from information_schema.column_privileges
    where table_schema in ('public', 'mentorcert') and grantee = 'authenticated' and privilege_type <> 'SELECT'
    group by table_name, privilege_type
  $$,
  array[
    'certification_types INSERT after_lapse code early_renewal_days name_en name_nb refresher_months reminder_days required_for_listing validity_months validity_rule',
    'certification_types UPDATE after_lapse early_renewal_days merged_into_id name_en name_nb refresher_months reminder_days required_for_listing retired_on retired_reason validity_months validity_rule version',
    'chapters INSERT code name parent_id',
    'chapters UPDATE code merged_into_id name parent_id retired_on retired_reason version',
    'memberships INSERT chapter_id full_name role user_id',
    'memberships UPDATE ended_at full_name version',
    'organisations UPDATE name version',
    'peer_mentor_certifications INSERT certification_type expires_at issued_at peer_mentor_id',
    'peer_mentor_certifications UPDATE certification_type expires_at issued_at status',
    'peer_mentor_chapters INSERT chapter_id peer_mentor_id',
    'peer_mentor_chapters UPDATE ended_at version',
    'peer_mentors INSERT display_name email external_id full_name language listing_consent phone user_id',
    'peer_mentors UPDATE display_name email external_id full_name language listing_consent phone user_id version'
  ],
  'clients write these columns: never id, organisation_id, renewal_history, chapter_ids, created_at, updated_at'
);
select set_eq(
  $$
    select table_name || ' ' || string_agg(privilege_type, ' ' order by privilege_type collate "C")
    from information_schema.role_table_grants
    where table_schema in ('public', 'mentorcert') and grantee = 'service_role'
    group by table_schema, table_name
  $$,
  array[
    'audit_log SELECT', 'certification_renewal_events SELECT', 'certification_types INSERT SELECT UPDATE',
    'chapters INSERT SELECT UPDATE', 'listed_peer_mentors SELECT', 'listing_consents SELECT', 'memberships INSERT SELECT UPDATE', 'organisations INSERT SELECT UPDATE',
    'peer_mentor_certifications INSERT SELECT', 'peer_mentor_certifications SELECT', 'peer_mentor_chapters INSERT SELECT UPDATE',
    'peer_mentors INSERT SELECT UPDATE'
  ],
  'the service key writes these tables'
);
select is(
  string_agg(column_name, ' ' order by column_name collate "C"), 'certification_type expires_at issued_at status',
  'and of certifications these columns'
)
from information_schema.column_privileges
where table_name = 'peer_mentor_certifications' and grantee = 'service_role' and privilege_type = 'UPDATE';
select is_empty(
  $$
    select policyname from pg_catalog.pg_policies
    where permissive = 'RESTRICTIVE' and qual !~ '\( SELECT mentorcert_private\.check_endpoint\(''\w+''::text\)'
  $$,
  'each of them asks for its endpoint'
);
select is_empty(
  $$
    select policyname from pg_catalog.pg_policies
    where permissive = 'PERMISSIVE' and cmd = 'SELECT' and tablename in ('peer_mentors', 'peer_mentor_certifications')
      and roles <> '{mentorcert_tasks}'
      and qual !~ '^\(organisation_id OPERATOR\(mentorcert_private\.===\) \( SELECT (public\.)?get_user_organisation_id\(\) AS get_user_organisation_id\)\)$'
  $$,
  'what is within reach is of the organisation the caller acts in, whatever the restrictive policy says'
);
select is_empty(
  $$
    select policy from tests.conditions()
    where regexp_replace(conditions, '\( SELECT \(?(mentorcert_private|mentorcert|public|auth)\.\w+\([^()]*\)', '', 'g') ~ '\m(mentorcert_private|mentorcert|public|auth)\.\w+\('
  $$,
  'policies call functions as (select f()): once in a statement, not once in a row'
);
select is_empty(
  $$
    select indexrelid::regclass::text from pg_catalog.pg_index
    where indrelid = 'public.peer_mentor_certifications'::regclass and indkey[0] = (
      select attnum from pg_catalog.pg_attribute
      where attrelid = 'public.peer_mentor_certifications'::regclass and attname = 'expires_at'
    )
    and coalesce(pg_get_expr(indpred, indrelid), '') !~ 'lower\(status\)' -- which no client's condition is
  $$,
  'no index of certifications begins with expires_at: the planner would walk it for everybody'
);

-- A text that a client writes has a length, or is one of a few words, or a key of another table.
select is_empty(
  $$
    select attribute.attrelid::regclass || '.' || attribute.attname
    from pg_catalog.pg_attribute as attribute
    join pg_catalog.pg_class as class on class.oid = attribute.attrelid and class.relkind in ('r', 'p')
    where
      class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace, 'mentorcert_private'::regnamespace, 'mentorcert_portal'::regnamespace)
      and attribute.attnum > 0 and not attribute.attisdropped and attribute.attgenerated = '' -- what is generated is as long as its source
      and attribute.atttypid::regtype::text in ('text', 'character varying', 'text[]', 'jsonb', 'bytea')
      and exists (
        select from (values ('anon'), ('authenticated'), ('service_role')) as client (name)
        where has_column_privilege(client.name, attribute.attrelid, attribute.attnum, 'INSERT')
          or has_column_privilege(client.name, attribute.attrelid, attribute.attnum, 'UPDATE')
      )
      and not exists (
        select from pg_catalog.pg_constraint as rule
        where rule.conrelid = attribute.attrelid and attribute.attnum = any(rule.conkey) and (
          rule.contype = 'f' or rule.contype = 'c' and (
            pg_get_constraintdef(rule.oid) ~ ('length\(\(?' || attribute.attname || '\M')
            or pg_get_constraintdef(rule.oid) ~ ('\(' || attribute.attname || ' = ANY')
          )
        )
      )
      -- Written by triggers only, or checked by one: entries of a few hundred characters; a name that the server knows.
      and (attribute.attrelid, attribute.attname::text) not in (
        ('public.peer_mentor_certifications'::regclass, 'renewal_history'), ('mentorcert.organisations'::regclass, 'time_zone')
      )
  $$,
  'a client writes no text without an end'
);

select * from finish();
rollback;
