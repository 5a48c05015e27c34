"""A change that is shown before it is made: tried, undone, and made only if the same comes out again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import psycopg

from mentorcert.certifications.repository import Certification
from mentorcert.errors import (
    ConflictError,
    DuplicateError,
    RuleError,
    UnknownReferenceError,
    ValueRejectedError,
)
from mentorcert.web.context import RequestContext

Step = Literal["preview", "confirm"]

REFUSALS = (RuleError, DuplicateError, ValueRejectedError, UnknownReferenceError, ConflictError)


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """What a change gives, or what speaks against it; `is_other` if it is not what was shown before."""

    outcome: Certification | None
    refusal: str | None = None
    is_done: bool = False
    is_stale: bool = False

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        return 422 if self.refusal else 409 if self.is_stale else 200

    @property
    def fingerprint(self) -> str:
        """A text for the form, by which the confirmation says what it saw."""
        if self.outcome is None:
            return ""
        return f"{self.outcome.certification_type} {self.outcome.expires_at} {self.outcome.status}"


def preview_change(
    context: RequestContext, change: Callable[[], Certification], step: Step, shown: str | None = None
) -> PreviewResult:
    """Make a change if it is confirmed and gives what was shown; else tell what it would give.

    Either way the transaction goes on. MissingRightError and EndpointDisabledError rise.
    """
    preview = PreviewResult(None)
    try:
        with context.conn.transaction() as savepoint:
            preview = PreviewResult(change())
            if step == "preview" or preview.fingerprint != shown:
                raise psycopg.Rollback(savepoint)
            preview = PreviewResult(preview.outcome, is_done=True)
    except REFUSALS as error:
        return PreviewResult(None, refusal(context, error))
    if not preview.is_done and step == "confirm":
        return PreviewResult(preview.outcome, is_stale=True)
    return preview


def refusal(context: RequestContext, error: Exception) -> str:
    """Return what an error says of itself, in the visitor's language."""
    return context._(str(type(error).__doc__))
