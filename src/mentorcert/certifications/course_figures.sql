-- Figures of courses in a period: by kind, type and chapter, the whole first.

-- name: of_reach(first_day, last_day, known_on, masked)
select
  public.get_user_organisation_id() as organisation_id, figures.kind, figures.certification_type, figures.chapter_id, figures.held,
  figures.cancelled, figures.seats, figures.signed_up, figures.attended, figures.people, figures.no_shows, figures.unannounced,
  figures.issued, figures.renewed
from public.course_figures(:first_day::date, :last_day::date, :known_on::date, :masked::boolean) as figures;

-- name: of_organisation(organisation_id, first_day, last_day, known_on)
select
  :organisation_id::uuid as organisation_id, figures.kind, figures.certification_type, figures.chapter_id, figures.held,
  figures.cancelled, figures.seats, figures.signed_up, figures.attended, figures.people, figures.no_shows, figures.unannounced,
  figures.issued, figures.renewed
from mentorcert_private.count_course_figures(:organisation_id::uuid, null, :first_day::date, :last_day::date, :known_on::date) as figures;

-- name: of_organisation_masked(organisation_id, first_day, last_day, known_on)
select
  :organisation_id::uuid as organisation_id, figures.kind, figures.certification_type, figures.chapter_id, figures.held,
  figures.cancelled, figures.seats, figures.signed_up, figures.attended, figures.people, figures.no_shows, figures.unannounced,
  figures.issued, figures.renewed
from mentorcert_private.mask_course_figures(:organisation_id::uuid, null, :first_day::date, :last_day::date, :known_on::date) as figures;
