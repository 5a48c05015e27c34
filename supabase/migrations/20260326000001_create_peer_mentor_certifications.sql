-- The certifications themselves: one row for each peer mentor and certification type, who reads and writes it, and its computed columns.

-- renewal_history: a JSONB array, oldest entry first, one entry for each change. It is written by the
-- trigger record_change. The keys of an entry of version 1 (the last five stand only where they say something):
--
--   schema_version  1
--   entry_id        uuid
--   kind            issued | renewed | extended | expired | suspended | reinstated | corrected | reverted | imported
--   recorded_at     when the registry learned of the change (ISO 8601)
--   effective_at    from when the change holds (ISO 8601)
--   actor           {"user_id": uuid or null, "role": text} or {"job": text}
--   before, after   what changed, of certification_type, issued_at, expires_at, status;
--                   the first entry has no before, and all four in after
--   note            the reason given
--   evidence        {"seen": what, "seen_on": date, "seen_by": whom}; never a file
--   batch_id        uuid shared by the entries of one extension
--   reverts         entry_id of the entry that this one takes back
--   counted_from    end | renewal: from which day the type's rule was counted, where it has early_renewal_days
--
-- Entries come in at the end and never change: so the CHECK looks at the newest, and for what every version has.
-- The rest is in docs/history.md.

create table if not exists public.peer_mentor_certifications (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null default public.get_user_organisation_id(),
  peer_mentor_id uuid not null,
  certification_type text not null,
  issued_at timestamptz not null,
  expires_at timestamptz,
  status text not null default 'active',
  renewal_history jsonb not null default '[]',
  chapter_ids uuid[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint peer_mentor_certifications_pkey primary key (id),
  -- The organisation comes first: a duplicate can then only be met in the caller's own organisation.
  constraint peer_mentor_certifications_one_of_a_type unique (organisation_id, peer_mentor_id, certification_type),
  constraint peer_mentor_certifications_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_certifications_certification_type_fkey foreign key (organisation_id, certification_type)
    references mentorcert.certification_types (organisation_id, code),
  constraint peer_mentor_certifications_status_valid check (status in ('active', 'expired', 'suspended')),
  constraint peer_mentor_certifications_renewal_history_valid check (
    jsonb_typeof(renewal_history) = 'array'
    and (
      renewal_history = '[]'
      or renewal_history -> -1 ?& array[
        'schema_version', 'entry_id', 'kind', 'recorded_at', 'effective_at', 'actor', 'after'
      ]
    )
  )
) with (fillfactor = 80);
-- Every role shares one plan: an index that begins with expires_at would tempt the planner to walk it.
create index if not exists peer_mentor_certifications_peer_mentor_id_idx
on public.peer_mentor_certifications (peer_mentor_id, organisation_id, expires_at);
create index if not exists peer_mentor_certifications_expires_at_idx
on public.peer_mentor_certifications (organisation_id, expires_at, id);
create index if not exists peer_mentor_certifications_due_idx
on public.peer_mentor_certifications (organisation_id, expires_at) where status = 'active';
-- What is due in any organisation: for the nightly run alone, since no client's condition on the status is this one.
create index if not exists peer_mentor_certifications_ends_idx
on public.peer_mentor_certifications (expires_at) where lower(status) = 'active';
create index if not exists peer_mentor_certifications_chapter_ids_idx
on public.peer_mentor_certifications using gin (chapter_ids);
do $$
begin
  alter table public.peer_mentor_certifications alter column renewal_history set compression lz4;
exception when feature_not_supported then
  null; -- a server built without lz4 keeps pglz
end
$$;
alter table public.peer_mentor_certifications enable row level security;
revoke all on public.peer_mentor_certifications from anon, authenticated, service_role;
grant
  select,
  insert (peer_mentor_id, certification_type, issued_at, expires_at),
  update (certification_type, issued_at, expires_at, status)
on public.peer_mentor_certifications to authenticated;
grant
  select,
  insert,
  update (certification_type, issued_at, expires_at, status)
on public.peer_mentor_certifications to service_role;
comment on table public.peer_mentor_certifications is
  'What a peer mentor is certified for, from when, until when, and how it came to be so.';
comment on column public.peer_mentor_certifications.id is 'Key of the certification; it outlives every renewal.';
comment on column public.peer_mentor_certifications.organisation_id is
  'The organisation of the peer mentor: a composite foreign key keeps the two the same. Never changes.';
comment on column public.peer_mentor_certifications.peer_mentor_id is 'Who is certified. Changes only where two rows of one person are merged, or that is undone.';
comment on column public.peer_mentor_certifications.certification_type is 'Code of the certification type.';
comment on column public.peer_mentor_certifications.issued_at is
  'The midnight, in the organisation''s time zone, that begins the day of issue or of the latest renewal.';
comment on column public.peer_mentor_certifications.expires_at is
  'The first instant at which the certification no longer holds: the local midnight that ends the last valid day. Null: does not expire.';
comment on column public.peer_mentor_certifications.status is
  'active, expired or suspended, as of the latest change or nightly run; current_status() returns what is true now.';
comment on column public.peer_mentor_certifications.renewal_history is
  'Every change, oldest first, appended by trigger only; the shape stands in this migration and in docs/history.md.';
comment on column public.peer_mentor_certifications.chapter_ids is
  'The peer mentor''s current chapters, copied by trigger so that policies need no join.';
comment on column public.peer_mentor_certifications.created_at is 'When the row was made.';
comment on column public.peer_mentor_certifications.updated_at is 'When the row was last updated.';
comment on constraint peer_mentor_certifications_renewal_history_valid on public.peer_mentor_certifications is
  'The newest entry has what entries of every schema_version have in common; the others were the newest once.';

drop policy if exists "members read certifications of their organisation" on public.peer_mentor_certifications;
create policy "members read certifications of their organisation"
on public.peer_mentor_certifications for select to authenticated
using (organisation_id operator(mentorcert_private.===) (select public.get_user_organisation_id()));
comment on policy "members read certifications of their organisation" on public.peer_mentor_certifications is
  'Those within reach, as the restrictive policy says.';

drop policy if exists "certifications are within reach and switched on" on public.peer_mentor_certifications;
create policy "certifications are within reach and switched on"
on public.peer_mentor_certifications as restrictive to anon, authenticated
using (
  (select mentorcert_private.check_endpoint('certifications'))
  and peer_mentor_id <> all((select mentorcert_private.absent_peer_mentor_ids(with_left => true))::uuid[])
  and (
    -- As a range, for whose bounds the planner has a guess of its own: as = it would be the whole table where there is one organisation.
    organisation_id between (select mentorcert_private.administered_organisation_id())
      and (select mentorcert_private.administered_organisation_id())
    or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
    and peer_mentor_id <> all((select mentorcert_private.left_peer_mentor_ids())::uuid[])
    or peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
  )
);
comment on policy "certifications are within reach and switched on" on public.peer_mentor_certifications is
  'Holds whatever else lets in; those of the erased, and what a merge has replaced, are in nobody''s reach. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';

drop policy if exists "coordinators and administrators register certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators register certifications"
on public.peer_mentor_certifications for insert to authenticated
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
  and peer_mentor_id <> all((select mentorcert_private.left_peer_mentor_ids())::uuid[])
);
comment on policy "coordinators and administrators register certifications" on public.peer_mentor_certifications is
  'Of peer mentors in a coordinated chapter, or in the organisation.';

drop policy if exists "coordinators and administrators change certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators change certifications"
on public.peer_mentor_certifications for update to authenticated
using (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
  and peer_mentor_id <> all((select mentorcert_private.left_peer_mentor_ids())::uuid[])
)
with check (
  organisation_id = (select mentorcert_private.administered_organisation_id())
  or chapter_ids && (select mentorcert_private.coordinated_chapter_ids())
  and peer_mentor_id <> all((select mentorcert_private.left_peer_mentor_ids())::uuid[])
);
comment on policy "coordinators and administrators change certifications" on public.peer_mentor_certifications is
  'The trigger record_change says which change is whose.';

create or replace function public.current_status(certification public.peer_mentor_certifications)
returns text
language sql
stable
set search_path = ''
as $$ select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) $$;
comment on function public.current_status(public.peer_mentor_certifications) is
  'What the status truly is now, also after a missed nightly run; a computed column of the Data API.';

-- An instant is shown by the clock of a phone, and there the midnight that ends the last valid day may be another day.
create or replace function public.last_valid_day(certification public.peer_mentor_certifications)
returns date
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.day_of(certification.expires_at, organisation.time_zone) - 1
  from mentorcert.organisations as organisation
  where organisation.id = certification.organisation_id
$$;
comment on function public.last_valid_day(public.peer_mentor_certifications) is
  'The last day on which the certification holds, in the organisation''s time zone; null where it does not expire. A computed column of the Data API.';

create or replace function mentorcert_private.time_zone_of(organisation_id uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select organisation.time_zone from mentorcert.organisations as organisation where organisation.id = organisation_id
$$;
comment on function mentorcert_private.time_zone_of(uuid) is 'The time zone of an organisation.';

-- The Data API embeds within one schema: asked here, a certification comes with its peer mentor, type and events. Writes go to
-- the table itself.
create or replace view mentorcert.peer_mentor_certifications
with (security_invoker = true)
as
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, certification.status, certification.renewal_history,
  certification.chapter_ids, certification.created_at, certification.updated_at,
  mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) as current_status,
  case
    -- The time zone of the caller's organisation is asked for once, and of others (the service key's) by row.
    when certification.organisation_id = (select public.get_user_organisation_id())
      then mentorcert_private.day_of(
        certification.expires_at, (select mentorcert_private.time_zone_of((select public.get_user_organisation_id())))
      ) - 1
    else public.last_valid_day(certification)
  end as last_valid_day
from public.peer_mentor_certifications as certification;
comment on view mentorcert.peer_mentor_certifications is
  'The certifications that the caller reads, to embed the tables of this schema in; with the rights and under the policies of the caller.';
revoke all on mentorcert.peer_mentor_certifications from anon, authenticated, service_role;
grant select on mentorcert.peer_mentor_certifications to authenticated, service_role;

create or replace trigger keep_identity
before update of id, organisation_id, created_at on public.peer_mentor_certifications
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'created_at');

-- The nightly run sets it itself, and is spared hundreds of thousands of calls.
create or replace trigger set_updated_at
before update on public.peer_mentor_certifications
for each row when (new.updated_at is distinct from now()) execute function mentorcert_private.set_updated_at();

create or replace trigger keep_chapter_ids
before update of chapter_ids on public.peer_mentor_certifications
for each row execute function mentorcert_private.reject_other_chapters('peer_mentor_id');

-- A removed row would take its history along.
create or replace trigger reject_removal
before delete or truncate on public.peer_mentor_certifications
for each statement execute function mentorcert_private.reject_change(
  'certification_history_append_only', 'Suspend the certification, or end the membership, instead.'
);

revoke execute on function
  public.current_status, public.last_valid_day, mentorcert_private.time_zone_of
from public, anon, authenticated, service_role;
grant execute on function
  public.current_status, public.last_valid_day, mentorcert_private.time_zone_of
to authenticated, service_role;
