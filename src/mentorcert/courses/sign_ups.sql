-- Sign-ups for courses.

-- name: sign_ups(course_id, peer_mentor_id)
select
  sign_up.id, sign_up.organisation_id, sign_up.course_id, sign_up.peer_mentor_id, sign_up.full_name, sign_up.state, sign_up.place,
  sign_up.attendance, sign_up.missing, sign_up.is_own, sign_up.by_peer_mentor, sign_up.signed_up_at, sign_up.version
from public.course_sign_ups(:course_id::uuid, :peer_mentor_id::uuid) as sign_up;

-- name: sign_ups_by_name(course_id)
select
  sign_up.id, sign_up.organisation_id, sign_up.course_id, sign_up.peer_mentor_id, sign_up.full_name, sign_up.state, sign_up.place,
  sign_up.attendance, sign_up.missing, sign_up.is_own, sign_up.by_peer_mentor, sign_up.signed_up_at, sign_up.version
from public.course_sign_ups(:course_id::uuid) as sign_up
order by mentorcert_private.sort_key(sign_up.full_name), sign_up.peer_mentor_id;

-- name: courses_of(peer_mentor_id, size)
-- The latest; of which the caller reads the course.
select
  sign_up.course_id, sign_up.organisation_id, course.name_nb, course.name_en, course.days, course.state as course_state, sign_up.state,
  sign_up.place, sign_up.attendance
from (select * from public.course_sign_ups(of_peer_mentor => :peer_mentor_id::uuid) limit :size) as sign_up
cross join lateral public.courses(sign_up.course_id) as course
order by course.days desc, sign_up.course_id;

-- name: missing(course_id, peer_mentor_ids)
select lacks.peer_mentor_id, lacks.certification_type
from public.missing_for_course(:course_id::uuid, :peer_mentor_ids::uuid[]) as lacks;

-- name: own_missing(since)
select course.id, lacks.certification_type
from public.courses(since => :since::date) as course
cross join lateral public.missing_for_course(course.id) as lacks
where course.may_sign_up and course.required_types <> '{}';

-- name: sign_up(course_id, peer_mentor_id)
select public.sign_up_for_course(:course_id::uuid, :peer_mentor_id::uuid);

-- name: sign_up_people(course_id, peer_mentor_ids)
select signed_up.state from public.sign_up_people_for_course(:course_id::uuid, :peer_mentor_ids::uuid[]) as signed_up;

-- name: withdraw(course_id, peer_mentor_id)
select public.withdraw_from_course(:course_id::uuid, :peer_mentor_id::uuid);

-- name: set_attendance(course_id, attended, absent, unset)
select public.set_course_attendance(:course_id::uuid, :attended::uuid[], :absent::uuid[], :unset::uuid[]);
