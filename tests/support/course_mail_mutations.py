"""Guards of the mails about courses, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "course_mails"
_QUEUE: Final = "mentorcert_private.queue_course_mails(mentorcert_private.courses,text,bigint,uuid[])"
_OF_SIGN_UP: Final = "mentorcert_private.queue_sign_up_mail()"
_OF_COURSE: Final = "mentorcert_private.queue_mails_of_course()"
_REMINDERS: Final = "mentorcert_private.queue_course_reminders()"
_DUE: Final = "mentorcert_private.is_course_mail_due(mentorcert_private.notice_mails)"
_MAY: Final = "mentorcert_private.may_be_mailed(uuid)"

MUTATIONS: Final = [
    *(
        function(_FILE, signature, guard, instead)
        for signature, guard, instead in (
            (_QUEUE, "and mentorcert_private.address_fault(mentor.email, mentor.id) is null", ""),
            (_QUEUE, "waiting.course_step = step or", ""),
            (_QUEUE, "or step = 'changed' and waiting.course_step in ('seated', 'waiting', 'moved_up')", ""),
            (_OF_SIGN_UP, "old.state = 'waiting' and new.state = 'seated'", "false"),
            (_OF_SIGN_UP, "and mentor.user_id = auth.uid()", "and false"),
            (_OF_SIGN_UP, "and unsent.course_step in ('seated', 'waiting')", "and false"),
            (_OF_SIGN_UP, "of.first_day >=", "true or of.first_day >="),
            (_OF_COURSE, "if new.last_day >=", "if true or new.last_day >="),
            (_OF_COURSE, "and sign_up.state in ('seated', 'waiting')", ""),
            (_REMINDERS, "and sign_up.state = 'seated'", ""),
            (_REMINDERS, "and not mentor.reminders_paused", ""),
            (_DUE, "and sign_up.state = 'waiting'", ""),
            (_DUE, "and sign_up.state = 'withdrawn'", ""),
            (
                _MAY,
                "when 'course' then mentorcert_private.is_course_mail_due(mail)",
                "when 'course' then true",
            ),
            (_MAY, "and mail.queued_at > clock_timestamp() - interval '3 days'", ""),
        )
    ),
    *(
        Mutation(_FILE, f"alter table mentorcert_private.{table} disable trigger {trigger}")
        for table, trigger in (
            ("course_sign_ups", "queue_mail_on_insert"),
            ("course_sign_ups", "queue_mail_on_update"),
            ("courses", "queue_mails"),
        )
    ),
    Mutation(_FILE, "alter table mentorcert_private.notice_mails drop constraint notice_mails_course_valid"),
]
