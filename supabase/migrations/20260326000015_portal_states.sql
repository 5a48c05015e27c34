-- The state of each peer mentor at the portal: what was sent and confirmed, which changes concern it, what it should show.

create table if not exists mentorcert_portal.states (
  peer_mentor_id uuid not null,
  organisation_id uuid not null,
  state text not null default 'pending',
  version bigint not null default 1,
  epoch integer not null default 0,
  content jsonb,
  content_until timestamptz,
  effective_at timestamptz,
  sent_version bigint,
  confirmed_version bigint,
  confirmed jsonb,
  confirmed_at timestamptz,
  shown boolean,
  removal_due_at timestamptz default now(),
  sent_external_id text,
  former_external_ids text[] not null default '{}',
  is_removal boolean not null default true,
  attempts integer not null default 0,
  next_attempt_at timestamptz default now(),
  attempted_at timestamptz,
  failing_since timestamptz,
  error_class text,
  error text,
  lease_token uuid,
  lease_until timestamptz,
  first_dirty_at timestamptz default now(),
  changed_at timestamptz not null default now(),
  constraint states_pkey primary key (peer_mentor_id),
  constraint states_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint states_state_valid check (state in ('pending', 'retry', 'held', 'dead', 'in_sync')),
  constraint states_version_valid check (version > 0 and confirmed_version <= version and sent_version <= version),
  constraint states_version_exact check (version < 9007199254740992),
  constraint states_epoch_valid check (epoch >= 0),
  constraint states_lease_valid check ((lease_token is null) = (lease_until is null)),
  constraint states_in_sync_valid check (state <> 'in_sync' or confirmed_version is not null and first_dirty_at is null)
) with (fillfactor = 80);
create index if not exists states_due_removals_idx
on mentorcert_portal.states (organisation_id, next_attempt_at) where is_removal;
create index if not exists states_due_idx
on mentorcert_portal.states (organisation_id, next_attempt_at) where not is_removal;
create index if not exists states_late_removals_idx
on mentorcert_portal.states (next_attempt_at) where is_removal and state in ('pending', 'retry');
create index if not exists states_removal_due_idx
on mentorcert_portal.states (removal_due_at) where shown;
create index if not exists states_unsent_removal_idx
on mentorcert_portal.states (organisation_id, removal_due_at) where shown is null;
create index if not exists states_dirty_idx
on mentorcert_portal.states (organisation_id, first_dirty_at) where not is_removal and first_dirty_at is not null;
create index if not exists states_failing_idx
on mentorcert_portal.states (organisation_id, error_class, state) where error_class is not null;
create index if not exists states_unconfirmed_idx
on mentorcert_portal.states (organisation_id, attempted_at) where state <> 'in_sync';
alter table mentorcert_portal.states enable row level security;
revoke all on mentorcert_portal.states from public, anon, authenticated, service_role;
grant select (
  peer_mentor_id, organisation_id, state, version, content, content_until, confirmed_version, confirmed_at, shown, is_removal,
  removal_due_at, attempts, next_attempt_at, attempted_at, error_class, error, first_dirty_at, changed_at
) on mentorcert_portal.states to authenticated;
comment on table mentorcert_portal.states is
  'One row for each peer mentor: which version of what the registry says the portal has confirmed, and when it is sent next.';
comment on column mentorcert_portal.states.state is
  'pending: to be sent; retry: sent without success; held: listed, and a person decides first, as after a restore; dead: given up until the next change; in_sync: confirmed. In mentorcert_portal.state_overview held is also what the mode keeps back.';
comment on column mentorcert_portal.states.version is
  'Rises with every change, under the lock of this row; one version never stands for two contents. Below 2^53: what every JSON reader holds exactly.';
comment on column mentorcert_portal.states.epoch is
  'The epoch of the latest claim; a version is newer than all of lower epochs. It rises with every restore of the registry.';
comment on column mentorcert_portal.states.content is
  'What this version says, as derived when it was last claimed, without personal data; null after a change: not derived yet.';
comment on column mentorcert_portal.states.content_until is 'The first instant at which the calendar makes the content untrue; null: none does.';
comment on column mentorcert_portal.states.sent_version is 'The highest version that a worker has set out with.';
comment on column mentorcert_portal.states.confirmed is 'The content that the portal confirmed with confirmed_version; null: unknown, so it is sent whatever it is.';
comment on column mentorcert_portal.states.shown is 'Whether the portal may be showing the peer mentor: true as soon as that is sent, false once it confirms the opposite.';
comment on column mentorcert_portal.states.removal_due_at is
  'From this instant on the portal must not show the peer mentor; null: it has confirmed that it does not. Of a listed one, the end of the listing.';
comment on column mentorcert_portal.states.sent_external_id is
  'The number under which the portal last heard of the peer mentor, who may have lost it by erasure; gone once that is confirmed.';
comment on column mentorcert_portal.states.former_external_ids is
  'Other numbers under which the portal has heard of the peer mentor: where the number is its key, it must show nobody under them. Gone with a confirmed erasure.';
comment on column mentorcert_portal.states.is_removal is
  'Whether what comes next takes the peer mentor off the portal''s list: those go first, and are tried for ever. Of a row in sync, that its content ends by the calendar.';
comment on column mentorcert_portal.states.next_attempt_at is
  'When a worker looks next: at once after a change, after a pause when it failed, when the lease ends while it is out, when the content ends by the calendar while in sync.';
comment on column mentorcert_portal.states.failing_since is 'The first failure since the latest change.';
comment on column mentorcert_portal.states.lease_token is 'Which claim may acknowledge; a new one each time.';
comment on column mentorcert_portal.states.first_dirty_at is 'Since when the portal has been behind; null while in sync.';
comment on column mentorcert_portal.states.changed_at is 'The latest change in the registry that concerns the portal.';

create or replace function mentorcert_portal.set_removal_due_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.removal_due_at := case when new.shown is distinct from false then coalesce(
    (
      select listed.listed_until from public.listed_peer_mentors as listed
      where listed.peer_mentor_id = new.peer_mentor_id and listed.listed_until > now()
    ),
    least(old.removal_due_at, now())
  ) end;
  return new;
end
$$;
comment on function mentorcert_portal.set_removal_due_at() is
  'Derives from the public list when the portal must no longer show the peer mentor; a deadline that has passed stays as it is.';

-- With every change, claim and confirmation, so that whatever sets them can't forget it. Most peer mentors are not shown, and
-- have no deadline.
create or replace trigger set_removal_due_at
before update of version, shown on mentorcert_portal.states
for each row when (new.shown is distinct from false or new.removal_due_at is not null)
execute function mentorcert_portal.set_removal_due_at();

drop policy if exists "administrators read the states of their organisation" on mentorcert_portal.states;
create policy "administrators read the states of their organisation"
on mentorcert_portal.states for select to authenticated
using (organisation_id = (select mentorcert_private.administered_organisation_id()));
comment on policy "administrators read the states of their organisation" on mentorcert_portal.states is
  'For whom something is still to be sent to the own portal, and why it was not.';

-- Which changes concern the portal, and what it should say: derived by the calendar at the instant of sending.
--
-- That a date passes is no change here. The content is derived from dates and suspension, never from whether the
-- nightly run has come to a row, and each content knows until when it is true. So the removal of everybody who
-- expires at midnight is due at midnight, also where the nightly run is dead, and 300,000 of them cost it nothing.

create or replace function mentorcert_portal.desired_content(peer_mentor_ids uuid[], as_of timestamptz)
returns table (peer_mentor_id uuid, content jsonb, content_until timestamptz, effective_at timestamptz)
language sql
stable
rows 100
set search_path = ''
set timezone = 'UTC' -- instants in the content are text, and must be the same text in every session
as $$
  select
    state.peer_mentor_id,
    jsonb_build_object(
      -- An erased peer mentor has lost the number; the portal still knows it.
      'external_id', case when erased.is_so then coalesce(state.sent_external_id, mentor.external_id) else mentor.external_id end,
      'status', summary.status,
      'listed', shown.until is not null,
      -- 9999 is the lease of what has no end; the contract says null.
      'listed_until', nullif(shown.until, '9999-12-31 00:00Z'),
      'certifications', case when erased.is_so or merged.is_so then '[]' else held.certifications end
    ),
    case when not erased.is_so and not merged.is_so then least(held.next_end, shown.until) end,
    greatest(state.changed_at, held.latest_end)
  from unnest(desired_content.peer_mentor_ids) as wanted (id)
  join mentorcert_portal.states as state on state.peer_mentor_id = wanted.id
  join mentorcert.peer_mentors as mentor on mentor.id = wanted.id
  cross join lateral (select mentor.erased_at is not null as is_so) as erased
  -- Of somebody merged into another row the portal hears as of that one; what a merge has replaced is not sent.
  cross join lateral (select mentor.merged_into is not null as is_so) as merged
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
      select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, as_of) as status
    ) as standing
    where certification.organisation_id = mentor.organisation_id and certification.peer_mentor_id = mentor.id
  ) as held
  cross join lateral (
    select case
      when erased.is_so then 'erased'
      when merged.is_so or count(*) = 0 then 'uncertified'
      when count(*) = count(*) filter (where required.status = 'active') then 'certified'
      when bool_or(required.status = 'suspended') then 'suspended'
      when bool_or(required.status = 'expired') then 'expired'
      else 'uncertified'
    end as status
    from (
      select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, as_of) as status, certification.id
      from mentorcert.certification_types as type
      left join public.peer_mentor_certifications as certification
        on certification.organisation_id = type.organisation_id
        and certification.peer_mentor_id = mentor.id
        and certification.certification_type = type.code
      where type.organisation_id = mentor.organisation_id and type.required_for_listing and type.retired_on is null
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
comment on function mentorcert_portal.desired_content(uuid[], timestamptz) is
  'What the portal should say of these peer mentors at an instant, until when the calendar leaves it true, and since when it holds.';

create or replace function mentorcert_portal.enqueue_sync(peer_mentor_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if cardinality(peer_mentor_ids) = 0 then
    return;
  end if;
  insert into mentorcert_portal.states as state (peer_mentor_id, organisation_id)
  select mentor.id, mentor.organisation_id
  from mentorcert.peer_mentors as mentor
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
comment on function mentorcert_portal.enqueue_sync(uuid[]) is
  'Notes, under the lock of each row, that these peer mentors must be sent to the portal again.';

create or replace function mentorcert_portal.credible_version(version numeric)
returns bigint
language sql
immutable
set search_path = ''
as $$
  select case when credible_version.version between 0 and 4503599627370495 then credible_version.version::bigint end
$$;
comment on function mentorcert_portal.credible_version(numeric) is
  'A version that a portal names; null where ours, which must rise above it, would come near to 2^53.';

create or replace function mentorcert_portal.forget_portal(organisation_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  update mentorcert_portal.states as state
  set
    state = 'pending', confirmed = null, confirmed_version = null, confirmed_at = null, sent_version = null,
    sent_external_id = null, former_external_ids = '{}', shown = null, error_class = null, error = null,
    lease_token = null, lease_until = null
  where state.organisation_id = forget_portal.organisation_id;
  perform mentorcert_portal.enqueue_sync(array(
    select state.peer_mentor_id from mentorcert_portal.states as state where state.organisation_id = forget_portal.organisation_id
  ));
end
$$;
comment on function mentorcert_portal.forget_portal(uuid) is
  'Forgets what an organisation''s portal was sent and has confirmed: it has another one now, and everybody is sent again.';

create or replace function mentorcert_portal.learn_portal(
  organisation_id uuid, peer_mentor_ids uuid[], external_ids text[], versions bigint[], listings boolean[]
)
returns table (known integer, listed integer, unknown integer)
language sql
set search_path = ''
as $$
  with records as (
    select coalesce(by_id.id, by_number.id) as known, record.version, record.listed is distinct from false as is_listed
    from unnest(learn_portal.peer_mentor_ids, learn_portal.external_ids, learn_portal.versions, learn_portal.listings)
      as record (id, number, version, listed)
    left join mentorcert.peer_mentors as by_id
      on by_id.organisation_id = learn_portal.organisation_id and by_id.id = record.id
    left join mentorcert.peer_mentors as by_number
      on record.id is null and by_number.organisation_id = learn_portal.organisation_id and by_number.external_id = record.number
  ),
  mentors as (
    select records.known, max(records.version) as version, bool_or(records.is_listed) as is_listed
    from records where records.known is not null group by records.known
  ),
  learned as (
    update mentorcert_portal.states as state
    set
      shown = case when mentors.is_listed then true else state.shown end,
      version = greatest(state.version, mentorcert_portal.credible_version(mentors.version) + 1),
      content = null
    from mentors
    -- What was confirmed since is newer than what was read.
    where state.peer_mentor_id = mentors.known and state.confirmed_version is null
  )
  select
    (select count(*) from mentors)::integer, (select count(*) from mentors where mentors.is_listed)::integer,
    (select count(*) from records where records.known is null and records.is_listed)::integer
$$;
comment on function mentorcert_portal.learn_portal(uuid, uuid[], text[], bigint[], boolean[]) is
  'Notes whom a portal shows before anything is sent to it, given as columns: who must go is then removed first, and versions rise above its own. Returns how many of it are known here, how many of those listed, and how many others.';

create or replace function mentorcert_portal.enqueue_after_insert()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_portal.enqueue_sync(array(select distinct added.peer_mentor_id from new_rows as added));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_insert() is 'A new certification or listing concerns the portal.';

create or replace function mentorcert_portal.enqueue_after_insert_of_peer_mentors()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_portal.enqueue_sync(array(select added.id from new_rows as added));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_insert_of_peer_mentors() is 'A new peer mentor is sent to the portal, also where there is nothing to show.';

create or replace function mentorcert_portal.enqueue_after_change_of_certifications()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    -- Not as a join: a plan that was made for a few rows would compare each of many with each. Not active or expired: the
    -- calendar says that without us.
    select distinct changed.peer_mentor_id
    from (
      select after.id, after.peer_mentor_id, after.certification_type, after.issued_at, after.expires_at, after.status = 'suspended'
      from new_rows as after
      except
      select before.id, before.peer_mentor_id, before.certification_type, before.issued_at, before.expires_at, before.status = 'suspended'
      from old_rows as before
    ) as changed
  ));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_change_of_certifications() is
  'Type, dates and suspension concern the portal, and whose it is; that a date has passed it knows.';

create or replace function mentorcert_portal.enqueue_after_unlisting()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  -- A lease that had run out ended at that instant, not by being tidied away.
  perform mentorcert_portal.enqueue_sync(array(
    select gone.peer_mentor_id from old_rows as gone where gone.listed_until > now()
  ));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_unlisting() is 'A peer mentor who leaves the list before the lease ends concerns the portal.';

create or replace function mentorcert_portal.enqueue_after_change_of_peer_mentors()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select changed.id
    from (
      select after.id, after.external_id, after.erased_at, after.left_on, after.merged_into from new_rows as after
      except
      select before.id, before.external_id, before.erased_at, before.left_on, before.merged_into from old_rows as before
    ) as changed
  ));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_change_of_peer_mentors() is
  'The number, the erasure, a merge and the day of leaving concern the portal; a consent does by the listing that it gives.';

create or replace function mentorcert_portal.enqueue_after_change_of_types()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.organisation_id in (
      select after.organisation_id
      from new_rows as after
      join old_rows as before on before.id = after.id
      where (after.required_for_listing, after.retired_on) is distinct from (before.required_for_listing, before.retired_on)
    )
  ));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_change_of_types() is 'What is required decides who counts as certified, in the whole organisation.';

create or replace function mentorcert_portal.enqueue_after_insert_of_types()
returns trigger
language plpgsql
security definer -- the portal's state is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.organisation_id in (
      select added.organisation_id from new_rows as added where added.required_for_listing
    )
  ));
  return null;
end
$$;
comment on function mentorcert_portal.enqueue_after_insert_of_types() is 'A new type that is required leaves nobody certified.';

-- By their names they come after refresh_listing_on_…, whose result they read. Until when somebody is listed follows from
-- certifications and types; that somebody is listed, from the consent too.
create or replace trigger sync_portal_on_insert
after insert on mentorcert.peer_mentors
referencing new table as new_rows
for each statement execute function mentorcert_portal.enqueue_after_insert_of_peer_mentors();

create or replace trigger sync_portal_on_insert
after insert on public.peer_mentor_certifications
referencing new table as new_rows
for each statement execute function mentorcert_portal.enqueue_after_insert();

create or replace trigger sync_portal_on_insert
after insert on public.listed_peer_mentors
referencing new table as new_rows
for each statement execute function mentorcert_portal.enqueue_after_insert();

create or replace trigger sync_portal_on_update
after update on mentorcert.peer_mentors
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_portal.enqueue_after_change_of_peer_mentors();

create or replace trigger sync_portal_on_update
after update on public.peer_mentor_certifications
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_portal.enqueue_after_change_of_certifications();

create or replace trigger sync_portal_on_delete
after delete on public.listed_peer_mentors
referencing old table as old_rows
for each statement execute function mentorcert_portal.enqueue_after_unlisting();

create or replace trigger sync_portal_on_insert
after insert on mentorcert.certification_types
referencing new table as new_rows
for each statement execute function mentorcert_portal.enqueue_after_insert_of_types();

create or replace trigger sync_portal_on_update
after update on mentorcert.certification_types
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_portal.enqueue_after_change_of_types();

revoke execute on function
  mentorcert_portal.set_removal_due_at, mentorcert_portal.desired_content, mentorcert_portal.enqueue_sync, mentorcert_portal.credible_version,
  mentorcert_portal.forget_portal, mentorcert_portal.learn_portal, mentorcert_portal.enqueue_after_insert, mentorcert_portal.enqueue_after_insert_of_peer_mentors,
  mentorcert_portal.enqueue_after_change_of_certifications, mentorcert_portal.enqueue_after_unlisting, mentorcert_portal.enqueue_after_change_of_peer_mentors,
  mentorcert_portal.enqueue_after_change_of_types, mentorcert_portal.enqueue_after_insert_of_types
from public, anon, authenticated, service_role;
