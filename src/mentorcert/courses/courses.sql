-- Courses.

-- name: courses(course_id, since, until)
select
  course.id, course.organisation_id, course.kind, course.name_nb, course.name_en, course.types, course.required_types,
  course.chapter_ids, course.days, course.starts, course.ends, course.place, course.link, course.seats, course.responsible_id,
  course.responsible, course.note, course.state, course.reason, course.settled_at, course.batch_id, course.seated, course.waiting,
  course.own_state, course.own_place, course.own_attendance, course.may_sign_up, course.may_manage, course.version
from public.courses(:course_id::uuid, :since::date, :until::date) as course;

-- name: of_organisation(slug, since)
-- For the operator, who is above row-level security.
select
  course.id, organisation.slug as organisation, course.kind, course.name_nb as name, course.first_day, course.last_day, course.state,
  course.seats, counted.seated, counted.waiting, counted.attended
from mentorcert_private.courses as course
join mentorcert.organisations as organisation on organisation.id = course.organisation_id
cross join lateral (
  select
    count(*) filter (where sign_up.state = 'seated') as seated,
    count(*) filter (where sign_up.state = 'waiting') as waiting,
    count(*) filter (where sign_up.attendance = 'attended') as attended
  from mentorcert_private.course_sign_ups as sign_up
  where sign_up.course_id = course.id
) as counted
where (:slug::text is null or organisation.slug = :slug) and course.last_day >= coalesce(:since::date, mentorcert_private.day_of(now(), organisation.time_zone))
order by course.last_day, course.id;

-- name: responsibles()
select staff.user_id, staff.organisation_id, staff.name from public.course_responsibles() as staff;

-- name: plan(kind, name_nb, types, days, name_en, starts, ends, chapter_ids, required_types, place, link, seats, responsible_id, note)
select public.plan_course(
  :kind::text, :name_nb::text, :types::text[], :days::date[], :name_en::text, :starts::time[], :ends::time[], :chapter_ids::uuid[],
  :required_types::text[], :place::text, :link::text, :seats::integer, :responsible_id::uuid, :note::text
);

-- name: change(course_id, kind, name_nb, types, days, name_en, starts, ends, chapter_ids, required_types, place, link, seats, responsible_id, note, version)
select public.change_course(
  :course_id::uuid, :kind::text, :name_nb::text, :types::text[], :days::date[], :name_en::text, :starts::time[], :ends::time[],
  :chapter_ids::uuid[], :required_types::text[], :place::text, :link::text, :seats::integer, :responsible_id::uuid, :note::text,
  :version::bigint
);

-- name: cancel(course_id, reason, version)
select public.cancel_course(:course_id::uuid, :reason::text, :version::bigint);
