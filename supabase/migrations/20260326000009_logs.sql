-- Who changed what decides over rights and rules: memberships, types, chapters, consents, logins, switches.
--
-- Histories hold the changes of certifications, this log the rest. It holds ids and rules, no names or addresses.

create table if not exists mentorcert.audit_log (
  id uuid not null default gen_random_uuid(),
  recorded_at timestamptz not null default clock_timestamp(),
  organisation_id uuid,
  table_name text not null,
  row_id text not null,
  action text not null,
  actor jsonb not null,
  before jsonb,
  after jsonb,
  constraint audit_log_pkey primary key (id),
  constraint audit_log_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint audit_log_action_valid check (action in ('insert', 'update', 'delete', 'erase')),
  constraint audit_log_before_valid check ((before is null) = (action in ('insert', 'erase'))),
  constraint audit_log_after_valid check ((after is null) = (action in ('delete', 'erase')))
);
create index if not exists audit_log_organisation_id_idx on mentorcert.audit_log (organisation_id, recorded_at);
create index if not exists audit_log_recorded_at_idx on mentorcert.audit_log (recorded_at);
create index if not exists audit_log_row_id_idx on mentorcert.audit_log (row_id);
alter table mentorcert.audit_log enable row level security;
revoke all on mentorcert.audit_log from anon, authenticated, service_role;
grant select on mentorcert.audit_log to authenticated, service_role;
comment on table mentorcert.audit_log is
  'Changes of what decides over rights and rules; written by trigger only, never changed, kept as mentorcert_private.log_retention says.';
comment on column mentorcert.audit_log.organisation_id is 'Null for what concerns all, such as an endpoint that is switched off.';
comment on column mentorcert.audit_log.actor is 'The signed-in user and role, the job, or the database role, as in histories.';
comment on column mentorcert.audit_log.before is 'The fields that changed, as they were; of a row that is gone, all.';
comment on column mentorcert.audit_log.after is 'The fields that changed, as they are since; of a new row, all.';

drop policy if exists "administrators read the audit log of their organisation" on mentorcert.audit_log;
create policy "administrators read the audit log of their organisation"
on mentorcert.audit_log for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the audit log of their organisation" on mentorcert.audit_log is
  'What concerns all organisations is the operator''s to read.';

drop policy if exists "the endpoint audit_log is switched on" on mentorcert.audit_log;
create policy "the endpoint audit_log is switched on"
on mentorcert.audit_log as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('audit_log')));
comment on policy "the endpoint audit_log is switched on" on mentorcert.audit_log is 'Raises MC010 while it is off.';

-- How long logs are kept

create table if not exists mentorcert_private.log_retention (
  log text not null,
  keep interval not null,
  constraint log_retention_pkey primary key (log),
  constraint log_retention_log_known check (log in ('audit_log', 'access_log')),
  constraint log_retention_keep_valid check (keep between interval '30 days' and interval '100 years')
);
alter table mentorcert_private.log_retention enable row level security;
comment on table mentorcert_private.log_retention is 'How long each log is kept; mentorcert audit retention changes it, the nightly run goes by it.';

insert into mentorcert_private.log_retention (log, keep) values ('audit_log', '10 years'), ('access_log', '1 year')
on conflict do nothing;

-- What would leave no trace: another key for a row, and all rows at once.

create or replace trigger keep_identity
before update on mentorcert_private.log_retention
for each row execute function mentorcert_private.reject_change_of_column('log');

create or replace trigger reject_truncation
before truncate on mentorcert_private.log_retention
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');

create or replace function mentorcert_private.is_kept(log text, recorded_at timestamptz)
returns boolean
language sql
stable
set search_path = ''
as $$
  select is_kept.recorded_at >= now() - retention.keep from mentorcert_private.log_retention as retention where retention.log = is_kept.log
$$;
comment on function mentorcert_private.is_kept(text, timestamptz) is
  'Whether an entry of a log is still kept, as mentorcert_private.log_retention says; null for a log that is kept for ever.';

create or replace function mentorcert_private.is_login_taken_out(before mentorcert.audit_log, after mentorcert.audit_log)
returns boolean
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.is_erasure()
    and to_jsonb(after) - array['before', 'after'] = to_jsonb(before) - array['before', 'after']
    and (after.before is not distinct from before.before or after.before is not distinct from before.before - 'user_id')
    and (after.after is not distinct from before.after or after.after is not distinct from before.after - 'user_id')
$$;
comment on function mentorcert_private.is_login_taken_out(mentorcert.audit_log, mentorcert.audit_log) is
  'Whether an entry changes by nothing but an erasure that takes a login out of it.';

create or replace trigger reject_change
before update on mentorcert.audit_log
for each row when (not mentorcert_private.is_login_taken_out(old, new))
execute function mentorcert_private.reject_change('audit_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');

create or replace trigger reject_early_removal
before delete on mentorcert.audit_log
for each row when (mentorcert_private.is_kept('audit_log', old.recorded_at) is not false)
execute function mentorcert_private.reject_change('audit_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');

create or replace trigger reject_removal
before truncate on mentorcert.audit_log
for each statement execute function mentorcert_private.reject_change('audit_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');

-- What writes the log

create or replace function mentorcert_private.audited_fields(changed jsonb, columns text[])
returns jsonb
language sql
immutable
strict
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(field.key, field.value), '{}')
  from jsonb_each(changed) as field
  where
    field.key = any(columns)
    or columns = '{}' and field.key not in ('id', 'organisation_id', 'created_at', 'updated_at', 'version')
$$;
comment on function mentorcert_private.audited_fields(jsonb, text[]) is
  'The fields of a row that the audit log keeps: those named, or else all but its keys and times.';

create or replace function mentorcert_private.audit(table_name text, action text, key text, columns text[], entries jsonb)
returns void
language sql
set search_path = ''
as $$
  insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor, before, after)
  select
    of.organisation_id, audit.table_name, of.changed ->> audit.key, audit.action,
    mentorcert_private.actor(of.organisation_id, coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb),
    case when audit.action = 'update' then mentorcert_private.changed_fields(fields.before, fields.after) else fields.before end,
    case when audit.action = 'update' then mentorcert_private.changed_fields(fields.after, fields.before) else fields.after end
  from jsonb_array_elements(audit.entries) as entry
  cross join lateral (select coalesce(entry -> 'after', entry -> 'before') as changed) as latest
  cross join lateral (
    select
      latest.changed,
      (latest.changed ->> case audit.table_name when 'organisations' then 'id' else 'organisation_id' end)::uuid as organisation_id
  ) as of
  cross join lateral (
    select
      mentorcert_private.audited_fields(entry -> 'before', audit.columns) as before,
      mentorcert_private.audited_fields(entry -> 'after', audit.columns) as after
  ) as fields
  where
    fields.before is distinct from fields.after
    and (audit.action <> 'insert' or jsonb_strip_nulls(fields.after) <> '{}')
$$;
comment on function mentorcert_private.audit(text, text, text, text[], jsonb) is
  'Writes to the audit log what a statement changed, an array of {before, after}; a row in which nothing to keep changed, or is set, is left out.';

-- The arguments of the triggers: the key column, then the columns to keep (default: all).

create or replace function mentorcert_private.audit_insert()
returns trigger
language plpgsql
security definer -- the log is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.audit(
    tg_table_name, 'insert', tg_argv[0], coalesce(tg_argv[1:], '{}'),
    (select jsonb_agg(jsonb_build_object('after', to_jsonb(added))) from new_rows as added)
  );
  return null;
end
$$;
comment on function mentorcert_private.audit_insert() is 'Writes new rows to the audit log.';

create or replace function mentorcert_private.audit_delete()
returns trigger
language plpgsql
security definer -- the log is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.audit(
    tg_table_name, 'delete', tg_argv[0], coalesce(tg_argv[1:], '{}'),
    (select jsonb_agg(jsonb_build_object('before', to_jsonb(removed))) from old_rows as removed)
  );
  return null;
end
$$;
comment on function mentorcert_private.audit_delete() is 'Writes rows that are gone to the audit log.';

create or replace function mentorcert_private.audit_update()
returns trigger
language plpgsql
security definer -- the log is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.audit(
    tg_table_name, 'update', tg_argv[0], coalesce(tg_argv[1:], '{}'),
    (
      select jsonb_agg(jsonb_build_object('before', former.changed, 'after', latter.changed))
      from (select to_jsonb(every) as changed from old_rows as every) as former
      join (select to_jsonb(every) as changed from new_rows as every) as latter
        on latter.changed -> tg_argv[0] = former.changed -> tg_argv[0]
    )
  );
  return null;
end
$$;
comment on function mentorcert_private.audit_update() is 'Writes changed rows to the audit log.';

create or replace function mentorcert_private.audit_table(
  audited regclass, key text default 'id', columns text[] default '{}', columns_of_new text[] default null,
  is_deletable boolean default true
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  wanted record;
begin
  for wanted in
    select * from (
      values
        ('insert', 'new table as new_rows', coalesce(columns_of_new, columns)),
        ('update', 'new table as new_rows old table as old_rows', columns),
        ('delete', 'old table as old_rows', columns)
    ) as triggers (event, transitions, kept)
    where event <> 'delete' or is_deletable
  loop
    execute format(
      'create or replace trigger audit_%1$s after %1$s on %2$s referencing %3$s'
      ' for each statement execute function mentorcert_private.audit_%1$s(%4$s)',
      wanted.event, audited, wanted.transitions,
      (select string_agg(quote_literal(argument), ', ') from unnest(key || wanted.kept) as argument)
    );
  end loop;
end
$$;
comment on function mentorcert_private.audit_table(regclass, text, text[], text[], boolean) is
  'Has the changes of a table written to the audit log: each row by its key, with the columns named (default: all), or other ones of a new row.';

do $$
begin
  perform mentorcert_private.audit_table('mentorcert.organisations', is_deletable => false); -- what is logged of it refers to it
  perform mentorcert_private.audit_table('mentorcert.chapters');
  perform mentorcert_private.audit_table('mentorcert.memberships');
  -- Of peer mentors, the login, which gives rights, and the consent.
  perform mentorcert_private.audit_table('mentorcert.peer_mentors', columns => '{user_id,listing_consent}', columns_of_new => '{user_id}');
  perform mentorcert_private.audit_table('mentorcert.peer_mentor_chapters');
  perform mentorcert_private.audit_table('mentorcert.certification_types');
  perform mentorcert_private.audit_table('mentorcert_private.disabled_endpoints', key => 'endpoint');
  perform mentorcert_private.audit_table('mentorcert_private.log_retention', key => 'log');
end
$$;

-- Who read what: written by the process that answers requests, read by mentorcert audit access. It holds ids, no personal data.

create table if not exists mentorcert_private.access_log (
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
create index if not exists access_log_recorded_at_idx on mentorcert_private.access_log (recorded_at);
create index if not exists access_log_lookups_idx on mentorcert_private.access_log (user_id, recorded_at) where endpoint = 'find_login';
alter table mentorcert_private.access_log enable row level security;
comment on table mentorcert_private.access_log is
  'One row for each answer to a signed-in user; kept as mentorcert_private.log_retention says. The public list, which is open to all, is not in it.';
comment on column mentorcert_private.access_log.organisation_ids is 'The organisations the user was a member of.';
comment on column mentorcert_private.access_log.row_organisation_ids is 'The organisations of the rows that were returned.';

create or replace trigger reject_change
before update on mentorcert_private.access_log
for each row execute function mentorcert_private.reject_change('access_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');

create or replace trigger reject_early_removal
before delete on mentorcert_private.access_log
for each row when (mentorcert_private.is_kept('access_log', old.recorded_at) is not false)
execute function mentorcert_private.reject_change('access_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');

create or replace trigger reject_removal
before truncate on mentorcert_private.access_log
for each statement execute function mentorcert_private.reject_change('access_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');

create or replace function mentorcert_private.log_access(endpoint text, row_organisation_ids uuid[], request_id text)
returns void
language sql
security definer -- the log is no client's to write; who it was is taken from the token, not from the caller
set search_path = ''
as $$
  insert into mentorcert_private.access_log (user_id, organisation_ids, endpoint, row_organisation_ids, request_id)
  select
    auth.uid(),
    array(
      select distinct membership.organisation_id from mentorcert.memberships as membership
      where membership.user_id = auth.uid() and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    ),
    log_access.endpoint,
    array(select distinct id from unnest(log_access.row_organisation_ids) as id),
    log_access.request_id
$$;
comment on function mentorcert_private.log_access(text, uuid[], text) is
  'Logs that the signed-in user was answered by an endpoint, with the organisations of the rows returned and the request''s id.';

create or replace function mentorcert_private.delete_outdated_logs()
returns void
language sql
set search_path = ''
as $$
  delete from mentorcert.audit_log as entry
  using mentorcert_private.log_retention as retention
  where retention.log = 'audit_log' and entry.recorded_at < now() - retention.keep;

  delete from mentorcert_private.access_log as entry
  using mentorcert_private.log_retention as retention
  where retention.log = 'access_log' and entry.recorded_at < now() - retention.keep;
$$;
comment on function mentorcert_private.delete_outdated_logs() is 'Deletes what mentorcert_private.log_retention no longer keeps; part of the nightly run.';

-- Logins by e-mail address
--
-- auth.users is no client's to read. An administrator who gives a membership to an address learns whether it has a login, however
-- it is done: so the question is put openly, to administrators only, is about one exact address, and each is kept in the access log.

create or replace function mentorcert_private.find_login(email text)
returns uuid
language plpgsql
security definer -- reads the logins, and writes the log
set search_path = ''
as $$
declare
  hourly_limit constant integer := 60;
begin
  perform mentorcert_private.require_administered_organisation();
  -- One at a time, or several at once would all count to just below the limit.
  perform pg_advisory_xact_lock(hashtextextended('find_login ' || auth.uid(), 0));
  if (
    select count(*) >= hourly_limit from mentorcert_private.access_log as asked
    where asked.endpoint = 'find_login' and asked.user_id = auth.uid() and asked.recorded_at > now() - interval '1 hour'
  ) then
    raise exception using
      errcode = 'MC012', message = format('more than %s addresses were looked up within an hour', hourly_limit),
      hint = 'Go on in an hour, or have the operator admit people by `mentorcert organisation admit`.',
      constraint = 'login_lookups';
  end if;
  perform mentorcert_private.log_access('find_login', '{}', gen_random_uuid()::text);
  return (
    select login.id from auth.users as login
    where lower(login.email) = lower(btrim(find_login.email))
      and login.deleted_at is null
    limit 1
  );
end
$$;
comment on function mentorcert_private.find_login(text) is
  'The login with exactly this e-mail address, for an administrator who gives it a membership; null where there is none. Each question is logged; MC012 after 60 in an hour.';

create or replace function mentorcert_private.member_logins()
returns table (user_id uuid, email text)
language sql
stable
security definer -- reads the logins, of members of the own organisation only
set search_path = ''
as $$
  select login.id, login.email::text -- varchar on Supabase
  from auth.users as login
  where login.id in (
    select membership.user_id from mentorcert.memberships as membership
    where
      membership.organisation_id = (select mentorcert_private.administered_organisation_id())
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )
$$;
comment on function mentorcert_private.member_logins() is
  'The e-mail address of everybody who has a membership, not ended, of the organisation that the caller administers.';

revoke execute on function
  mentorcert_private.is_kept, mentorcert_private.is_login_taken_out, mentorcert_private.audited_fields, mentorcert_private.audit,
  mentorcert_private.audit_insert, mentorcert_private.audit_delete, mentorcert_private.audit_update, mentorcert_private.audit_table, mentorcert_private.log_access,
  mentorcert_private.delete_outdated_logs, mentorcert_private.find_login, mentorcert_private.member_logins
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.log_access, mentorcert_private.find_login, mentorcert_private.member_logins to authenticated;
