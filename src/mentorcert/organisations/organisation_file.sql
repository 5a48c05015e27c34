-- An organisation with its certification types and chapters, as a file describes it; nothing is removed.

-- name: lock_organisation(slug)
-- One apply at a time, and no chapter moved meanwhile.
select organisation.id, organisation.slug, organisation.name, organisation.time_zone
from mentorcert.organisations as organisation
where organisation.slug = :slug
for update;

-- name: write_organisation(slug, name, time_zone)$
insert into mentorcert.organisations as organisation (slug, name, time_zone)
values (:slug, :name, :time_zone)
on conflict (slug) do update set name = excluded.name
where organisation.name <> excluded.name
returning organisation.slug as code, organisation.xmax = 0 as is_new;

-- name: write_types(types, slug)$
insert into mentorcert.certification_types as type (
  organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days
)
select
  organisation.id, stated.code, stated.name_nb, stated.name_en, stated.validity_rule, stated.validity_months,
  stated.required_for_listing, stated.reminder_days
from jsonb_to_recordset(:types) as stated (
  code text, name_nb text, name_en text, validity_rule text, validity_months integer, required_for_listing boolean,
  reminder_days smallint []
)
join mentorcert.organisations as organisation on organisation.slug = :slug
on conflict (organisation_id, code) do update
set
  name_nb = excluded.name_nb, name_en = excluded.name_en, validity_rule = excluded.validity_rule,
  validity_months = excluded.validity_months, required_for_listing = excluded.required_for_listing,
  reminder_days = excluded.reminder_days
where
  (type.name_nb, type.name_en, type.validity_rule, type.validity_months, type.required_for_listing, type.reminder_days)
  is distinct from (
    excluded.name_nb, excluded.name_en, excluded.validity_rule, excluded.validity_months,
    excluded.required_for_listing, excluded.reminder_days
  )
returning type.code, type.xmax = 0 as is_new;

-- name: write_chapters(chapters, slug)$
insert into mentorcert.chapters as chapter (organisation_id, code, name)
select organisation.id, stated.code, stated.name
from jsonb_to_recordset(:chapters) as stated (code text, name text)
join mentorcert.organisations as organisation on organisation.slug = :slug
on conflict (organisation_id, code) do update set name = excluded.name
where chapter.name <> excluded.name
returning chapter.code, chapter.xmax = 0 as is_new;

-- name: detach_chapters(chapters, slug)$
-- Moved chapters lose their parent first: where two change places, each would lie under the other for a moment.
update mentorcert.chapters as chapter
set parent_id = null
from jsonb_to_recordset(:chapters) as stated (code text, parent text), mentorcert.organisations as organisation
where
  organisation.slug = :slug
  and chapter.organisation_id = organisation.id
  and chapter.code = stated.code
  and chapter.parent_id is not null
  and not exists (
    select from mentorcert.chapters as parent
    where parent.organisation_id = organisation.id and parent.id = chapter.parent_id and parent.code = stated.parent
  )
returning chapter.code;

-- name: attach_chapters(chapters, slug)$
update mentorcert.chapters as chapter
set parent_id = parent.id
from
  jsonb_to_recordset(:chapters) as stated (code text, parent text),
  mentorcert.organisations as organisation,
  mentorcert.chapters as parent
where
  organisation.slug = :slug
  and chapter.organisation_id = organisation.id
  and chapter.code = stated.code
  and parent.organisation_id = organisation.id
  and parent.code = stated.parent
  and chapter.parent_id is distinct from parent.id
returning chapter.code;

-- name: types_not_stated(slug, types)
select type.code
from mentorcert.certification_types as type
join mentorcert.organisations as organisation on organisation.id = type.organisation_id
where
  organisation.slug = :slug
  and not exists (select from jsonb_to_recordset(:types) as stated (code text) where stated.code = type.code)
order by type.code;

-- name: chapters_not_stated(slug, chapters)
select chapter.code
from mentorcert.chapters as chapter
join mentorcert.organisations as organisation on organisation.id = chapter.organisation_id
where
  organisation.slug = :slug
  and not exists (select from jsonb_to_recordset(:chapters) as stated (code text) where stated.code = chapter.code)
order by chapter.code;
