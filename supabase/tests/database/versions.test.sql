\ir fixture.psql
-- A row that people edit counts its changes; an update that names a version changes that one or nothing.

-- One row of each table that has a version, a change that its administrator makes, and where what was written is read.
create table tests.edits (table_name text, row_id uuid, change text);
insert into tests.edits values
  ('organisations', tests.id('alfa'), $$ name = 'Changed' $$),
  ('chapters', tests.id('1a'), $$ name = 'Changed' $$),
  ('memberships', tests.id('m.cora'), 'ended_at = now()'),
  ('peer_mentors', tests.id('mia'), $$ phone = '123' $$),
  ('peer_mentor_chapters', tests.id('mia.1a'), 'ended_at = now()'),
  ('certification_types', tests.id('alfa.basic'), $$ name_nb = 'Changed' $$);

create function tests.version(edit tests.edits) returns bigint
language plpgsql
as $$
declare
  found bigint;
begin
  execute format('select version from mentorcert.%I where id = %L', edit.table_name, edit.row_id) into found;
  return found;
end
$$;
create function tests.saved(edit tests.edits, named text, who text default 'adam') returns text
language sql
as $$
  select tests.attempt(who, format(
    'update mentorcert.%I set %s %s where id = %L',
    edit.table_name, edit.change, ', version = ' || named, edit.row_id
  ))
$$;

select set_eq(
  $$
    select table_name::text from information_schema.columns where table_schema in ('public', 'mentorcert') and column_name = 'version'
  $$,
  $$ select table_name from tests.edits $$,
  'these tables have a version'
);
select is_empty(
  $$
    select table_name from information_schema.columns
    where
      table_schema in ('public', 'mentorcert') and column_name = 'version'
      and (data_type, is_nullable, column_default) is distinct from ('bigint', 'NO', '1')
  $$,
  'which is 1 at first'
);
select is(tests.saved(edit, named), format('PT409 %s_version_current', edit.table_name), format('version %s of %s is refused', named, edit.table_name))
from tests.edits as edit
cross join lateral unnest(array[(tests.version(edit) - 1)::text, (tests.version(edit) + 1)::text, 'null']) as named;
select is(
  tests.saved(edit, 'version + 1', who), format('PT409 %s_version_current', edit.table_name), format('so it is for %s, in %s', who, edit.table_name)
)
from tests.edits as edit cross join unnest(array['service_role', 'owner']) as who;
create temporary table earlier as select edit.table_name, tests.version(edit) as version from tests.edits as edit;
select is(tests.saved(edit, tests.version(edit)::text), '1 rows', format('the current version of %s is changed', edit.table_name))
from tests.edits as edit;
update tests.edits set change = 'ended_at = null' where change = 'ended_at = now()';
select tests.perform('adam', format(
  'update mentorcert.%I set %s, version = %s where id = %L', edit.table_name, edit.change, tests.version(edit), edit.row_id
)) from tests.edits as edit;
select is(tests.version(edit), earlier.version + 1, format('a change of %s counts', edit.table_name))
from tests.edits as edit join earlier using (table_name);
select is(tests.saved(edit, earlier.version::text), format('PT409 %s_version_current', edit.table_name), format('the second who read the same version of %s is refused', edit.table_name))
from tests.edits as edit join earlier using (table_name);
select tests.perform('owner', format('update mentorcert.%I set version = version where id = %L', edit.table_name, edit.row_id))
from tests.edits as edit;
select is(tests.version(edit), earlier.version + 2, format('%s counts what the owner writes, too', edit.table_name))
from tests.edits as edit join earlier using (table_name);
select is(
  tests.attempt('adam', format('update mentorcert.%I set %s where id = %L', edit.table_name, edit.change, edit.row_id)), '1 rows',
  format('without a version a change of %s goes on as before', edit.table_name)
)
from tests.edits as edit;

-- A form shows the chapters of a peer mentor, too.
create temporary table mentor as select id, version from mentorcert.peer_mentors where id = tests.id('mia');
update mentorcert.peer_mentor_chapters set ended_at = now() where id = tests.id('mia.1a');
select cmp_ok(
  peer_mentor.version, '>', mentor.version, 'who leaves a chapter is another version of the peer mentor'
)
from mentor join mentorcert.peer_mentors as peer_mentor using (id);
select is_empty(
  $$ select from mentorcert.audit_log where before ? 'version' or after ? 'version' $$, 'the audit log leaves the count out'
);

select * from finish();
rollback;
