\ir fixture.psql
-- updated_at is stamped by every UPDATE, on every table that has it.

-- Makes the fixture older than this transaction.
create function tests.age(table_name text) returns void
language plpgsql
as $$
begin
  set local session_replication_role = replica;
  execute format('update %s set updated_at = %L', table_name, '2026-01-01');
  set local session_replication_role = origin;
end
$$;
create function tests.touched(statement text) returns setof text
language plpgsql
as $$
declare
  table_name constant text := substring(statement from 'update ([\w.]+)');
  untouched bigint;
begin
  perform tests.age(table_name);
  perform tests.perform('owner', statement);
  execute format('select count(*) from %s where updated_at = %L', table_name, '2026-01-01') into untouched;
  return next is(untouched, 0::bigint, format('a change of %s stamps updated_at', table_name));
  perform tests.age(table_name);
  perform tests.perform('owner', replace(statement, ' set ', $q$ set updated_at = '2020-01-01', $q$));
  execute format('select count(*) from %s where updated_at = now()', table_name) into untouched;
  return next isnt(untouched, 0::bigint, format('whatever updated_at the change of %s brings', table_name));
end
$$;
select tests.touched(statement)
from unnest(array[
  $$ update mentorcert.organisations set name = name $$, $$ update mentorcert.chapters set name = name $$,
  $$ update mentorcert.memberships set ended_at = ended_at $$, $$ update mentorcert.peer_mentors set email = email $$,
  $$ update mentorcert.peer_mentor_chapters set ended_at = ended_at $$,
  $$ update mentorcert.certification_types set name_nb = name_nb $$,
  $$ update public.peer_mentor_certifications set expires_at = expires_at $$
]) as statement;
select set_eq(
  $$
    select table_name::text from information_schema.columns
    where table_schema in ('public', 'mentorcert') and column_name = 'updated_at'
  $$,
  array[
    'certification_types', 'chapters', 'memberships', 'organisations', 'peer_mentor_certifications',
    'peer_mentor_chapters', 'peer_mentors'
  ],
  'no other table has updated_at'
);

select * from finish();
rollback;
