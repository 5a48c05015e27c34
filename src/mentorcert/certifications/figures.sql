-- Figures of a period: by type and chapter, the whole first.

-- name: of_reach(first_day, last_day, known_on, masked)
select
  public.get_user_organisation_id() as organisation_id, figures.certification_type, figures.chapter_id, figures.valid, figures.started,
  figures.renewed, figures.lapsed, figures.stopped, figures.outdated
from public.figures(:first_day::date, :last_day::date, :known_on::date, :masked::boolean) as figures;

-- name: of_organisation(organisation_id, first_day, last_day, known_on)
select
  :organisation_id::uuid as organisation_id, figures.certification_type, figures.chapter_id, figures.valid, figures.started,
  figures.renewed, figures.lapsed, figures.stopped, figures.outdated
from mentorcert_private.count_figures(:organisation_id::uuid, null, :first_day::date, :last_day::date, :known_on::date) as figures;

-- name: of_organisation_masked(organisation_id, first_day, last_day, known_on)
select
  :organisation_id::uuid as organisation_id, figures.certification_type, figures.chapter_id, figures.valid, figures.started,
  figures.renewed, figures.lapsed, figures.stopped, figures.outdated
from mentorcert_private.mask_figures(:organisation_id::uuid, null, :first_day::date, :last_day::date, :known_on::date) as figures;
