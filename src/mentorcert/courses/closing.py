"""Closing a course: who attended is certified, as was previewed, and that can be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

Outcome = Literal["issue", "renew", "reinstate", "unchanged", "refused"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class ClosingOutcome:
    """What closing gives somebody of one type; `refusal` names the rule against it, the dates are as it will be.

    `reinstate` takes the suspension away that opening the course again has put on what it had issued; every other one
    stays, as `status` says, also on what is renewed. All rows have the same `fingerprint`.
    """

    organisation_id: UUID
    peer_mentor_id: UUID
    full_name: str
    certification_type: str
    certification_id: UUID | None
    outcome: Outcome
    refusal: str | None
    issued_at: datetime | None
    expires_at: datetime | None
    last_valid_day: date | None
    status: Literal["active", "expired", "suspended"] | None
    fingerprint: str


def preview(conn: Connection, course_id: UUID) -> Sequence[ClosingOutcome]:
    """Return what closing gives each who attended, by name; changes nothing.

    Raises MissingRightError, also where somebody who attended is not within reach, and InvalidArgumentError before the
    last day.
    """
    return rows.fetch_all(conn, ClosingOutcome, _QUERIES.preview, course_id=course_id)


def fingerprint(outcomes: Sequence[ClosingOutcome]) -> str | None:
    """Return what a preview says, for `close`; None where nobody attended."""
    return outcomes[0].fingerprint if outcomes else None


def close(conn: Connection, course_id: UUID, previewed: str | None) -> int:
    """Close a course as it was previewed; return how many certifications were issued, renewed and reinstated.

    Raises as `preview`, CourseSettledError, and CourseOutcomesChangedError where the preview says something else by now.
    """
    return rows.fetch_one(conn, int, _QUERIES.close, course_id=course_id, fingerprint=previewed)


def reopen(conn: Connection, course_id: UUID, reason: str, *, leaves_out: bool = False) -> int:
    """Take the closing back, all of it or all but what was changed since; return how many certifications.

    Raises MissingRightError, CourseSettledError, NotRevertibleError and ReasonRequiredError.
    """
    return rows.fetch_one(
        conn, int, _QUERIES.reopen, course_id=course_id, reason=reason, leaves_out=leaves_out
    )
