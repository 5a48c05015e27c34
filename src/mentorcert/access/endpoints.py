"""Switches endpoints off and on: what any client may ask for at all."""

from dataclasses import dataclass
from datetime import datetime

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, NotMigratedError

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class DisabledEndpoint:
    """An endpoint that is switched off, why, and since when."""

    endpoint: str
    reason: str
    disabled_at: datetime


def known(conn: Connection) -> list[str]:
    """Return the names of all endpoints, as the database has them."""
    return rows.fetch_all(conn, str, _QUERIES.known)


def disabled(conn: Connection) -> list[DisabledEndpoint]:
    """Return the endpoints that are switched off now."""
    return rows.fetch_all(conn, DisabledEndpoint, _QUERIES.disabled)


def disabled_since(conn: Connection) -> dict[str, datetime]:
    """Return since when each endpoint that is off is off; without the reasons, which are not for clients."""
    return dict(rows.fetch_all(conn, tuple[str, datetime], _QUERIES.disabled_since))


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
    rows.execute(conn, _QUERIES.disable, endpoint=endpoint, reason=reason)


def enable(conn: Connection, endpoint: str) -> bool:
    """Switch an endpoint on; return False where it was on. Raises InvalidInputError for an unknown one."""
    _require_known(conn, endpoint)
    return rows.execute(conn, _QUERIES.enable, endpoint=endpoint) == 1


def _require_known(conn: Connection, endpoint: str) -> None:
    endpoints = known(conn)
    if not endpoints:
        raise NotMigratedError(hint="Run `mentorcert migrate`.")
    if endpoint not in endpoints:
        raise InvalidInputError(
            f"There is no endpoint {endpoint!r}.", hint=f"Endpoints are {', '.join(endpoints)}."
        )
