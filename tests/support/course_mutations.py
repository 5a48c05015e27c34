"""Guards of courses, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "courses"
_COURSES: Final = "mentorcert_private.courses"
_SIGN_UPS: Final = "mentorcert_private.course_sign_ups"
_CHECK: Final = "mentorcert_private.check_course()"
_MANAGES: Final = "mentorcert_private.manages_course(uuid,uuid[])"
_MERGED: Final = "mentorcert_private.with_merged_chapters(uuid[],boolean)"
_LOCKED: Final = "mentorcert_private.locked_course(uuid,bigint)"
_REQUIRED: Final = "mentorcert_private.require_course(uuid)"
_WRITTEN: Final = "text,text,text[],date[],text,time[],time[],uuid[],text[],text,text,integer,uuid,text"
_PLAN: Final = f"public.plan_course({_WRITTEN})"
_CHANGE: Final = f"public.change_course(uuid,{_WRITTEN},bigint)"
_CANCEL: Final = "public.cancel_course(uuid,text,bigint)"
_RESPONSIBLES: Final = "public.course_responsibles()"
_TYPE: Final = "mentorcert_private.type_in_use(uuid,text)"
_MISSING: Final = "mentorcert_private.missing_types(mentorcert_private.courses,uuid[],date)"
_FILL: Final = "mentorcert_private.fill_seats(mentorcert_private.courses)"
_SEATS: Final = "mentorcert_private.keep_seats()"
_IS_OWN: Final = "mentorcert_private.is_own_sign_up(uuid,uuid)"
_SIGN_UP: Final = "public.sign_up_for_course(uuid,uuid)"
_SIGN_UP_PEOPLE: Final = "public.sign_up_people_for_course(uuid,uuid[])"
_WITHDRAW: Final = "public.withdraw_from_course(uuid,uuid)"
_ATTEND: Final = "public.set_course_attendance(uuid,uuid[],uuid[],uuid[])"
_FOLLOW: Final = "mentorcert_private.follow_person(mentorcert.peer_mentors,uuid)"
_OF_CHANGE: Final = "mentorcert_private.courses_of_change(mentorcert.peer_mentors,uuid)"
_READ: Final = "public.courses(uuid,date,date)"
_LISTED: Final = "public.course_sign_ups(uuid,uuid)"
_LACKS: Final = "public.missing_for_course(uuid,uuid[])"
_OUTCOMES: Final = "mentorcert_private.course_outcomes(mentorcert_private.courses)"
_GIVEN: Final = "mentorcert_private.outcomes_for(mentorcert_private.courses,uuid[])"
_TO_CLOSE: Final = "mentorcert_private.course_to_close(uuid,text)"
_CLOSED: Final = "mentorcert_private.close_locked_course(uuid)"
_NAMED: Final = "mentorcert_private.check_named_courses()"
_REVERSAL: Final = "mentorcert_private.preview_batch_reversal(uuid)"
_REVERT: Final = "mentorcert_private.revert_batch(uuid,text,boolean)"
_TO_OPEN: Final = "mentorcert_private.course_to_open(uuid)"
_REOPEN: Final = "public.reopen_course(uuid,text,boolean)"
_SWITCH: Final = "perform mentorcert_private.check_endpoint('certifications');"
_IN_REACH: Final = "mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function(_FILE, signature, guard, instead)


MUTATIONS: Final = [
    # What a course is, and whose
    _guard(_CHECK, "perform mentorcert_private.require_type(new.organisation_id, code) from", "perform 1 from"),
    _guard(_CHECK, "type.retired_on <= new.days[cardinality(new.days)]", "false"),
    _guard(_CHECK, "chapter.organisation_id = new.organisation_id and chapter.id", "chapter.id"),
    _guard(_CHECK, "membership.organisation_id = new.organisation_id and"),
    _guard(_CHECK, "and membership.role <> 'peer_mentor'"),
    _guard(_CHECK, "and (membership.ended_at is null or membership.ended_at > statement_timestamp())"),
    _guard(_MANAGES, "organisation_id = mentorcert_private.administered_organisation_id()", "false"),
    _guard(_MANAGES, "chapter_ids <> '{}'", "true"),
    _guard(_MANAGES, "and chapter_ids <@ mentorcert_private.with_merged_chapters(mentorcert_private.coordinated_chapter_ids())"),
    _guard(_MERGED, "chapter.merged_into_id = any(latest)", "false"),
    _guard(_MERGED, "with_above and chapter.id", "chapter.id"),
    _guard(_LOCKED, "version <> course.version", "false"),
    _guard(_LOCKED, "course.state <> 'planned'", "false"),
    _guard(_REQUIRED, "mentorcert_private.manages_course(course.organisation_id, course.chapter_ids)", "true"),
    *[
        _guard(of, f"not mentorcert_private.manages_course({where}, coalesce({name}.chapter_ids, '{{}}'))", "false")
        for of, where, name in ((_PLAN, "organisation", "plan_course"), (_CHANGE, "course.organisation_id", "change_course"))
    ],
    *[
        _guard(of, "perform mentorcert_private.require_instants(jsonb_build_object('days', day)) from", "perform 1 from")
        for of in (_PLAN, _CHANGE)
    ],
    _guard(_CHANGE, "change_course.version);", "null);"),
    _guard(_CANCEL, "cancel_course.version);", "null);"),
    _guard(_CANCEL, "perform mentorcert_private.require_reason(cancel_course.reason);"),
    _guard(_RESPONSIBLES, "and (is_administrator or shared <> '{}')"),
    _guard(_RESPONSIBLES, "membership.organisation_id = organisation", "true"),
    _guard(_RESPONSIBLES, "and (membership.ended_at is null or membership.ended_at > statement_timestamp())"),
    _guard(_RESPONSIBLES, "membership.role = 'coordinator' and", ""),
    _guard(_RESPONSIBLES, "membership.chapter_id = any(shared)", "true"),
    _guard(_RESPONSIBLES, ", with_above => true"),
    # What is required
    _guard(_TYPE, "exit when into_id is null;", "exit;"),
    _guard(_MISSING, "and held.status <> 'suspended'"),
    _guard(_MISSING, "coalesce(held.expires_at, 'infinity') > at", "true"),
    _guard(_SIGN_UP, "missing <> '{}'", "false"),
    # Seats
    _guard(_FILL, "and today <= course.first_day"),
    _guard(_FILL, "order by waiting.rank", "order by waiting.rank desc"),
    _guard(_FILL, "greatest(course.seats - (", "greatest(course.seats + 9 - ("),
    _guard(_SEATS, "new.seats < (", "false and new.seats < ("),
    _guard(_SEATS, "perform mentorcert_private.fill_seats(new);"),
    _guard(_SIGN_UP, "coalesce(course.seats, 2147483647)", "2147483647"),
    _guard(_SIGN_UP, "coalesce(max(earlier.rank), 0) + 1", "0"),
    _guard(_SIGN_UP, "and count(*) filter (where taken.state = 'waiting') = 0", ""),
    _guard(_WITHDRAW, "perform mentorcert_private.fill_seats(course);"),
    # Who signs up
    _guard(_IS_OWN, "asked.is_administered or", ""),
    _guard(_IS_OWN, "asked.is_for and", ""),
    _guard(_IS_OWN, "(asked.is_own or asked.is_in_reach)", "true"),
    _guard(_IS_OWN, "mentor.organisation_id = course.organisation_id", "true"),
    _guard(_IS_OWN, "and (mentor.left_on is null or", "and (true or"),
    _guard(_SIGN_UP, "> course.first_day", "> course.first_day + 9"),
    _guard(_SIGN_UP, "live.state <> 'withdrawn'", "false"),
    _guard(_SIGN_UP_PEOPLE, "live.state <> 'withdrawn'", "false"),
    _guard(_SIGN_UP_PEOPLE, "order by min(named.position)", "order by min(named.position) desc"),
    _guard(_SIGN_UP_PEOPLE, "not between 1 and 500", "> 500"),
    _guard(_SIGN_UP_PEOPLE, "not between 1 and 500", "= 0"),
    _guard(_WITHDRAW, "and mentorcert_private.reads_peer_mentor(mentor.id)"),
    _guard(_WITHDRAW, "> course.first_day", "> course.first_day + 9"),
    _guard(_WITHDRAW, "and sign_up.state in ('seated', 'waiting')"),
    # Who attended
    _guard(_ATTEND, "and mentor.user_id is distinct from auth.uid()"),
    _guard(_ATTEND, f"and {_IN_REACH}"),
    _guard(_ATTEND, "cardinality(named) not between 1 and 5000", "false"),
    _guard(_ATTEND, "cardinality(named) <> (select count(distinct id) from unnest(named) as id)", "false"),
    _guard(_ATTEND, "< course.first_day", "< course.first_day - 99"),
    _guard(_ATTEND, "and sign_up.state = 'unannounced'"),
    _guard(_ATTEND, "where sign_up.attendance is distinct from excluded.attendance", ""),
    _guard(_ATTEND, "said.attendance = 'attended' or exists (", "true or exists ("),
    # What happens to the person
    _guard(_OF_CHANGE, "of.first_day >= person.left_on", "true"),
    _guard(_FOLLOW, "perform mentorcert_private.fill_seats(course);"),
    _guard(_FOLLOW, "least(kept.rank, other.rank)", "kept.rank"),
    _guard(_FOLLOW, "trim_array(sign_up.came_from, 1)", "sign_up.came_from"),
    # Who reads
    _guard(_READ, "course.organisation_id = organisation", "true"),
    _guard(_READ, "and (course.chapter_ids = '{}' or course.chapter_ids && served)"),
    _guard(_READ, "(is_here or coordinated <> '{}') and", ""),
    _guard(_READ, "case when right_to.manage then course.batch_id end", "course.batch_id"),
    _guard(_READ, "and (since is null or course.last_day >= since)"),
    _guard(_READ, "and (until is null or course.first_day <= until)"),
    _guard(_READ, "course.state = 'planned' and today", "today"),
    _guard(_READ, "and today <= course.first_day"),
    _guard(_LISTED, "num_nonnulls(of_course, of_peer_mentor) = 0", "false"),
    _guard(_LISTED, "mentor.chapter_ids && coordinated and", ""),
    _guard(_LISTED, "or mentor.id = any(own)"),
    _guard(_LISTED, "mentor.organisation_id = administered or", ""),
    _guard(_LACKS, "and mentorcert_private.reads_peer_mentor(mentor.id)"),
    _guard(_LACKS, "not exists (select from public.courses(missing_for_course.course_id))", "false"),
    _guard(_LACKS, "cardinality(peer_mentor_ids) > 5000", "false"),
    # Closing
    _guard(_OUTCOMES, "day > mentorcert_private.day_of(now(), time_zone)", "false"),
    _guard(_OUTCOMES, "mentor.chapter_ids && coordinated and mentor.id", "mentor.id"),
    _guard(_OUTCOMES, "and sign_up.attendance = 'attended'"),
    _guard(_GIVEN, "when mentor.left_on <= day then 'peer_mentor_left'"),
    _guard(_GIVEN, "when lacking.peer_mentor_id is not null then 'course_prerequisites_held'"),
    _guard(_GIVEN, "when type.retired_on <= day then 'certification_type_retired'"),
    _guard(_GIVEN, "and course.kind = 'refresher' then", "and false then"),
    _guard(_GIVEN, "(course.kind = 'course' and type.after_lapse = 'course') is not true", "course.kind = 'refresher'"),
    _guard(_GIVEN, "(course.kind = 'course' and type.after_lapse = 'course') is not true", "type.after_lapse <> 'course'"),
    _guard(_GIVEN, "rows.held_from >= midnight", "false"),
    _guard(_GIVEN, "when rows.was_given then 'reinstate'"),
    _guard(_TO_CLOSE, "is distinct from course_to_close.fingerprint", "is null and false"),
    _guard(_CLOSED, "and changed.renewal_history #>> '{-1,evidence,course_id}' = course.id::text"),
    _guard(_NAMED, "and sign_up.attendance = 'attended'"),
    _guard(_NAMED, "and mentorcert_private.manages_course(course.organisation_id, course.chapter_ids)"),
    _guard(_NAMED, "and sign_up.peer_mentor_id = changed.peer_mentor_id"),
    _guard(_NAMED, "mentorcert_private.time_zone_of(course.organisation_id)) = course.last_day", "'UTC') is not null"),
    _guard(_NAMED, "= changed.certification_type", "is not null"),
    # Taking it back
    _guard(_REVERSAL, "when latest.is_given then 'suspended'", "when false then 'suspended'"),
    _guard(_REVERT, "where given.entry ->> 'kind' in ('issued', 'reinstated')", "where given.entry ->> 'kind' in ('issued')"),
    _guard(_REVERT, "jsonb_build_object('note', reason, 'evidence', evidence)", "jsonb_build_object('note', reason)"),
    _guard(_TO_OPEN, "course.state <> 'closed'", "false"),
    _guard(_REOPEN, "reopen_course.leaves_out)", "true)"),
    *[
        _guard(of, _SWITCH)
        for of in (_REQUIRED, _PLAN, _IS_OWN, _WITHDRAW, _READ, _LISTED)
    ],
    *[
        Mutation(_FILE, f"alter table {_COURSES} drop constraint courses_{name}")
        for name in (
            "kind_valid", "name_characters", "name_length", "name_valid", "types_valid", "chapter_ids_valid", "days_valid",
            "times_valid", "place_characters", "place_length", "place_valid", "link_length", "link_valid", "seats_valid",
            "note_characters", "note_length", "note_valid", "state_valid", "reason_characters", "reason_length", "reason_valid",
        )
    ],
    *[
        Mutation(_FILE, f"alter table {_SIGN_UPS} drop constraint course_sign_ups_{name}")
        for name in ("state_valid", "attendance_valid")
    ],
    *[
        Mutation(_FILE, f"alter table {_COURSES} disable trigger {name}")
        for name in (
            "canonicalise_texts", "keep_identity", "set_version", "check_course_on_insert", "check_course_on_update",
            "keep_seats", "audit_update",
        )
    ],
    *[
        Mutation(_FILE, f"alter table {_SIGN_UPS} disable trigger {name}")
        for name in ("keep_identity", "keep_peer_mentor", "audit_update")
    ],
    Mutation(_FILE, "alter table mentorcert_private.change_batches disable trigger open_course"),
]  # fmt: skip
