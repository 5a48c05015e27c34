-- The certifications themselves: one row for each peer mentor and certification type.

-- renewal_history: a JSONB array, oldest entry first, one entry for each change. It is written by the
-- trigger record_change. The keys of an entry of version 1 (the last four stand only where they say something):
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
--
-- Entries come in at the end and never change: so the CHECK looks at the newest, and for what every version has.
-- docs/history.md tells the rest.

create table if not exists public.peer_mentor_certifications (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
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
    references public.peer_mentors (organisation_id, id),
  constraint peer_mentor_certifications_certification_type_fkey foreign key (organisation_id, certification_type)
    references public.certification_types (organisation_id, code),
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
create index if not exists peer_mentor_certifications_chapter_ids_idx
on public.peer_mentor_certifications using gin (chapter_ids);

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

do $$
begin
  alter table public.peer_mentor_certifications alter column renewal_history set compression lz4;
exception when feature_not_supported then
  null; -- a server built without lz4 keeps pglz
end
$$;

create or replace trigger keep_identity
before update of id, organisation_id, peer_mentor_id, created_at on public.peer_mentor_certifications
for each row execute function private.reject_change_of_column('id', 'organisation_id', 'peer_mentor_id', 'created_at');

-- The nightly run sets it itself, and is spared hundreds of thousands of calls.
create or replace trigger set_updated_at
before update on public.peer_mentor_certifications
for each row when (new.updated_at is distinct from now()) execute function private.set_updated_at();

create or replace function private.reject_removal()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC005',
    message = format('rows of %s are never removed', tg_table_name),
    hint = 'Suspend the certification, or end the membership, instead.',
    schema = tg_table_schema, table = tg_table_name, constraint = 'certification_history_append_only';
end
$$;
comment on function private.reject_removal() is 'Refuses (MC005) DELETE and TRUNCATE: a removed row takes its history along.';

create or replace trigger reject_removal
before delete or truncate on public.peer_mentor_certifications
for each statement execute function private.reject_removal();

comment on table public.peer_mentor_certifications is
  'What a peer mentor is certified for, from when, until when, and how it came to be so.';
comment on column public.peer_mentor_certifications.id is 'Key of the certification; it outlives every renewal.';
comment on column public.peer_mentor_certifications.organisation_id is
  'The organisation of the peer mentor: a composite foreign key keeps the two the same. Never changes.';
comment on column public.peer_mentor_certifications.peer_mentor_id is 'Who is certified. Never changes.';
comment on column public.peer_mentor_certifications.certification_type is 'Code of the certification type.';
comment on column public.peer_mentor_certifications.issued_at is
  'The midnight, in the organisation''s time zone, that begins the day of issue or of the latest renewal.';
comment on column public.peer_mentor_certifications.expires_at is
  'The first instant at which the certification no longer holds: the local midnight that ends the last valid day. Null: does not expire.';
comment on column public.peer_mentor_certifications.status is
  'active, expired or suspended, as of the latest change or nightly run; current_status() tells what is true now.';
comment on column public.peer_mentor_certifications.renewal_history is
  'Every change, oldest first, appended by trigger only; the shape stands in this migration and in docs/history.md.';
comment on column public.peer_mentor_certifications.chapter_ids is
  'The peer mentor''s chapters of now, copied by trigger so that policies need no join.';
comment on column public.peer_mentor_certifications.created_at is 'When the row was made.';
comment on column public.peer_mentor_certifications.updated_at is 'When the row was last updated.';
comment on constraint peer_mentor_certifications_renewal_history_valid on public.peer_mentor_certifications is
  'The newest entry has what entries of every schema_version have in common; the others were the newest once.';
