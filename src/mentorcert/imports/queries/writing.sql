-- What an import writes.

-- name: announce_import()$
select mentorcert_private.set_change_context('{"kind": "imported", "job": "import"}');

-- name: end_announcement()$
select mentorcert_private.set_change_context(null);

-- name: count_mentors()$
select count(distinct staged.external_id) from pg_temp.import_rows as staged;

-- name: change_mentors(organisation_id)!
update mentorcert.peer_mentors as mentor
set
  full_name = person.full_name, email = person.email, phone = person.phone, listing_consent = person.listing_consent
from (
  select distinct on (staged.external_id)
    staged.external_id, staged.full_name, staged.email, staged.phone, staged.listing_consent
  from pg_temp.import_rows as staged
  order by staged.external_id, staged.line
) as person
where
  mentor.organisation_id = :organisation_id
  and mentor.external_id = person.external_id
  and (mentor.full_name, mentor.email, mentor.phone, mentor.listing_consent)
    is distinct from (person.full_name, person.email, person.phone, person.listing_consent);

-- name: add_mentors(organisation_id)^
-- With their chapters: entered one after the other, each person would be written twice.
with people as materialized (
  select distinct on (staged.external_id)
    gen_random_uuid() as id, staged.external_id, staged.full_name, staged.email, staged.phone, staged.listing_consent, staged.chapters
  from pg_temp.import_rows as staged
  where not exists (
    select from mentorcert.peer_mentors as mentor
    where mentor.organisation_id = :organisation_id and mentor.external_id = staged.external_id
  )
  order by staged.external_id, staged.line
),
entered as (
  insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
  select distinct :organisation_id::uuid, people.id, word.chapter_id
  from people
  cross join unnest(people.chapters) as named (word)
  join pg_temp.import_chapters as word on word.word = named.word
  returning peer_mentor_id, chapter_id
),
added as (
  insert into mentorcert.peer_mentors (
    id, organisation_id, external_id, full_name, email, phone, listing_consent, chapter_ids
  )
  select
    people.id, :organisation_id, people.external_id, people.full_name, people.email, people.phone, people.listing_consent,
    coalesce(own.chapter_ids, '{}')
  from people
  left join (
    select entered.peer_mentor_id, array_agg(entered.chapter_id order by entered.chapter_id) as chapter_ids
    from entered
    group by entered.peer_mentor_id
  ) as own on own.peer_mentor_id = people.id
  order by people.external_id -- and so after all chapters, which a trigger compares
  returning id
)
select (select count(*) from added), (select count(*) from entered);

-- name: discard_plans()!
discard plans;

-- name: resolve_memberships(organisation_id)!
insert into pg_temp.import_memberships (peer_mentor_id, chapter_id)
select distinct mentor.id, word.chapter_id
from (select distinct person.external_id, person.chapters from pg_temp.import_rows as person) as staged
cross join lateral (
  select present.id from mentorcert.peer_mentors as present
  where present.organisation_id = :organisation_id and present.external_id = staged.external_id
  offset 0 -- one by one: of an organisation that is new the statistics know nobody
) as mentor
left join lateral unnest(staged.chapters) as named (word) on true
left join pg_temp.import_chapters as word on word.word = named.word;

-- name: analyze_memberships()!
select mentorcert_private.analyze_import('memberships');

-- name: end_chapters(organisation_id)!
update mentorcert.peer_mentor_chapters as membership
set ended_at = now()
where
  membership.organisation_id = :organisation_id
  and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  and membership.peer_mentor_id in (select stated.peer_mentor_id from pg_temp.import_memberships as stated)
  and not exists (
    select from pg_temp.import_memberships as stated
    where stated.peer_mentor_id = membership.peer_mentor_id and stated.chapter_id = membership.chapter_id
  );

-- name: enter_chapters(organisation_id)!
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select :organisation_id, stated.peer_mentor_id, stated.chapter_id
from pg_temp.import_memberships as stated
where
  stated.chapter_id is not null
  and not exists (
    select from mentorcert.peer_mentor_chapters as membership
    where
      membership.organisation_id = :organisation_id
      and membership.peer_mentor_id = stated.peer_mentor_id
      and membership.chapter_id = stated.chapter_id
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );

-- name: register_plain_certifications(organisation_id)$
-- Those without a past, all of them or none: none where the trigger has something to say of one.
select coalesce(mentorcert_private.register_imported(
  :organisation_id, array_agg(mentor.id), array_agg(certification.certification_type), array_agg(certification.issued),
  array_agg(certification.expires)
), 0)
from pg_temp.import_certifications as certification
cross join lateral (
  select present.id from mentorcert.peer_mentors as present
  where present.organisation_id = :organisation_id and present.external_id = certification.external_id
  offset 0
) as mentor
where
  certification.certification_id is null
  and not exists (
    select from pg_temp.import_periods as period where period.line = certification.line and not period.is_current
  );

-- name: register_certifications(time_zone, organisation_id, with_past_only)!
-- The past renewals come as entries of their own; the trigger appends the entry of the current one.
with states as (
  select
    period.line, period.position,
    mentorcert_private.day_starts(period.starts, :time_zone) as effective_at,
    jsonb_build_object(
      'certification_type', certification.certification_type,
      'issued_at', mentorcert_private.day_starts(period.starts, :time_zone),
      'expires_at', case when isfinite(period.ends) then mentorcert_private.day_starts(period.ends + 1, :time_zone) end,
      'status', 'active'
    ) as state
  from pg_temp.import_periods as period
  join pg_temp.import_certifications as certification on certification.line = period.line
  where certification.certification_id is null and not period.is_current
),
histories as (
  select
    entries.line,
    jsonb_agg(
      jsonb_build_object(
        'schema_version', mentorcert_private.current_history_version(),
        'entry_id', gen_random_uuid(),
        'kind', 'imported',
        'recorded_at', now(),
        'effective_at', entries.effective_at,
        'actor', jsonb_build_object('job', 'import'),
        'before', entries.before,
        'after', entries.state
      )
      order by entries.position
    ) as history
  from (
    select states.*, lag(states.state) over (partition by states.line order by states.position) as before
    from states
  ) as entries
  group by entries.line
)
insert into public.peer_mentor_certifications (
  organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, status, renewal_history
)
select
  :organisation_id, mentor.id, certification.certification_type,
  mentorcert_private.day_starts(certification.issued, :time_zone),
  case when isfinite(certification.expires) then mentorcert_private.day_starts(certification.expires + 1, :time_zone) end,
  'active', coalesce(histories.history, '[]')
from pg_temp.import_certifications as certification
cross join lateral (
  select present.id from mentorcert.peer_mentors as present
  where present.organisation_id = :organisation_id and present.external_id = certification.external_id
  offset 0
) as mentor
left join histories on histories.line = certification.line
where certification.certification_id is null and (histories.line is not null or not :with_past_only)
order by certification.line;

-- name: change_certifications(time_zone, organisation_id)!
update public.peer_mentor_certifications as held
set
  issued_at = mentorcert_private.day_starts(certification.issued, :time_zone),
  expires_at = case when isfinite(certification.expires) then mentorcert_private.day_starts(certification.expires + 1, :time_zone) end
from pg_temp.import_certifications as certification
where
  held.organisation_id = :organisation_id
  and held.id = certification.certification_id
  and (certification.issued, certification.expires) <> (certification.held_issued, certification.held_expires);
