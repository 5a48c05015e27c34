-- Courses in a calendar.

-- name: of_feed(token)
select
  course.id, course.name_nb, course.name_en, course.days, course.starts, course.ends, course.place, course.link, course.is_cancelled,
  course.is_waiting, course.version
from public.courses_of_calendar(:token) as course;
