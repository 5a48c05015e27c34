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
from mentorcert.web.visit import Visit

Step = Literal["preview", "confirm"]

REFUSALS = (RuleError, DuplicateError, ValueRejectedError, UnknownReferenceError, ConflictError)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a change gives, or what speaks against it; `is_other` if it is not what was shown before."""

    outcome: Certification | None
    refusal: str | None = None
    is_done: bool = False
    is_other: bool = False

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        return 422 if self.refusal else 409 if self.is_other else 200

    @property
    def fingerprint(self) -> str:
        """A text for the form, by which the confirmation says what it saw."""
        if self.outcome is None:
            return ""
        return f"{self.outcome.certification_type} {self.outcome.expires_at} {self.outcome.status}"


def try_change(
    visit: Visit, change: Callable[[], Certification], step: Step, shown: str | None = None
) -> Trial:
    """Make a change if it is confirmed and gives what was shown; else tell what it would give.

    Either way the transaction goes on. MissingRightError and EndpointDisabledError rise.
    """
    trial = Trial(None)
    try:
        with visit.conn.transaction() as savepoint:
            trial = Trial(change())
            if step == "preview" or trial.fingerprint != shown:
                raise psycopg.Rollback(savepoint)
            trial = Trial(trial.outcome, is_done=True)
    except REFUSALS as error:
        return Trial(None, refusal(visit, error))
    if not trial.is_done and step == "confirm":
        return Trial(trial.outcome, is_other=True)
    return trial


def refusal(visit: Visit, error: Exception) -> str:
    """Return what an error says of itself, in the visitor's language."""
    return visit._(str(type(error).__doc__))
