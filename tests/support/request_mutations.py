"""Guards of requests for renewals, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "renewal_requests"
_TABLE: Final = "mentorcert_private.renewal_requests"
_ASK: Final = "public.request_renewal(uuid,text,date)"
_LOCKED: Final = "mentorcert_private.locked_request(uuid,bigint,boolean)"
_ANSWER: Final = "public.answer_renewal_request(uuid,text,date,bigint)"
_WITHDRAW: Final = "public.withdraw_renewal_request(uuid,bigint)"
_ASK_BACK: Final = "public.ask_back_renewal_request(uuid,text,bigint)"
_REFUSE: Final = "public.refuse_renewal_request(uuid,text,bigint)"
_APPROVABLE: Final = "mentorcert_private.request_to_approve(uuid,bigint)"
_APPROVE: Final = "public.approve_renewal_request(uuid,date,date,text,bigint)"
_READ: Final = "public.renewal_requests(boolean,uuid,uuid)"
_SETTLE: Final = "mentorcert_private.settle_requests()"
_NAMED: Final = "mentorcert_private.check_named_requests()"
_CLOSE: Final = "mentorcert_private.close_requests()"
_QUEUE: Final = "mentorcert_private.queue_request_mails()"
_RECIPIENT: Final = "mentorcert_private.request_recipient(uuid)"
_SWITCH: Final = "perform mentorcert_private.check_endpoint('certifications');"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function(_FILE, signature, guard, instead)


MUTATIONS: Final = [
    # Who asks, and what
    _guard(_ASK, "and mentor.id = any(mentorcert_private.own_peer_mentor_ids())"),
    _guard(
        _ASK,
        "and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), organisation.time_zone))",
    ),
    _guard(_ASK, "held.retired_on <= held.today", "false"),
    _guard(_ASK, "request_renewal.done_on not between held.issued_on + 1 and held.today", "false"),
    _guard(_ASK, "held.issued_on + 1 and", "held.issued_on and"),
    _guard(_ASK, "and held.today then", "and held.today + 1 then"),
    _guard(_ASK, "count(*) >= 5", "false"),
    _guard(
        _ASK,
        "perform mentorcert_private.require_instants(jsonb_build_object('done_on', request_renewal.done_on));",
    ),
    # Who settles
    _guard(_LOCKED, "mentor.id = any(mentorcert_private.own_peer_mentor_ids())", "true"),
    _guard(
        _LOCKED,
        "and mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))",
    ),
    _guard(_LOCKED, "mentor.user_id is distinct from auth.uid()\n          and", ""),
    _guard(_LOCKED, "coalesce(locked_request.version, of.version)", "of.version"),
    _guard(_LOCKED, "request.settled_at is not null or asking.has_left", "asking.has_left"),
    _guard(_LOCKED, "request.settled_at is not null or asking.has_left", "request.settled_at is not null"),
    _guard(_ANSWER, "is_own => true", "is_own => false"),
    _guard(_WITHDRAW, "is_own => true", "is_own => false"),
    *[_guard(of, "is_own => false", "is_own => true") for of in (_ASK_BACK, _REFUSE, _APPROVABLE)],
    _guard(_ANSWER, "request.state <> 'asked_back'", "false"),
    _guard(_ANSWER, "request.answer, answer_renewal_request.answer", "answer_renewal_request.answer"),
    _guard(
        _ANSWER,
        "answer_renewal_request.done_on not between",
        "false and answer_renewal_request.done_on not between",
    ),
    _guard(
        _ANSWER,
        "coalesce(mentorcert_private.canonical_text(answer_renewal_request.answer), '') = ''",
        "false",
    ),
    _guard(_REFUSE, "perform mentorcert_private.require_reason(refuse_renewal_request.reason);"),
    _guard(
        _APPROVE,
        "coalesce(approve_renewal_request.renewed_on, request.done_on)",
        "approve_renewal_request.renewed_on",
    ),
    _guard(
        _APPROVE,
        "approve_renewal_request.request_id, approve_renewal_request.version",
        "approve_renewal_request.request_id, null",
    ),
    _guard(_APPROVABLE, ", 'request_id', request.id"),
    *[_guard(of, _SWITCH) for of in (_ASK, _LOCKED, _READ)],
    # Who reads
    _guard(_READ, "mentor.organisation_id = administered", "true"),
    _guard(_READ, "mentor.chapter_ids && coordinated", "true"),
    _guard(_READ, "or mentor.id = any(own)"),
    _guard(_READ, "and mentor.merged_into is null"),
    _guard(_READ, "(of_certification is null or request.certification_id = of_certification)", "true"),
    _guard(_READ, "(of_request is null or request.id = of_request)", "true"),
    _guard(
        _READ,
        "request.settled_at is null and (mentor.left_on is null or mentor.left_on > today)",
        "request.settled_at is null",
    ),
    _guard(_READ, "when mentor.id <> all(own) or request.settled_by = auth.uid()", "when true"),
    # What settles it otherwise
    _guard(_SETTLE, "renewed.issued_at > request.held_from", "true"),
    _guard(_SETTLE, "where changed.renewal_history #>> '{-1,kind}' in ('renewed', 'imported')"),
    _guard(_SETTLE, "renewed.renewal_history #>> '{-1,evidence,request_id}' = request.id::text", "true"),
    _guard(_CLOSE, "least(old.left_on, new.left_on) <= today", "false"),
    _guard(_CLOSE, "least(old.left_on, new.left_on)", "new.left_on"),
    _guard(_CLOSE, "new.erased_at is not null", "false"),
    _guard(_SETTLE, "or renewed.renewal_history #>> '{-1,evidence,request_id}' = request.id::text"),
    *[
        _guard(_NAMED, guard)
        for guard in (
            "and request.certification_id = changed.id",
            "and request.settled_at is null",
            "and changed.renewal_history #>> '{-1,kind}' = 'renewed'",
            "and (mentor.user_id = auth.uid()) is not true",
        )
    ],
    # Mails
    _guard(_QUEUE, "new.state = 'open'", "true"),
    _guard(_QUEUE, "and membership.role = 'coordinator'"),
    _guard(_QUEUE, "new.state in ('asked_back', 'approved', 'refused') and", ""),
    _guard(_RECIPIENT, "and request.version = mail.request_version"),
    _guard(
        _RECIPIENT,
        "mail.user_id = any(mentorcert_private.responsible_ids(mentor.id))",
        "true",
    ),
    _guard(
        _RECIPIENT,
        "(mentor.left_on is null or mentor.left_on >",
        "(true or mentor.left_on >",
    ),
    _guard(
        "mentorcert_private.may_be_mailed(uuid)", "where mentorcert_private.is_address(recipient.address)"
    ),
    Mutation(_FILE, "drop index mentorcert_private.notice_mails_one_of_a_request"),
    *[
        Mutation(_FILE, f"alter table {_TABLE} drop constraint renewal_requests_{name}")
        for name in (
            "text_characters",
            "text_length",
            "text_valid",
            "reply_characters",
            "reply_length",
            "reply_valid",
            "answer_characters",
            "answer_length",
            "state_valid",
        )
    ],
    Mutation(_FILE, "drop index mentorcert_private.renewal_requests_one_open"),
    *[
        Mutation(_FILE, f"alter table {_TABLE} disable trigger {name}")
        for name in (
            "canonicalise",
            "canonicalise_reply",
            "keep_identity",
            "check_version",
            "set_version",
            "reject_settled",
            "queue_mails_on_insert",
            "queue_mails_on_update",
            "audit_update",
        )
    ],
    # When they go
    function(
        _FILE,
        "mentorcert_private.outdated_conditions()",
        "line.settled_at < $1 or line.settled_at is null",
        "line.settled_at is null",
    ),
    function(
        _FILE,
        "mentorcert_private.outdated_conditions()",
        "certification.id = line.certification_id and "
        "(mentor.left_on < $1::date or mentor.merged_into is not null and line.asked_at < $1)",
        "certification.id = line.certification_id",
    ),
]
