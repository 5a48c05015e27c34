-- An organisation with its certification types, chapters and topics, as a file describes it; nothing is removed.

-- name: lock_organisation(slug)
-- One apply at a time, and no chapter moved meanwhile.
select organisation.id, organisation.slug, organisation.name, organisation.time_zone, organisation.version
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
  organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days,
  refresher_months, after_lapse
)
select
  organisation.id, stated.code, stated.name_nb, stated.name_en, stated.validity_rule, stated.validity_months,
  stated.required_for_listing, stated.reminder_days, stated.early_renewal_days,
  stated.refresher_months, stated.after_lapse
from jsonb_to_recordset(:types) as stated (
  code text, name_nb text, name_en text, validity_rule text, validity_months integer, required_for_listing boolean,
  reminder_days smallint [], early_renewal_days integer, refresher_months integer, after_lapse text
)
join mentorcert.organisations as organisation on organisation.slug = :slug
on conflict (organisation_id, code) do update
set
  name_nb = excluded.name_nb, name_en = excluded.name_en, validity_rule = excluded.validity_rule,
  validity_months = excluded.validity_months, required_for_listing = excluded.required_for_listing,
  reminder_days = excluded.reminder_days, early_renewal_days = excluded.early_renewal_days,
  refresher_months = excluded.refresher_months, after_lapse = excluded.after_lapse
where
  (
    type.name_nb, type.name_en, type.validity_rule, type.validity_months, type.required_for_listing, type.reminder_days,
    type.early_renewal_days, type.refresher_months, type.after_lapse
  )
  is distinct from (
    excluded.name_nb, excluded.name_en, excluded.validity_rule, excluded.validity_months,
    excluded.required_for_listing, excluded.reminder_days, excluded.early_renewal_days,
    excluded.refresher_months, excluded.after_lapse
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

-- name: write_contacts(chapters, slug)$
-- What is left out stays; what is stated is compared as the table keeps it.
update mentorcert.chapters as chapter
set
  contact_email = wanted.contact_email, contact_phone = wanted.contact_phone, website = wanted.website, places = wanted.places
from (
  select
    held.id,
    case when stated.contact_email is null then held.contact_email
      else nullif(mentorcert_private.canonical_email(stated.contact_email), '') end as contact_email,
    case when stated.contact_phone is null then held.contact_phone
      else nullif(mentorcert_private.canonical_line(stated.contact_phone), '') end as contact_phone,
    case when stated.website is null then held.website else nullif(mentorcert_private.canonical_line(stated.website), '') end as website,
    coalesce(
      (
        select array_agg(mentorcert_private.canonical_line(place.name) order by place.position)
        from unnest(stated.places) with ordinality as place (name, position)
        having stated.places is not null and cardinality(stated.places) > 0
      ),
      case when stated.places is null then held.places else '{}' end
    ) as places
  from jsonb_to_recordset(:chapters) as stated (
    code text, contact_email text, contact_phone text, website text, places text []
  )
  join mentorcert.organisations as organisation on organisation.slug = :slug
  join mentorcert.chapters as held on held.organisation_id = organisation.id and held.code = stated.code
) as wanted
where
  chapter.id = wanted.id
  and (chapter.contact_email, chapter.contact_phone, chapter.website, chapter.places)
  is distinct from (wanted.contact_email, wanted.contact_phone, wanted.website, wanted.places)
returning chapter.code;

-- name: write_topics(topics, slug)$
insert into mentorcert_private.topics as topic (organisation_id, kind, name_nb, name_en, is_offered)
select organisation.id, stated.kind, stated.name_nb, stated.name_en, stated.is_offered
from jsonb_to_recordset(:topics) as stated (kind text, name_nb text, name_en text, is_offered boolean)
join mentorcert.organisations as organisation on organisation.slug = :slug
on conflict (organisation_id, kind, mentorcert_private.folded(name_nb)) do update
set name_nb = excluded.name_nb, name_en = excluded.name_en, is_offered = excluded.is_offered
where
  (topic.name_nb, topic.name_en, topic.is_offered)
  is distinct from (excluded.name_nb, excluded.name_en, excluded.is_offered)
returning topic.name_nb as code, topic.xmax = 0 as is_new;

-- name: topics_not_stated(slug, topics)
select topic.name_nb
from mentorcert_private.topics as topic
join mentorcert.organisations as organisation on organisation.id = topic.organisation_id
where
  organisation.slug = :slug
  and not exists (
    select from jsonb_to_recordset(:topics) as stated (kind text, name_nb text)
    where stated.kind = topic.kind and mentorcert_private.folded(stated.name_nb) = mentorcert_private.folded(topic.name_nb)
  )
order by mentorcert_private.sort_key(topic.name_nb), topic.id;

-- name: stated(slug)^
select jsonb_build_object(
  'organisation', jsonb_build_object('slug', organisation.slug, 'name', organisation.name, 'time_zone', organisation.time_zone),
  'certification_types', (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'code', type.code, 'name_nb', type.name_nb, 'name_en', type.name_en, 'validity_rule', type.validity_rule,
        'validity_months', type.validity_months, 'required_for_listing', type.required_for_listing,
        'reminder_days', type.reminder_days, 'early_renewal_days', type.early_renewal_days,
        'refresher_months', type.refresher_months, 'after_lapse', type.after_lapse
      ) order by type.code
    ), '[]')
    from mentorcert.certification_types as type
    where type.organisation_id = organisation.id and type.retired_on is null
  ),
  'chapters', (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'code', chapter.code, 'name', chapter.name, 'parent', parent.code, 'contact_email', chapter.contact_email,
        'contact_phone', chapter.contact_phone, 'website', chapter.website, 'places', chapter.places
      ) order by chapter.code
    ), '[]')
    from mentorcert.chapters as chapter
    left join mentorcert.chapters as parent on parent.id = chapter.parent_id and parent.retired_on is null
    where chapter.organisation_id = organisation.id and chapter.retired_on is null
  ),
  'topics', (
    select coalesce(jsonb_agg(
      jsonb_build_object('kind', topic.kind, 'name_nb', topic.name_nb, 'name_en', topic.name_en, 'is_offered', topic.is_offered)
      order by topic.kind desc, mentorcert_private.sort_key(topic.name_nb), topic.id
    ), '[]')
    from mentorcert_private.topics as topic
    where topic.organisation_id = organisation.id
  )
) as file
from mentorcert.organisations as organisation
where organisation.slug = :slug;

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
