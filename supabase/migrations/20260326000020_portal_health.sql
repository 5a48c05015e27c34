-- What is needed to say how the sync stands, and what is kept for how long.

-- The promise: everybody who was sent as listed, and must not be, is confirmed to be off the portal's list, or is here. Status,
-- doctor, probes, metrics, pages and mails read this view and derive nothing of their own; it reads the rows that are late.
create or replace view mentorcert_portal.unconfirmed_removals
with (security_invoker = true)
as
select state.organisation_id, state.peer_mentor_id, state.removal_due_at as since, false as is_seen
from mentorcert_portal.states as state
where state.shown and state.removal_due_at <= now()
union all
-- Nothing was sent of them yet; the portal may know them from before us.
select unsent.organisation_id, unsent.peer_mentor_id, greatest(unsent.removal_due_at, connection.mode_since), false
from mentorcert_portal.connections as connection
cross join lateral (
  select state.organisation_id, state.peer_mentor_id, state.removal_due_at, state.content
  from mentorcert_portal.states as state
  where state.organisation_id = connection.organisation_id and state.shown is null and state.removal_due_at <= now()
  offset 0 -- by the index of each connection that sends; the others hold everybody whom they have ever recorded
) as unsent
where (connection.mode = 'live' or connection.mode = 'canary' and unsent.peer_mentor_id = any(connection.canary_peer_mentor_ids))
  and unsent.content ->> 'status' is distinct from 'uncertified'
union all
-- Whatever the portal has confirmed, a comparison saw them.
select found.organisation_id, found.peer_mentor_id, min(found.found_at), true
from mentorcert_portal.drift as found
join mentorcert_portal.states as state on state.peer_mentor_id = found.peer_mentor_id
left join mentorcert_portal.connections as connection on connection.organisation_id = found.organisation_id
where found.repaired_at is null and found.kind = 'listed_but_expired'
  and (state.confirmed_version is not null or connection.mode = 'live')
group by found.organisation_id, found.peer_mentor_id;
comment on view mentorcert_portal.unconfirmed_removals is
  'Every peer mentor whom a portal may be showing though it must not, since when, and whether a comparison saw it. Whatever the mode, adapter, breaker or worker; a quarter of an hour is allowed for the sending.';
comment on column mentorcert_portal.unconfirmed_removals.since is
  'When the listing ended; of somebody of whom nothing was ever sent, not before the mode sends; of what a comparison saw, when it did first.';
comment on column mentorcert_portal.unconfirmed_removals.is_seen is 'Whether a comparison saw the peer mentor on the portal''s list.';
revoke all on mentorcert_portal.unconfirmed_removals from public, anon, authenticated, service_role;
grant select on mentorcert_portal.unconfirmed_removals to authenticated;

create or replace view mentorcert_portal.state_overview
with (security_invoker = true)
as
select
  state.organisation_id, state.peer_mentor_id,
  case
    when lapse.is_so then case when sending.is_so then 'pending' else 'held' end
    when state.state in ('pending', 'retry') and not sending.is_so then 'held'
    else state.state
  end as state
from mentorcert_portal.states as state
left join mentorcert_portal.connections as connection on connection.organisation_id = state.organisation_id
cross join lateral (select state.state = 'in_sync' and state.next_attempt_at <= now() as is_so) as lapse
cross join lateral (
  select coalesce(
    connection.mode = 'live' or connection.mode = 'canary' and state.peer_mentor_id = any(connection.canary_peer_mentor_ids),
    false
  ) as is_so
) as sending;
comment on view mentorcert_portal.state_overview is
  'How it stands with each peer mentor now: held pending retry dead in_sync. For counting, not for alarms.';
revoke all on mentorcert_portal.state_overview from public, anon, authenticated, service_role;
grant select on mentorcert_portal.state_overview to authenticated;

-- Secrets: when they expire, never what they are

create table if not exists mentorcert_portal.secrets (
  organisation_id uuid not null,
  place text not null,
  expires date,
  noted_at timestamptz not null default now(),
  constraint secrets_pkey primary key (organisation_id, place),
  constraint secrets_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint secrets_place_valid check (btrim(place) <> '')
);
alter table mentorcert_portal.secrets enable row level security;
revoke all on mentorcert_portal.secrets from public, anon, authenticated, service_role;
grant select (organisation_id, place, expires) on mentorcert_portal.secrets to authenticated;
comment on table mentorcert_portal.secrets is
  'When each secret of a connection expires, as its file says. The secret itself lies in no table, nor does its reference.';
comment on column mentorcert_portal.secrets.place is 'Where it stands in the file, such as auth[0].client_secret.';
comment on column mentorcert_portal.secrets.expires is 'From this day on it is no longer accepted; null: never.';

drop policy if exists "administrators read when secrets of their organisation expire" on mentorcert_portal.secrets;
create policy "administrators read when secrets of their organisation expire"
on mentorcert_portal.secrets for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read when secrets of their organisation expire" on mentorcert_portal.secrets is
  'The secrets themselves lie in no table.';

create or replace function mentorcert_portal.record_secrets(organisation text, secrets jsonb)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  with noted as (
    select known.id as organisation_id, secret.place, secret.expires
    from mentorcert.organisations as known
    cross join jsonb_to_recordset(record_secrets.secrets) as secret (place text, expires date)
    where known.slug = record_secrets.organisation
  ),
  gone as (
    delete from mentorcert_portal.secrets as secret
    using mentorcert.organisations as known
    where known.slug = record_secrets.organisation and secret.organisation_id = known.id
      and secret.place not in (select noted.place from noted)
  )
  insert into mentorcert_portal.secrets as secret (organisation_id, place, expires)
  select noted.organisation_id, noted.place, noted.expires from noted order by noted.place
  on conflict on constraint secrets_pkey do update set expires = excluded.expires, noted_at = excluded.noted_at
$$;
comment on function mentorcert_portal.record_secrets(text, jsonb) is
  'Notes when the secrets of an organisation''s connection expire: [{"place": …, "expires": …}], all of them.';

-- What is kept for how long

create table if not exists mentorcert_portal.retention (
  log text not null,
  keep interval not null,
  constraint retention_pkey primary key (log),
  constraint retention_log_valid check (log in ('attempts', 'unsettled_messages')),
  constraint retention_keep_valid check (keep >= interval '31 days')
);
alter table mentorcert_portal.retention enable row level security;
revoke all on mentorcert_portal.retention from public, anon, authenticated, service_role;
grant select (log, keep) on mentorcert_portal.retention to authenticated;
comment on table mentorcert_portal.retention is
  'How long the rows of the attempt log are kept, and the bodies of messages that wait for somebody; of those that were worked, the connection''s file says it.';

insert into mentorcert_portal.retention (log, keep)
values ('attempts', '90 days'), ('unsettled_messages', '180 days')
on conflict on constraint retention_pkey do nothing;

drop policy if exists "administrators read how long messages are kept" on mentorcert_portal.retention;
create policy "administrators read how long messages are kept"
on mentorcert_portal.retention for select to authenticated
using ((select mentorcert_private.administered_organisation_id()) is not null);
comment on policy "administrators read how long messages are kept" on mentorcert_portal.retention is
  'The same for all organisations.';

create or replace function mentorcert_portal.delete_outdated(batch_size integer default 10000)
returns table (attempts integer, messages integer)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
begin
  delete from mentorcert_portal.attempts as attempt
  where attempt.id = any(array(
    select outdated.id
    from mentorcert_portal.attempts as outdated
    where outdated.attempted_at < (select now() - retention.keep from mentorcert_portal.retention where retention.log = 'attempts')
    limit batch_size
    for update skip locked
  ));
  get diagnostics attempts = row_count;
  update mentorcert_portal.inbox as stored
  set state = 'lapsed', body = null, fetched = null, reason = concat_ws(': ', 'was ' || stored.state, stored.reason)
  where stored.id = any(array(
    select outdated.id
    from mentorcert_portal.inbox as outdated
    where outdated.state in ('unknown', 'needs_fetch', 'needs_person', 'failed')
      and outdated.received_at
        < (select now() - retention.keep from mentorcert_portal.retention where retention.log = 'unsettled_messages')
    limit batch_size
    for update skip locked
  ));
  get diagnostics messages = row_count;
  return next;
end
$$;
comment on function mentorcert_portal.delete_outdated(integer) is
  'Deletes a batch of what mentorcert_portal.retention no longer keeps; returns how much. At 0 there is nothing left.';

revoke execute on function
  mentorcert_portal.record_secrets, mentorcert_portal.delete_outdated
from public, anon, authenticated, service_role;
