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
  action text,
  entity text,
  message text,
  record_id text,
  peer_mentor_id uuid,
  sequence bigint,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  worked_at timestamptz,
  constraint inbox_pkey primary key (id),
  constraint inbox_message_id_length check (length(message_id) <= 255),
  constraint inbox_message_key unique (organisation_id, message_id, digest),
  constraint inbox_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint inbox_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint inbox_state_valid check (
    state in ('received', 'worked', 'ignored', 'echo', 'unknown', 'needs_fetch', 'needs_person', 'failed', 'lapsed')
  ),
  constraint inbox_action_valid check (action in ('renew', 'merge', 'withdraw_consent')),
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
create index if not exists inbox_peer_mentor_id_idx on mentorcert_portal.inbox (organisation_id, peer_mentor_id) where peer_mentor_id is not null;
alter table mentorcert_portal.inbox enable row level security;
revoke all on mentorcert_portal.inbox from public, anon, authenticated, service_role;
grant select (organisation_id, state, received_at, action) on mentorcert_portal.inbox to authenticated;
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
comment on column mentorcert_portal.inbox.peer_mentor_id is 'Whom it is about, where a rule or an erasure has found that out.';
comment on column mentorcert_portal.inbox.action is
  'What the message asks for by its rule; of one without contents, withdraw_consent where it may be that. A withdrawal that is stuck is an error.';
comment on column mentorcert_portal.inbox.sequence is 'The place of the message among those of its record, where it has one; never a clock of the sender.';

drop policy if exists "administrators count the messages to their organisation" on mentorcert_portal.inbox;
create policy "administrators count the messages to their organisation"
on mentorcert_portal.inbox for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators count the messages to their organisation" on mentorcert_portal.inbox is
  'How many wait and since when; what they hold is not granted.';

-- What a person's requests need: everything that came about somebody, and its end.

create or replace function mentorcert_portal.body_text(body bytea)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return convert_from(body, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
  return encode(body, 'escape');
end
$$;
comment on function mentorcert_portal.body_text(bytea) is 'The body of a message to read; what is no text in octal.';

create or replace function mentorcert_portal.messages_about(organisation_id uuid, peer_mentor_id uuid, external_id text, email text)
returns setof mentorcert_portal.inbox
language sql
stable
set search_path = ''
as $$
  select stored.*
  from mentorcert_portal.inbox as stored
  where stored.organisation_id = messages_about.organisation_id
    and (
      stored.peer_mentor_id = messages_about.peer_mentor_id
      or exists (
        select
        from unnest(array[
          messages_about.peer_mentor_id::text,
          messages_about.email,
          -- A shorter number stands in messages about others, too.
          case when length(messages_about.external_id) > 2 then to_json(messages_about.external_id)::text end
        ]) as word
        where position(lower(word) in lower(concat_ws(' ', mentorcert_portal.body_text(stored.body), stored.fetched))) > 0
      )
    )
$$;
comment on function mentorcert_portal.messages_about(uuid, uuid, text, text) is
  'The messages about a peer mentor: those that a rule has found to be, and those that name the id, the e-mail address or, as a JSON text of three letters or more, the number.';

create or replace function mentorcert_portal.empty_settled_messages()
returns trigger
language plpgsql
security definer -- the inbox is no client's to write
set search_path = ''
as $$
declare
  ids constant bigint[] := array(
    select message.id from mentorcert_portal.messages_about(old.organisation_id, old.id, old.external_id, old.email) as message
  );
begin
  update mentorcert_portal.inbox as stored
  set
    peer_mentor_id = old.id,
    body = case when stored.state in ('worked', 'ignored', 'echo', 'lapsed') then null else stored.body end,
    fetched = case when stored.state in ('worked', 'ignored', 'echo', 'lapsed') then null else stored.fetched end
  where stored.id in (
    -- One that is being worked waits for the peer mentor, whom we hold: the confirmation empties it.
    select message.id from mentorcert_portal.inbox as message where message.id = any(ids) for update skip locked
  );
  update mentorcert_portal.replays as replay set reason = 'erased'
  where replay.organisation_id = old.organisation_id and replay.selection -> 'peer_mentor_ids' ? old.id::text;
  return null;
end
$$;
comment on function mentorcert_portal.empty_settled_messages() is
  'An erasure empties what the portal sent about the person and what was settled, and the reasons of the replays that name the person. What is unsettled waits for the portal, which has to erase as well.';

create or replace function mentorcert_portal.empty_unsettled_messages()
returns trigger
language plpgsql
security definer -- the inbox is no client's to write
set search_path = ''
as $$
declare
  ids constant bigint[] := array(
    select message.id
    from mentorcert_portal.messages_about(old.organisation_id, old.peer_mentor_id, old.sent_external_id, null) as message
    where message.body is not null
  );
begin
  update mentorcert_portal.inbox as stored
  set
    peer_mentor_id = old.peer_mentor_id, body = null, fetched = null, worked_at = coalesce(stored.worked_at, now()),
    state = case when stored.state in ('worked', 'ignored', 'echo') then stored.state else 'lapsed' end,
    reason = case when stored.state in ('worked', 'ignored', 'echo') then stored.reason else 'was ' || stored.state || ': the person was erased' end
  where stored.id in (
    select message.id from mentorcert_portal.inbox as message where message.id = any(ids) for update skip locked
  );
  return null;
end
$$;
comment on function mentorcert_portal.empty_unsettled_messages() is
  'When the portal has confirmed an erasure, nothing that it sent about the person stays.';

create or replace trigger empty_messages_on_erasure
after update of erased_at on mentorcert.peer_mentors
for each row when (old.erased_at is null and new.erased_at is not null)
execute function mentorcert_portal.empty_settled_messages();

create or replace trigger empty_messages_on_confirmation
after update of confirmed on mentorcert_portal.states
for each row when (new.confirmed ->> 'status' = 'erased' and old.confirmed ->> 'status' is distinct from 'erased')
execute function mentorcert_portal.empty_unsettled_messages();

-- For the process that receives: its login role reads no message but the next one, and none that is settled.

create or replace function mentorcert_portal.store_message(organisation text, message_id text, headers jsonb, body bytea, stripped boolean)
returns table (id bigint, duplicates integer)
language sql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
  insert into mentorcert_portal.inbox as stored (organisation_id, message_id, digest, headers, body, stripped)
  select
    organisation.id, coalesce(store_message.message_id, encode(sha256(store_message.body), 'hex')), sha256(store_message.body),
    store_message.headers, store_message.body, store_message.stripped
  from mentorcert.organisations as organisation
  where organisation.slug = store_message.organisation
  on conflict on constraint inbox_message_key do update set duplicates = stored.duplicates + 1
  returning stored.id, stored.duplicates
$$;
comment on function mentorcert_portal.store_message(text, text, jsonb, bytea, boolean) is
  'Stores a message as it came, once; no row where there is no such organisation.';

create or replace function mentorcert_portal.claim_message(organisations text[])
returns table (
  id bigint, organisation_id uuid, organisation text, time_zone text, body bytea, stripped boolean, fetched json
)
language sql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
  select
    stored.id, stored.organisation_id, organisation.slug, organisation.time_zone, stored.body, stored.stripped, stored.fetched
  from mentorcert_portal.inbox as stored
  join mentorcert.organisations as organisation on organisation.id = stored.organisation_id
  where
    stored.state = 'received'
    and stored.next_attempt_at <= now()
    and organisation.slug = any(organisations)
  order by stored.next_attempt_at, stored.id
  limit 1
  for update of stored skip locked
$$;
comment on function mentorcert_portal.claim_message(text[]) is
  'The next message that is due of these organisations (by slug), locked until the transaction ends.';

create or replace function mentorcert_portal.settle_message(
  id bigint, state text, reason text, rule text, entity text, message text, record_id text, peer_mentor_id uuid, sequence bigint, action text
)
returns void
language sql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.inbox as stored
  set
    state = settle_message.state, reason = settle_message.reason, rule = settle_message.rule, entity = settle_message.entity,
    message = settle_message.message, record_id = settle_message.record_id, peer_mentor_id = settle_message.peer_mentor_id,
    sequence = settle_message.sequence, action = settle_message.action, attempts = stored.attempts + 1, worked_at = now()
  where stored.id = settle_message.id and stored.state = 'received'
$$;
comment on function mentorcert_portal.settle_message(bigint, text, text, text, text, text, text, uuid, bigint, text) is
  'Notes the result of a message that was received.';

create or replace function mentorcert_portal.postpone_message(id bigint, reason text)
returns void
language sql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.inbox as stored
  set
    attempts = stored.attempts + 1, reason = postpone_message.reason,
    next_attempt_at = now() + least(interval '5 seconds' * 2 ^ least(stored.attempts, 20), interval '1 hour')
  where stored.id = postpone_message.id and stored.state = 'received'
$$;
comment on function mentorcert_portal.postpone_message(bigint, text) is 'Leaves a message for later, each time for longer, an hour at most.';

create or replace function mentorcert_portal.lock_record(organisation_id uuid, entity text, record_id text)
returns void
language sql
security definer -- the names of locks are no login role's to choose
set search_path = ''
as $$ select mentorcert_private.take_lock(format('inbox %s %s %s', organisation_id, entity, record_id)) $$;
comment on function mentorcert_portal.lock_record(uuid, text, text) is
  'Has messages about one record processed one at a time; the lock ends with the transaction.';

create or replace function mentorcert_portal.last_sequence(organisation_id uuid, entity text, record_id text, rule text)
returns bigint
language sql
stable
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
  select max(worked.sequence)
  from mentorcert_portal.inbox as worked
  where
    worked.organisation_id = last_sequence.organisation_id
    and worked.entity = last_sequence.entity
    and worked.record_id = last_sequence.record_id
    and worked.rule = last_sequence.rule
    and worked.state = 'worked'
$$;
comment on function mentorcert_portal.last_sequence(uuid, text, text, text) is 'The place of the newest message about a record that a rule has worked.';

create or replace function mentorcert_portal.delete_bodies(organisation text, keep_days integer)
returns integer
language plpgsql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
declare
  deleted integer;
begin
  update mentorcert_portal.inbox as stored
  set body = null, fetched = null
  from mentorcert.organisations as settled
  where
    settled.id = stored.organisation_id
    and settled.slug = delete_bodies.organisation
    and stored.body is not null
    and stored.state in ('worked', 'ignored', 'echo')
    and stored.worked_at < now() - make_interval(days => keep_days);
  get diagnostics deleted = row_count;
  return deleted;
end
$$;
comment on function mentorcert_portal.delete_bodies(text, integer) is 'Deletes what settled messages of an organisation held, once those days have passed; returns of how many.';

-- What a message changes in the registry, as the job portal

create or replace function mentorcert_portal.find_peer_mentor(organisation_id uuid, peer_mentor_id uuid, external_id text)
returns uuid
language plpgsql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
declare
  found_id uuid;
begin
  -- Of somebody who was merged into another row, that one.
  select mentor.id into found_id
  from mentorcert.peer_mentors as named
  join mentorcert.peer_mentors as mentor
    on mentor.id = mentorcert_private.kept_peer_mentor_id(named.id) and mentor.merged_into is null
  where
    named.organisation_id = find_peer_mentor.organisation_id
    and (named.id = find_peer_mentor.peer_mentor_id or named.external_id = find_peer_mentor.external_id)
  for no key update of mentor;
  return found_id;
end
$$;
comment on function mentorcert_portal.find_peer_mentor(uuid, uuid, text) is
  'Whom a message is about, by id or number, locked until the transaction ends.';

create or replace function mentorcert_portal.renew(
  organisation_id uuid, peer_mentor_id uuid, certification_type text, renewed_on date, seen text
)
returns boolean
language plpgsql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
declare
  time_zone constant text := mentorcert_private.time_zone_of(organisation_id);
  held public.peer_mentor_certifications;
begin
  select certification.* into held
  from public.peer_mentor_certifications as certification
  where
    certification.organisation_id = renew.organisation_id
    and certification.peer_mentor_id = renew.peer_mentor_id
    and certification.certification_type = renew.certification_type
  for no key update;
  if not found then
    return null;
  elsif renewed_on is null or renewed_on <= mentorcert_private.day_of(held.issued_at, time_zone) then
    return false;
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object(
    'job', 'portal', 'evidence', jsonb_build_object('seen', seen, 'seen_on', renewed_on::text, 'seen_by', 'portal')
  ));
  -- By the type's rule, and never to an earlier end than what is held.
  update public.peer_mentor_certifications as renewed
  set
    issued_at = mentorcert_private.day_starts(renewed_on, time_zone),
    expires_at = case
      when held.expires_at is not null
        then nullif(
          greatest(
            held.expires_at,
            coalesce(mentorcert_private.expires_at_by_rule(held, renewed_on, time_zone), timestamptz 'infinity')
          ),
          timestamptz 'infinity'
        )
    end
  where renewed.id = held.id;
  perform mentorcert_private.set_change_context(null);
  return true;
end
$$;
comment on function mentorcert_portal.renew(uuid, uuid, text, date, text) is
  'Renews what a peer mentor holds of a type; false where that was issued or renewed on the day or later, null where nothing is held.';

create or replace function mentorcert_portal.withdraw_consent(organisation_id uuid, peer_mentor_id uuid)
returns boolean
language plpgsql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
declare
  is_new boolean;
begin
  perform mentorcert_private.set_change_context('{"job": "portal"}');
  update mentorcert.peer_mentors as mentor set listing_consent = false
  where
    mentor.organisation_id = withdraw_consent.organisation_id and mentor.id = withdraw_consent.peer_mentor_id
    and mentor.listing_consent;
  is_new := found;
  perform mentorcert_private.set_change_context(null);
  return is_new;
end
$$;
comment on function mentorcert_portal.withdraw_consent(uuid, uuid) is 'Withdraws the consent to the public list; false where there was none.';

create or replace function mentorcert_portal.give_external_id(organisation_id uuid, peer_mentor_id uuid, external_id text)
returns void
language plpgsql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
begin
  perform mentorcert_private.set_change_context('{"job": "portal"}');
  update mentorcert.peer_mentors as mentor set external_id = give_external_id.external_id
  where mentor.organisation_id = give_external_id.organisation_id and mentor.id = give_external_id.peer_mentor_id;
  perform mentorcert_private.set_change_context(null);
end
$$;
comment on function mentorcert_portal.give_external_id(uuid, uuid, text) is 'Gives a peer mentor the number that the portal has after a merge.';

-- For the worker, which fetches what messages came without

create or replace function mentorcert_portal.fetching_connections(organisations text[])
returns table (organisation_id uuid, organisation text, mode text, adapter text, contract_version text, target jsonb)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  -- Fetching sends no state, so any mode may, and an open breaker as well: a consent may have been withdrawn.
  select
    connection.organisation_id, organisation.slug, connection.mode, connection.adapter, connection.contract_version, connection.target
  from mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  where
    organisation.slug = any(organisations)
    and exists (
      select from mentorcert_portal.inbox as stored
      where stored.organisation_id = connection.organisation_id
        and stored.state = 'needs_fetch' and stored.next_attempt_at <= now()
    )
$$;
comment on function mentorcert_portal.fetching_connections(text[]) is
  'Which of these connections (by slug) have messages whose records must be read at the portal.';

create or replace function mentorcert_portal.claim_fetches(organisation_id uuid, batch_size integer)
returns table (id bigint, entity text, record_id text)
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.inbox as stored
  set next_attempt_at = now() + interval '5 minutes', attempts = stored.attempts + 1
  where stored.id = any(array(
    select waiting.id from mentorcert_portal.inbox as waiting
    where waiting.organisation_id = claim_fetches.organisation_id
      and waiting.state = 'needs_fetch' and waiting.next_attempt_at <= now()
    order by waiting.next_attempt_at
    limit batch_size
    for update skip locked
  ))
  returning stored.id, stored.entity, stored.record_id
$$;
comment on function mentorcert_portal.claim_fetches(uuid, integer) is 'Takes up messages whose records must be read at the portal, for five minutes.';

create or replace function mentorcert_portal.record_fetched(id bigint, record json)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.inbox as stored
  set state = 'received', reason = null, worked_at = null, next_attempt_at = now(), fetched = record_fetched.record
  where stored.id = record_fetched.id and stored.state = 'needs_fetch'
$$;
comment on function mentorcert_portal.record_fetched(bigint, json) is 'Keeps a record that was read at the portal; its message is worked next.';

create or replace function mentorcert_portal.give_up_fetch(id bigint, reason text)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.inbox as stored
  set state = 'needs_person', reason = give_up_fetch.reason
  where stored.id = give_up_fetch.id and stored.state = 'needs_fetch'
$$;
comment on function mentorcert_portal.give_up_fetch(bigint, text) is 'Leaves a message to a person, as its record is not there.';

create or replace function mentorcert_portal.postpone_fetch(id bigint, reason text)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.inbox as stored
  set
    reason = postpone_fetch.reason,
    next_attempt_at = now() + least(interval '5 seconds' * 2 ^ least(stored.attempts, 20), interval '1 hour')
  where stored.id = postpone_fetch.id and stored.state = 'needs_fetch'
$$;
comment on function mentorcert_portal.postpone_fetch(bigint, text) is 'Has a record read later, each time after a longer while, an hour at most.';

revoke execute on function
  mentorcert_portal.store_message, mentorcert_portal.claim_message, mentorcert_portal.settle_message, mentorcert_portal.postpone_message,
  mentorcert_portal.lock_record, mentorcert_portal.last_sequence, mentorcert_portal.delete_bodies, mentorcert_portal.find_peer_mentor,
  mentorcert_portal.renew, mentorcert_portal.withdraw_consent, mentorcert_portal.give_external_id,
  mentorcert_portal.fetching_connections, mentorcert_portal.claim_fetches, mentorcert_portal.record_fetched,
  mentorcert_portal.give_up_fetch, mentorcert_portal.postpone_fetch,
  mentorcert_portal.body_text, mentorcert_portal.messages_about, mentorcert_portal.empty_settled_messages, mentorcert_portal.empty_unsettled_messages
from public, anon, authenticated, service_role;
