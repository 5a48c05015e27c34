-- One search over everything that has a name.

-- name: everywhere(query, language, size, help_keys, help_texts)
-- The policies find the people; offset 0 keeps the other conditions out of that scan.
with named (kind, key, organisation_id, name, detail, has_left, keys) as (
  select
    'person', mentor.id::text, mentor.organisation_id, mentor.full_name, mentor.external_id,
    mentor.id = any((select mentorcert_private.absent_peer_mentor_ids())::uuid[]), mentor.search_keys
  from (
    select reach.id, reach.organisation_id, reach.external_id, reach.full_name, reach.search_keys
    from mentorcert.peer_mentors as reach
    offset 0
  ) as mentor
  where mentor.id <> all((select mentorcert_private.absent_peer_mentor_ids(with_left => true))::uuid[])
  union all
  select
    'type', type.code, type.organisation_id, case when :language::text = 'nb' then type.name_nb else type.name_en end, '',
    type.retired_on is not null, mentorcert_private.search_keys(concat_ws(' ', type.name_nb, type.name_en))
  from mentorcert.certification_types as type
  where type.organisation_id = (select public.get_user_organisation_id())
  union all
  select
    'chapter', chapter.id::text, chapter.organisation_id, chapter.name, coalesce(parent.name, ''), chapter.retired_on is not null,
    mentorcert_private.search_keys(concat_ws(' ', chapter.name, array_to_string(chapter.places, ' ')))
  from mentorcert.chapters as chapter
  left join mentorcert.chapters as parent on parent.id = chapter.parent_id
  where chapter.organisation_id = (select public.get_user_organisation_id())
  union all
  select 'help', page.key, null, page.name, '', false, mentorcert_private.search_keys(page.name)
  from unnest(:help_keys::text[], :help_texts::text[]) as page (key, name)
),
found as (
  select
    named.kind, named.key, named.organisation_id, named.name, named.detail, named.has_left,
    count(*) over (partition by named.kind) as number,
    row_number() over (partition by named.kind order by named.has_left, mentorcert_private.sort_key(named.name), named.key) as place
  from named
  where
    named.keys like all(mentorcert_private.name_patterns(:query::text))
    or named.keys like all(mentorcert_private.name_patterns(:query::text, is_unaccented => true))
)
select found.kind, found.key, found.organisation_id, found.name, found.detail, found.has_left, found.number::integer
from found
where found.place <= :size
order by found.kind, found.place;
