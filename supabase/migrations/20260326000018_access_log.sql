-- Who read what: written by whoever answers requests, read by mentorcert audit access. It holds ids, no personal data.

create table if not exists private.access_log (
  id uuid not null default gen_random_uuid(),
  recorded_at timestamptz not null default now(),
  user_id uuid not null,
  organisation_ids uuid[] not null,
  endpoint text not null,
  row_organisation_ids uuid[] not null,
  request_id text not null,
  constraint access_log_pkey primary key (id),
  -- Names and templates such as /mentors/{id}: what stands in a query string stays out.
  constraint access_log_endpoint_valid check (endpoint ~ '^[A-Za-z0-9_./{}-]{1,100}$'),
  constraint access_log_request_id_valid check (request_id ~ '^[A-Za-z0-9_.-]{1,100}$')
);
create index if not exists access_log_recorded_at_idx on private.access_log (recorded_at);
alter table private.access_log enable row level security;
comment on table private.access_log is
  'One row for each answer to a signed-in user; kept as private.log_retention says. The public list, which is open to all, is not in it.';
comment on column private.access_log.organisation_ids is 'The organisations the user was a member of.';
comment on column private.access_log.row_organisation_ids is 'The organisations of the rows that were returned.';

create or replace trigger reject_change
before update or delete on private.access_log
for each row execute function private.reject_change_of_log();

create or replace trigger reject_removal
before truncate on private.access_log
for each statement execute function private.reject_change_of_log();

create or replace function private.log_access(endpoint text, row_organisation_ids uuid[], request_id text)
returns void
language sql
security definer -- the log is no client's to write; who it was is taken from the token, not from the caller
set search_path = ''
as $$
  insert into private.access_log (user_id, organisation_ids, endpoint, row_organisation_ids, request_id)
  select
    auth.uid(),
    array(
      select distinct membership.organisation_id from public.memberships as membership
      where membership.user_id = auth.uid() and membership.ended_at is null
    ),
    log_access.endpoint,
    array(select distinct id from unnest(log_access.row_organisation_ids) as id),
    log_access.request_id
$$;
comment on function private.log_access(text, uuid[], text) is
  'Logs that the signed-in user was answered by an endpoint, with the organisations of the rows returned and the request''s id.';

create or replace function private.delete_outdated_logs()
returns void
language sql
set search_path = ''
as $$
  delete from public.audit_log as entry
  using private.log_retention as retention
  where retention.log = 'audit_log' and entry.recorded_at < now() - retention.keep;

  delete from private.access_log as entry
  using private.log_retention as retention
  where retention.log = 'access_log' and entry.recorded_at < now() - retention.keep;
$$;
comment on function private.delete_outdated_logs() is 'Deletes what private.log_retention no longer keeps; part of the nightly run.';

revoke execute on function private.log_access(text, uuid[], text), private.delete_outdated_logs()
from public, anon, authenticated, service_role;
grant execute on function private.log_access(text, uuid[], text) to authenticated;
