-- Where the public reaches a chapter, and which places it serves.

-- name: within_reach()
select
  chapter.id, chapter.organisation_id, chapter.code, chapter.name, above.name as above, chapter.contact_email, chapter.contact_phone,
  chapter.website, chapter.places, chapter.version
from mentorcert.chapters as chapter
left join mentorcert.chapters as above on above.id = chapter.parent_id
where chapter.organisation_id = (select public.get_user_organisation_id())
  and chapter.retired_on is null
  and (
    chapter.organisation_id = (select mentorcert_private.administered_organisation_id())
    or chapter.id = any((select mentorcert_private.coordinated_chapter_ids())::uuid[])
  )
order by mentorcert_private.sort_key(chapter.name), chapter.code collate "C";

-- name: save(id, contact_email, contact_phone, website, places, version)
select public.set_chapter_contact(
  :id::uuid, :contact_email::text, :contact_phone::text, :website::text, :places::text[], :version::bigint
);
