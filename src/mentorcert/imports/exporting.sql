-- An organisation as rows of a mentor file.

-- name: rows(organisation_id)
-- One row for each certification, one for a mentor without any. Days are days of the organisation.
-- Past renewals are the earlier days of issue that the history knows, each with the last valid day that it had in
-- the end; a day that was corrected or taken back is none.
select
  mentor.external_id,
  mentor.full_name,
  mentor.email,
  mentor.phone,
  chapters.codes,
  mentor.listing_consent,
  certification.certification_type,
  mentorcert_private.day_of(certification.issued_at, organisation.time_zone) as issued,
  mentorcert_private.day_of(certification.expires_at, organisation.time_zone) - 1 as expires,
  past.starts,
  past.ends
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
cross join lateral (
  select coalesce(array_agg(chapter.code order by chapter.code collate "C"), '{}') as codes
  from mentorcert.peer_mentor_chapters as membership
  join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
  where
    membership.organisation_id = mentor.organisation_id
    and membership.peer_mentor_id = mentor.id
    and (membership.ended_at is null or membership.ended_at > statement_timestamp())
) as chapters
left join public.peer_mentor_certifications as certification
  on certification.organisation_id = mentor.organisation_id and certification.peer_mentor_id = mentor.id
cross join lateral (
  -- An entry names only what it changed: a day that it leaves out is the one of the entry before.
  with change as (
    select
      history.position,
      history.entry ->> 'kind' as kind,
      history.entry -> 'after' as after,
      mentorcert_private.day_of((history.entry #>> '{before,issued_at}')::timestamptz, organisation.time_zone) as issued_before,
      count(*) filter (where history.entry -> 'after' ? 'issued_at') over so_far as issues,
      count(*) filter (where history.entry -> 'after' ? 'expires_at') over so_far as ends
    from public.certification_history(certification.id) with ordinality as history (entry, position)
    window so_far as (order by history.position)
  ),
  entry as (
    select
      change.position,
      change.kind,
      change.issued_before,
      mentorcert_private.day_of(
        first_value((change.after ->> 'issued_at')::timestamptz) over (
          partition by change.issues order by change.position
        ),
        organisation.time_zone
      ) as issued,
      mentorcert_private.day_of(
        first_value((change.after ->> 'expires_at')::timestamptz) over (
          partition by change.ends order by change.position
        ),
        organisation.time_zone
      ) - 1 as expires
    from change
  )
  select
    coalesce(array_agg(period.issued order by period.issued), '{}') as starts,
    coalesce(array_agg(period.expires order by period.issued), '{}') as ends
  from (
    select distinct on (entry.issued) entry.issued, entry.expires, entry.position
    from entry
    order by entry.issued, entry.position desc
  ) as period
  where
    period.issued < mentorcert_private.day_of(certification.issued_at, organisation.time_zone)
    and not exists (
      select from entry as taken_back
      where
        taken_back.position > period.position
        and taken_back.kind in ('corrected', 'reverted')
        and taken_back.issued_before = period.issued
        and taken_back.issued <> period.issued
    )
) as past
where mentor.organisation_id = :organisation_id and mentor.erased_at is null and mentor.merged_into is null
order by mentor.external_id collate "C", certification.certification_type collate "C";
