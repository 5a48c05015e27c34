"""A change is shown before it is made, and made only if it would still give what was shown."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

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

T = TypeVar("T")
Step = Literal["preview", "confirm"]

REFUSALS = (RuleError, DuplicateError, ValueRejectedError, UnknownReferenceError, ConflictError)


@dataclass(slots=True)
class PreviewResult(Generic[T]):
    """What a change gives, or the rule against it; `is_stale` where something else was shown before.

    `shown` is what the reader judges by: a dataclass, or anything else with a `repr` by value.
    """

    outcome: T | None = None
    shown: object = None
    refusal: str | None = None
    is_done: bool = False
    is_stale: bool = False

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        return 422 if self.refusal else 409 if self.is_stale else 200

    @property
    def fingerprint(self) -> str:
        """The text by which the form that confirms says what it showed; empty where nothing came out."""
        if self.outcome is None:
            return ""
        return hashlib.sha256(repr(self.shown).encode()).hexdigest()

    def compare(self, confirmed: str) -> None:
        """Compare with the fingerprint that a form confirms; another one is stale."""
        self.is_stale = self.fingerprint != confirmed


@contextmanager
def previewed_change(
    context: RequestContext, step: Step = "confirm", confirmed: str | None = None
) -> Iterator[PreviewResult[Certification]]:
    """Yield what takes the outcome of a change; undo the change unless it is confirmed and the same.

    Without `confirmed`, nothing was shown before, and the change is made. Either way the transaction goes on.
    MissingRightError and EndpointDisabledError rise.
    """
    preview = PreviewResult[Certification]()
    try:
        with context.conn.transaction() as savepoint:
            yield preview
            if (certification := preview.outcome) is not None:
                preview.shown = (
                    certification.certification_type,
                    certification.expires_at,
                    certification.status,
                )
            if step == "confirm" and confirmed is not None:
                preview.compare(confirmed)
            preview.is_done = step == "confirm" and not preview.is_stale
            if not preview.is_done:
                raise psycopg.Rollback(savepoint)
    except REFUSALS as error:
        preview.outcome, preview.refusal, preview.is_done = None, refusal(context, error), False


def refusal(context: RequestContext, error: Exception) -> str:
    """Return what an error says of itself, in the visitor's language."""
    return context._(str(type(error).__doc__))
