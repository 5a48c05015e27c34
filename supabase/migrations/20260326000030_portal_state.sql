-- What the portal (the CRM) has been told of each peer mentor, over which connection, and every attempt to tell it.

create schema if not exists portal;
comment on schema portal is 'The portal sync. Not exposed through the Data API; the worker is its only client.';
revoke all on schema portal from public, anon, authenticated, service_role;

-- Connections

create table if not exists portal.connections (
  organisation_id uuid not null,
  mode text not null default 'capture',
  canary_peer_mentor_ids uuid[] not null default '{}',
  adapter text not null,
  contract_version text not null,
  breaker text not null default 'closed',
  breaker_reason text,
  failures integer not null default 0,
  resume_at timestamptz,
  requeue_since timestamptz,
  changed_by text not null default session_user,
  reason text not null,
  changed_at timestamptz not null default now(),
  constraint connections_pkey primary key (organisation_id),
  constraint connections_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint connections_mode_valid check (mode in ('capture', 'shadow', 'canary', 'live', 'paused')),
  constraint connections_canary_valid check ((mode = 'canary') = (canary_peer_mentor_ids <> '{}')),
  constraint connections_adapter_valid check (btrim(adapter) <> ''),
  constraint connections_contract_version_valid check (btrim(contract_version) <> ''),
  constraint connections_breaker_valid check (breaker in ('closed', 'open', 'blocked')),
  constraint connections_reason_valid check (btrim(reason) <> '')
);
alter table portal.connections enable row level security;
comment on table portal.connections is
  'How an organisation''s portal is reached, and whether it is told anything. An organisation without a row is in capture.';
comment on column portal.connections.mode is
  'capture: recorded, nothing sent; shadow: rendered and validated, not sent; canary: only the named peer mentors; live; paused.';
comment on column portal.connections.breaker is
  'open: the portal does not answer, one attempt at a time at resume_at; blocked: it refuses our credentials or our contract, and a person must look.';
comment on column portal.connections.failures is 'Attempts that failed since the last that did not.';
comment on column portal.connections.resume_at is 'Nothing is sent before: what the portal asked for (Retry-After), or the open breaker''s next attempt.';
comment on column portal.connections.requeue_since is
  'What is unconfirmed and was last tried before this instant is to be tried again at once; null: nothing is.';
comment on column portal.connections.changed_by is 'Who made the latest change of mode, adapter or contract.';

-- The state of each peer mentor

create table if not exists portal.states (
  peer_mentor_id uuid not null,
  organisation_id uuid not null,
  state text not null default 'pending',
  version bigint not null default 1,
  content jsonb,
  content_until timestamptz,
  effective_at timestamptz,
  sent_version bigint,
  confirmed_version bigint,
  confirmed jsonb,
  confirmed_at timestamptz,
  shown boolean,
  sent_external_id text,
  is_removal boolean not null default true,
  attempts integer not null default 0,
  next_attempt_at timestamptz default now(),
  attempted_at timestamptz,
  failing_since timestamptz,
  error_class text,
  error text,
  lease_token uuid,
  lease_until timestamptz,
  first_dirty_at timestamptz default now(),
  changed_at timestamptz not null default now(),
  constraint states_pkey primary key (peer_mentor_id),
  constraint states_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references public.peer_mentors (organisation_id, id),
  constraint states_state_valid check (state in ('pending', 'retry', 'blocked', 'dead', 'in_sync')),
  constraint states_version_valid check (version > 0 and confirmed_version <= version and sent_version <= version),
  constraint states_lease_valid check ((lease_token is null) = (lease_until is null)),
  constraint states_in_sync_valid check (state <> 'in_sync' or confirmed_version is not null and first_dirty_at is null)
) with (fillfactor = 80);
create index if not exists states_due_removals_idx
on portal.states (organisation_id, next_attempt_at) where is_removal;
create index if not exists states_due_idx
on portal.states (organisation_id, next_attempt_at) where not is_removal;
create index if not exists states_unconfirmed_idx
on portal.states (organisation_id, attempted_at) where state <> 'in_sync';
alter table portal.states enable row level security;
comment on table portal.states is
  'One row for each peer mentor: which version of what the registry says the portal has confirmed, and when it is told next.';
comment on column portal.states.state is
  'pending: to be told; retry: told in vain; blocked: only a person can help; dead: given up until the next change; in_sync: confirmed. Held, in portal.state_overview, is what the mode keeps back.';
comment on column portal.states.version is
  'Rises with every change, under the lock of this row; one version never stands for two contents.';
comment on column portal.states.content is
  'What this version says, as derived when it was last claimed, without personal data; null after a change: not derived yet.';
comment on column portal.states.content_until is 'The first instant at which the calendar makes the content untrue; null: none does.';
comment on column portal.states.sent_version is 'The highest version that a worker has set out with.';
comment on column portal.states.confirmed is 'The content that the portal confirmed with confirmed_version; null: unknown, so it is sent whatever it is.';
comment on column portal.states.shown is 'Whether the portal may be showing the peer mentor: true as soon as it is told to, false once it confirms the opposite.';
comment on column portal.states.sent_external_id is
  'The number under which the portal last heard of the peer mentor, who may have lost it by erasure; gone once that is confirmed.';
comment on column portal.states.is_removal is
  'Whether what comes next takes the peer mentor off the portal''s list: those go first, and are tried for ever. Of a row in sync, that its content ends by the calendar.';
comment on column portal.states.next_attempt_at is
  'When a worker looks next: at once after a change, after a pause when it failed, when the lease ends while it is out, when the content ends by the calendar while in sync.';
comment on column portal.states.failing_since is 'The first failure since the latest change.';
comment on column portal.states.lease_token is 'Which claim may acknowledge; a new one each time.';
comment on column portal.states.first_dirty_at is 'Since when the portal has been behind; null while in sync.';
comment on column portal.states.changed_at is 'The latest change in the registry that concerns the portal.';

-- Attempts

create table if not exists portal.attempts (
  id bigint generated always as identity,
  attempted_at timestamptz not null,
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  version bigint not null,
  attempt integer not null,
  outcome text not null,
  http_status integer,
  latency_s real,
  error text,
  worker text not null,
  constraint attempts_pkey primary key (id),
  constraint attempts_outcome_valid check (
    outcome in (
      'applied', 'already_newer', 'shadowed', 'lost_lease',
      'unavailable', 'unauthorised', 'rejected', 'unexpected_answer', 'message_invalid', 'internal'
    )
  )
);
create index if not exists attempts_peer_mentor_id_idx on portal.attempts (peer_mentor_id, attempted_at);
create index if not exists attempts_rejected_idx
on portal.attempts (organisation_id, attempted_at) where outcome = 'rejected';
alter table portal.attempts enable row level security;
comment on table portal.attempts is
  'Every attempt to tell the portal, appended only. Without foreign keys: it is a log, written thousands of times a minute.';
comment on column portal.attempts.outcome is
  'What came of it. already_newer: the portal has this version or a later one; shadowed: rendered and found valid, not sent; lost_lease: the acknowledgement came too late; message_invalid: our message breaks the contract''s schema; internal: a fault of ours.';

create or replace function portal.reject_change_of_log()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC005', message = format('rows of %s are never changed', tg_table_name),
    hint = 'The log is appended to; what is older than a month may be deleted.',
    schema = tg_table_schema, table = tg_table_name, constraint = 'portal_attempts_append_only';
end
$$;
comment on function portal.reject_change_of_log() is 'Refuses (MC005) a change of the attempt log.';

create or replace trigger reject_change
before update or truncate on portal.attempts
for each statement execute function portal.reject_change_of_log();

create or replace trigger reject_removal
before delete on portal.attempts
for each row when (old.attempted_at > now() - interval '1 month') execute function portal.reject_change_of_log();

-- Workers

create table if not exists portal.workers (
  worker text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  constraint workers_pkey primary key (worker)
);
alter table portal.workers enable row level security;
comment on table portal.workers is 'The heartbeat of every worker; a row of one that was stopped, or has been silent for a day, is gone.';

revoke all on all tables in schema portal from public, anon, authenticated, service_role;
revoke execute on function portal.reject_change_of_log() from public, anon, authenticated, service_role;
