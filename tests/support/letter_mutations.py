"""Guards of letters and of reminders that are sent now, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "letters"
_TABLE: Final = "mentorcert_private.letters"
_REACH: Final = "mentorcert_private.letter_recipients(uuid[])"
_DRAFT: Final = "mentorcert_private.draft_letter(uuid[])"
_OWN: Final = "mentorcert_private.own_draft(uuid)"
_WRITE: Final = "mentorcert_private.write_letter(uuid,text,text)"
_SEND: Final = "mentorcert_private.send_letter(uuid,timestamptz)"
_MAY: Final = "mentorcert_private.may_be_mailed(uuid)"
_CLAIM: Final = "mentorcert_private.claim_queued(integer)"
_CONTENTS: Final = "mentorcert_private.claimed_letters(uuid[])"
_MAILS: Final = "mentorcert_private.letter_mails(uuid)"
_NOW: Final = "public.remind_now(uuid)"
_AHEAD: Final = "mentorcert_private.reminders_ahead(boolean,timestamptz,uuid,integer)"
_SENT: Final = "mentorcert_private.reminders_sent(timestamptz,uuid,integer)"
_REMINDED: Final = "mentorcert_private.reminded_certifications(integer)"
_SWITCH: Final = "perform mentorcert_private.check_endpoint('peer_mentors');"


_POLICY: Final = "authors read their letters, and administrators what was sent"
_AUTHORS: Final = "written_by = auth.uid() and organisation_id = public.get_user_organisation_id()"
_ADMINISTRATORS: Final = (
    "sent_at is not null and organisation_id = mentorcert_private.administered_organisation_id()"
)


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function(_FILE, signature, guard, instead)


MUTATIONS: Final = [
    # Who reads and writes
    *[
        Mutation(_FILE, f'{change} policy "{_POLICY}" on {_TABLE}{to}')
        for change, to in (
            ("drop", ""),
            ("alter", " using (true)"),
            ("alter", f" using ({_AUTHORS})"),
            ("alter", f" using ({_ADMINISTRATORS})"),
            (
                "alter",
                f" using ({_AUTHORS} or organisation_id = mentorcert_private.administered_organisation_id())",
            ),
        )
    ],
    Mutation(_FILE, f"alter table {_TABLE} disable row level security"),
    Mutation(_FILE, f"grant update, delete, insert on {_TABLE} to authenticated"),
    Mutation(_FILE, "grant select on mentorcert_private.refused_addresses to authenticated"),
    *[Mutation(_FILE, f"grant execute on function {of} to authenticated") for of in (_CLAIM, _CONTENTS)],
    *[
        Mutation(_FILE, f"alter table {_TABLE} disable trigger {name}")
        for name in ("canonicalise", "canonicalise_body", "keep_identity")
    ],
    *[
        Mutation(_FILE, f"alter table {_TABLE} drop constraint letters_{name}")
        for name in (
            "recipient_ids_valid",
            "subject_characters",
            "subject_length",
            "subject_given",
            "body_characters",
            "body_length",
            "body_given",
            "mails_valid",
        )
    ],
    *[_guard(of, _SWITCH) for of in (_REACH, _WRITE, _SEND, _MAILS)],
    _guard(
        _REACH,
        "mentor.organisation_id = administered or mentor.chapter_ids && coordinated and mentor.id <> all(gone)",
        "true",
    ),
    _guard(_REACH, "mentor.organisation_id = administered or", ""),
    _guard(_REACH, "or mentor.chapter_ids && coordinated and mentor.id <> all(gone)"),
    _guard(_DRAFT, "if cardinality(peer_mentor_ids) > 1000 then", "if false then"),
    _guard(_DRAFT, "if reached = '{}' then", "if false then"),
    _guard(_DRAFT, "where letter.written_by = author and letter.sent_at is null", "where false"),
    _guard(_OWN, "and letter.written_by = mentorcert_private.acting_user()"),
    _guard(_OWN, "and letter.sent_at is null"),
    # Once, as it was shown, by somebody who can be answered, and few
    _guard(_SEND, "draft.written_at is distinct from send_letter.written_at", "false"),
    _guard(_SEND, "elsif mentorcert_private.confirmed_address(author) is null then", "elsif false then"),
    _guard(_SEND, ") >= 10 then", ") >= 1000 then"),
    _guard(_SEND, "if queued = 0 then", "if false then"),
    _guard(_SEND, "where recipient.outcome = 'mail'"),
    Mutation(_FILE, "drop index mentorcert_private.notice_mails_one_letter_a_person"),
    # What must not be sent any more
    _guard(_MAY, "and mail.queued_at > clock_timestamp() - interval '3 days'"),
    _guard(
        _MAY,
        "and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(clock_timestamp(), organisation.time_zone))",
    ),
    _guard(_MAY, "and mentorcert_private.is_address(mentor.email)"),
    _guard(_MAY, "mentorcert_private.confirmed_address(letter.written_by) is not null and"),
    _guard(_MAY, "and (membership.ended_at is null or membership.ended_at > clock_timestamp())"),
    _guard(_CLAIM, "if mentorcert_private.notices_are_held() then", "if false then"),
    _guard(_CLAIM, "mail.claimed_at <= mail.queued_at or", "true or"),
    _guard(_CONTENTS, "and mentorcert_private.is_committed(mail.claimed_in)"),
    function(
        _FILE,
        "mentorcert_private.claim_notices(uuid[],timestamptz,integer)",
        "released.kind = 'reminder' and released.state = 'released' and released.queued_at is null",
        "released.state = 'released'",
    ),
    _guard(
        "mentorcert_private.refuse_mails(uuid[])",
        "when mail.queued_at is null then 'released' else 'refused'",
        "when true then 'released'",
    ),
    # Reminders that are sent now
    *[
        function("reminders", of, guard, instead)
        for of, guard, instead in (
            (_NOW, "and mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids)", ""),
            (_NOW, "notice.outcome = 'mailed'", "false"),
            (_NOW, "if following.state <> 'planned' then", "if false then"),
            (_NOW, "or following.days_before = 0 and following.last_valid_day >= held.today", ""),
            (_AHEAD, "perform mentorcert_private.check_endpoint('certifications');", ""),
            (_SENT, "perform mentorcert_private.check_endpoint('certifications');", ""),
            (_REMINDED, "held.chapter_ids && %L", "%L is not null"),
            (_REMINDED, "held.peer_mentor_id <> all(%L)", "%L is not null"),
            (_REMINDED, "mentorcert_private.administered_organisation_id() is not null", "true"),
            (_MAY, "and certification.expires_at = notice.expires_at", ""),
        )
    ],
    # Who sees to whom
    _guard(
        _MAILS,
        "letter.written_by = auth.uid() and letter.organisation_id = public.get_user_organisation_id()",
        "true",
    ),
    # An erased person
    _guard("mentorcert_private.forget_letters()", "and mail.letter_id is not null", "and false"),
    _guard(
        "mentorcert_private.forget_letters()",
        "array_remove(letter.recipient_ids, new.id)",
        "letter.recipient_ids",
    ),
]
