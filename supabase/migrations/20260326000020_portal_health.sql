-- What is needed to say how the sync stands, and what is kept for how long.

create or replace function mentorcert_portal.state_overview(organisation_id uuid, as_of timestamptz default now())
returns table (
  peer_mentor_id uuid, state text, is_removal boolean, since timestamptz, attempts integer, error_class text
)
language sql
stable
set search_path = ''
as $$
  select
    state.peer_mentor_id,
    case
      when lapse.is_so then case when sending.is_so then 'pending' else 'held' end
      when state.state in ('pending', 'retry') and not sending.is_so then 'held'
      else state.state
    end,
    -- Of a row in sync, is_removal is about the end that the calendar has set.
    state.is_removal and (state.state <> 'in_sync' or lapse.is_so),
    case when lapse.is_so then state.next_attempt_at else state.first_dirty_at end,
    state.attempts, state.error_class
  from mentorcert_portal.states as state
  left join mentorcert_portal.connections as connection on connection.organisation_id = state.organisation_id
  cross join lateral (select state.state = 'in_sync' and state.next_attempt_at <= as_of as is_so) as lapse
  cross join lateral (
    select coalesce(
      connection.mode = 'live'
        or connection.mode = 'canary' and state.peer_mentor_id = any(connection.canary_peer_mentor_ids),
      false
    ) as is_so
  ) as sending
  where state.organisation_id = state_overview.organisation_id
$$;
comment on function mentorcert_portal.state_overview(uuid, timestamptz) is
  'How it stands with each peer mentor of an organisation at an instant: held pending retry blocked dead in_sync; whether somebody must be taken off the portal''s list, and since when.';

create or replace function mentorcert_private.portal_alarm()
returns table (mode text, removals bigint, since timestamptz)
language sql
stable
security definer -- also while the public list is switched off, which may be just then
set search_path = ''
as $$
  with late as (
    select connection.mode, state.peer_mentor_id, greatest(state.since, connection.mode_since) as since
    from mentorcert_portal.connections as connection
    cross join lateral (
      select waiting.peer_mentor_id,
        case
          when waiting.is_removal then waiting.first_dirty_at
          -- Somebody who left our list while the row was waiting, and nothing derived it again.
          else greatest(
            coalesce(listed.listed_until, least(waiting.content_until, now()), waiting.first_dirty_at), waiting.changed_at
          )
        end as since
      from mentorcert_portal.states as waiting
      left join public.listed_peer_mentors as listed on listed.peer_mentor_id = waiting.peer_mentor_id
      where waiting.organisation_id = connection.organisation_id and waiting.state <> 'in_sync'
        and (connection.mode = 'live' or connection.mode = 'paused' and waiting.shown
          or waiting.peer_mentor_id = any(connection.canary_peer_mentor_ids))
        and (waiting.is_removal
          or coalesce(listed.listed_until <= now(), true)
          and coalesce(waiting.shown, waiting.content ->> 'status' <> 'uncertified', true))
      union all
      select lapsed.peer_mentor_id, lapsed.next_attempt_at
      from mentorcert_portal.states as lapsed
      where lapsed.organisation_id = connection.organisation_id and lapsed.is_removal and lapsed.state = 'in_sync'
        and lapsed.next_attempt_at <= now()
        and (connection.mode in ('live', 'paused') or lapsed.peer_mentor_id = any(connection.canary_peer_mentor_ids))
    ) as state
    where connection.organisation_id = (select mentorcert_private.administered_organisation_id())
      and connection.mode in ('canary', 'live', 'paused')
  ),
  shown as (
    select late.mode, late.peer_mentor_id, late.since from late where late.since <= now() - interval '15 minutes'
    union all
    select connection.mode, found.peer_mentor_id, found.found_at
    from mentorcert_portal.connections as connection
    join mentorcert_portal.drift as found on found.organisation_id = connection.organisation_id
    where connection.organisation_id = (select mentorcert_private.administered_organisation_id()) and connection.mode in ('live', 'paused')
      and found.repaired_at is null and found.kind = 'listed_but_expired'
  )
  select shown.mode, count(distinct shown.peer_mentor_id), min(shown.since) from shown group by shown.mode
$$;
comment on function mentorcert_private.portal_alarm() is
  'How many the portal of the caller''s organisation may still show though they must go: not confirmed for 15 minutes, or found there by a comparison. No row: nobody, or the caller is no administrator.';

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
  mentorcert_portal.state_overview, mentorcert_private.portal_alarm, mentorcert_portal.record_secrets, mentorcert_portal.delete_outdated
from public, anon, authenticated, service_role;
grant execute on function mentorcert_portal.state_overview, mentorcert_private.portal_alarm to authenticated;
