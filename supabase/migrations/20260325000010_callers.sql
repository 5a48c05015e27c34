-- Who acts: taken once, from the role and the claims with which a statement begins.
--
-- A policy asks auth.uid() as (select …), once. A trigger asks later, when an expression of the same statement (in WHERE,
-- RETURNING, a default, a CTE) may have set the claims or the role: it would act as somebody of whom no policy knows, or,
-- with the claims gone, as a job. So a statement that writes notes its caller before its first row, where no client writes,
-- and whatever asks later compares.

create unlogged table if not exists mentorcert_private.callers (
  backend integer not null,
  statement_at timestamptz not null,
  identity bytea,
  settings text[],
  user_id uuid,
  administered_organisation_id uuid,
  actor jsonb,
  actor_elsewhere jsonb,
  change jsonb,
  entry jsonb,
  has_valid_remarks boolean,
  constraint callers_pkey primary key (backend)
) with (fillfactor = 50);
alter table mentorcert_private.callers enable row level security;
revoke all on mentorcert_private.callers from anon, authenticated, service_role;
comment on table mentorcert_private.callers is
  'The caller of the latest statement of a connection that wrote something, and what its change is about. Worth nothing once the statement has ended, so not logged.';
comment on column mentorcert_private.callers.statement_at is
  'When the client''s statement came in: the same for all that it calls.';
comment on column mentorcert_private.callers.identity is 'SHA-256 of the role and of all claims: a user of two organisations acts in one of them. Null for a job and the operator.';
comment on column mentorcert_private.callers.settings is
  'What the columns that follow were derived from, by mentorcert_private.change_context: role, claims and mentorcert.change.';
comment on column mentorcert_private.callers.actor is 'Who acts, as history entries of the organisation that the caller administers say it.';
comment on column mentorcert_private.callers.actor_elsewhere is 'The same for those of every other organisation.';
comment on column mentorcert_private.callers.change is 'What the change is about, its note and evidence in their canonical form.';
comment on column mentorcert_private.callers.entry is 'What all history entries of the statement have in common.';

create or replace function mentorcert_private.is_client()
returns boolean
language sql
stable
set search_path = ''
as $$
  select
    not pg_has_role(acting.role, schema.nspowner, 'member')
    and (pg_has_role(acting.role, 'anon', 'member') or pg_has_role(acting.role, 'authenticated', 'member'))
  from (select coalesce(nullif(current_setting('role', true), 'none'), session_user)::name as role) as acting
  cross join pg_catalog.pg_namespace as schema
  where schema.nspname = 'mentorcert_private'
$$;
comment on function mentorcert_private.is_client() is
  'Whether the caller is anon or authenticated, or a login that may become one of them and is no owner: never a job or the operator, whatever claims are missing.';

create or replace function mentorcert_private.is_process()
returns boolean
language sql
stable
set search_path = ''
as $$ select session_user = any(array['mentorcert_jobs', 'mentorcert_portal', 'mentorcert_receiver', 'mentorcert_tasks']) $$;
comment on function mentorcert_private.is_process() is
  'Whether this is the session of a process that acts for no user: what claims it sets are not somebody''s.';

create or replace function mentorcert_private.acting_user()
returns uuid
language plpgsql
security definer -- notes the caller where no client writes
set search_path = ''
as $$
declare
  user_id constant uuid := auth.uid();
  digest constant bytea := sha256(convert_to(
    jsonb_build_array(current_setting('role', true), user_id, auth.jwt())::text, 'UTF8'
  ));
  noted bytea;
begin
  select caller.identity into noted from mentorcert_private.callers as caller
  where caller.backend = pg_backend_pid() and caller.statement_at = statement_timestamp();
  if noted <> digest or user_id is null and mentorcert_private.is_client()
    or user_id is not null and mentorcert_private.is_process()
  then
    raise exception using
      errcode = 'MC022', message = 'who acts is not known, or changed within the statement',
      hint = 'Set the role and the claims of a signed-in user before the statement, and leave them as they are until it ends.',
      constraint = 'caller_known';
  end if;
  if noted is null and user_id is not null then
    insert into mentorcert_private.callers as caller (backend, statement_at, identity)
    values (pg_backend_pid(), statement_timestamp(), digest)
    on conflict on constraint callers_pkey
    do update set statement_at = excluded.statement_at, identity = excluded.identity;
  end if;
  return user_id;
end
$$;
comment on function mentorcert_private.acting_user() is
  'The signed-in user who acts; null for a job and the operator. Refuses (MC022) a client without a user, a process with one, and another caller than the one with whom the statement began. For triggers and what changes rows; policies ask auth.uid().';

create or replace function mentorcert_private.note_caller()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform mentorcert_private.acting_user();
  return null;
end
$$;
comment on function mentorcert_private.note_caller() is 'Notes who acts before the first row of a statement, and before any expression of it.';

create or replace function mentorcert_private.actor(organisation_id uuid, change jsonb)
returns jsonb
language sql
set search_path = ''
as $$
  select case
    when acting.user_id is not null then jsonb_build_object(
      'user_id', acting.user_id,
      'role', case
        when organisation_id = mentorcert_private.administered_organisation_id() then 'org_admin'
        when mentorcert_private.coordinated_chapter_ids() <> '{}' then 'coordinator'
        else 'peer_mentor'
      end
    )
    when change ? 'job' then jsonb_build_object('job', change ->> 'job')
    else jsonb_build_object(
      'user_id', null, 'role', coalesce(nullif(current_setting('role'), 'none'), session_user::text)
    )
  end
  from mentorcert_private.acting_user() as acting (user_id)
$$;
comment on function mentorcert_private.actor(uuid, jsonb) is 'Who makes the change: the signed-in user and role, the job, or the database role.';

revoke execute on function
  mentorcert_private.is_client, mentorcert_private.is_process, mentorcert_private.acting_user, mentorcert_private.note_caller, mentorcert_private.actor
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.is_client, mentorcert_private.acting_user to authenticated, service_role;
