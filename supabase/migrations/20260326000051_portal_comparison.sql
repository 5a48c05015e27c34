-- What the portal shows against what it should show: one statement for all that was read, without any lock.

create or replace function portal.compare(
  reconciliation_id bigint, read_from timestamptz,
  peer_mentor_ids uuid[], external_ids text[], versions bigint[], statuses text[], listings boolean[],
  as_of timestamptz default null
)
returns table (compared integer, expected integer, in_motion integer, drift jsonb)
language plpgsql
stable
security definer -- so that a worker's role needs this function only
set search_path = ''
set plan_cache_mode = force_custom_plan -- how many records there are decides the plan
as $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  run portal.reconciliations;
  organisation uuid;
  sends boolean;
  canary uuid[];
  since timestamptz;
begin
  select * into strict run from portal.reconciliations as running where running.id = reconciliation_id;
  organisation := run.organisation_id;
  select
    connection.mode in ('canary', 'live'),
    case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end
  into sends, canary
  from portal.connections as connection where connection.organisation_id = organisation;
  if run.scope = 'recent' then
    select max(earlier.started_at) into since from portal.reconciliations as earlier
    where earlier.organisation_id = organisation and earlier.outcome = 'done' and not earlier.is_dry_run;
  end if;

  return query
  with numbers as materialized (
    -- By the number that the portal was told: of a new one it hears with the next message.
    select distinct on (named.number) named.number, named.peer_mentor_id
    from (
      select told.sent_external_id, told.peer_mentor_id, 1 from portal.states as told
      where told.organisation_id = organisation and told.sent_external_id is not null
      union all
      select mentor.external_id, mentor.id, 2 from public.peer_mentors as mentor where mentor.organisation_id = organisation
    ) as named (number, peer_mentor_id, rank)
    order by named.number, named.rank, named.peer_mentor_id
  ),
  records as materialized (
    select record.*, coalesce(by_id.peer_mentor_id, by_number.peer_mentor_id) as known
    from unnest(compare.peer_mentor_ids, compare.external_ids, compare.versions, compare.statuses, compare.listings)
      with ordinality as record (id, number, version, status, listed, place)
    left join portal.states as by_id on by_id.organisation_id = organisation and by_id.peer_mentor_id = record.id
    left join numbers as by_number on record.id is null and by_number.number = record.number
  ),
  seen as materialized (
    select distinct on (records.known)
      records.known, records.version, records.status, records.number,
      count(*) over same as records,
      -- Of several records one that is shown decides, and the newest version is the one that a message changes.
      case when bool_or(records.listed) over same then true else records.listed end as listed
    from records
    where records.known is not null
    window same as (partition by records.known)
    order by records.known, records.version desc nulls last, records.place
  ),
  mentors as materialized (
    select
      state.*, seen.records, seen.version as there_version, seen.status as there_status,
      seen.number as there_number, seen.listed as there_listed, seen.known is not null as is_there,
      -- What the record says may be older or newer than what we have noted.
      coalesce(state.lease_until > at, false)
        or greatest(state.changed_at, state.attempted_at, state.confirmed_at) >= read_from as is_moving,
      state.state = 'in_sync' and coalesce(state.next_attempt_at > at, true) as is_settled
    from portal.states as state
    left join seen on seen.known = state.peer_mentor_id
    where state.organisation_id = organisation and (canary is null or state.peer_mentor_id = any(canary))
  ),
  chosen as materialized (
    select mentors.*
    from mentors
    where run.scope = 'full' or since is null
      or greatest(mentors.changed_at, mentors.attempted_at, mentors.confirmed_at) >= since
      or (mentors.records, mentors.there_version, mentors.there_status, mentors.there_listed) is distinct from (
        1, mentors.confirmed_version, mentors.confirmed ->> 'status', (mentors.confirmed ->> 'listed')::boolean
      )
      or not exists (
        select from public.listed_peer_mentors as listed
        where listed.peer_mentor_id = mentors.peer_mentor_id and listed.listed_until > at
      )
      or exists (
        select from portal.drift as open
        where open.organisation_id = organisation and open.peer_mentor_id = mentors.peer_mentor_id and open.repaired_at is null
      )
  ),
  desired as materialized (
    select * from portal.desired_content(array(select id.peer_mentor_id from chosen as id where not id.is_moving), at)
  ),
  wanted as materialized (
    select
      chosen.*,
      desired.content as truth,
      -- Nothing is held against a portal that we have not told: then what it confirmed last is the measure.
      case when chosen.is_settled or not sends then desired.content else chosen.confirmed end as measure,
      -- Behind for longer than it takes to tell.
      not sends or chosen.is_settled
        or coalesce(chosen.first_dirty_at, chosen.next_attempt_at) <= at - interval '15 minutes' as is_due
    from chosen
    join desired on desired.peer_mentor_id = chosen.peer_mentor_id
  ),
  judged as materialized (
    select
      wanted.*,
      case
        when wanted.there_listed and not (wanted.truth ->> 'listed')::boolean and wanted.is_due then 'listed_but_expired'
        when wanted.measure is null then null
        when not wanted.is_there then case
          when wanted.measure ->> 'status' <> 'erased' and (wanted.confirmed is not null or (wanted.measure ->> 'listed')::boolean)
            then 'missing'
        end
        when sends and (
          wanted.there_version < wanted.confirmed_version
          or wanted.there_version > case when wanted.is_settled then wanted.confirmed_version else wanted.sent_version end
        )
          then 'stale'
        -- In between: what was under way when it was given up is there.
        when sends and wanted.there_version <> wanted.confirmed_version then null
        when wanted.there_status <> wanted.measure ->> 'status'
          -- Of somebody erased the portal keeps no more than id and version.
          or wanted.measure ->> 'status' <> 'erased' and (
            wanted.there_number <> wanted.measure ->> 'external_id'
            or wanted.there_listed is distinct from (wanted.measure ->> 'listed')::boolean
          )
          then 'stale'
      end as kind
    from wanted
  ),
  found as (
    select
      judged.kind, judged.peer_mentor_id, null::text as external_id, judged.version, judged.records,
      judged.there_version, judged.there_status, judged.there_listed, coalesce(judged.measure, judged.truth) as measure,
      judged.confirmed_version
    from judged
    where judged.kind is not null
    union all
    select
      'duplicate', judged.peer_mentor_id, null, judged.version, judged.records,
      judged.there_version, judged.there_status, judged.there_listed, coalesce(judged.measure, judged.truth),
      judged.confirmed_version
    from judged
    where judged.records > 1
    union all
    select
      'unknown_there', records.id, records.number, null, count(*), max(records.version), min(records.status),
      bool_or(records.listed), null, null
    from records
    where records.known is null and records.listed is distinct from false
    group by records.id, records.number
  )
  select
    (select count(*) from judged)::integer,
    (
      select count(*) from mentors
      where mentors.confirmed is not null and not mentors.is_moving and mentors.confirmed ->> 'status' <> 'erased'
    )::integer,
    (select count(*) from chosen where chosen.is_moving)::integer,
    coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'kind', found.kind, 'peer_mentor_id', found.peer_mentor_id, 'external_id', found.external_id,
            'version', found.version,
            'there', case when found.records > 0 then jsonb_build_object(
              'records', found.records, 'version', found.there_version, 'listed', found.there_listed,
              -- Another text could be anything, also somebody's name.
              'status', case
                when found.there_status in ('certified', 'expired', 'suspended', 'uncertified', 'erased') then found.there_status
                when found.there_status is not null then 'other'
              end
            ) end,
            'expected', case when found.measure is not null then jsonb_build_object(
              'version', found.confirmed_version, 'status', found.measure -> 'status', 'listed', found.measure -> 'listed'
            ) end
          )
          order by array_position(
            array['listed_but_expired', 'missing', 'stale', 'duplicate', 'unknown_there'], found.kind
          ), found.peer_mentor_id, found.external_id
        )
        from found
      ),
      '[]'
    );
end
$$;
comment on function portal.compare(bigint, timestamptz, uuid[], text[], bigint[], text[], boolean[], timestamptz) is
  'Compares the records that were read from an instant on, given as columns, with what the portal should show, in the scope of a run. expected: how many it must have a record of. Who was changed or told since that instant is in motion, and not judged.';

revoke execute on function
  portal.compare(bigint, timestamptz, uuid[], text[], bigint[], text[], boolean[], timestamptz)
from public, anon, authenticated, service_role;
