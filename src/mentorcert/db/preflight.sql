-- Looks at every name that the migrations make or replace, before they do. It changes nothing: its function is temporary.
create or replace function pg_temp.examine_names(made jsonb)
returns table (kind text, name text, state text, reason text)
language plpgsql
set search_path = ''
as $$
declare
  applied text[] := '{}';
  cron_jobs jsonb := '{}';
  reach constant text := 'public.get_user_organisation_id';
  theirs record;
  has_login boolean;
  login uuid;
  reach_reason text;
begin
  -- Tables that may be missing are named in dynamic statements only.
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute $sql$
      select coalesce(array_agg(entry ->> 'file'), '{}')
      from jsonb_array_elements($1) as entry
      join supabase_migrations.schema_migrations as migration on migration.version = split_part(entry ->> 'file', '_', 1)
      where entry ->> 'file' = migration.version || coalesce('_' || (to_jsonb(migration) ->> 'name'), ltrim(entry ->> 'file', '0123456789'))
    $sql$ into applied using made;
  end if;
  if to_regclass('cron.job') is not null then
    execute 'select coalesce(jsonb_object_agg(job.jobname, job.command), ''{}'') from cron.job as job where job.jobname is not null'
    into cron_jobs;
  end if;

  -- A function of theirs that returns the organisation of the caller is what our policies are written against.
  select function.oid, function.prosrc ~ 'mentorcert\.memberships' as is_ours, function.prorettype, function.proretset, function.prokind
  into theirs
  from pg_catalog.pg_proc as function
  where function.pronamespace = to_regnamespace('public') and function.proname = 'get_user_organisation_id' and function.pronargs = 0;
  if theirs.oid is not null and not theirs.is_ours then
    if theirs.prokind <> 'f' or theirs.proretset or theirs.prorettype <> 'uuid'::regtype then
      reach_reason := format(
        'it returns %s and not one uuid: rename it, or let it return uuid', pg_catalog.pg_get_function_result(theirs.oid)
      );
    elsif to_regrole('authenticated') is not null and not has_function_privilege('authenticated', theirs.oid, 'execute') then
      reach_reason := 'the role authenticated may not call it, and our policies do: grant execute on function '
        || reach || '() to authenticated';
    else
      if to_regclass('auth.users') is not null then
        execute 'select users.id from auth.users as users limit 1' into login;
      end if;
      foreach has_login in array array[false, true] loop
        begin
          perform set_config('request.jwt.claims', jsonb_build_object('sub', case when has_login then login end, 'role', 'authenticated')::text, true);
          execute 'select public.get_user_organisation_id()';
          raise exception using errcode = 'MC999'; -- undoes whatever it did
        exception
          when sqlstate 'MC999' then null;
          when undefined_table or undefined_function or undefined_column or undefined_object or invalid_schema_name then
            reach_reason := format(
              'it finds its tables by the search_path of its caller, and ours is empty (%s): '
              'alter function %s() set search_path = public', sqlerrm, reach
            );
          when others then null; -- its own refusal, of nobody or of this login
        end;
      end loop;
    end if;
  end if;
  if exists (
    select from pg_catalog.pg_proc as function
    where
      function.pronamespace = to_regnamespace('public') and function.proname = 'get_user_organisation_id'
      and function.pronargs > 0 and function.pronargs = function.pronargdefaults
  ) then
    reach_reason := 'another one of the name can be called without arguments, so a call is ambiguous: take its defaults away, or rename it';
  end if;

  return query
  with names as (
    select
      entry ->> 'kind' as kind, entry ->> 'name' as name, entry ->> 'command' as command,
      split_part(entry ->> 'name', '(', 1) as qualified, entry ->> 'file' = any(applied) as is_applied
    from jsonb_array_elements(made) as entry
  ),
  placed as (
    select
      names.*,
      to_regnamespace(nullif(split_part(names.qualified, '.', 1), '')) as namespace, split_part(names.qualified, '.', 2) as object,
      -- What a file of ours has made, a later one may replace.
      bool_or(names.is_applied) over (partition by names.kind, names.qualified) as is_ours
    from names
  ),
  seen as (
    select
      placed.*,
      case
        when placed.kind = 'schema' then to_regnamespace(placed.name) is not null
        when placed.kind = 'role' then to_regrole(placed.name) is not null
        when placed.kind = 'extension' then exists (select from pg_catalog.pg_extension as extension where extension.extname = placed.name)
        when placed.kind = 'cron job' then cron_jobs ? placed.name
        when placed.kind = 'function' then exists (
          select from pg_catalog.pg_proc as function
          where
            function.pronamespace = placed.namespace and function.proname = placed.object
            -- Beside one of theirs that takes arguments there is room for this one.
            and (placed.qualified <> reach or function.pronargs = 0 or reach_reason is not null)
        )
        when placed.kind = 'operator' then exists (
          select from pg_catalog.pg_operator as operator
          where operator.oprnamespace = placed.namespace and operator.oprname = placed.object
        )
        when placed.kind = 'trigger' then exists (
          select from pg_catalog.pg_trigger as trigger
          where trigger.tgrelid::regclass::text = split_part(placed.name, ' on ', 2) and trigger.tgname = split_part(placed.name, ' on ', 1)
        )
        when placed.kind = 'policy' then exists (
          select from pg_catalog.pg_policy as policy
          where policy.polrelid::regclass::text = split_part(placed.name, ' on ', 2) and policy.polname = split_part(placed.name, ' on ', 1)
        )
        -- Tables, views, indexes and sequences share their names with each other, and with types.
        else exists (
          select from pg_catalog.pg_class as class where class.relnamespace = placed.namespace and class.relname = placed.object
        ) or exists (
          select from pg_catalog.pg_type as type where type.typnamespace = placed.namespace and type.typname = placed.object
        )
      end as is_there
    from placed
  ),
  judged as (
    select
      seen.kind, seen.name, seen.is_there,
      case
        when seen.qualified = reach then theirs.is_ours is true and reach_reason is null
        else seen.is_ours
      end as is_ours,
      case
        when seen.qualified = reach then reach_reason
        when seen.kind = 'extension' then null
        when seen.kind = 'cron job' and cron_jobs ->> seen.name = seen.command then null
        when seen.kind = 'role' then (
          select 'it has more rights than ours may have: superuser, bypassrls, createrole or replication'
          from pg_catalog.pg_roles as role
          where role.rolname = seen.name and (role.rolsuper or role.rolbypassrls or role.rolcreaterole or role.rolreplication)
        )
        when seen.kind = 'function' and seen.is_there then 'a function of this name is there; rename it'
        else format('%s of this name is there; rename it', case when seen.kind in ('index', 'operator', 'extension') then 'an ' else 'a ' end || seen.kind)
      end as reason
    from seen
  )
  select
    judged.kind, judged.name,
    case
      when not judged.is_there then 'free'
      when judged.is_ours then 'ours'
      when judged.reason is null then 'fits'
      else 'in_the_way'
    end,
    case
      when not judged.is_there or judged.is_ours then null
      when judged.reason is not null then judged.reason
      when judged.name like reach || '(%' then
        'theirs, kept as it is: our policies call it. It decides in which organisation somebody of several acts; its ids are those of mentorcert.organisations'
      else 'theirs, kept as it is'
    end
  from judged
  order by 3, 1, 2;
end
$$;
