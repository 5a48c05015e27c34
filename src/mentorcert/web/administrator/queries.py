"""Asking the database as the visitor: rows as classes, and changes that may be refused by a field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row

from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError
from mentorcert.web.context import RequestContext

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a field's error says where the database refuses a change by a constraint."""

    field: str
    text: str


def rows(conn: Connection, kind: type[T], sql: str, **parameters: Any) -> list[T]:
    """Return all rows of a query; raises psycopg.Error."""
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(sql.encode(), parameters).fetchall()


def row(conn: Connection, kind: type[T], sql: str, **parameters: Any) -> T:
    """Return the one row of a query; raises MissingRightError where the visitor sees none."""
    found = rows(conn, kind, sql, **parameters)
    if not found:
        raise MissingRightError
    return found[0]


def attempt(
    context: RequestContext, refusals: Mapping[str, Refusal], change: Callable[[], object]
) -> dict[str, str]:
    """Make a change; return the errors by field where a constraint named in `refusals` refused it.

    The transaction goes on as if nothing had been tried. Any other error rises.
    """
    try:
        with context.conn.transaction():
            change()
    except psycopg.Error as error:
        refusal = refusals.get(error.diag.constraint_name or "")
        if refusal is None:
            raise
        return {refusal.field: context._(refusal.text)}
    return {}


def require_one(changed: int) -> None:
    """Raise MissingRightError where a change found no row."""
    if changed != 1:
        raise MissingRightError
