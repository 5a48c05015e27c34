-- Alerts: each error of the portal sync, who was informed of it, and who has seen to it.

create table if not exists mentorcert_portal.alerts (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid,
  code text not null,
  what text not null,
  began_at timestamptz not null default now(),
  ended_at timestamptz,
  notices integer not null default 0,
  notice_at timestamptz default now(),
  acknowledged_at timestamptz,
  acknowledged_by text,
  acknowledged_reason text,
  constraint alerts_pkey primary key (id),
  constraint alerts_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint alerts_code_valid check (code ~ '^[a-z_]{1,63}$'),
  constraint alerts_what_length check (length(what) <= 2000),
  constraint alerts_acknowledged_valid check (
    (acknowledged_at is null) = (acknowledged_by is null) and (acknowledged_at is null) = (acknowledged_reason is null)
  ),
  constraint alerts_acknowledged_reason_valid check (btrim(acknowledged_reason) <> '' and mentorcert_private.is_readable(acknowledged_reason)),
  constraint alerts_acknowledged_reason_length check (length(acknowledged_reason) <= 2000)
);
create or replace trigger canonicalise
before insert or update of acknowledged_reason on mentorcert_portal.alerts
for each row execute function mentorcert_private.canonicalise('text', 'acknowledged_reason');
create unique index if not exists alerts_standing_key on mentorcert_portal.alerts (organisation_id, code) nulls not distinct
where ended_at is null;
create index if not exists alerts_notice_at_idx on mentorcert_portal.alerts (notice_at) where notice_at is not null;
alter table mentorcert_portal.alerts enable row level security;
revoke all on mentorcert_portal.alerts from public, anon, authenticated, service_role;
grant select (organisation_id, code, began_at, ended_at, acknowledged_at, acknowledged_by, acknowledged_reason)
on mentorcert_portal.alerts to authenticated;
comment on table mentorcert_portal.alerts is
  'Each error of the portal sync, from when it is found until it is found no more. Without personal data.';
comment on column mentorcert_portal.alerts.organisation_id is 'Null: it concerns all.';
comment on column mentorcert_portal.alerts.code is 'As in docs/portal/alerts.md.';
comment on column mentorcert_portal.alerts.notices is 'How often people have been informed.';
comment on column mentorcert_portal.alerts.notice_at is 'When people are informed next: at once, daily while it stands, at its end; null: no more.';
comment on column mentorcert_portal.alerts.acknowledged_at is 'Since when somebody sees to it; after a week it counts as forgotten.';

drop policy if exists "administrators read the alerts of their organisation" on mentorcert_portal.alerts;
create policy "administrators read the alerts of their organisation"
on mentorcert_portal.alerts for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the alerts of their organisation" on mentorcert_portal.alerts is
  'What is wrong with the own portal, and who sees to it.';

create or replace function mentorcert_portal.morning_of(instant timestamptz)
returns date
language sql
immutable
set search_path = ''
as $$
  select (timezone('Europe/Oslo', instant) - interval '7 hours')::date
$$;
comment on function mentorcert_portal.morning_of(timestamptz) is 'The day, from seven in the morning to the next, that an instant belongs to.';

create table if not exists mentorcert_portal.alert_notices (
  id uuid not null default gen_random_uuid(),
  alert_id uuid,
  kind text not null,
  channel text not null,
  user_id uuid,
  address text,
  state text not null default 'due',
  due_at timestamptz not null default now(),
  planned_at timestamptz not null default now(),
  claimed_at timestamptz,
  error text,
  constraint alert_notices_pkey primary key (id),
  constraint alert_notices_alert_id_fkey foreign key (alert_id) references mentorcert_portal.alerts (id),
  constraint alert_notices_kind_valid check (kind in ('began', 'stands', 'unacknowledged', 'ended', 'well')),
  constraint alert_notices_alert_id_valid check ((alert_id is null) = (kind = 'well')),
  constraint alert_notices_address_valid check (address is null or user_id is null and mentorcert_private.is_address(address)),
  constraint alert_notices_channel_valid check (channel in ('mail', 'webhook')),
  constraint alert_notices_state_valid check (state in ('due', 'sending', 'sent', 'given_up')),
  constraint alert_notices_error_length check (length(error) <= 500)
);
create index if not exists alert_notices_due_idx on mentorcert_portal.alert_notices (due_at) where state in ('due', 'sending');
create index if not exists alert_notices_alert_id_idx on mentorcert_portal.alert_notices (alert_id);
-- Several processes plan it at the same time.
create unique index if not exists alert_notices_well_key on mentorcert_portal.alert_notices (mentorcert_portal.morning_of(planned_at))
where kind = 'well';
alter table mentorcert_portal.alert_notices enable row level security;
revoke all on mentorcert_portal.alert_notices from public, anon, authenticated, service_role;
comment on table mentorcert_portal.alert_notices is
  'The ledger: one row for each person, or webhook, that is informed once. It is committed before anything is sent, so nothing is sent twice.';
comment on column mentorcert_portal.alert_notices.user_id is 'The administrator; null: address says who, or it is the operator.';
comment on column mentorcert_portal.alert_notices.address is 'One of those to whom what nobody acknowledges is escalated; null: the administrator, or the operator.';
comment on column mentorcert_portal.alert_notices.kind is 'began; unacknowledged: for a day; stands: acknowledged a week ago; ended; well: no error stands, on request each morning.';
comment on column mentorcert_portal.alert_notices.state is
  'due; sending: claimed, and in doubt if it stays so; sent; given_up: refused for a day.';

create or replace function mentorcert_portal.plan_alerts(
  errors jsonb, has_operator boolean, has_webhook boolean, escalate_to text[] default '{}', says_well boolean default false
)
returns void
language plpgsql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
begin
  update mentorcert_portal.alerts as alert
  set ended_at = now(), notice_at = case when alert.notices > 0 then now() end
  where alert.ended_at is null and not exists (
    select from jsonb_to_recordset(errors) as one (organisation text, code text)
    left join mentorcert.organisations as organisation on organisation.slug = one.organisation
    where one.code = alert.code and organisation.id is not distinct from alert.organisation_id
  );
  insert into mentorcert_portal.alerts as alert (organisation_id, code, what)
  select organisation.id, one.code, left(one.what, 2000)
  from jsonb_to_recordset(errors) as one (organisation text, code text, what text)
  left join mentorcert.organisations as organisation on organisation.slug = one.organisation
  where one.organisation is null or organisation.id is not null
  order by organisation.id, one.code
  on conflict (organisation_id, code) where ended_at is null do update set what = excluded.what
  where alert.what <> excluded.what;

  with due as (
    select alert.id, alert.organisation_id, alert.acknowledged_at is not null as was_acknowledged,
      case
        when alert.ended_at is not null then 'ended'
        when alert.notices = 0 then 'began'
        when alert.acknowledged_at is null then 'unacknowledged'
        else 'stands'
      end as kind
    from mentorcert_portal.alerts as alert
    where alert.notice_at <= now()
    for update skip locked
  ),
  moved as (
    update mentorcert_portal.alerts as alert
    set
      notices = alert.notices + 1, notice_at = case when due.kind <> 'ended' then now() + interval '1 day' end,
      acknowledged_at = null, acknowledged_by = null, acknowledged_reason = null
    from due
    where alert.id = due.id
  )
  insert into mentorcert_portal.alert_notices (alert_id, kind, channel, user_id, address)
  select due.id, due.kind, 'mail', membership.user_id, null
  from due
  join mentorcert.memberships as membership
    on membership.organisation_id = due.organisation_id and membership.role = 'org_admin'
    and (membership.ended_at is null or membership.ended_at > now())
  join auth.users as login on login.id = membership.user_id and mentorcert_private.is_address(login.email)
  union
  select due.id, due.kind, 'mail', null::uuid, null from due where has_operator
  union
  select due.id, due.kind, 'webhook', null, null from due where has_webhook
  union
  -- Others, who may reach somebody; they hear of the end as well.
  select due.id, due.kind, 'mail', null, other.address from due
  cross join unnest(escalate_to) as other (address)
  where due.kind = 'unacknowledged'
  union
  select due.id, due.kind, 'mail', null, earlier.address from due
  join mentorcert_portal.alert_notices as earlier on earlier.alert_id = due.id and earlier.address is not null
  where due.kind = 'ended';

  insert into mentorcert_portal.alert_notices (kind, channel)
  select 'well', 'mail'
  where says_well and has_operator and not exists (select from mentorcert_portal.alerts as alert where alert.ended_at is null)
  on conflict (mentorcert_portal.morning_of(planned_at)) where kind = 'well' do nothing;
end
$$;
comment on function mentorcert_portal.plan_alerts(jsonb, boolean, boolean, text[], boolean) is
  'Takes the errors that were found now, [{"organisation": …, "code": …, "what": …}], all of them: begins and ends alerts, and plans whom to inform: of a new one at once, daily while it stands (then others too, escalate_to), and of its end. An acknowledged one is quiet for a week. With says_well the operator hears each morning that no error stands.';

create or replace function mentorcert_portal.claim_alert_notices(batch_size integer default 100)
returns table (
  id uuid, kind text, channel text, address text, language text, organisation text, organisation_name text, time_zone text, code text,
  what text, began_at timestamptz, ended_at timestamptz, informed text[], operator_was_informed boolean
)
language sql
security definer -- so that a worker's role learns only whom it informs now
set search_path = ''
as $$
  with claimed as (
    update mentorcert_portal.alert_notices as notice
    set state = 'sending', claimed_at = clock_timestamp()
    where notice.id in (
      select due.id from mentorcert_portal.alert_notices as due
      where due.state = 'due' and due.due_at <= now()
      order by due.due_at
      limit batch_size
      for update skip locked
    )
    returning notice.*
  )
  select
    claimed.id, claimed.kind, claimed.channel, coalesce(claimed.address, login.email::text), reader.language, organisation.slug,
    organisation.name, coalesce(organisation.time_zone, 'Europe/Oslo'), alert.code, alert.what, alert.began_at, alert.ended_at,
    case when claimed.kind = 'unacknowledged' then earlier.addresses end, coalesce(earlier.has_operator, false)
  from claimed
  left join mentorcert_portal.alerts as alert on alert.id = claimed.alert_id
  left join mentorcert.organisations as organisation on organisation.id = alert.organisation_id
  left join auth.users as login on login.id = claimed.user_id
  left join lateral (
    select coalesce(max(mentor.language), 'nb') as language from mentorcert.peer_mentors as mentor
    where mentor.user_id = claimed.user_id and mentor.organisation_id = alert.organisation_id
  ) as reader on claimed.user_id is not null
  left join lateral (
    select
      array_agg(distinct coalesce(notice.address, person.email::text)) filter (where coalesce(notice.address, person.email::text) is not null) as addresses,
      bool_or(notice.user_id is null and notice.address is null) as has_operator
    from mentorcert_portal.alert_notices as notice
    left join auth.users as person on person.id = notice.user_id
    where notice.alert_id = claimed.alert_id and notice.channel = 'mail' and notice.state = 'sent'
  ) as earlier on true
$$;
comment on function mentorcert_portal.claim_alert_notices(integer) is
  'Takes up what is due, to be committed before it is sent; the address is null for the operator. Of what is escalated it says who was informed before.';

create or replace function mentorcert_portal.report_alert_notices(results jsonb)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.alert_notices as notice
  set
    state = case
      when result.state <> 'due' then result.state
      when notice.planned_at < now() - interval '1 day' then 'given_up'
      else 'due'
    end,
    due_at = now() + interval '5 minutes',
    error = left(result.error, 500)
  from jsonb_to_recordset(results) as result (id uuid, state text, error text)
  where notice.id = result.id and notice.state = 'sending'
$$;
comment on function mentorcert_portal.report_alert_notices(jsonb) is
  'Notes what was sent, and what was certainly not (due again in five minutes, for a day). What is not reported stays in doubt.';

create or replace function mentorcert_portal.acknowledge_alert(organisation_id uuid, code text, reason text, acknowledged_by text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  acknowledged integer;
begin
  update mentorcert_portal.alerts as alert
  set
    acknowledged_at = now(), acknowledged_by = acknowledge_alert.acknowledged_by, acknowledged_reason = reason,
    notice_at = now() + interval '7 days', notices = greatest(alert.notices, 1)
  where alert.organisation_id is not distinct from acknowledge_alert.organisation_id and alert.code = acknowledge_alert.code
    and alert.ended_at is null;
  get diagnostics acknowledged = row_count;
  return acknowledged;
end
$$;
comment on function mentorcert_portal.acknowledge_alert(uuid, text, text, text) is
  'Says that somebody sees to an alert, and why it may stand; it is quiet for a week. Returns 0 where there is none.';

-- A service that watches for silence: it is called while all is well.

create table if not exists mentorcert_portal.heartbeat_urls (
  is_only boolean not null default true,
  url text not null,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  called_at timestamptz,
  error text,
  constraint heartbeat_urls_pkey primary key (is_only),
  constraint heartbeat_urls_is_only_valid check (is_only),
  constraint heartbeat_urls_url_valid check (url ~ '^https?://[!-~]+$' and length(url) <= 2000),
  constraint heartbeat_urls_error_length check (length(error) <= 500)
);
alter table mentorcert_portal.heartbeat_urls enable row level security;
revoke all on mentorcert_portal.heartbeat_urls from public, anon, authenticated, service_role;
comment on table mentorcert_portal.heartbeat_urls is
  'The address that is called each minute while no error stands, for a service that watches for silence; one at most.';
comment on column mentorcert_portal.heartbeat_urls.called_at is 'The last call that was answered.';
comment on column mentorcert_portal.heartbeat_urls.error is 'Why the last call failed; null: it was answered.';

create or replace function mentorcert_portal.heartbeat_url()
returns setof text
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select heartbeat.url from mentorcert_portal.heartbeat_urls as heartbeat
$$;
comment on function mentorcert_portal.heartbeat_url() is 'What is called while all is well; nothing where no address is set.';

create or replace function mentorcert_portal.report_heartbeat(error text)
returns void
language sql
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  update mentorcert_portal.heartbeat_urls as heartbeat
  set
    called_at = case when report_heartbeat.error is null then now() else heartbeat.called_at end,
    error = left(report_heartbeat.error, 500)
$$;
comment on function mentorcert_portal.report_heartbeat(text) is 'Notes whether the call was answered (null), or why not.';

create or replace function mentorcert_portal.unsent_alerts()
returns table (organisation text, code text, why text)
language sql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
as $$
  select
    organisation.slug, alert.code,
    coalesce(
      max(notice.error) filter (where notice.state in ('due', 'given_up')),
      case when count(notice.id) = 0 then 'nobody to inform is known' else 'it is in doubt whether anybody was informed' end
    )
  from mentorcert_portal.alerts as alert
  left join mentorcert.organisations as organisation on organisation.id = alert.organisation_id
  left join mentorcert_portal.alert_notices as notice on notice.alert_id = alert.id
  where alert.ended_at is null and alert.began_at < now() - interval '15 minutes'
  group by organisation.slug, alert.id
  having count(*) filter (where notice.state = 'sent') = 0
    or count(*) filter (
      where notice.state in ('due', 'given_up') and notice.error is not null and notice.planned_at < now() - interval '15 minutes'
    ) > 0
  order by organisation.slug, alert.code
$$;
comment on function mentorcert_portal.unsent_alerts() is
  'The alerts that stand and of which somebody could not be informed for 15 minutes, and why.';

create or replace function mentorcert_private.acknowledge_portal_alert(code text, reason text)
returns integer
language plpgsql
security definer -- alerts are no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
begin
  perform mentorcert_private.require_reason(reason);
  return mentorcert_portal.acknowledge_alert(organisation, acknowledge_portal_alert.code, acknowledge_portal_alert.reason, auth.uid()::text);
end
$$;
comment on function mentorcert_private.acknowledge_portal_alert(text, text) is
  'Acknowledges an alert of the portal of the organisation that the caller administers, for a reason.';

revoke execute on function
  mentorcert_portal.morning_of, mentorcert_portal.plan_alerts, mentorcert_portal.claim_alert_notices, mentorcert_portal.report_alert_notices,
  mentorcert_portal.heartbeat_url, mentorcert_portal.report_heartbeat, mentorcert_portal.unsent_alerts,
  mentorcert_portal.acknowledge_alert, mentorcert_private.acknowledge_portal_alert
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.acknowledge_portal_alert to authenticated;
