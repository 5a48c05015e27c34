-- The schema of the hierarchy, and the trigger functions that its tables share.

create schema if not exists mentorcert;
comment on schema mentorcert is
  'The hierarchy, certification types, events and the audit log; exposed through the Data API beside public.';
revoke all on schema mentorcert from public;
grant usage on schema mentorcert to authenticated, service_role;

create or replace function mentorcert_private.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function mentorcert_private.set_updated_at() is 'Stamps updated_at with the time of the transaction.';

create or replace function mentorcert_private.set_version()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.version := old.version + 1;
  new.updated_at := now();
  return new;
end
$$;
comment on function mentorcert_private.set_version() is
  'Counts the changes of a row in its version, and stamps updated_at with the time of the transaction.';

-- Of two people who change one row, the second may not know what the first wrote. PostgREST answers PT409 with HTTP 409.
create or replace function mentorcert_private.check_version()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.version is distinct from old.version then
    raise exception using
      errcode = 'PT409', message = format('this row of %s is not the version that was read', tg_table_name),
      hint = 'Read it again, and change the version that it has now.',
      schema = tg_table_schema, table = tg_table_name, column = 'version',
      constraint = format('%s_version_current', tg_table_name);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.check_version() is
  'Refuses (PT409) an UPDATE that names another version than the current one. It fires where the version is named at all.';

create or replace function mentorcert_private.reject_change_of_column()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  column_name text;
begin
  foreach column_name in array tg_argv loop
    if to_jsonb(new) -> column_name is distinct from to_jsonb(old) -> column_name then
      raise exception using
        errcode = 'MC007',
        message = format('%s.%s cannot be changed', tg_table_name, column_name),
        hint = 'Make a new row instead.',
        schema = tg_table_schema, table = tg_table_name, column = column_name,
        constraint = format('%s_%s_immutable', tg_table_name, column_name);
    end if;
  end loop;
  return new;
end
$$;
comment on function mentorcert_private.reject_change_of_column() is
  'Refuses (MC007) an UPDATE that gives another value to a column named in the trigger''s arguments.';

create or replace function mentorcert_private.reject_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC005', message = format('%s is not allowed on %s', tg_op, tg_table_name), hint = tg_argv[1],
    schema = tg_table_schema, table = tg_table_name, constraint = tg_argv[0];
end
$$;
comment on function mentorcert_private.reject_change() is
  'Refuses (MC005) a change, for what is append-only or never emptied. The arguments of the trigger: the name of the rule, and what may be done instead.';

-- Days and instants: what no calendar or client can hold is refused before anything is written.

create or replace function mentorcert_private.require_instants(arguments jsonb)
returns void
language plpgsql
immutable
set search_path = ''
as $$
declare
  name text;
begin
  select given.key into name
  from jsonb_each_text(arguments) as given
  where given.value !~ '^(19\d\d|[2-8]\d{3}|9[0-8]\d\d|99[0-8]\d|999[0-8])-' or given.value like '% BC'
  limit 1;
  if found then
    raise exception using
      errcode = 'MC008', message = format('%s is no time from 1900 to 9998', name),
      hint = 'Leave out what has no end; infinity and years that no calendar has are not taken.', constraint = name;
  end if;
end
$$;
comment on function mentorcert_private.require_instants(jsonb) is
  'Refuses (MC008) days and instants before 1900 or after 9998, infinite ones included; each by the name of its argument, which is the constraint of the error.';

revoke execute on function
  mentorcert_private.set_updated_at, mentorcert_private.set_version, mentorcert_private.check_version,
  mentorcert_private.reject_change_of_column, mentorcert_private.reject_change, mentorcert_private.require_instants
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.require_instants to authenticated, service_role;
