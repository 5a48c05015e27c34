-- Where pg_cron is installed, it is the night watch; where not, mentorcert worker is.

create or replace function private.schedule_nightly()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if to_regnamespace('cron') is null then
    return false;
  end if;
  -- Every quarter of an hour: midnight comes at a quarter past, half past or a quarter to in some time zones.
  execute $cron$
    select cron.schedule('mentorcert-nightly', '*/15 * * * *', 'select private.run_nightly()')
  $cron$;
  return true;
end
$$;
comment on function private.schedule_nightly() is
  'Lets pg_cron do the nightly run, if it is installed; returns whether it is. Call it again after installing pg_cron.';
revoke execute on function private.schedule_nightly() from public, anon, authenticated, service_role;

do $$ begin perform private.schedule_nightly(); end $$;
