-- What is needed to say how the sync stands, and what is kept for how long.

-- Since when a mode holds

alter table portal.connections
add column if not exists mode_since timestamptz not null default now(),
-- Whoever is called to a portal that is down finds when it began.
add column if not exists breaker_since timestamptz;
comment on column portal.connections.mode_since is 'Since when the mode holds; a change of the adapter leaves it.';
comment on column portal.connections.breaker_since is 'Since when the breaker has not been closed; null: it is closed.';

create or replace function portal.set_since()
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
comment on function portal.set_since() is 'Notes since when the mode, and a breaker that is not closed, holds.';

create or replace trigger set_since
before update on portal.connections
for each row execute function portal.set_since();

-- Attempts, counted

create index if not exists attempts_attempted_at_idx on portal.attempts using brin (attempted_at);

create table if not exists portal.attempt_counts (
  organisation_id uuid not null,
  outcome text not null,
  attempts bigint not null,
  constraint attempt_counts_pkey primary key (organisation_id, outcome)
);
alter table portal.attempt_counts enable row level security;
comment on table portal.attempt_counts is
  'How many attempts ever had which outcome: a number that only rises, whatever the log still keeps.';

create or replace function portal.count_attempts()
returns trigger
language plpgsql
security definer -- whoever may report an attempt need not write the counts
set search_path = ''
as $$
begin
  insert into portal.attempt_counts as counted (organisation_id, outcome, attempts)
  select attempt.organisation_id, attempt.outcome, count(*)
  from new_rows as attempt
  group by attempt.organisation_id, attempt.outcome
  order by attempt.organisation_id, attempt.outcome
  on conflict on constraint attempt_counts_pkey do update set attempts = counted.attempts + excluded.attempts;
  return null;
end
$$;
comment on function portal.count_attempts() is 'Adds what was appended to the attempt log to the counts, in one order for all.';

create or replace trigger count_attempts
after insert on portal.attempts
referencing new table as new_rows
for each statement execute function portal.count_attempts();

insert into portal.attempt_counts (organisation_id, outcome, attempts)
select attempt.organisation_id, attempt.outcome, count(*)
from portal.attempts as attempt
group by attempt.organisation_id, attempt.outcome
on conflict on constraint attempt_counts_pkey do nothing;

-- Secrets: when they expire, never what they are

create table if not exists portal.secrets (
  organisation_id uuid not null,
  place text not null,
  expires date,
  noted_at timestamptz not null default now(),
  constraint secrets_pkey primary key (organisation_id, place),
  constraint secrets_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint secrets_place_valid check (btrim(place) <> '')
);
alter table portal.secrets enable row level security;
comment on table portal.secrets is
  'When each secret of a connection expires, as its file says. The secret itself lies in no table, nor does its reference.';
comment on column portal.secrets.place is 'Where it stands in the file, such as auth[0].client_secret.';
comment on column portal.secrets.expires is 'From this day on it is no longer accepted; null: never.';

create or replace function portal.record_secrets(organisation text, secrets jsonb)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  with noted as (
    select known.id as organisation_id, secret.place, secret.expires
    from public.organisations as known
    cross join jsonb_to_recordset(record_secrets.secrets) as secret (place text, expires date)
    where known.slug = record_secrets.organisation
  ),
  gone as (
    delete from portal.secrets as secret
    using public.organisations as known
    where known.slug = record_secrets.organisation and secret.organisation_id = known.id
      and secret.place not in (select noted.place from noted)
  )
  insert into portal.secrets as secret (organisation_id, place, expires)
  select noted.organisation_id, noted.place, noted.expires from noted order by noted.place
  on conflict on constraint secrets_pkey do update set expires = excluded.expires, noted_at = excluded.noted_at
$$;
comment on function portal.record_secrets(text, jsonb) is
  'Notes when the secrets of an organisation''s connection expire: [{"place": …, "expires": …}], all of them.';

-- What is kept for how long

create table if not exists portal.retention (
  log text not null,
  keep interval not null,
  constraint retention_pkey primary key (log),
  constraint retention_log_valid check (log in ('attempts', 'unsettled_messages')),
  constraint retention_keep_valid check (keep >= interval '31 days')
);
alter table portal.retention enable row level security;
insert into portal.retention (log, keep)
values ('attempts', '90 days'), ('unsettled_messages', '180 days')
on conflict on constraint retention_pkey do nothing;
comment on table portal.retention is
  'How long the rows of the attempt log are kept, and the bodies of messages that wait for somebody; of those that were worked, the connection''s file says it.';

create or replace function portal.delete_outdated(batch_size integer default 10000)
returns table (attempts integer, messages integer)
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
begin
  delete from portal.attempts as attempt
  where attempt.id = any(array(
    select outdated.id
    from portal.attempts as outdated
    where outdated.attempted_at < (select now() - retention.keep from portal.retention where retention.log = 'attempts')
    limit batch_size
    for update skip locked
  ));
  get diagnostics attempts = row_count;
  update portal.inbox as stored
  set state = 'lapsed', body = null, fetched = null, reason = concat_ws(': ', 'was ' || stored.state, stored.reason)
  where stored.id = any(array(
    select outdated.id
    from portal.inbox as outdated
    where outdated.state in ('unknown', 'needs_fetch', 'needs_person', 'failed')
      and outdated.received_at
        < (select now() - retention.keep from portal.retention where retention.log = 'unsettled_messages')
    limit batch_size
    for update skip locked
  ));
  get diagnostics messages = row_count;
  return next;
end
$$;
comment on function portal.delete_outdated(integer) is
  'Deletes a batch of what portal.retention no longer keeps; returns how much. At 0 there is nothing left.';

revoke all on portal.attempt_counts, portal.secrets, portal.retention from public, anon, authenticated, service_role;
revoke execute on function
  portal.set_since(), portal.count_attempts(), portal.record_secrets(text, jsonb), portal.delete_outdated(integer)
from public, anon, authenticated, service_role;
