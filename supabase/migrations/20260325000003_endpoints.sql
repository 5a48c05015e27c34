-- Endpoints can be switched off: with the next statement nobody who comes through row-level security gets at their tables.
--
-- A restrictive policy on each table asks whether its endpoint is on, and raises an error of its own where it is not: an
-- empty answer would read as "there is nobody". Jobs, the owner and service_role are above row-level security and go on.
-- They are closed to every organisation, so the administrator of a single one sees which they are, and switches none.

create table if not exists mentorcert_private.disabled_endpoints (
  endpoint text not null,
  reason text not null,
  disabled_at timestamptz not null default now(),
  constraint disabled_endpoints_pkey primary key (endpoint),
  constraint disabled_endpoints_endpoint_known check (
    endpoint in ('audit_log', 'certifications', 'memberships', 'organisations', 'peer_mentors', 'public_list')
  ),
  constraint disabled_endpoints_reason_given check (btrim(reason) <> ''),
  constraint disabled_endpoints_reason_length check (length(reason) <= 2000)
);
alter table mentorcert_private.disabled_endpoints enable row level security;
grant select (endpoint, disabled_at) on mentorcert_private.disabled_endpoints to authenticated;
comment on table mentorcert_private.disabled_endpoints is 'Endpoints that are switched off now; mentorcert endpoint writes it, the audit log keeps who and why.';
comment on column mentorcert_private.disabled_endpoints.reason is 'For colleagues, not for clients: the error does not quote it.';

drop policy if exists "administrators read which endpoints are switched off" on mentorcert_private.disabled_endpoints;
create policy "administrators read which endpoints are switched off"
on mentorcert_private.disabled_endpoints for select to authenticated
using ((select mentorcert_private.administered_organisation_id()) is not null);
comment on policy "administrators read which endpoints are switched off" on mentorcert_private.disabled_endpoints is
  'The reason, which is for colleagues of the operator, is not granted.';

create or replace trigger canonicalise
before insert or update of reason on mentorcert_private.disabled_endpoints
for each row execute function mentorcert_private.canonicalise('text', 'reason');

create or replace trigger keep_identity
before update on mentorcert_private.disabled_endpoints
for each row execute function mentorcert_private.reject_change_of_column('endpoint');

-- No trigger sees the rows that TRUNCATE removes. On a table that others refer to, it cascades to these and is refused there.
create or replace trigger reject_truncation
before truncate on mentorcert_private.disabled_endpoints
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');

create or replace function mentorcert_private.check_endpoint(endpoint text)
returns boolean
language plpgsql
stable
security definer -- what is switched off, and why, and who has signed out, is no client's to read
set search_path = ''
as $$
begin
  -- Here, because every table asks, once in a statement.
  perform mentorcert_private.check_session();
  if exists (select from mentorcert_private.disabled_endpoints as disabled where disabled.endpoint = check_endpoint.endpoint) then
    raise exception using
      errcode = 'MC010', message = format('%s is switched off for now', endpoint),
      hint = 'Nothing is lost. Try again later; the operator knows of it.',
      constraint = 'endpoint_enabled';
  end if;
  return true;
end
$$;
comment on function mentorcert_private.check_endpoint(text) is 'True; raises MC010 while the endpoint is switched off, and PT401 where the session has ended.';

create or replace function mentorcert_private.require_certifications()
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('certifications') where row_security_active('public.peer_mentor_certifications');
end
$$;
comment on function mentorcert_private.require_certifications() is
  'Raises MC010 while certifications are switched off for the caller. For functions: a policy speaks up only where there is a row to refuse.';

revoke execute on function
  mentorcert_private.check_endpoint, mentorcert_private.require_certifications
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.require_certifications to authenticated, service_role;
-- anon has no way into the schema mentorcert_private, so it reaches this function through policies alone.
grant execute on function mentorcert_private.check_endpoint to anon, authenticated, service_role;
