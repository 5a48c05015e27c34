"""Errors beside the fields of a form, where the database refuses a change by a constraint."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mentorcert.db.rows import mapped_errors
from mentorcert.errors import DatabaseError
from mentorcert.translatable import LazyText
from mentorcert.web.context import RequestContext


@dataclass(frozen=True, slots=True)
class Refusal:
    """The field to which a constraint belongs, and what its error says."""

    field: str
    text: LazyText


def too_long(field: str) -> Refusal:
    """Return what is said of a text longer than its column."""
    return Refusal(field, LazyText("This is too long."))


def unreadable(field: str) -> Refusal:
    """Return what is said of a text with control characters, or U+FFFD."""
    return Refusal(field, LazyText("This has a character that cannot be read. Type it again."))


@contextmanager
def field_errors(context: RequestContext, refusals: Mapping[str, Refusal]) -> Iterator[dict[str, str]]:
    """Make a change; yield what has the errors by field afterwards, none where the change is made.

    After an error of a constraint in `refusals` the transaction goes on without the change. Others rise.
    """
    errors: dict[str, str] = {}
    try:
        with mapped_errors(), context.conn.transaction():
            yield errors
    except DatabaseError as error:
        refusal = refusals.get(error.constraint or "")
        if refusal is None:
            raise
        errors[refusal.field] = context._(refusal.text)
