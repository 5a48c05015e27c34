-- What the portal sends: every message as it came, stored before it is answered, worked afterwards.

create table if not exists mentorcert_portal.inbox (
  id bigint generated always as identity,
  organisation_id uuid not null,
  received_at timestamptz not null default now(),
  message_id text not null,
  digest bytea not null,
  headers jsonb not null,
  body bytea,
  fetched json,
  stripped boolean not null,
  duplicates integer not null default 0,
  state text not null default 'received',
  reason text,
  rule text,
  entity text,
  message text,
  record_id text,
  sequence bigint,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  worked_at timestamptz,
  constraint inbox_pkey primary key (id),
  constraint inbox_message_key unique (organisation_id, message_id, digest),
  constraint inbox_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint inbox_state_valid check (
    state in ('received', 'worked', 'ignored', 'echo', 'unknown', 'needs_fetch', 'needs_person', 'failed', 'lapsed')
  ),
  constraint inbox_body_valid check (body is not null or state in ('worked', 'ignored', 'echo', 'lapsed')),
  constraint inbox_worked_at_valid check ((state = 'received') = (worked_at is null))
);
create index if not exists inbox_received_idx on mentorcert_portal.inbox (next_attempt_at) where state = 'received';
create index if not exists inbox_state_idx on mentorcert_portal.inbox (organisation_id, state, received_at);
create index if not exists inbox_record_idx
on mentorcert_portal.inbox (organisation_id, entity, record_id, rule, sequence) where state = 'worked';
create index if not exists inbox_fetch_idx on mentorcert_portal.inbox (next_attempt_at) where state = 'needs_fetch';
create index if not exists inbox_unsettled_idx on mentorcert_portal.inbox (received_at)
where state in ('unknown', 'needs_fetch', 'needs_person', 'failed');
create index if not exists inbox_body_idx on mentorcert_portal.inbox (organisation_id, worked_at)
where body is not null and state in ('worked', 'ignored', 'echo');
alter table mentorcert_portal.inbox enable row level security;
revoke all on mentorcert_portal.inbox from public, anon, authenticated, service_role;
grant select (organisation_id, state, received_at) on mentorcert_portal.inbox to authenticated;
comment on table mentorcert_portal.inbox is
  'Every authenticated message of a portal, as it came. A row is never dropped; its body is, once worked and old.';
comment on column mentorcert_portal.inbox.message_id is 'webhook-id, or where the sender gives none the digest in hex; with the digest it identifies a duplicate.';
comment on column mentorcert_portal.inbox.digest is 'SHA-256 of the body.';
comment on column mentorcert_portal.inbox.headers is 'Those that describe the message; never one that authenticates it.';
comment on column mentorcert_portal.inbox.body is 'As received, with whatever personal data stands in it; null after the retention.';
comment on column mentorcert_portal.inbox.fetched is
  'Of a stripped message: the columns that the rules need, as read from the portal afterwards; null after the retention.';
comment on column mentorcert_portal.inbox.stripped is 'Whether Dataverse left the contents out, being over 256 KB.';
comment on column mentorcert_portal.inbox.duplicates is 'How often the same message came again.';
comment on column mentorcert_portal.inbox.state is
  'received: to be worked; worked; ignored: older or already so; echo: of our own write; unknown: no rule fits; needs_fetch: stripped, the record must be read at the portal; needs_person; failed: the registry refused; lapsed: nobody saw to it in time, and its body is deleted.';
comment on column mentorcert_portal.inbox.reason is 'Why it is in this state; without personal data.';
comment on column mentorcert_portal.inbox.sequence is 'The place of the message among those of its record, where it has one; never a clock of the sender.';

drop policy if exists "administrators count the messages to their organisation" on mentorcert_portal.inbox;
create policy "administrators count the messages to their organisation"
on mentorcert_portal.inbox for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators count the messages to their organisation" on mentorcert_portal.inbox is
  'How many wait and since when; what they hold is not granted.';
