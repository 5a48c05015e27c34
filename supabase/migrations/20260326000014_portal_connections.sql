-- The connections to the portal (the CRM), and who decides what is sent over them.
--
-- Administrators read the tables of this schema by policies and column grants, always of the own organisation; what is the
-- operator's (hosts, reasons for colleagues, messages and their contents) has no grant. One thing they may change: the mode.

create schema if not exists mentorcert_portal;
comment on schema mentorcert_portal is
  'The portal sync. Not exposed through the Data API; the worker writes it, administrators read what is of their organisation.';
revoke all on schema mentorcert_portal from public, anon, authenticated, service_role;
grant usage on schema mentorcert_portal to authenticated;

create table if not exists mentorcert_portal.connections (
  organisation_id uuid not null,
  mode text not null default 'capture',
  canary_peer_mentor_ids uuid[] not null default '{}',
  adapter text not null,
  contract_version text not null,
  target jsonb,
  misdirected_at timestamptz,
  breaker text not null default 'closed',
  breaker_reason text,
  failures integer not null default 0,
  resume_at timestamptz,
  requeue_since timestamptz,
  held_since timestamptz,
  changed_by text not null default session_user,
  reason text not null,
  changed_at timestamptz not null default now(),
  mode_since timestamptz not null default now(),
  -- Shows operators when an outage began.
  breaker_since timestamptz,
  constraint connections_pkey primary key (organisation_id),
  constraint connections_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint connections_mode_valid check (mode in ('capture', 'canary', 'live', 'paused')),
  constraint connections_canary_valid check ((mode = 'canary') = (canary_peer_mentor_ids <> '{}')),
  constraint connections_adapter_valid check (btrim(adapter) <> ''),
  constraint connections_contract_version_valid check (btrim(contract_version) <> ''),
  constraint connections_target_valid check (jsonb_typeof(target) = 'object' and length(target::text) <= 5000),
  constraint connections_breaker_valid check (breaker in ('closed', 'open')),
  constraint connections_reason_valid check (reason <> '' and mentorcert_private.is_readable(reason)),
  constraint connections_reason_length check (length(reason) <= 2000)
);
create or replace trigger canonicalise
before insert or update of reason on mentorcert_portal.connections
for each row execute function mentorcert_private.canonicalise('text', 'reason');

alter table mentorcert_portal.connections enable row level security;
revoke all on mentorcert_portal.connections from public, anon, authenticated, service_role;
grant select (
  organisation_id, mode, canary_peer_mentor_ids, adapter, contract_version, misdirected_at, breaker, breaker_reason,
  breaker_since, held_since, changed_by, reason, changed_at, mode_since
) on mentorcert_portal.connections to authenticated;
comment on table mentorcert_portal.connections is
  'How an organisation''s portal is reached, and whether anything is sent to it. An organisation without a row is in capture.';
comment on column mentorcert_portal.connections.mode is
  'capture: recorded, nothing sent; canary: only the named peer mentors; live; paused.';
comment on column mentorcert_portal.connections.target is
  'Which portal it is: its address, tenant, table and key, as the file says that was connected; no secret. A worker whose file names another one sends nothing. Null: recorded by hand, and not compared.';
comment on column mentorcert_portal.connections.misdirected_at is
  'When a worker last reported that its file names another portal.';
comment on column mentorcert_portal.connections.breaker is
  'open: twenty calls in a row have failed, so one row at a time is tried, at resume_at, until one succeeds. What is about one row stays with the row.';
comment on column mentorcert_portal.connections.failures is
  'Attempts that failed since the last that did not; a peer mentor whom the portal refuses counts once.';
comment on column mentorcert_portal.connections.resume_at is 'The open breaker''s next attempt; null while it is closed.';
comment on column mentorcert_portal.connections.requeue_since is
  'What is unconfirmed and was last tried before this instant is tried again at once; null: nothing is.';
comment on column mentorcert_portal.connections.held_since is
  'Since when, after a restore, nobody is sent as listed; removals are. Null: what the portal holds has been compared since.';
comment on column mentorcert_portal.connections.changed_by is 'Who made the latest change of mode, adapter or contract.';
comment on column mentorcert_portal.connections.mode_since is 'Since when the mode holds; a change of the adapter leaves it.';
comment on column mentorcert_portal.connections.breaker_since is 'Since when the breaker has not been closed; null: it is closed.';

drop policy if exists "administrators read the connection of their organisation" on mentorcert_portal.connections;
create policy "administrators read the connection of their organisation"
on mentorcert_portal.connections for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the connection of their organisation" on mentorcert_portal.connections is
  'How the own portal is reached, and whether anything is sent to it.';

create or replace function mentorcert_portal.set_since()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.mode <> old.mode then
    new.mode_since := new.changed_at;
  end if;
  new.breaker_since := case when new.breaker <> 'closed' then coalesce(old.breaker_since, clock_timestamp()) end;
  return new;
end
$$;
comment on function mentorcert_portal.set_since() is 'Notes since when the mode, and a breaker that is not closed, holds.';

create or replace trigger set_since
before update on mentorcert_portal.connections
for each row execute function mentorcert_portal.set_since();

-- Who connected a portal, changed what is sent to it, or how long its messages are kept: in the audit log, before and after.

do $$
begin
  perform mentorcert_private.audit_table(
    'mentorcert_portal.connections', key => 'organisation_id',
    columns => '{mode,canary_peer_mentor_ids,adapter,contract_version,changed_by,reason}'
  );
end
$$;

create or replace function mentorcert_portal.require_connection(organisation_id uuid)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform from mentorcert_portal.connections as connection where connection.organisation_id = require_connection.organisation_id;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'the organisation has no portal connection',
      hint = 'Make one with `mentorcert portal connect`.',
      schema = 'mentorcert_portal', table = 'connections', constraint = 'portal_connection_known';
  end if;
end
$$;
comment on function mentorcert_portal.require_connection(uuid) is 'Refuses (MC008) an organisation without a connection.';

create or replace function mentorcert_portal.instant(as_of timestamptz)
returns timestamptz
language plpgsql
set search_path = ''
as $$
begin
  perform mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  -- What the future will be like is the owner's to try.
  if session_user <> current_user and as_of not between clock_timestamp() - interval '1 day' and clock_timestamp() then
    raise exception using
      errcode = 'MC008', message = 'the instant is not of the last day', hint = 'Leave it out.', constraint = 'as_of';
  end if;
  return coalesce(as_of, clock_timestamp());
end
$$;
comment on function mentorcert_portal.instant(timestamptz) is
  'The instant for which a function is asked, or the clock; refuses (MC008) one that no calendar has, and to a login role one that is not of the last day.';

create or replace function mentorcert_portal.connect(
  organisation_id uuid, adapter text, contract_version text, reason text, changed_by text default session_user,
  as_of timestamptz default null, target jsonb default null, is_other_portal boolean default false
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
  before mentorcert_portal.connections;
  is_new_portal boolean;
begin
  select * into before from mentorcert_portal.connections as connection
  where connection.organisation_id = connect.organisation_id
  for no key update;
  is_new_portal := before.organisation_id is null or before.target <> connect.target;
  if before.target <> connect.target and not is_other_portal then
    raise exception using
      errcode = 'MC008', message = 'the connection is to another portal',
      hint = 'If the organisation has really changed its portal, say --other-portal: everybody is sent to it again.',
      schema = 'mentorcert_portal', table = 'connections', constraint = 'portal_target_same';
  end if;
  insert into mentorcert_portal.connections as connection (
    organisation_id, adapter, contract_version, target, reason, changed_by, changed_at
  )
  values (
    connect.organisation_id, connect.adapter, connect.contract_version, connect.target, connect.reason, connect.changed_by, at
  )
  on conflict on constraint connections_pkey do update set
    adapter = excluded.adapter, contract_version = excluded.contract_version,
    target = coalesce(excluded.target, connection.target), misdirected_at = null,
    reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at;
  if before.target <> connect.target then
    perform mentorcert_portal.set_mode(connect.organisation_id, 'capture', connect.reason, '{}', connect.changed_by, at);
    perform mentorcert_portal.forget_portal(connect.organisation_id);
  end if;
  return coalesce(is_new_portal, false);
end
$$;
comment on function mentorcert_portal.connect(uuid, text, text, text, text, timestamptz, jsonb, boolean) is
  'Sets by which adapter and contract messages are sent to which portal; a new connection is in capture, an old one keeps its mode, unless its portal is another one. Returns whether nothing is known of the portal yet.';

create or replace function mentorcert_portal.set_mode(
  organisation_id uuid, mode text, reason text, canary_peer_mentor_ids uuid[] default '{}',
  changed_by text default session_user, as_of timestamptz default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  at constant timestamptz := mentorcert_portal.instant(as_of);
begin
  perform mentorcert_portal.require_connection(organisation_id);
  if exists (
    select id from unnest(canary_peer_mentor_ids) as id
    except
    select mentor.id from mentorcert.peer_mentors as mentor where mentor.organisation_id = set_mode.organisation_id
  ) then
    raise exception using
      errcode = 'MC008', message = 'a canary is no peer mentor of the organisation',
      hint = 'Name peer mentors of this organisation by their ids.',
      schema = 'mentorcert_portal', table = 'connections', constraint = 'portal_canary_known';
  end if;
  update mentorcert_portal.connections as connection
  set
    mode = set_mode.mode, canary_peer_mentor_ids = set_mode.canary_peer_mentor_ids,
    breaker = 'closed', breaker_reason = null, failures = 0, resume_at = null,
    -- Dead or waiting: what is unconfirmed is sent again, in batches, by the worker.
    requeue_since = case when set_mode.mode in ('canary', 'live') then at end,
    reason = set_mode.reason, changed_by = set_mode.changed_by, changed_at = at
  where connection.organisation_id = set_mode.organisation_id;
end
$$;
comment on function mentorcert_portal.set_mode(uuid, text, text, uuid[], text, timestamptz) is
  'Changes the mode, with a reason; closes the breaker, and lets everything unconfirmed be sent at once.';

create or replace function mentorcert_portal.mode_of(organisation_id uuid)
returns table (mode text, canary_peer_mentor_ids uuid[])
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select connection.mode, connection.canary_peer_mentor_ids
  from mentorcert_portal.connections as connection
  where connection.organisation_id = mode_of.organisation_id
$$;
comment on function mentorcert_portal.mode_of(uuid) is 'What a worker asks again before it sends; no row means capture.';

create or replace function mentorcert_private.set_portal_mode(mode text, reason text, canary_peer_mentor_ids uuid[] default '{}')
returns void
language plpgsql
security definer -- the connection is no client's to write; its breaker, and what is due, change with the mode
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
begin
  perform mentorcert_private.require_reason(reason);
  perform mentorcert_portal.set_mode(
    organisation, set_portal_mode.mode, set_portal_mode.reason, set_portal_mode.canary_peer_mentor_ids, mentorcert_private.acting_user()::text
  );
end
$$;
comment on function mentorcert_private.set_portal_mode(text, text, uuid[]) is
  'Changes the mode of the portal of the organisation that the caller administers, for a reason; the audit log keeps by whom.';

create or replace function mentorcert_portal.cannot_address(external_id text)
returns boolean
language sql
immutable
set search_path = ''
as $$ select translate(external_id, '/<>*%&:\?+#', '') <> external_id $$;
comment on function mentorcert_portal.cannot_address(text) is
  'Whether a number holds what no key of Dataverse can; the adapter refuses the same characters.';

create or replace function mentorcert_private.is_unaddressable(organisation_id uuid, external_id text)
returns boolean
language sql
stable
security definer -- how a portal is reached is no client's to read
set search_path = ''
as $$
  select exists (
    select from mentorcert_portal.connections as connection
    where connection.organisation_id = is_unaddressable.organisation_id
      and connection.organisation_id = (select public.get_user_organisation_id())
      and connection.adapter = 'dataverse' and connection.target ->> 'key_holds' = 'external_id'
      and mentorcert_portal.cannot_address(is_unaddressable.external_id)
  )
$$;
comment on function mentorcert_private.is_unaddressable(uuid, text) is
  'Whether nothing can be sent to the portal of the caller''s organisation about who has this number, which is its key.';

revoke execute on function
  mentorcert_portal.set_since, mentorcert_portal.instant, mentorcert_portal.require_connection, mentorcert_portal.connect, mentorcert_portal.set_mode, mentorcert_portal.mode_of, mentorcert_private.set_portal_mode,
  mentorcert_portal.cannot_address, mentorcert_private.is_unaddressable
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.is_unaddressable to authenticated;
grant execute on function mentorcert_private.set_portal_mode to authenticated;
