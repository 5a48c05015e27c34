-- What the rows of an import mean in the registry.
-- Days are days of the organisation; expires is the last valid day, infinity where there is none.

-- name: keep_absent_columns(organisation_id, absent)!
-- What the file has no column for stays as it is; of a new person it is nothing.
update pg_temp.import_rows as staged
set
  email = case when 'email' = any(:absent::text[]) then mentor.email else staged.email end,
  phone = case when 'phone' = any(:absent::text[]) then mentor.phone else staged.phone end,
  listing_consent = case
    when 'consent' = any(:absent::text[]) then coalesce(mentor.listing_consent, false) else staged.listing_consent
  end,
  chapters = case when 'chapters' = any(:absent::text[]) then coalesce(held.codes, '{}') else staged.chapters end
from pg_temp.import_rows as source
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and mentor.external_id = source.external_id
left join lateral (
  select array_agg(chapter.code order by chapter.code) as codes
  from mentorcert.peer_mentor_chapters as membership
  join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
  where
    membership.organisation_id = :organisation_id
    and membership.peer_mentor_id = mentor.id
    and (membership.ended_at is null or membership.ended_at > statement_timestamp())
) as held on true
where source.line = staged.line and cardinality(:absent::text[]) > 0;

-- name: resolve_chapters(organisation_id)!
-- The code as it is written wins; else code or name in any case, if only one chapter has it.
insert into pg_temp.import_chapters (word, chapter_id, code, matches)
select
  words.word,
  coalesce((array_agg(chapter.id) filter (where chapter.code = words.word))[1], (array_agg(chapter.id))[1]),
  coalesce(min(chapter.code) filter (where chapter.code = words.word), min(chapter.code)),
  case when bool_or(chapter.code = words.word) then 1 else count(chapter.id) end
from (select distinct unnest(staged.chapters) as word from pg_temp.import_rows as staged) as words
left join mentorcert.chapters as chapter
  on chapter.organisation_id = :organisation_id
  and lower(words.word) in (lower(chapter.code), lower(btrim(chapter.name)))
group by words.word;

-- name: resolve_types(organisation_id)!
insert into pg_temp.import_types (word, code, matches)
select
  words.word,
  coalesce(min(type.code) filter (where type.code = words.word), min(type.code)),
  case when bool_or(type.code = words.word) then 1 else count(type.id) end
from (
  select distinct staged.certification_type as word
  from pg_temp.import_rows as staged
  where staged.certification_type is not null
) as words
left join mentorcert.certification_types as type
  on type.organisation_id = :organisation_id
  and lower(words.word) in (lower(type.code), lower(btrim(type.name_nb)), lower(btrim(type.name_en)))
group by words.word;

-- name: resolve_certifications(time_zone, organisation_id)!
insert into pg_temp.import_certifications (
  line, external_id, certification_type, validity_rule, validity_months, early_renewal_days, issued, stated_expires,
  certification_id, held_issued, held_expires, held_status
)
select
  staged.line, staged.external_id, type.code, type.validity_rule, type.validity_months, type.early_renewal_days, staged.issued, staged.expires,
  certification.id,
  mentorcert_private.day_of(certification.issued_at, :time_zone),
  case
    when certification.expires_at is not null then mentorcert_private.day_of(certification.expires_at, :time_zone) - 1
    when certification.id is not null then 'infinity'
  end,
  certification.status
from pg_temp.import_rows as staged
join pg_temp.import_types as word on word.word = staged.certification_type and word.matches = 1
join mentorcert.certification_types as type on type.organisation_id = :organisation_id and type.code = word.code
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and mentor.external_id = staged.external_id
left join public.peer_mentor_certifications as certification
  on certification.organisation_id = :organisation_id
  and certification.peer_mentor_id = mentor.id
  and certification.certification_type = type.code
where staged.external_id is not null and staged.issued is not null;

-- name: resolve_periods()!
-- An empty last day is what the type gives, as for a renewal of the period before;
-- for a certification that the registry holds from the same day, it is what the registry says.
with recursive stated as (
  select certification.line, past.position, past.starts, past.ends, false as is_current
  from pg_temp.import_certifications as certification
  join pg_temp.import_rows as staged on staged.line = certification.line
  cross join unnest(staged.past_starts, staged.past_ends) with ordinality as past (starts, ends, position)
  union all
  select
    certification.line, 1 + coalesce(cardinality(staged.past_starts), 0), certification.issued,
    coalesce(
      certification.stated_expires,
      case when certification.held_issued = certification.issued then certification.held_expires end
    ),
    true
  from pg_temp.import_certifications as certification
  join pg_temp.import_rows as staged on staged.line = certification.line
),
filled as (
  select
    certification.line, 0::bigint as position, null::date as starts, null::date as stated_ends, null::date as ends,
    false as is_current
  from pg_temp.import_certifications as certification
  union all
  select
    stated.line, stated.position, stated.starts, stated.ends,
    coalesce(
      stated.ends,
      mentorcert_private.last_valid_day(
        certification.validity_rule, certification.validity_months, stated.starts,
        nullif(
          greatest(
            filled.ends,
            case
              when stated.is_current and certification.held_issued < certification.issued
                then certification.held_expires
            end
          ),
          'infinity'
        ),
        certification.early_renewal_days
      ),
      'infinity'
    ),
    stated.is_current
  from filled
  join stated on stated.line = filled.line and stated.position = filled.position + 1
  join pg_temp.import_certifications as certification on certification.line = filled.line
)
insert into pg_temp.import_periods (line, position, starts, stated_ends, ends, is_current)
select filled.line, filled.position, filled.starts, filled.stated_ends, filled.ends, filled.is_current
from filled
where filled.position > 0;

-- name: resolve_expires()!
update pg_temp.import_certifications as certification
set expires = period.ends
from pg_temp.import_periods as period
where period.line = certification.line and period.is_current;

-- name: analyze_certifications()!
select mentorcert_private.analyze_import('certifications');

-- name: resolve_history(time_zone)!
-- What the registry has said before: of certifications that the file would change, or of whose past it speaks.
-- An entry names only what it changed: a day that it leaves out is the one of the entry before.
insert into pg_temp.import_history (certification_id, position, issued, expires, is_newest)
select
  entry.certification_id,
  entry.position,
  mentorcert_private.day_of(
    first_value((entry.after ->> 'issued_at')::timestamptz) over (
      partition by entry.line, entry.issues order by entry.position
    ),
    :time_zone
  ),
  coalesce(
    mentorcert_private.day_of(
      first_value((entry.after ->> 'expires_at')::timestamptz) over (
        partition by entry.line, entry.ends order by entry.position
      ),
      :time_zone
    ) - 1,
    'infinity'
  ),
  entry.position = max(entry.position) over (partition by entry.line)
from (
  select
    certification.line,
    certification.certification_id,
    history.position,
    history.entry -> 'after' as after,
    count(*) filter (where history.entry -> 'after' ? 'issued_at') over so_far as issues,
    count(*) filter (where history.entry -> 'after' ? 'expires_at') over so_far as ends
  from pg_temp.import_certifications as certification
  cross join lateral public.certification_history(certification.certification_id)
    with ordinality as history (entry, position)
  where
    certification.certification_id is not null
    and (
      (certification.issued, certification.expires) <> (certification.held_issued, certification.held_expires)
      or exists (
        select from pg_temp.import_periods as period
        where period.line = certification.line and not period.is_current
      )
    )
  window so_far as (partition by certification.line order by history.position)
) as entry;
