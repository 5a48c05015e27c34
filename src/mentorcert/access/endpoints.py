"""Switches endpoints off and on: what clients may ask for at all, whoever they are."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiosql
from psycopg.rows import class_row

from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, NotMigratedError

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class DisabledEndpoint:
    """An endpoint that is switched off, why, and since when."""

    endpoint: str
    reason: str
    disabled_at: datetime


def known(conn: Connection) -> list[str]:
    """Return the names of all endpoints, as the database has them."""
    return [endpoint for (endpoint,) in _QUERIES.known(conn)]


def disabled(conn: Connection) -> list[DisabledEndpoint]:
    """Return the endpoints that are switched off now."""
    with conn.cursor(row_factory=class_row(DisabledEndpoint)) as cursor:
        return cursor.execute(_QUERIES.disabled.sql).fetchall()


def disable(conn: Connection, endpoint: str, reason: str) -> None:
    """Switch an endpoint off; from the next statement on, clients get EndpointDisabledError (MC010).

    One that is off already gets the new reason. Raises InvalidInputError for an unknown endpoint, and
    without a reason.
    """
    _require_known(conn, endpoint)
    if not reason.strip():
        raise InvalidInputError(
            "Switching off needs a reason.", hint="Say why, for colleagues, with --reason."
        )
    _QUERIES.disable(conn, endpoint=endpoint, reason=reason)


def enable(conn: Connection, endpoint: str) -> bool:
    """Switch an endpoint on; return False where it was on. Raises InvalidInputError for an unknown one."""
    _require_known(conn, endpoint)
    removed: int = _QUERIES.enable(conn, endpoint=endpoint)
    return removed == 1


def _require_known(conn: Connection, endpoint: str) -> None:
    endpoints = known(conn)
    if not endpoints:
        raise NotMigratedError(hint="Run `mentorcert migrate`.")
    if endpoint not in endpoints:
        raise InvalidInputError(
            f"There is no endpoint {endpoint!r}.", hint=f"Endpoints are {', '.join(endpoints)}."
        )
