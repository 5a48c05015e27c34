-- The public list, which is open to all: row-level security leaves out ended leases. Its rows name no organisation, since
-- the access log is about rows that are not public.

-- name: heading(slug)
select
  organisation.name,
  (select coalesce(json_agg(chapter), '[]')::text from public.public_chapters(:slug) as chapter) as chapters,
  (select coalesce(json_agg(topic), '[]')::text from public.public_topics(:slug) as topic) as topics
from public.public_organisation(:slug) as organisation;

-- name: page(slug, chapter, asked, topic, speaks, after_key, after_id, size)
-- The policy compares with the start of the transaction; a lease may have ended since, so what is left of it counts.
-- No index serves the filters: under row-level security only leakproof operators use one, and those of arrays are not.
with topics as materialized (
  select * from public.public_topics(:slug)
),
chapters as materialized (
  select chapter.code, chapter.name, chapter.above from public.public_chapters(:slug) as chapter where :chapter::text is not null
),
words as materialized (
  select word.pattern, word.chapter_codes from public.public_search(:slug, :asked) as word where :asked::text is not null
),
listed as (
  select
    row_number() over (order by listed.sort_key, listed.peer_mentor_id) as place, listed.peer_mentor_id,
    listed.display_name, listed.chapters, listed.chapter_codes, listed.topic_ids, listed.listed_until, listed.sort_key,
    extract(epoch from listed.listed_until - clock_timestamp())::float8 as left_s
  from public.listed_peer_mentors as listed
  where listed.organisation_slug = :slug
    and (
      :chapter::text is null or listed.chapter_codes && array(
        select chapter.code from chapters as chapter
        where exists (
          select from chapters as wanted
          where :chapter in (wanted.code, wanted.name) and (wanted.code = chapter.code or wanted.code = any(chapter.above))
        )
      )
    )
    and (
      :topic::text is null
      or listed.topic_ids && array(select topic.id from topics as topic where topic.kind = 'topic' and :topic in (topic.name_nb, topic.name_en))
    )
    and (
      :speaks::text is null
      or listed.topic_ids && array(select topic.id from topics as topic where topic.kind = 'language' and :speaks in (topic.name_nb, topic.name_en))
    )
    and not exists (
      select from words as word where not (listed.search_keys like word.pattern or listed.chapter_codes && word.chapter_codes)
    )
    and (
      :after_id::uuid is null or (listed.sort_key, listed.peer_mentor_id) > (:after_key::text collate "C", :after_id::uuid)
    )
  order by listed.sort_key, listed.peer_mentor_id
  limit :size + 1
)
select
  coalesce(
    json_agg(
      json_build_object(
        'display_name', listed.display_name,
        'chapters', listed.chapters,
        'chapter_codes', listed.chapter_codes,
        'topics', array(
          select json_build_object('kind', topic.kind, 'name_nb', topic.name_nb, 'name_en', topic.name_en)
          from topics as topic where topic.id = any(listed.topic_ids)
        ),
        'listed_until', replace(to_char(listed.listed_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')
      )
      order by listed.place
    ) filter (where listed.place <= :size and listed.left_s > 0),
    '[]'
  )::text as items,
  min(listed.left_s) filter (where listed.place <= :size and listed.left_s > 0) as left_s,
  max(listed.sort_key) filter (where listed.place = :size) as last_key,
  (array_agg(listed.peer_mentor_id) filter (where listed.place = :size))[1] as last_id,
  count(*) > :size as has_more
from listed;

-- name: organisations()
-- From one to the next by the index, however many people are listed in between.
with recursive found as (
  (select listed.organisation_slug from public.listed_peer_mentors as listed order by listed.organisation_slug limit 1)
  union all
  select following.organisation_slug
  from found
  cross join lateral (
    select listed.organisation_slug from public.listed_peer_mentors as listed
    where listed.organisation_slug > found.organisation_slug
    order by listed.organisation_slug
    limit 1
  ) as following
)
select organisation_slug from found;
