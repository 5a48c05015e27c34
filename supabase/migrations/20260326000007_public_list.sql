-- The public list: who may be shown today, kept in the transaction of each change, and lapsing by itself.

create table if not exists public.listed_peer_mentors (
  peer_mentor_id uuid not null,
  organisation_id uuid not null,
  organisation_slug text not null,
  display_name text not null,
  chapters text[] not null,
  listed_until timestamptz not null,
  constraint listed_peer_mentors_pkey primary key (peer_mentor_id),
  constraint listed_peer_mentors_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id)
);
create index if not exists listed_peer_mentors_organisation_slug_idx
on public.listed_peer_mentors (organisation_slug, display_name);
create index if not exists listed_peer_mentors_organisation_id_idx
on public.listed_peer_mentors (organisation_id, peer_mentor_id);
alter table public.listed_peer_mentors enable row level security;
revoke all on public.listed_peer_mentors from anon, authenticated, service_role;
grant select on public.listed_peer_mentors to anon, authenticated, service_role;
comment on table public.listed_peer_mentors is
  'Peer mentors whom the public may see, and all that it may see of them; written by trigger only.';
comment on column public.listed_peer_mentors.listed_until is
  'The lease: the first instant at which a required certification no longer holds; the end of 9999 where none ends, since not every client reads infinity.';

drop policy if exists "everybody reads entries whose lease runs" on public.listed_peer_mentors;
create policy "everybody reads entries whose lease runs"
on public.listed_peer_mentors for select to anon, authenticated
using (listed_until > now());
comment on policy "everybody reads entries whose lease runs" on public.listed_peer_mentors is
  'Fails closed: if every job is dead, an entry still ends on time.';

drop policy if exists "the endpoint public_list is switched on" on public.listed_peer_mentors;
create policy "the endpoint public_list is switched on"
on public.listed_peer_mentors as restrictive to anon, authenticated
using ((select mentorcert_private.check_endpoint('public_list')));
comment on policy "the endpoint public_list is switched on" on public.listed_peer_mentors is
  'Raises MC010 while it is off.';

create or replace function mentorcert_private.derived_listing(peer_mentor_ids uuid[])
returns setof public.listed_peer_mentors
language sql
stable
rows 1000
set search_path = ''
as $$
  select
    mentor.id, mentor.organisation_id, organisation.slug,
    coalesce(mentor.display_name, mentor.full_name),
    array(
      select chapter.name from mentorcert.chapters as chapter
      where chapter.id = any(mentor.chapter_ids)
      order by chapter.name
    ),
    held.listed_until
  from mentorcert.peer_mentors as mentor
  join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
  -- Peer mentor by peer mentor and type by type, by the unique index: so it takes the same way without statistics.
  cross join lateral (
    select
      count(*) as required, count(certification.id) as held,
      coalesce(min(certification.expires_at), '9999-12-31 00:00Z') as listed_until
    from mentorcert.certification_types as type
    left join public.peer_mentor_certifications as certification
      on certification.organisation_id = type.organisation_id
      and certification.peer_mentor_id = mentor.id
      and certification.certification_type = type.code
      and certification.status = 'active'
      and (certification.expires_at is null or certification.expires_at > now())
    where type.organisation_id = mentor.organisation_id and type.required_for_listing
  ) as held
  where
    mentor.listing_consent
    and held.required > 0
    and held.required = held.held
    -- A join, where = any would compare each row with each id.
    and mentor.id in (
      select unnest(derived_listing.peer_mentor_ids)
      union all
      select everybody.id from mentorcert.peer_mentors as everybody where derived_listing.peer_mentor_ids is null
    )
$$;
comment on function mentorcert_private.derived_listing(uuid[]) is
  'What the public list should say of these peer mentors (null: of all): those who consent and hold every required type, active. An organisation that requires nothing lists nobody.';

create or replace function mentorcert_private.refresh_listing(peer_mentor_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if cardinality(peer_mentor_ids) = 0 then
    return;
  end if;
  -- The locks below make a transaction wait, but a snapshot taken before would still be read from.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'the public list is kept in read committed transactions only',
      hint = 'Leave the isolation level at its default for changes of consents, names, chapters, types and certifications.';
  end if;
  -- Two transactions that change a consent and a certification would each miss the other's half: one at a time.
  perform 1 from mentorcert.peer_mentors as mentor
  where mentor.id in (select unnest(peer_mentor_ids))
  order by mentor.id
  for no key update of mentor;

  with derived as materialized (
    select * from mentorcert_private.derived_listing(peer_mentor_ids)
  ),
  written as (
    insert into public.listed_peer_mentors as listed
    select * from derived
    on conflict (peer_mentor_id) do update set
      display_name = excluded.display_name, chapters = excluded.chapters, listed_until = excluded.listed_until
    where (listed.display_name, listed.chapters, listed.listed_until)
      is distinct from (excluded.display_name, excluded.chapters, excluded.listed_until)
  )
  delete from public.listed_peer_mentors as listed
  where listed.peer_mentor_id in (select unnest(peer_mentor_ids))
    and listed.peer_mentor_id not in (select derived.peer_mentor_id from derived);
end
$$;
comment on function mentorcert_private.refresh_listing(uuid[]) is 'Makes the public list say of these peer mentors what the rules derive.';

create or replace function mentorcert_private.refresh_listing_of_certifications()
returns trigger
language plpgsql
security definer -- the list is no client's to write
set search_path = ''
as $$
begin
  -- A lease that has run out needs no lock: a renewal meanwhile writes a later one, which this leaves alone.
  delete from public.listed_peer_mentors as listed
  using changed_rows as changed
  where listed.peer_mentor_id = changed.peer_mentor_id and listed.listed_until <= now();

  -- Against a type that becomes required meanwhile, which does not see the peer mentors that are new here.
  perform 1 from mentorcert.organisations as organisation
  where organisation.id in (select changed.organisation_id from changed_rows as changed)
  order by organisation.id
  for share of organisation;

  perform mentorcert_private.refresh_listing(array(
    select distinct changed.peer_mentor_id
    from changed_rows as changed
    left join public.listed_peer_mentors as listed on listed.peer_mentor_id = changed.peer_mentor_id
    where
      -- Who expired by date and is not listed needs no lock either: a consent given meanwhile gets no later lease.
      (listed.peer_mentor_id is not null or changed.renewal_history #>> '{-1,kind}' is distinct from 'expired')
      and (
        changed.renewal_history #> '{-1,before}' ? 'certification_type' -- it was of another type, perhaps a required one
        or exists (
          select from mentorcert.certification_types as type
          where
            type.organisation_id = changed.organisation_id
            and type.code = changed.certification_type
            and type.required_for_listing
        )
      )
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_certifications() is
  'After a change of certifications of required types: refreshes their peer mentors, but for what only expired, which the lease covers.';

create or replace trigger refresh_listing_on_insert
after insert on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.refresh_listing_of_certifications();

create or replace trigger refresh_listing_on_update
after update on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.refresh_listing_of_certifications();

create or replace function mentorcert_private.refresh_listing_of_peer_mentors()
returns trigger
language plpgsql
security definer -- the list is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.refresh_listing(array(
    select after.id
    from new_rows as after
    join old_rows as before on before.id = after.id
    where (after.listing_consent, after.display_name, after.full_name, after.chapter_ids)
      is distinct from (before.listing_consent, before.display_name, before.full_name, before.chapter_ids)
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_peer_mentors() is 'After a change of consent, name or chapters.';

create or replace trigger refresh_listing_on_update
after update on mentorcert.peer_mentors
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_private.refresh_listing_of_peer_mentors();

create or replace function mentorcert_private.refresh_listing_of_chapters()
returns trigger
language plpgsql
security definer -- the list is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.refresh_listing(array(
    select distinct link.peer_mentor_id
    from new_rows as after
    join old_rows as before on before.id = after.id and before.name <> after.name
    join mentorcert.peer_mentor_chapters as link on link.chapter_id = after.id and link.ended_at is null
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_chapters() is 'After a chapter is renamed.';

create or replace trigger refresh_listing_on_update
after update on mentorcert.chapters
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_private.refresh_listing_of_chapters();

create or replace function mentorcert_private.refresh_listing_of_types()
returns trigger
language plpgsql
security definer -- the list is no client's to write
set search_path = ''
as $$
begin
  perform 1 from mentorcert.organisations as organisation
  where organisation.id in (select after.organisation_id from new_rows as after)
  order by organisation.id
  for no key update of organisation;

  perform mentorcert_private.refresh_listing(array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.organisation_id in (select after.organisation_id from new_rows as after)
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_types() is 'After a type is added or changed: what is required may have changed for everybody.';

create or replace trigger refresh_listing_on_insert
after insert on mentorcert.certification_types
referencing new table as new_rows
for each statement execute function mentorcert_private.refresh_listing_of_types();

create or replace trigger refresh_listing_on_update
after update on mentorcert.certification_types
referencing new table as new_rows
for each statement execute function mentorcert_private.refresh_listing_of_types();

-- What stands above the public list of an organisation: its name, and by which chapters one can search.

create or replace function public.public_organisation(slug text)
returns table (name text, chapters text[])
language sql
stable
security definer -- the caller is no member; returns names that are on the public page anyway
set search_path = ''
as $$
  select
    organisation.name,
    array(
      select chapter.name from mentorcert.chapters as chapter
      where chapter.organisation_id = organisation.id and exists (
        -- From the chapter, not from the list: that ends with the first one found, however long the list is.
        select from mentorcert.peer_mentor_chapters as link
        join public.listed_peer_mentors as listed on listed.peer_mentor_id = link.peer_mentor_id
        where link.chapter_id = chapter.id and link.ended_at is null and listed.listed_until > now()
      )
      group by chapter.name
      order by chapter.name
    )
  from mentorcert.organisations as organisation
  where mentorcert_private.check_endpoint('public_list') and mentorcert_private.check_endpoint('organisations')
    and organisation.slug = public_organisation.slug
$$;
comment on function public.public_organisation(text) is
  'The name of an organisation, and the names of the chapters in which somebody is on the public list now; no row for an unknown slug.';

-- The public check of one certificate: valid today or not, and nothing more.
--
-- The code is the certification's id: 122 random bits that no client chooses and no public page shows; who has it learns one bit.

create or replace function public.check_certificate(code uuid)
returns boolean
language plpgsql
stable
security definer -- everyone with a certificate in hand may ask, and reads no row of the table
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('certifications');
  return exists (
    select from public.peer_mentor_certifications as certification
    join mentorcert.peer_mentors as mentor
      on mentor.organisation_id = certification.organisation_id and mentor.id = certification.peer_mentor_id
    where certification.id = check_certificate.code
      and mentor.erased_at is null
      and certification.issued_at <= now()
      and mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) = 'active'
  );
end
$$;
comment on function public.check_certificate(uuid) is
  'Whether the certificate with this code (the certification''s id) is valid now, by its dates: false alike for one that is unknown, expired, suspended or of somebody erased.';

revoke execute on function
  mentorcert_private.derived_listing, mentorcert_private.refresh_listing, mentorcert_private.refresh_listing_of_certifications,
  mentorcert_private.refresh_listing_of_peer_mentors, mentorcert_private.refresh_listing_of_chapters, mentorcert_private.refresh_listing_of_types,
  public.public_organisation, public.check_certificate
from public, anon, authenticated, service_role;
grant execute on function public.public_organisation, public.check_certificate to anon, authenticated, service_role;
