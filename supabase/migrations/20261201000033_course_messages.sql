-- What a portal says of a completed course arrives as attendance: who closes the course certifies by it.

do $$
begin
  alter table mentorcert_portal.inbox
    drop constraint inbox_action_valid,
    add constraint inbox_action_valid check (action in ('renew', 'attend', 'merge', 'withdraw_consent'));
end
$$;

create or replace function mentorcert_portal.attend(organisation_id uuid, peer_mentor_id uuid, certification_type text, attended_on date)
returns boolean
language plpgsql
security definer -- so that the receiver's role needs this function only
set search_path = ''
as $$
#variable_conflict use_variable
declare
  course_ids constant uuid[] := array(
    select course.id
    from mentorcert_private.courses as course
    join mentorcert_private.course_sign_ups as sign_up on sign_up.course_id = course.id and sign_up.peer_mentor_id = attend.peer_mentor_id
    where
      course.organisation_id = attend.organisation_id and course.state <> 'cancelled' and attended_on = any(course.days)
      and sign_up.state <> 'withdrawn'
      and exists (
        select from unnest(course.types) as given (code)
        where
          mentorcert_private.type_in_use(course.organisation_id, given.code)
          = mentorcert_private.type_in_use(course.organisation_id, attend.certification_type)
      )
  );
  course mentorcert_private.courses;
  is_new boolean := false;
begin
  if cardinality(course_ids) <> 1 then
    return null;
  end if;
  select * into course from mentorcert_private.courses as of where of.id = course_ids[1] for no key update;
  perform mentorcert_private.set_change_context('{"job": "portal"}');
  if course.state = 'planned' then
    update mentorcert_private.course_sign_ups as sign_up set attendance = 'attended'
    where
      sign_up.course_id = course.id and sign_up.peer_mentor_id = attend.peer_mentor_id
      and sign_up.attendance is distinct from 'attended';
    is_new := found;
  elsif not exists (
    select from mentorcert_private.course_sign_ups as sign_up
    where sign_up.course_id = course.id and sign_up.peer_mentor_id = attend.peer_mentor_id and sign_up.attendance = 'attended'
  ) then
    is_new := null;
  end if;
  perform mentorcert_private.set_change_context(null);
  return is_new;
end
$$;
comment on function mentorcert_portal.attend(uuid, uuid, text, date) is
  'Notes that a peer mentor attended the course of a type, on one of its days, for which the person is signed up; false where that is noted already, null where there is no such course or more than one, or it was closed without the person.';

revoke execute on function mentorcert_portal.attend from public, anon, authenticated, service_role;
grant execute on function mentorcert_portal.attend to mentorcert_receiver;
