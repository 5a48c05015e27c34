-- Login roles with the least rights, one for each kind of process that runs all day; and what nobody may.
--
-- They have no password until the operator gives them one (docs/operations.md). Roles belong to the whole server: they may
-- exist already, or come into being at this moment by a migration of another database.

do $$
declare
  wanted record;
begin
  for wanted in
    select role_name, attributes
    from (
      values
        ('mentorcert_web', 'login noinherit in role anon, authenticated'),
        ('mentorcert_jobs', 'login'),
        ('mentorcert_portal', 'login'),
        ('mentorcert_receiver', 'login'),
        ('mentorcert_tasks', 'login'),
        ('mentorcert_monitoring', 'nologin')
    ) as roles (role_name, attributes)
  loop
    if pg_catalog.to_regrole(wanted.role_name) is null then
      begin
        execute pg_catalog.format('create role %I %s', wanted.role_name, wanted.attributes);
      exception
        when duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
end
$$;

-- They may have been created otherwise before.
alter role mentorcert_web with login noinherit;

alter role mentorcert_jobs with login inherit;

alter role mentorcert_portal with login inherit;

alter role mentorcert_receiver with login inherit;

alter role mentorcert_tasks with login inherit;

alter role mentorcert_monitoring with nologin;

grant mentorcert_monitoring to mentorcert_jobs, mentorcert_portal, mentorcert_receiver;

grant anon, authenticated to mentorcert_web;

comment on role mentorcert_web is 'Connects for the web pages and the API; becomes anon or authenticated, and counts attempts to sign in.';

comment on role mentorcert_jobs is 'Connects for mentorcert worker; executes the job functions, and gets at no table but those of mentorcert_monitoring.';

comment on role mentorcert_portal is 'Connects for mentorcert portal worker; executes what sends to the portals and compares, and gets at no table but those of mentorcert_monitoring.';

comment on role mentorcert_receiver is 'Connects for mentorcert portal receive, which the internet reaches; stores messages and does what their rules say, and gets at no table but those of mentorcert_monitoring.';

comment on role mentorcert_tasks is 'Connects for mentorcert tasks work; reads and writes the people and certifications of organisations whose administrators have asked for an import or export, while it is done.';

comment on role mentorcert_monitoring is 'No login: what each process may that watches the portals and raises alerts.';

-- A request that hangs must not hold its locks for ever.
alter role mentorcert_web set statement_timeout = '15s';

alter role mentorcert_web set idle_in_transaction_session_timeout = '60s';

grant usage on schema mentorcert_private to mentorcert_jobs, mentorcert_web;

-- As nobody whom the Data API serves: else anybody could use up the attempts of others.
grant execute on function mentorcert_private.count_attempt to mentorcert_web;

-- As nobody whom the Data API serves: else anybody could sign in as anybody.
grant execute on function mentorcert_private.sign_in_by_oidc to mentorcert_web;

-- An empty search_path keeps foreign functions and tables away, but types are looked for among the session's temporary
-- objects first: a temporary domain called uuid would run its check with the rights of our definers. So it is best that
-- nobody but the owner makes temporary objects. The right belongs to the database itself: neither a dump nor a template
-- carries it, and it is the project's, so it is taken when the operator says so (mentorcert migrate --harden-database).
create or replace function mentorcert_private.forbid_temporary_objects()
returns void
language plpgsql
set search_path = ''
as $$
begin
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
comment on function mentorcert_private.forbid_temporary_objects() is
  'Takes from everybody but the owner the right to make temporary objects in this database; to be called again where a database was restored or copied.';

revoke execute on function mentorcert_private.forbid_temporary_objects from public, anon, authenticated, service_role;
