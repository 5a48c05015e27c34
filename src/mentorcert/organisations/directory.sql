-- Peer mentors within the caller's reach, with the names of their chapters.

-- name: page(organisation_id, after, page_size, search, chapter_id, with_left, ids)
-- As JSON, with what the next page and the access log need. One row more than the page shows that another page follows.
-- An administrator's page is walked to by the index of ids, for which the planner must know how many the organisation
-- has. All others see few: the policies find them. Offset 0 keeps the other conditions out of that scan.
with found as (
  (
    select mentor.*
    from mentorcert.peer_mentors as mentor
    where
      (select mentorcert_private.administered_organisation_id()) is not null
      and mentor.organisation_id = :organisation_id
      and (:ids::uuid[] is null or mentor.id = any(:ids::uuid[]))
      and mentor.id > coalesce(:after::uuid, '00000000-0000-0000-0000-000000000000')
      and mentor.id <> all((select mentorcert_private.absent_peer_mentor_ids(:with_left::boolean))::uuid[])
      and (
        mentor.search_keys like all(mentorcert_private.name_patterns(coalesce(:search::text, '')))
        or mentor.search_keys like all(mentorcert_private.name_patterns(coalesce(:search::text, ''), is_unaccented => true))
      )
      and (
        :chapter_id::uuid is null
        or mentor.chapter_ids && (select mentorcert_private.with_chapters_below(array[:chapter_id::uuid]))
      )
    order by mentor.id
    limit :page_size::integer + 1
  )
  union all
  (
    select mentor.*
    from (select reach.* from mentorcert.peer_mentors as reach offset 0) as mentor
    where
      (select mentorcert_private.administered_organisation_id()) is null
      and (:ids::uuid[] is null or mentor.id = any(:ids::uuid[]))
      and mentor.id > coalesce(:after::uuid, '00000000-0000-0000-0000-000000000000')
      and mentor.id <> all((select mentorcert_private.absent_peer_mentor_ids(:with_left::boolean))::uuid[])
      and (
        mentor.search_keys like all(mentorcert_private.name_patterns(coalesce(:search::text, '')))
        or mentor.search_keys like all(mentorcert_private.name_patterns(coalesce(:search::text, ''), is_unaccented => true))
      )
      and (
        :chapter_id::uuid is null
        or mentor.chapter_ids && (select mentorcert_private.with_chapters_below(array[:chapter_id::uuid]))
      )
    order by mentor.id
    limit :page_size::integer + 1
  )
)
select
  coalesce(json_agg(mentor.item order by array_position(:ids::uuid[], mentor.id), mentor.id) filter (where mentor.place <= :page_size), '[]')::text as items,
  max(mentor.place) > :page_size as has_more,
  (array_agg(mentor.id order by mentor.id) filter (where mentor.place <= :page_size))[:page_size] as last_id,
  array_agg(distinct mentor.organisation_id) filter (where mentor.place <= :page_size) as organisation_ids
from (
  select found.id, found.organisation_id, row_number() over (order by found.id) as place, row_to_json(item) as item
  from found
  cross join lateral (
    select
      found.id, found.external_id, found.full_name, found.display_name, found.email, found.phone, found.listing_consent,
      found.left_on, found.user_id is not null as has_login,
      (
        select
          coalesce(
            json_agg(
              json_build_object(
                'id', chapter.id, 'code', chapter.code, 'name', chapter.name,
                'ended_at', replace(to_char(link.ended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')
              ) order by chapter.name
            ),
            '[]'
          )
        from mentorcert.chapters as chapter
        left join mentorcert.peer_mentor_chapters as link
          on link.peer_mentor_id = found.id and link.chapter_id = chapter.id and link.ended_at > statement_timestamp()
        where chapter.organisation_id = found.organisation_id and chapter.id = any(found.chapter_ids)
      ) as chapters
  ) as item
) as mentor;

-- name: get(peer_mentor_id)
select
  mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, mentor.display_name, mentor.email,
  mentor.phone, mentor.listing_consent, mentor.left_on, mentor.user_id is not null as has_login, chapters.of_mentor as chapters
from mentorcert.peer_mentors as mentor
cross join lateral (
  select coalesce(
    jsonb_agg(
      jsonb_build_object('id', chapter.id, 'code', chapter.code, 'name', chapter.name, 'ended_at', link.ended_at) order by chapter.name
    ),
    '[]'
  ) as of_mentor
  from mentorcert.chapters as chapter
  left join mentorcert.peer_mentor_chapters as link
    on link.peer_mentor_id = mentor.id and link.chapter_id = chapter.id and link.ended_at > statement_timestamp()
  where chapter.organisation_id = mentor.organisation_id and chapter.id = any(mentor.chapter_ids)
) as chapters
where mentor.id = :peer_mentor_id;
