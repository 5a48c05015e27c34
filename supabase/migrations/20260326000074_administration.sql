-- What an organisation's administrator sees of the machinery: the nightly ledger, the portal sync, endpoints switched off.
--
-- Read by policies and column grants, always of the own organisation; what is the operator's (hosts, reasons for colleagues,
-- messages and their contents) has no grant. One thing may be changed: the mode of the own portal.

-- The nightly ledger

grant select (job, organisation_id, local_day, as_of, started_at, finished_at, expired, unlisted, caught_up, error)
on private.job_runs to authenticated;

drop policy if exists "administrators read the ledger of their organisation" on private.job_runs;
create policy "administrators read the ledger of their organisation"
on private.job_runs for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the ledger of their organisation" on private.job_runs is
  'Whether the nights of the own organisation were done.';

-- Endpoints that are switched off: which and since when. They are closed to every organisation, so no single one switches them.

grant select (endpoint, disabled_at) on private.disabled_endpoints to authenticated;

drop policy if exists "administrators read which endpoints are switched off" on private.disabled_endpoints;
create policy "administrators read which endpoints are switched off"
on private.disabled_endpoints for select to authenticated
using ((select private.administered_organisation_id()) is not null);
comment on policy "administrators read which endpoints are switched off" on private.disabled_endpoints is
  'The reason, which is for colleagues of the operator, is not granted.';

-- The portal

grant usage on schema portal to authenticated;
comment on schema portal is
  'The portal sync. Not exposed through the Data API; the worker writes it, administrators read what is of their organisation.';

grant select (
  organisation_id, mode, canary_peer_mentor_ids, adapter, contract_version, breaker, breaker_reason, breaker_since,
  changed_by, reason, changed_at, mode_since
) on portal.connections to authenticated;
grant select (
  peer_mentor_id, organisation_id, state, version, content, content_until, confirmed_version, confirmed_at, shown, is_removal,
  attempts, next_attempt_at, attempted_at, error_class, error, first_dirty_at, changed_at
) on portal.states to authenticated;
grant select (organisation_id, outcome, attempts) on portal.attempt_counts to authenticated;
grant select (
  id, organisation_id, scope, is_dry_run, started_at, finished_at, outcome, reason, read, compared, in_motion,
  listed_but_expired, missing, stale, unknown_there, duplicate, marked
) on portal.reconciliations to authenticated;
grant select (
  id, reconciliation_id, organisation_id, kind, peer_mentor_id, external_id, there, expected, found_at, marked_at, repaired_at
) on portal.drift to authenticated;
grant select (organisation_id, state, received_at) on portal.inbox to authenticated;
grant select (organisation_id, place, expires) on portal.secrets to authenticated;
grant select (log, keep) on portal.retention to authenticated;
grant select (started_at, seen_at) on portal.workers to authenticated;

drop policy if exists "administrators read the connection of their organisation" on portal.connections;
create policy "administrators read the connection of their organisation"
on portal.connections for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the connection of their organisation" on portal.connections is
  'How the own portal is reached, and whether it is told anything.';

drop policy if exists "administrators read the states of their organisation" on portal.states;
create policy "administrators read the states of their organisation"
on portal.states for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the states of their organisation" on portal.states is
  'Of whom the own portal is still to be told, and why it was not.';

drop policy if exists "administrators read the counts of their organisation" on portal.attempt_counts;
create policy "administrators read the counts of their organisation"
on portal.attempt_counts for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the counts of their organisation" on portal.attempt_counts is
  'What came of the attempts to tell the own portal.';

drop policy if exists "administrators read the reconciliations of their organisation" on portal.reconciliations;
create policy "administrators read the reconciliations of their organisation"
on portal.reconciliations for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the reconciliations of their organisation" on portal.reconciliations is
  'When the own portal was compared.';

drop policy if exists "administrators read the drift of their organisation" on portal.drift;
create policy "administrators read the drift of their organisation"
on portal.drift for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the drift of their organisation" on portal.drift is
  'What the own portal shows otherwise.';

drop policy if exists "administrators count the messages to their organisation" on portal.inbox;
create policy "administrators count the messages to their organisation"
on portal.inbox for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators count the messages to their organisation" on portal.inbox is
  'How many wait and since when; what they hold is not granted.';

drop policy if exists "administrators read when secrets of their organisation expire" on portal.secrets;
create policy "administrators read when secrets of their organisation expire"
on portal.secrets for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read when secrets of their organisation expire" on portal.secrets is
  'The secrets themselves lie in no table.';

drop policy if exists "administrators read how long messages are kept" on portal.retention;
create policy "administrators read how long messages are kept"
on portal.retention for select to authenticated
using ((select private.administered_organisation_id()) is not null);
comment on policy "administrators read how long messages are kept" on portal.retention is
  'The same for all organisations.';

drop policy if exists "administrators read whether a worker lives" on portal.workers;
create policy "administrators read whether a worker lives"
on portal.workers for select to authenticated
using ((select private.administered_organisation_id()) is not null);
comment on policy "administrators read whether a worker lives" on portal.workers is
  'Workers serve all organisations; which machine they run on is not granted.';

grant execute on function portal.state_overview(uuid, timestamptz) to authenticated;

create or replace function private.require_administered_organisation()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  organisation constant uuid := private.administered_organisation_id();
begin
  if organisation is null then
    perform private.raise_forbidden('only the administrator of an organisation does this');
  end if;
  return organisation;
end
$$;
comment on function private.require_administered_organisation() is
  'The organisation the caller administers; 42501 for everybody else.';

create or replace function private.set_portal_mode(mode text, reason text, canary_peer_mentor_ids uuid[] default '{}')
returns void
language plpgsql
security definer -- the connection is no client's to write; its breaker, and what is due, change with the mode
set search_path = ''
as $$
declare
  organisation constant uuid := private.require_administered_organisation();
begin
  perform private.require_reason(reason);
  perform portal.set_mode(
    organisation, set_portal_mode.mode, set_portal_mode.reason, set_portal_mode.canary_peer_mentor_ids, auth.uid()::text
  );
end
$$;
comment on function private.set_portal_mode(text, text, uuid[]) is
  'Changes the mode of the portal of the organisation that the caller administers, for a reason; the audit log keeps by whom.';

create or replace function private.preview_replay(selection jsonb, size integer default 50)
returns table (
  peer_mentor_id uuid, peer_mentor text, confirmed_version bigint, confirmed jsonb, desired jsonb, total bigint
)
language plpgsql
stable
security definer -- derives what the portal should be told, which is the worker's to do; of the own organisation only
set search_path = ''
as $$
declare
  organisation constant uuid := private.require_administered_organisation();
  chosen uuid[];
  chosen_in_all bigint;
begin
  select (array_agg(state.peer_mentor_id order by state.peer_mentor_id))[:size], count(*)
  into chosen, chosen_in_all
  from portal.selected(organisation, selection) as state;
  return query
  select mentor.id, mentor.external_id, state.confirmed_version, state.confirmed, wanted.content, chosen_in_all
  from portal.desired_content(chosen, now()) as wanted
  join public.peer_mentors as mentor on mentor.id = wanted.peer_mentor_id
  join portal.states as state on state.peer_mentor_id = wanted.peer_mentor_id
  order by mentor.id;
end
$$;
comment on function private.preview_replay(jsonb, integer) is
  'Of whom a replay would tell the portal of the caller''s organisation again: the first so many, as confirmed and as they would be told, and how many in all.';

create or replace function private.portal_alarm()
returns table (mode text, removals bigint, since timestamptz)
language sql
stable
security definer -- also while the public list is switched off, which may be just then
set search_path = ''
as $$
  with late as (
    select connection.mode, state.peer_mentor_id, greatest(state.since, connection.mode_since) as since
    from portal.connections as connection
    cross join lateral (
      select waiting.peer_mentor_id,
        case
          when waiting.is_removal then waiting.first_dirty_at
          -- Whoever our list has let go while the row was waiting, and nobody came to derive it anew.
          else greatest(
            coalesce(listed.listed_until, least(waiting.content_until, now()), waiting.first_dirty_at), waiting.changed_at
          )
        end as since
      from portal.states as waiting
      left join public.listed_peer_mentors as listed on listed.peer_mentor_id = waiting.peer_mentor_id
      where waiting.organisation_id = connection.organisation_id and waiting.state <> 'in_sync'
        and (connection.mode = 'live' or connection.mode = 'paused' and waiting.shown
          or waiting.peer_mentor_id = any(connection.canary_peer_mentor_ids))
        and (waiting.is_removal
          or coalesce(listed.listed_until <= now(), true)
          and coalesce(waiting.shown, waiting.content ->> 'status' <> 'uncertified', true))
      union all
      select lapsed.peer_mentor_id, lapsed.next_attempt_at
      from portal.states as lapsed
      where lapsed.organisation_id = connection.organisation_id and lapsed.is_removal and lapsed.state = 'in_sync'
        and lapsed.next_attempt_at <= now()
        and (connection.mode in ('live', 'paused') or lapsed.peer_mentor_id = any(connection.canary_peer_mentor_ids))
    ) as state
    where connection.organisation_id = (select private.administered_organisation_id())
      and connection.mode in ('canary', 'live', 'paused')
  ),
  shown as (
    select late.mode, late.peer_mentor_id, late.since from late where late.since <= now() - interval '15 minutes'
    union all
    select connection.mode, found.peer_mentor_id, found.found_at
    from portal.connections as connection
    join portal.drift as found on found.organisation_id = connection.organisation_id
    where connection.organisation_id = (select private.administered_organisation_id()) and connection.mode in ('live', 'paused')
      and found.repaired_at is null and found.kind = 'listed_but_expired'
  )
  select shown.mode, count(distinct shown.peer_mentor_id), min(shown.since) from shown group by shown.mode
$$;
comment on function private.portal_alarm() is
  'How many the portal of the caller''s organisation may still show though they must go: not confirmed for 15 minutes, or found there by a comparison. No row: nobody, or the caller is no administrator.';

revoke execute on function
  private.require_administered_organisation(), private.set_portal_mode(text, text, uuid[]),
  private.preview_replay(jsonb, integer), private.portal_alarm()
from public, anon, authenticated, service_role;
grant execute on function
  private.require_administered_organisation(), private.set_portal_mode(text, text, uuid[]),
  private.preview_replay(jsonb, integer), private.portal_alarm()
to authenticated;
