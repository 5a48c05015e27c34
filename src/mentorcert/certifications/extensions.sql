-- Extensions: what one would do, and which there were.

-- name: outcomes(certification_type, last_valid_day, chapter_id, expired_since)
select
  preview.outcome, count(*) as certifications,
  md5(string_agg(
    concat_ws(
      ' ', preview.certification_id, extract(epoch from preview.expires_at), extract(epoch from preview.new_expires_at)
    ),
    ',' order by preview.certification_id
  )) as digest
from mentorcert_private.preview_extension(:certification_type, :last_valid_day::date, :chapter_id::uuid, :expired_since::date) as preview
group by preview.outcome
order by preview.outcome;

-- name: preview(certification_type, last_valid_day, chapter_id, expired_since, outcome, after_id, size)
select
  mentor.organisation_id, preview.certification_id, mentor.full_name, mentor.external_id, preview.expires_at,
  preview.new_expires_at
from mentorcert_private.preview_extension(:certification_type, :last_valid_day::date, :chapter_id::uuid, :expired_since::date) as preview
join mentorcert.peer_mentors as mentor on mentor.id = preview.peer_mentor_id
where
  preview.outcome = :outcome
  and (
    :after_id::uuid is null
    or (mentor.sort_key, preview.certification_id) > (
      (
        select latest.sort_key
        from public.peer_mentor_certifications as shown
        join mentorcert.peer_mentors as latest on latest.id = shown.peer_mentor_id
        where shown.id = :after_id::uuid
      ),
      :after_id::uuid
    )
  )
order by mentor.sort_key, preview.certification_id
limit :size;

-- name: extensions(organisation_id, batch_id)
select
  extension.batch_id, extension.organisation_id, extension.certification_type, extension.last_valid_day,
  chapter.name as chapter, extension.expired_since, extension.reason,
  cardinality(extension.certification_ids) as certifications,
  extension.extended_at, extended_by.email as extended_by, extension.reverted_at, reverted_by.email as reverted_by,
  extension.reversal_reason
from mentorcert_private.extensions as extension
left join mentorcert.chapters as chapter on chapter.id = extension.chapter_id
left join mentorcert_private.member_logins() as extended_by on extended_by.user_id = extension.extended_by
left join mentorcert_private.member_logins() as reverted_by on reverted_by.user_id = extension.reverted_by
where extension.organisation_id = :organisation_id and (:batch_id::uuid is null or extension.batch_id = :batch_id)
order by extension.extended_at desc, extension.batch_id
limit 100;

-- name: reversal_outcomes(batch_id)
select
  preview.outcome, count(*) as certifications,
  md5(string_agg(
    concat_ws(
      ' ', preview.certification_id, extract(epoch from preview.expires_at), extract(epoch from preview.new_expires_at)
    ),
    ',' order by preview.certification_id
  )) as digest
from mentorcert_private.preview_reversal(:batch_id) as preview
group by preview.outcome
order by preview.outcome;

-- name: preview_reversal(batch_id, outcome, size)
select
  mentor.organisation_id, preview.certification_id, mentor.full_name, mentor.external_id, preview.expires_at,
  preview.new_expires_at
from mentorcert_private.preview_reversal(:batch_id) as preview
join mentorcert.peer_mentors as mentor on mentor.id = preview.peer_mentor_id
where preview.outcome = :outcome
order by mentor.sort_key, preview.certification_id
limit :size;
