-- Peer mentors within the caller's reach, with the names of their chapters.

-- name: page(organisation_id, after, page_size, search, chapter_id)
-- An administrator's page is walked to by the index of ids, for which the planner must know how many the organisation
-- has. All others see few: the policies find them. Offset 0 keeps the other conditions out of that scan.
with found as (
  (
    select mentor.*
    from mentorcert.peer_mentors as mentor
    where
      (select mentorcert_private.administered_organisation_id()) is not null
      and mentor.organisation_id = :organisation_id
      and mentor.id > coalesce(:after::uuid, '00000000-0000-0000-0000-000000000000')
      and mentor.erased_at is null
      and lower(mentor.full_name || ' ' || mentor.external_id) like all(mentorcert_private.name_patterns(coalesce(:search::text, '')))
      and (
        :chapter_id::uuid is null
        or mentor.chapter_ids && (select mentorcert_private.with_chapters_below(array[:chapter_id::uuid]))
      )
    order by mentor.id
    limit :page_size
  )
  union all
  (
    select mentor.*
    from (select reach.* from mentorcert.peer_mentors as reach offset 0) as mentor
    where
      (select mentorcert_private.administered_organisation_id()) is null
      and mentor.id > coalesce(:after::uuid, '00000000-0000-0000-0000-000000000000')
      and mentor.erased_at is null
      and lower(mentor.full_name || ' ' || mentor.external_id) like all(mentorcert_private.name_patterns(coalesce(:search::text, '')))
      and (
        :chapter_id::uuid is null
        or mentor.chapter_ids && (select mentorcert_private.with_chapters_below(array[:chapter_id::uuid]))
      )
    order by mentor.id
    limit :page_size
  )
)
select
  mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, mentor.display_name, mentor.email,
  mentor.phone, mentor.listing_consent, mentor.user_id is not null as has_login, chapters.of_mentor as chapters
from found as mentor
cross join lateral (
  select coalesce(
    jsonb_agg(jsonb_build_object('id', chapter.id, 'code', chapter.code, 'name', chapter.name) order by chapter.name), '[]'
  ) as of_mentor
  from mentorcert.chapters as chapter
  where chapter.organisation_id = mentor.organisation_id and chapter.id = any(mentor.chapter_ids)
) as chapters
order by mentor.id;

-- name: get(peer_mentor_id)
select
  mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, mentor.display_name, mentor.email,
  mentor.phone, mentor.listing_consent, mentor.user_id is not null as has_login, chapters.of_mentor as chapters
from mentorcert.peer_mentors as mentor
cross join lateral (
  select coalesce(
    jsonb_agg(jsonb_build_object('id', chapter.id, 'code', chapter.code, 'name', chapter.name) order by chapter.name), '[]'
  ) as of_mentor
  from mentorcert.chapters as chapter
  where chapter.organisation_id = mentor.organisation_id and chapter.id = any(mentor.chapter_ids)
) as chapters
where mentor.id = :peer_mentor_id;
