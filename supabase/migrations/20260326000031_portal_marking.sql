-- Which changes concern the portal, and what it should say: derived by the calendar at the instant of telling.
--
-- That a date passes is no change here. The content is derived from dates and suspension, never from whether the
-- nightly run has come to a row, and each content knows until when it is true. So the removal of everybody who
-- expires at midnight is due at midnight, also where the nightly run is dead, and 300,000 of them cost it nothing.

create or replace function portal.desired_content(peer_mentor_ids uuid[], as_of timestamptz)
returns table (peer_mentor_id uuid, content jsonb, content_until timestamptz, effective_at timestamptz)
language sql
stable
rows 100
set search_path = ''
set timezone = 'UTC' -- instants in the content are text, and must be the same text whoever asks
as $$
  select
    state.peer_mentor_id,
    jsonb_build_object(
      -- An erased peer mentor has lost the number; the portal still knows it.
      'external_id', case when erased.is_so then coalesce(state.sent_external_id, mentor.external_id) else mentor.external_id end,
      'status', summary.status,
      'listed', shown.until is not null,
      'listed_until', shown.until,
      'certifications', case when erased.is_so then '[]' else held.certifications end
    ),
    case when not erased.is_so then least(held.next_end, shown.until) end,
    greatest(state.changed_at, held.latest_end)
  from unnest(desired_content.peer_mentor_ids) as wanted (id)
  join portal.states as state on state.peer_mentor_id = wanted.id
  join public.peer_mentors as mentor on mentor.id = wanted.id
  cross join lateral (select mentor.erased_at is not null as is_so) as erased
  cross join lateral (
    select
      coalesce(
        jsonb_agg(
          jsonb_build_object(
            'certification_type', certification.certification_type, 'status', standing.status,
            'issued_at', certification.issued_at, 'expires_at', certification.expires_at
          )
          order by certification.certification_type collate "C"
        ),
        '[]'
      ) as certifications,
      min(certification.expires_at) filter (where standing.status = 'active') as next_end,
      max(certification.expires_at) filter (where standing.status = 'expired') as latest_end
    from public.peer_mentor_certifications as certification
    cross join lateral (
      select private.status_at(certification.status = 'suspended', certification.expires_at, as_of) as status
    ) as standing
    where certification.organisation_id = mentor.organisation_id and certification.peer_mentor_id = mentor.id
  ) as held
  cross join lateral (
    select case
      when erased.is_so then 'erased'
      when count(*) = 0 then 'uncertified'
      when count(*) = count(*) filter (where required.status = 'active') then 'certified'
      when bool_or(required.status = 'suspended') then 'suspended'
      when bool_or(required.status = 'expired') then 'expired'
      else 'uncertified'
    end as status
    from (
      select private.status_at(certification.status = 'suspended', certification.expires_at, as_of) as status, certification.id
      from public.certification_types as type
      left join public.peer_mentor_certifications as certification
        on certification.organisation_id = type.organisation_id
        and certification.peer_mentor_id = mentor.id
        and certification.certification_type = type.code
      where type.organisation_id = mentor.organisation_id and type.required_for_listing
    ) as required_or_missing
    cross join lateral (
      select case when required_or_missing.id is not null then required_or_missing.status end as status
    ) as required
  ) as summary
  -- On our list, and certified by the dates: either alone is not enough.
  left join lateral (
    select listed.listed_until as until
    from public.listed_peer_mentors as listed
    where listed.peer_mentor_id = mentor.id and listed.listed_until > as_of and summary.status = 'certified'
  ) as shown on true
$$;
comment on function portal.desired_content(uuid[], timestamptz) is
  'What the portal should say of these peer mentors at an instant, until when the calendar leaves it true, and since when it holds.';

create or replace function portal.enqueue_sync(peer_mentor_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if cardinality(peer_mentor_ids) = 0 then
    return;
  end if;
  insert into portal.states as state (peer_mentor_id, organisation_id)
  select mentor.id, mentor.organisation_id
  from public.peer_mentors as mentor
  where mentor.id in (select unnest(enqueue_sync.peer_mentor_ids))
  order by mentor.id
  on conflict on constraint states_pkey do update set
    version = state.version + 1,
    content = null,
    state = 'pending',
    -- The listing has been refreshed by triggers that come before these.
    is_removal = state.shown is distinct from false and not exists (
      select from public.listed_peer_mentors as listed
      where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > now()
    ),
    attempts = 0,
    failing_since = null,
    -- While a lease is out, its end, or its acknowledgement of an older version, brings the row back.
    next_attempt_at = case when state.lease_token is null then now() else state.next_attempt_at end,
    first_dirty_at = coalesce(state.first_dirty_at, now()),
    changed_at = now();
end
$$;
comment on function portal.enqueue_sync(uuid[]) is
  'Notes, under the lock of each row, that the portal must be told of these peer mentors anew.';

create or replace function portal.enqueue_after_insert()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform portal.enqueue_sync(array(select distinct added.peer_mentor_id from new_rows as added));
  return null;
end
$$;
comment on function portal.enqueue_after_insert() is 'A new certification or listing concerns the portal.';

create or replace function portal.enqueue_after_insert_of_peer_mentors()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform portal.enqueue_sync(array(select added.id from new_rows as added));
  return null;
end
$$;
comment on function portal.enqueue_after_insert_of_peer_mentors() is 'Of a new peer mentor the portal is told, also where there is nothing to show.';

create or replace function portal.enqueue_after_change_of_certifications()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform portal.enqueue_sync(array(
    select distinct after.peer_mentor_id
    from new_rows as after
    join old_rows as before on before.id = after.id
    -- Not active or expired: the calendar says that without us.
    where (after.certification_type, after.issued_at, after.expires_at, after.status = 'suspended')
      is distinct from (before.certification_type, before.issued_at, before.expires_at, before.status = 'suspended')
  ));
  return null;
end
$$;
comment on function portal.enqueue_after_change_of_certifications() is
  'Type, dates and suspension concern the portal; that a date has passed it knows.';

create or replace function portal.enqueue_after_unlisting()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  -- A lease that had run out ended at that instant, not by being tidied away.
  perform portal.enqueue_sync(array(
    select gone.peer_mentor_id from old_rows as gone where gone.listed_until > now()
  ));
  return null;
end
$$;
comment on function portal.enqueue_after_unlisting() is 'Whoever leaves the list before the lease ends concerns the portal.';

create or replace function portal.enqueue_after_change_of_peer_mentors()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform portal.enqueue_sync(array(
    select after.id
    from new_rows as after
    join old_rows as before on before.id = after.id
    where after.external_id <> before.external_id
      or after.erased_at is distinct from before.erased_at
  ));
  return null;
end
$$;
comment on function portal.enqueue_after_change_of_peer_mentors() is
  'The number and the erasure concern the portal; a consent does by the listing that it gives.';

create or replace function portal.enqueue_after_change_of_types()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform portal.enqueue_sync(array(
    select mentor.id from public.peer_mentors as mentor
    where mentor.organisation_id in (
      select after.organisation_id
      from new_rows as after
      join old_rows as before on before.id = after.id
      where after.required_for_listing <> before.required_for_listing
    )
  ));
  return null;
end
$$;
comment on function portal.enqueue_after_change_of_types() is 'What is required decides who counts as certified, in the whole organisation.';

create or replace function portal.enqueue_after_insert_of_types()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform portal.enqueue_sync(array(
    select mentor.id from public.peer_mentors as mentor
    where mentor.organisation_id in (
      select added.organisation_id from new_rows as added where added.required_for_listing
    )
  ));
  return null;
end
$$;
comment on function portal.enqueue_after_insert_of_types() is 'A new type that is required leaves nobody certified.';

-- By their names they come after refresh_listing_on_…, whose result they read. Until when somebody is listed follows from
-- certifications and types; that somebody is listed, from the consent too.
create or replace trigger sync_portal_on_insert
after insert on public.peer_mentors
referencing new table as new_rows
for each statement execute function portal.enqueue_after_insert_of_peer_mentors();

create or replace trigger sync_portal_on_insert
after insert on public.peer_mentor_certifications
referencing new table as new_rows
for each statement execute function portal.enqueue_after_insert();

create or replace trigger sync_portal_on_insert
after insert on public.listed_peer_mentors
referencing new table as new_rows
for each statement execute function portal.enqueue_after_insert();

create or replace trigger sync_portal_on_update
after update on public.peer_mentors
referencing new table as new_rows old table as old_rows
for each statement execute function portal.enqueue_after_change_of_peer_mentors();

create or replace trigger sync_portal_on_update
after update on public.peer_mentor_certifications
referencing new table as new_rows old table as old_rows
for each statement execute function portal.enqueue_after_change_of_certifications();

create or replace trigger sync_portal_on_delete
after delete on public.listed_peer_mentors
referencing old table as old_rows
for each statement execute function portal.enqueue_after_unlisting();

create or replace trigger sync_portal_on_insert
after insert on public.certification_types
referencing new table as new_rows
for each statement execute function portal.enqueue_after_insert_of_types();

create or replace trigger sync_portal_on_update
after update on public.certification_types
referencing new table as new_rows old table as old_rows
for each statement execute function portal.enqueue_after_change_of_types();

-- Whoever was in the registry before the portal was.
insert into portal.states (peer_mentor_id, organisation_id)
select mentor.id, mentor.organisation_id from public.peer_mentors as mentor
on conflict on constraint states_pkey do nothing;

revoke execute on function
  portal.desired_content(uuid[], timestamptz), portal.enqueue_sync(uuid[]), portal.enqueue_after_insert(),
  portal.enqueue_after_insert_of_peer_mentors(),
  portal.enqueue_after_change_of_certifications(), portal.enqueue_after_unlisting(),
  portal.enqueue_after_change_of_peer_mentors(), portal.enqueue_after_change_of_types(), portal.enqueue_after_insert_of_types()
from public, anon, authenticated, service_role;
