"""Changes of certifications: register, renew, suspend, reinstate, revert."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import history, repository
from mentorcert.db.rows import Answer
from mentorcert.errors import DatabaseError, ForbiddenError, MissingRightError
from mentorcert.organisations import directory
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.certifications import Certification, shown
from mentorcert.web.api.etags import WITH_TAG, conditional, require_match, tagged
from mentorcert.web.api.fields import Day, Id, Remark, Word
from mentorcert.web.api.operation import ADDING, API, CHANGING, Operation, bearer
from mentorcert.web.context import RequestContext

router = APIRouter(
    prefix=f"{API}/certifications", tags=["changes"], route_class=Operation, dependencies=[bearer]
)


_CONDITIONAL: Final[dict[str, Any]] = {
    "responses": {**WITH_TAG, **CHANGING},
    "dependencies": [conditional],
}


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EvidenceSeen(history.Evidence):
    """What was seen, on which day, by whom; never a file."""

    seen: Remark = Field(description="Such as: diploma of the repetition course.")
    seen_on: Day
    seen_by: Remark | None = Field(None, description="Else: you.")
    basis: history.Basis | None = Field(
        None,
        description="A renewal after `refresher_until` is based on the whole course, or a new registration, and says so here.",
    )


class _Validity(_Change):
    last_valid_day: Day | None = Field(None, description="Else: by the type's rule.")
    note: Remark | None = Field(None, description="Kept in the history, where the peer mentor reads it.")
    evidence: EvidenceSeen | None = None


class Registration(_Validity):
    """A new certification."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "peer_mentor_id": "0b7f1f5c-3d3e-4b5c-9a64-5b1d7c1f0d55",
                    "certification_type": "basic",
                    "issued_on": "2026-03-02",
                    "note": "Basic course in March",
                }
            ]
        }
    )

    peer_mentor_id: Id
    certification_type: Word = Field(description="Code of one of the organisation's types.")
    issued_on: Day | None = Field(None, description="Else: today. Not in the future.")


class Renewal(_Validity):
    """A renewal; `{}` renews as of today, by the type's rule. What is still held is not lost.

    From `early_renewal_from` on, the rule counts on from the last valid day.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "renewed_on": "2026-03-02",
                    "evidence": {"seen": "diploma of the repetition course", "seen_on": "2026-03-02"},
                }
            ]
        }
    )

    renewed_on: Day | None = Field(None, description="Else: today. Later than the day of issue.")


class Suspension(_Change):
    """A suspension; time goes on running under it."""

    reason: Remark = Field(examples=["Complaint, being looked into"])


class Reinstatement(_Change):
    """The end of a suspension: active or expired then, by the date."""

    note: Remark | None = Field(None, examples=["Settled"])


class Reversal(_Change):
    """One change taken back, by another entry in the history."""

    entry_id: Id = Field(description="The entry to take back, as the history names it.")
    reason: Remark = Field(examples=["Wrong person"])


@router.post(
    "",
    operation_id="register_certification",
    status_code=201,
    responses={
        201: {
            "headers": {
                "Location": {
                    "description": "Path of the new certification.",
                    "required": True,
                    "schema": {"type": "string"},
                },
                **WITH_TAG[200]["headers"],
            }
        },
        **ADDING,
    },
)
def register_certification(
    context: ApiMember, response: Response, registration: Registration
) -> Certification:
    """Register a certification of a peer mentor who holds none of this type."""
    mentor = directory.get(context.conn, registration.peer_mentor_id)
    with of_a_visible_row():
        certification = repository.register(
            context.conn,
            mentor.id,
            registration.certification_type,
            issued_on=registration.issued_on,
            last_valid_day=registration.last_valid_day,
            note=registration.note,
            evidence=registration.evidence,
        )
    response.headers["Location"] = f"{API}/certifications/{certification.id}"
    return _answer(context, response, certification)


@router.post("/{certification_id}/renew", operation_id="renew_certification", **_CONDITIONAL)
def renew_certification(
    context: ApiMember, response: Response, certification_id: Id, renewal: Renewal
) -> Certification:
    """Renew a certification. A second time for the same day is refused (MC003): nothing is renewed twice."""
    with _changing(context, certification_id):
        renewed = repository.renew(
            context.conn,
            certification_id,
            renewed_on=renewal.renewed_on,
            last_valid_day=renewal.last_valid_day,
            note=renewal.note,
            evidence=renewal.evidence,
        )
    return _answer(context, response, renewed)


@router.post("/{certification_id}/suspend", operation_id="suspend_certification", **_CONDITIONAL)
def suspend_certification(
    context: ApiMember, response: Response, certification_id: Id, suspension: Suspension
) -> Certification:
    """Suspend a certification: from now on it does not hold, and the public list does not rest on it."""
    with _changing(context, certification_id):
        suspended = repository.suspend(context.conn, certification_id, suspension.reason)
    return _answer(context, response, suspended)


@router.post("/{certification_id}/reinstate", operation_id="reinstate_certification", **_CONDITIONAL)
def reinstate_certification(
    context: ApiMember, response: Response, certification_id: Id, reinstatement: Reinstatement
) -> Certification:
    """Take a suspension away."""
    with _changing(context, certification_id):
        reinstated = repository.reinstate(context.conn, certification_id, reinstatement.note)
    return _answer(context, response, reinstated)


@router.post("/{certification_id}/revert", operation_id="revert_change", **_CONDITIONAL)
def revert_change(
    context: ApiMember, response: Response, certification_id: Id, reversal: Reversal
) -> Certification:
    """Take one change back. MC006 where it cannot be, or a later change stands on it."""
    with _changing(context, certification_id):
        reverted = repository.revert(context.conn, certification_id, reversal.entry_id, reversal.reason)
    return _answer(context, response, reverted)


def _answer(
    context: RequestContext, response: Response, certification: repository.Certification
) -> Certification:
    changed = shown(context, certification)
    tagged(response, changed)
    return changed


@contextmanager
def _changing(context: RequestContext, certification_id: UUID) -> Iterator[None]:
    if_match = context.request.headers.get("if-match")
    if if_match is not None:
        # Of two who read the same, the second one waits here, and reads what the first one wrote.
        repository.lock(context.conn, certification_id)
    sent = context.ahead(repository.get, certification_id)
    if if_match is not None:
        require_match(if_match, shown(context, sent.value))
    with of_a_visible_row(sent):
        yield


@contextmanager
def of_a_visible_row(row: Answer[Any] | None = None) -> Iterator[None]:
    """Turn a missing right into ForbiddenError, unless the row itself, if one was asked for, is not visible."""
    try:
        yield
    except DatabaseError as error:
        _see(row)
        if not isinstance(error, MissingRightError):
            raise
        raise ForbiddenError(
            "You may read this, but not change it in this way.",
            code=error.code,
            constraint=error.constraint,
            hint="Ask a coordinator of the chapter or the administrator of the organisation.",
        ) from error
    _see(row)


def _see(row: Answer[Any] | None) -> None:
    """Raise MissingRightError where the row is not visible."""
    if row is not None:
        row.value  # noqa: B018 raises it
