-- The public list: who may be shown today, kept in the transaction of each change, and lapsing by itself.

create table if not exists public.listed_peer_mentors (
  peer_mentor_id uuid not null,
  organisation_id uuid not null,
  organisation_slug text not null,
  display_name text not null,
  chapters text[] not null,
  listed_until timestamptz not null,
  chapter_codes text[] not null default '{}',
  topic_ids uuid[] not null default '{}',
  sort_key text collate "C" not null generated always as (mentorcert_private.sort_key(display_name)) stored,
  search_keys text collate "C" not null generated always as (' ' || replace(mentorcert_private.search_keys(display_name), '-', ' ')) stored,
  constraint listed_peer_mentors_pkey primary key (peer_mentor_id),
  constraint listed_peer_mentors_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id)
);
create index if not exists listed_peer_mentors_organisation_slug_idx
on public.listed_peer_mentors (organisation_slug, sort_key, peer_mentor_id);
create index if not exists listed_peer_mentors_organisation_id_idx
on public.listed_peer_mentors (organisation_id, peer_mentor_id);
alter table public.listed_peer_mentors enable row level security;
revoke all on public.listed_peer_mentors from anon, authenticated, service_role;
grant select on public.listed_peer_mentors to anon, authenticated, service_role;
comment on table public.listed_peer_mentors is
  'Peer mentors whom the public may see, and all that it may see of them; written by trigger only.';
comment on column public.listed_peer_mentors.listed_until is
  'The lease: the first instant at which a required certification no longer holds, or the person leaves it, or a chapter; the end of 9999 where none ends, since not every client reads infinity.';

comment on column public.listed_peer_mentors.chapter_codes is 'The codes of the chapters, in the same order.';
comment on column public.listed_peer_mentors.topic_ids is 'What the person can be asked about, and in which languages, as ids of public.public_topics.';
comment on column public.listed_peer_mentors.sort_key is 'By what the name is sorted: mentorcert_private.sort_key.';
comment on column public.listed_peer_mentors.search_keys is 'By what the name is found: mentorcert_private.search_keys, with a space before each word.';

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
returns table (
  peer_mentor_id uuid, organisation_id uuid, organisation_slug text, display_name text, chapters text[], listed_until timestamptz,
  chapter_codes text[], topic_ids uuid[]
)
language sql
stable
rows 1000
set search_path = ''
as $$
  select
    mentor.id, mentor.organisation_id, organisation.slug,
    coalesce(mentor.display_name, mentor.full_name),
    shown.chapters,
    -- A chapter whose end is known is shown no longer than that: the entry comes back without it.
    least(held.listed_until, mentorcert_private.day_starts(mentor.left_on, organisation.time_zone), (
      select min(link.ended_at) from mentorcert.peer_mentor_chapters as link
      where link.peer_mentor_id = mentor.id and link.ended_at > statement_timestamp()
    )),
    shown.codes,
    array(
      select chosen.topic_id from mentorcert_private.peer_mentor_topics as chosen
      where chosen.peer_mentor_id = mentor.id
      order by chosen.topic_id
    )
  from mentorcert.peer_mentors as mentor
  join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
  cross join lateral (
    select coalesce(array_agg(ordered.name), '{}') as chapters, coalesce(array_agg(ordered.code), '{}') as codes
    from (
      select chapter.name, chapter.code
      from mentorcert.peer_mentor_chapters as link
      join mentorcert.chapters as chapter on chapter.id = link.chapter_id
      where link.peer_mentor_id = mentor.id and (link.ended_at is null or link.ended_at > statement_timestamp())
      order by mentorcert_private.sort_key(chapter.name), chapter.code collate "C"
    ) as ordered
  ) as shown
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
    where type.organisation_id = mentor.organisation_id and type.required_for_listing and type.retired_on is null
  ) as held
  where
    mentor.listing_consent
    and mentor.erased_at is null
    and mentor.chapter_ids <> '{}'
    and (mentor.left_on is null or mentorcert_private.day_starts(mentor.left_on, organisation.time_zone) > now())
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
  'What the public list should say of these peer mentors (null: of all): those who consent, are in a chapter, have not left and hold every required type, active. An organisation that requires nothing lists nobody.';

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
    insert into public.listed_peer_mentors as listed (
      peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until, chapter_codes, topic_ids
    )
    select
      derived.peer_mentor_id, derived.organisation_id, derived.organisation_slug, derived.display_name, derived.chapters, derived.listed_until,
      derived.chapter_codes, derived.topic_ids
    from derived
    on conflict (peer_mentor_id) do update set
      display_name = excluded.display_name, chapters = excluded.chapters, listed_until = excluded.listed_until,
      chapter_codes = excluded.chapter_codes, topic_ids = excluded.topic_ids
    where (listed.display_name, listed.chapters, listed.listed_until, listed.chapter_codes, listed.topic_ids)
      is distinct from (excluded.display_name, excluded.chapters, excluded.listed_until, excluded.chapter_codes, excluded.topic_ids)
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
    -- Not as a join: a plan that was made for a few rows would compare each of many with each.
    select changed.id
    from (
      select after.id, after.listing_consent, after.display_name, after.full_name, after.chapter_ids, after.left_on
      from new_rows as after
      except
      select before.id, before.listing_consent, before.display_name, before.full_name, before.chapter_ids, before.left_on
      from old_rows as before
    ) as changed
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_peer_mentors() is 'After a change of consent, name, chapters or the day of leaving.';

create or replace trigger refresh_listing_on_update
after update on mentorcert.peer_mentors
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_private.refresh_listing_of_peer_mentors();

create or replace function mentorcert_private.refresh_listing_of_links()
returns trigger
language plpgsql
security definer -- the list is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.refresh_listing(array(
    select distinct changed.peer_mentor_id
    from (
      (
        select after.id, after.peer_mentor_id, after.ended_at from new_rows as after
        except
        select before.id, before.peer_mentor_id, before.ended_at from old_rows as before
      )
      union all
      (
        select before.id, before.peer_mentor_id, before.ended_at from old_rows as before
        except
        select after.id, after.peer_mentor_id, after.ended_at from new_rows as after
      )
    ) as changed
    where changed.ended_at > statement_timestamp()
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_links() is
  'After a coming end of a chapter is set or changed, which the copied chapters do not show yet.';

create or replace trigger refresh_listing_of_ends
after update on mentorcert.peer_mentor_chapters
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_private.refresh_listing_of_links();

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
    join old_rows as before on before.id = after.id and (before.name, before.code) is distinct from (after.name, after.code)
    join mentorcert.peer_mentor_chapters as link on link.chapter_id = after.id and (link.ended_at is null or link.ended_at > statement_timestamp())
  ));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_chapters() is 'After a chapter gets another name or code.';

create or replace trigger refresh_listing_on_update
after update on mentorcert.chapters
referencing new table as new_rows old table as old_rows
for each statement execute function mentorcert_private.refresh_listing_of_chapters();

create or replace function mentorcert_private.refresh_listing_of_topics()
returns trigger
language plpgsql
security definer -- the list is no client's to write
set search_path = ''
as $$
begin
  perform mentorcert_private.refresh_listing(array(select distinct changed.peer_mentor_id from changed_rows as changed));
  return null;
end
$$;
comment on function mentorcert_private.refresh_listing_of_topics() is 'After somebody chose what to be asked about, or chose otherwise.';

create or replace trigger refresh_listing_on_insert
after insert on mentorcert_private.peer_mentor_topics
referencing new table as changed_rows
for each statement execute function mentorcert_private.refresh_listing_of_topics();

create or replace trigger refresh_listing_on_delete
after delete on mentorcert_private.peer_mentor_topics
referencing old table as changed_rows
for each statement execute function mentorcert_private.refresh_listing_of_topics();

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

-- Counted for the ledger of the nightly run, which asks for it by the setting.
create or replace function mentorcert_private.count_unlisted()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform set_config(
    'mentorcert.unlisted',
    (
      select coalesce(jsonb_object_agg(counted.organisation_id, counted.entries), '{}')::text
      from (
        select every.organisation_id, sum(every.entries) as entries
        from (
          select gone.organisation_id::text, 1 as entries from old_rows as gone
          union all
          select before.key, before.value::integer from jsonb_each_text(current_setting('mentorcert.unlisted')::jsonb) as before
        ) as every
        group by every.organisation_id
      ) as counted
    ),
    true
  );
  return null;
end
$$;
comment on function mentorcert_private.count_unlisted() is 'Adds to the setting mentorcert.unlisted how many entries of each organisation are gone.';

create or replace trigger count_unlisted
after delete on public.listed_peer_mentors
referencing old table as old_rows
for each statement when (current_setting('mentorcert.unlisted', true) <> '')
execute function mentorcert_private.count_unlisted();

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
        where link.chapter_id = chapter.id and (link.ended_at is null or link.ended_at > statement_timestamp()) and listed.listed_until > now()
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

create or replace function public.public_chapters(slug text)
returns table (
  code text, name text, county_code text, above text[], contact_email text, contact_phone text, website text, places text[], has_listed boolean
)
language plpgsql
stable
security definer -- the caller is no member; returns what is on the public page anyway, and what a chapter wrote for the public
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('public_list');
  perform mentorcert_private.check_endpoint('organisations');
  return query
  with recursive listing as materialized (
    select chapter.id
    from mentorcert.chapters as chapter
    join mentorcert.organisations as organisation on organisation.id = chapter.organisation_id
    where organisation.slug = public_chapters.slug and exists (
      -- From the chapter, not from the list: that ends with the first one found, however long the list is.
      select from mentorcert.peer_mentor_chapters as link
      join public.listed_peer_mentors as listed on listed.peer_mentor_id = link.peer_mentor_id
      where link.chapter_id = chapter.id and (link.ended_at is null or link.ended_at > statement_timestamp()) and listed.listed_until > now()
    )
  ),
  shown as materialized (
    select chapter.*, listing.id is not null as has_listed
    from mentorcert.chapters as chapter
    join mentorcert.organisations as organisation on organisation.id = chapter.organisation_id
    left join listing on listing.id = chapter.id
    where organisation.slug = public_chapters.slug
  ),
  path as (
    select top.id, top.code as county_code, array[top.code] as codes from shown as top where top.parent_id is null
    union all
    select below.id, path.county_code, path.codes || below.code
    from path join shown as below on below.parent_id = path.id
  ),
  kept as materialized (
    select shown.id, path.county_code, path.codes from path join shown on shown.id = path.id
    where shown.has_listed or shown.retired_on is null and coalesce(shown.contact_email, shown.contact_phone, shown.website) is not null
  )
  select
    shown.code, shown.name, path.county_code, path.codes[:cardinality(path.codes) - 1],
    shown.contact_email, shown.contact_phone, shown.website, shown.places, shown.has_listed
  from path join shown on shown.id = path.id
  where shown.code in (select unnest(kept.codes) from kept)
  order by mentorcert_private.sort_key(shown.name), shown.code collate "C";
end
$$;
comment on function public.public_chapters(text) is
  'The chapters of an organisation in which somebody is on the public list now, or which wrote where the public reaches them, and those above them: with the county (the chapter at the top), the codes of those above from the top, contact and places.';

create or replace function public.public_topics(slug text)
returns table (id uuid, kind text, name_nb text, name_en text)
language sql
stable
security definer -- the caller is no member; returns names that are on the public page anyway
set search_path = ''
as $$
  select topic.id, topic.kind, topic.name_nb, topic.name_en
  from mentorcert_private.topics as topic
  join mentorcert.organisations as organisation on organisation.id = topic.organisation_id
  where mentorcert_private.check_endpoint('public_list') and mentorcert_private.check_endpoint('organisations')
    and organisation.slug = public_topics.slug and topic.is_offered and exists (
      select from mentorcert_private.peer_mentor_topics as chosen
      join public.listed_peer_mentors as listed on listed.peer_mentor_id = chosen.peer_mentor_id
      where chosen.topic_id = topic.id and listed.listed_until > now()
    )
  order by mentorcert_private.sort_key(topic.name_nb), topic.id
$$;
comment on function public.public_topics(text) is
  'The topics and languages that somebody on the public list of the organisation has chosen now, by name.';

create or replace function public.public_search(slug text, asked text)
returns table (pattern text, chapter_codes text[])
language plpgsql
stable
security definer -- the caller is no member; returns codes of chapters that are on the public page anyway
set search_path = ''
as $$
declare
  words constant text[] := array(
    select word from regexp_split_to_table(
      replace(mentorcert_private.search_key(mentorcert_private.canonical_line(public_search.asked)), '-', ' '), ' '
    ) with ordinality as split (word, position)
    where word <> ''
    order by position
    limit 8
  );
begin
  if words = '{}' then
    return;
  end if;
  return query
  with named as materialized (
    select
      chapter.code, chapter.above,
      ' ' || replace(mentorcert_private.search_keys(concat_ws(' ', chapter.name, array_to_string(chapter.places, ' '))), '-', ' ') as keys
    from public.public_chapters(public_search.slug) as chapter
  )
  select
    searched.pattern,
    array(
      select chapter.code from named as chapter
      where exists (
        select from named as found where found.keys like searched.pattern and (found.code = chapter.code or found.code = any(chapter.above))
      )
    )
  from unnest(words) as word
  cross join lateral (
    select '% ' || replace(replace(replace(word, '\', '\\'), '%', '\%'), '_', '\_') || '%' as pattern
  ) as searched;
end
$$;
comment on function public.public_search(text, text) is
  'The first eight words of a search of the public list: each as a pattern of search_keys, and the codes of the chapters that it names (by name, postal place or code, or a chapter above); nothing for a text without a word.';

-- The public check of one certificate: whether it is valid now, and what it must say, so that a forged paper is seen.
--
-- The code is the certification's id: 122 random bits that no client chooses and no public page shows; who has it has the paper.

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
    select from public.peer_mentor_certifications as coded
    join mentorcert.peer_mentors as mentor
      on mentor.organisation_id = coded.organisation_id and mentor.id = mentorcert_private.kept_peer_mentor_id(coded.peer_mentor_id)
    -- The one with the code, or what has taken its place when two peer mentors were merged.
    join public.peer_mentor_certifications as certification
      on certification.organisation_id = mentor.organisation_id
      and certification.peer_mentor_id = mentor.id
      and certification.certification_type = coded.certification_type
    where coded.id = check_certificate.code
      and mentor.erased_at is null
      and certification.issued_at <= now()
      and mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) = 'active'
  );
end
$$;
comment on function public.check_certificate(uuid) is
  'Whether the certificate with this code (the certification''s id) is valid now, by its dates: false alike for one that is unknown, expired, suspended or of somebody erased.';

create or replace function public.certificate_details(code uuid)
returns table (state text, organisation text, time_zone text, name_nb text, name_en text, expires_at timestamptz, initials text)
language plpgsql
stable
security definer -- everyone with a certificate in hand may ask, and reads no row of the table
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('certifications');
  return query
  select
    case
      when status.now <> 'active' then status.now
      when certification.issued_at > now() then 'expired'
      when not type.gives_certificate then 'withdrawn'
      else 'valid'
    end,
    organisation.name, organisation.time_zone, type.name_nb, type.name_en, certification.expires_at,
    (
      select string_agg(left(word, 1) || '.', ' ' order by position)
      from regexp_split_to_table(mentor.full_name, '[ -]+') with ordinality as split (word, position)
      where word <> ''
    )
  from public.peer_mentor_certifications as coded
  join mentorcert.peer_mentors as mentor
    on mentor.organisation_id = coded.organisation_id and mentor.id = mentorcert_private.kept_peer_mentor_id(coded.peer_mentor_id)
  -- The one with the code, or what has taken its place when two peer mentors were merged.
  join public.peer_mentor_certifications as certification
    on certification.organisation_id = mentor.organisation_id
    and certification.peer_mentor_id = mentor.id
    and certification.certification_type = coded.certification_type
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
  cross join lateral (
    select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) as now
  ) as status
  where coded.id = certificate_details.code and mentor.erased_at is null;
end
$$;
comment on function public.certificate_details(uuid) is
  'What a certificate with this code must say, so that a forged paper is seen: organisation, type, end and initials, and whether it is valid, expired, suspended, or withdrawn as its type gives none any more. No row for a code that is unknown or of somebody erased.';

revoke execute on function
  mentorcert_private.derived_listing, mentorcert_private.refresh_listing, mentorcert_private.refresh_listing_of_certifications,
  mentorcert_private.refresh_listing_of_peer_mentors, mentorcert_private.refresh_listing_of_links, mentorcert_private.refresh_listing_of_chapters, mentorcert_private.refresh_listing_of_topics, mentorcert_private.refresh_listing_of_types,
  mentorcert_private.count_unlisted, public.public_organisation, public.public_chapters, public.public_topics, public.public_search,
  public.check_certificate, public.certificate_details
from public, anon, authenticated, service_role;
grant execute on function
  public.public_organisation, public.public_chapters, public.public_topics, public.public_search, public.check_certificate,
  public.certificate_details
to anon, authenticated, service_role;
