-- Endpoints can be switched off: with the next statement nobody who comes through row-level security gets at their tables.
--
-- A restrictive policy on each table asks whether its endpoint is on, and raises an error of its own where it is not: an
-- empty answer would read as "there is nobody". Jobs, the owner and service_role are above row-level security and go on.

create table if not exists private.disabled_endpoints (
  endpoint text not null,
  reason text not null,
  disabled_at timestamptz not null default now(),
  constraint disabled_endpoints_pkey primary key (endpoint),
  constraint disabled_endpoints_endpoint_known check (
    endpoint in ('audit_log', 'certifications', 'memberships', 'organisations', 'peer_mentors', 'public_list')
  ),
  constraint disabled_endpoints_reason_given check (btrim(reason) <> '')
);
alter table private.disabled_endpoints enable row level security;
comment on table private.disabled_endpoints is 'Endpoints that are switched off now; mentorcert endpoint writes it, the audit log keeps who and why.';
comment on column private.disabled_endpoints.reason is 'For colleagues, not for clients: the error does not quote it.';

create or replace function private.check_endpoint(endpoint text)
returns boolean
language plpgsql
stable
security definer -- what is switched off, and why, is no client's to read
set search_path = ''
as $$
begin
  if exists (select from private.disabled_endpoints as disabled where disabled.endpoint = check_endpoint.endpoint) then
    raise exception using
      errcode = 'MC010', message = format('%s is switched off for now', endpoint),
      hint = 'Nothing is lost. Try again later; the operator knows of it.',
      constraint = 'endpoint_enabled';
  end if;
  return true;
end
$$;
comment on function private.check_endpoint(text) is 'True; raises MC010 while the endpoint is switched off.';

create or replace function private.require_certifications()
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_endpoint('certifications') where row_security_active('public.peer_mentor_certifications');
end
$$;
comment on function private.require_certifications() is
  'Raises MC010 while certifications are switched off for the caller. For functions: a policy speaks up only where there is a row to refuse.';

revoke execute on function private.check_endpoint(text), private.require_certifications()
from public, anon, authenticated, service_role;
grant execute on function private.require_certifications() to authenticated, service_role;
-- anon has no way into the schema private, so it reaches this function through policies alone.
grant execute on function private.check_endpoint(text) to anon, authenticated, service_role;
