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
using (
  -- The index gives an administrator the order of time. The range says the same, so that it is taken for others too, who find nothing.
  organisation_id = (select mentorcert_private.administered_organisation_id())
  and organisation_id between (select mentorcert_private.administered_organisation_id()) and (select mentorcert_private.administered_organisation_id())
);
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
  constraint log_retention_log_known check (
    log in ('access_log', 'alerts', 'audit_log', 'change_batches', 'invitations', 'job_runs', 'letter_drafts', 'letters', 'notes', 'notices', 'reconciliations', 'saved_filters')
  ),
  constraint log_retention_keep_valid check (keep between interval '30 days' and interval '100 years')
);
alter table mentorcert_private.log_retention enable row level security;
comment on table mentorcert_private.log_retention is 'How long each log is kept; mentorcert audit retention changes it, mentorcert_private.delete_outdated goes by it. A log that is not in it is kept for good.';

insert into mentorcert_private.log_retention (log, keep) values
  ('audit_log', '10 years'), ('access_log', '1 year'), ('alerts', '1 year'), ('change_batches', '1 year'), ('invitations', '1 year'), ('job_runs', '3 years'), ('letter_drafts', '30 days'),
  ('letters', '1 year'), ('notes', '1 year'),
  ('notices', '3 years'), ('reconciliations', '1 year'), ('saved_filters', '30 days')
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
set search_path = ''
as $$
  select mentorcert_private.is_erasure()
    and to_jsonb(after) - array['actor', 'before', 'after'] = to_jsonb(before) - array['actor', 'before', 'after']
    and after.actor in (before.actor, before.actor - 'user_id')
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
language plpgsql
immutable
strict
set search_path = ''
as $$
declare
  kept jsonb := '{}'::jsonb;
  name text;
begin
  if columns = '{}' then
    return changed - array['id', 'organisation_id', 'created_at', 'updated_at', 'version'];
  end if;
  -- By paths, not by queries: it is asked for each of thousands.
  foreach name in array columns loop
    if changed ? name then
      kept := kept || jsonb_build_object(name, changed -> name);
    end if;
  end loop;
  return kept;
end
$$;
comment on function mentorcert_private.audited_fields(jsonb, text[]) is
  'The fields of a row that the audit log keeps: those named, or else all but its keys and times.';

create or replace function mentorcert_private.audit(table_name text, action text, key text, columns text[], entries jsonb)
returns void
language sql
set search_path = ''
as $$
  -- Who acts is asked once; the fields, once for each row: merged with what follows, each mention would ask for its own.
  with caller as materialized (
    select
      mentorcert_private.administered_organisation_id() as administered_id,
      coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb as change
  ),
  fields as materialized (
    select
      coalesce(entry -> 'after', entry -> 'before') as changed,
      mentorcert_private.audited_fields(entry -> 'before', audit.columns) as before,
      mentorcert_private.audited_fields(entry -> 'after', audit.columns) as after
    from jsonb_array_elements(audit.entries) as entry
  )
  insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor, before, after)
  select
    of.organisation_id, audit.table_name, fields.changed ->> audit.key, audit.action,
    case
      when of.organisation_id = (select caller.administered_id from caller)
        then (select mentorcert_private.actor(caller.administered_id, caller.change) from caller)
      else (select mentorcert_private.actor(null, caller.change) from caller)
    end,
    case when audit.action = 'update' then mentorcert_private.changed_fields(fields.before, fields.after) else fields.before end,
    case when audit.action = 'update' then mentorcert_private.changed_fields(fields.after, fields.before) else fields.after end
  from fields
  cross join lateral (
    select (fields.changed ->> case audit.table_name when 'organisations' then 'id' else 'organisation_id' end)::uuid as organisation_id
  ) as of
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
      -- Not as a join: a plan that was made for a few rows would compare each of many with each.
      select jsonb_agg(row.versions)
      from (
        select jsonb_object_agg(version.moment, version.changed) as versions
        from (
          select 'before' as moment, to_jsonb(every) as changed from old_rows as every
          union all
          select 'after', to_jsonb(every) from new_rows as every
        ) as version
        group by version.changed -> tg_argv[0]
      ) as row
    )
  );
  return null;
end
$$;
comment on function mentorcert_private.audit_update() is 'Writes changed rows to the audit log.';

-- Of a person's name, number and address: that they changed, and by whom; the log holds no names.
create or replace function mentorcert_private.audit_personal_data()
returns trigger
language plpgsql
security definer -- the log is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.audit(
    'peer_mentors', 'update', 'id', '{personal_data}',
    (
      select jsonb_agg(jsonb_build_object(
        'before', row.key || '{"personal_data": []}', 'after', row.key || jsonb_build_object('personal_data', changed.columns)
      ))
      from (
        select
          version.id, version.organisation_id,
          array_remove(array[
            case when count(distinct version.external_id) > 1 then 'external_id' end,
            case when count(distinct version.full_name) > 1 then 'full_name' end,
            case when count(distinct coalesce(version.display_name, '')) > 1 then 'display_name' end,
            case when count(distinct coalesce(version.email, '')) > 1 then 'email' end,
            case when count(distinct coalesce(version.phone, '')) > 1 then 'phone' end
          ], null) as columns,
          bool_or(version.erased_at is not null) as is_erased
        from (
          select after.id, after.organisation_id, after.external_id, after.full_name, after.display_name, after.email, after.phone, after.erased_at
          from new_rows as after
          union all
          select
            before.id, before.organisation_id, before.external_id, before.full_name, before.display_name, before.email, before.phone,
            before.erased_at
          from old_rows as before
        ) as version
        group by version.id, version.organisation_id
      ) as changed
      cross join lateral (select jsonb_build_object('id', changed.id, 'organisation_id', changed.organisation_id) as key) as row
      where changed.columns <> '{}' and not changed.is_erased -- an erasure has an entry of its own
    )
  );
  return null;
end
$$;
comment on function mentorcert_private.audit_personal_data() is
  'Writes to the audit log which of a peer mentor''s number, names, address and telephone number changed; never a value.';

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
  execute format(
    'create or replace trigger note_caller before insert or update or delete on %s'
    ' for each statement execute function mentorcert_private.note_caller()',
    audited
  );
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
  'Has the changes of a table written to the audit log, by the caller with whom the statement began: each row by its key, with the columns named (default: all), or other ones of a new row.';

do $$
begin
  perform mentorcert_private.audit_table('mentorcert.organisations', is_deletable => false); -- what is logged of it refers to it
  perform mentorcert_private.audit_table('mentorcert.chapters');
  perform mentorcert_private.audit_table('mentorcert.memberships', columns => '{user_id,role,chapter_id,ended_at}');
  -- Of peer mentors, the login, which gives rights, the consent, whether they have left, and a merge.
  perform mentorcert_private.audit_table('mentorcert.peer_mentors', columns => '{user_id,listing_consent,left_on,merged_into,reminders_paused}', columns_of_new => '{user_id}');
  create or replace trigger audit_personal_data
  after update on mentorcert.peer_mentors
  referencing new table as new_rows old table as old_rows
  for each statement execute function mentorcert_private.audit_personal_data();
  perform mentorcert_private.audit_table('mentorcert.peer_mentor_chapters');
  perform mentorcert_private.audit_table('mentorcert.certification_types');
  perform mentorcert_private.audit_table('mentorcert_private.topics');
  -- Never what a note says.
  perform mentorcert_private.audit_table(
    'mentorcert_private.peer_mentor_notes', columns => '{edited_at,due_on,responsible_id,done_at}',
    columns_of_new => '{peer_mentor_id,due_on,responsible_id}'
  );
  perform mentorcert_private.audit_table(
    'mentorcert_private.certificate_designs', key => 'organisation_id', columns => '{signatory,signatory_title}'
  );
  perform mentorcert_private.audit_table('mentorcert_private.disabled_endpoints', key => 'endpoint');
  perform mentorcert_private.audit_table('mentorcert_private.log_retention', key => 'log');
  perform mentorcert_private.audit_table('mentorcert_private.oidc_identities', columns => '{user_id,issuer}');
  -- Without the address; whose login accepted it, the membership says.
  perform mentorcert_private.audit_table(
    'mentorcert_private.invitations', columns => '{expires_at,accepted_at,withdrawn_at,failure}',
    columns_of_new => '{role,chapter_id,peer_mentor_id,expires_at}', is_deletable => false
  );
end
$$;

-- Who read what: written by the process that answers requests, read by mentorcert audit access. It holds ids, no personal data.

create or replace function mentorcert_private.member_organisation_ids()
returns uuid[]
language sql
stable
security definer -- row-level security shows only the organisation in which the caller acts
set search_path = ''
as $$
  select array(
    select distinct membership.organisation_id from mentorcert.memberships as membership
    -- Also one that the logged request itself ended.
    where membership.user_id = (select auth.uid()) and (membership.ended_at is null or membership.ended_at >= now())
  )
$$;
comment on function mentorcert_private.member_organisation_ids() is 'The organisations of which the caller was a member when the transaction began.';

create table if not exists mentorcert_private.access_log (
  id uuid not null default gen_random_uuid(),
  recorded_at timestamptz not null default now(),
  user_id uuid not null default mentorcert_private.acting_user(),
  organisation_ids uuid[] not null default mentorcert_private.member_organisation_ids(),
  endpoint text not null,
  row_organisation_ids uuid[] not null,
  request_id text not null,
  constraint access_log_pkey primary key (id),
  -- Names and templates such as /mentors/{id}: what stands in a query string stays out.
  constraint access_log_endpoint_valid check (length(endpoint) <= 100 and endpoint ~ '^[A-Za-z0-9_./{}-]+$'),
  constraint access_log_request_id_valid check (length(request_id) <= 100 and request_id ~ '^[A-Za-z0-9_.-]+$'),
  constraint access_log_row_organisation_ids_few check (cardinality(row_organisation_ids) <= 1000)
);
create index if not exists access_log_recorded_at_idx on mentorcert_private.access_log (recorded_at);
create index if not exists access_log_lookups_idx on mentorcert_private.access_log (user_id, recorded_at) where endpoint = 'find_login';
alter table mentorcert_private.access_log enable row level security;
revoke all on mentorcert_private.access_log from anon, authenticated, service_role;
grant insert (endpoint, row_organisation_ids, request_id) on mentorcert_private.access_log to authenticated;
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

drop policy if exists "users have their own accesses logged" on mentorcert_private.access_log;
create policy "users have their own accesses logged"
on mentorcert_private.access_log for insert to authenticated
with check (user_id = (select auth.uid()));
comment on policy "users have their own accesses logged" on mentorcert_private.access_log is
  'Who it was, and of which organisations a member, is filled in by default; nobody reads the log but the operator.';

create or replace trigger note_caller
before insert on mentorcert_private.access_log
for each statement execute function mentorcert_private.note_caller();

create or replace function mentorcert_private.sees_organisation(organisation_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select
    exists (select from mentorcert.organisations as organisation where organisation.id = sees_organisation.organisation_id)
    or exists (select from mentorcert.memberships as row where row.organisation_id = sees_organisation.organisation_id)
    or exists (select from mentorcert.chapters as row where row.organisation_id = sees_organisation.organisation_id)
    or exists (select from mentorcert.certification_types as row where row.organisation_id = sees_organisation.organisation_id)
    or exists (select from mentorcert.peer_mentors as row where row.organisation_id = sees_organisation.organisation_id)
    or exists (select from mentorcert.peer_mentor_chapters as row where row.organisation_id = sees_organisation.organisation_id)
    or exists (select from public.peer_mentor_certifications as row where row.organisation_id = sees_organisation.organisation_id)
    or exists (select from mentorcert.audit_log as row where row.organisation_id = sees_organisation.organisation_id)
$$;
comment on function mentorcert_private.sees_organisation(uuid) is
  'Whether row-level security shows the caller any row of an organisation, by right or by a mistake in a policy; the public list apart, which is not logged.';

create or replace function mentorcert_private.reject_unseen_organisations()
returns trigger
language plpgsql
-- With the rights of the caller: what counts is what the database shows them, and not what the process says.
set search_path = ''
as $$
begin
  if row_security_active('mentorcert_private.access_log') and exists (
    select from unnest(new.row_organisation_ids) as row (organisation_id)
    where
      row.organisation_id is null
      or row.organisation_id <> all(new.organisation_ids) and not mentorcert_private.sees_organisation(row.organisation_id)
  ) then
    raise exception using
      errcode = 'PT500', message = 'an answer has rows of an organisation of which the caller sees none',
      hint = 'Nothing was returned. A function that runs with other rights returns too much: find it by the endpoint.',
      constraint = 'row_organisation_ids';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.reject_unseen_organisations() is
  'Refuses (PT500) an access to rows of an organisation of which the caller is no member and sees no row: the database has seen it itself.';

create or replace trigger reject_unseen_organisations
before insert on mentorcert_private.access_log
for each row execute function mentorcert_private.reject_unseen_organisations();

create or replace function mentorcert_private.log_access(endpoint text, row_organisation_ids uuid[], request_id text)
returns void
language sql
set search_path = ''
as $$
  insert into mentorcert_private.access_log (endpoint, row_organisation_ids, request_id)
  values (
    log_access.endpoint, array(select distinct row.organisation_id from unnest(log_access.row_organisation_ids) as row (organisation_id)),
    log_access.request_id
  )
$$;
comment on function mentorcert_private.log_access(text, uuid[], text) is
  'Logs that the signed-in user was answered by an endpoint, with the organisations of the rows returned and the request''s id.';

revoke execute on function
  mentorcert_private.is_kept, mentorcert_private.is_login_taken_out, mentorcert_private.audited_fields, mentorcert_private.audit,
  mentorcert_private.audit_insert, mentorcert_private.audit_personal_data, mentorcert_private.audit_delete, mentorcert_private.audit_update, mentorcert_private.audit_table, mentorcert_private.log_access,
  mentorcert_private.member_organisation_ids, mentorcert_private.sees_organisation, mentorcert_private.reject_unseen_organisations
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.log_access, mentorcert_private.member_organisation_ids, mentorcert_private.sees_organisation
to authenticated;
