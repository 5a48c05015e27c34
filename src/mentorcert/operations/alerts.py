"""The portal's errors that people are informed of: what stands, who sees to it, and what could not be sent."""

import getpass
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx2

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError

TIMEOUT_S: Final = 15.0

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Alert:
    """An error that stands, and who sees to it."""

    organisation: str | None
    code: str
    what: str
    began_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_reason: str | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The address that is called while all is well; `error` says why the last call failed."""

    url: str
    changed_by: str
    changed_at: datetime
    called_at: datetime | None
    error: str | None


def standing(conn: Connection) -> list[Alert]:
    """Return the alerts that stand, the oldest first."""
    return rows.fetch_all(conn, Alert, _QUERIES.standing)


def acknowledge(conn: Connection, organisation: str | None, code: str, reason: str, by: str) -> None:
    """Say that somebody sees to an alert, which is quiet for a week; raises InvalidInputError where there is none."""
    found = rows.fetch_one(
        conn,
        int,
        _QUERIES.acknowledge,
        organisation=organisation,
        code=code,
        reason=reason,
        acknowledged_by=by,
    )
    if not found:
        whose = f" of {organisation}" if organisation else ""
        raise InvalidInputError(
            f"There is no alert {code!r}{whose} now.", hint="`mentorcert portal alerts` lists them."
        )


def unsent(conn: Connection) -> list[str]:
    """Return the alerts of which somebody could not be informed within 15 minutes, and why; a silent heartbeat too."""
    found = rows.fetch_all(conn, tuple[str | None, str, str], _QUERIES.unsent)
    lines = [f"{whose or 'all organisations'}: {code}: {why}" for whose, code, why in found]
    if (heartbeat := heartbeat_of(conn)) is not None and heartbeat.error:
        lines.append(f"heartbeat-url: {heartbeat.error}")
    return lines


def heartbeat_of(conn: Connection) -> Heartbeat | None:
    """Return the address that is called while all is well; None where none is set."""
    return rows.fetch_optional(conn, Heartbeat, _QUERIES.heartbeat)


def set_heartbeat(conn: Connection, url: str | None) -> None:
    """Set the address, if it answers, or clear it; raises InvalidInputError for one that does not."""
    if url is not None and (fault := call(url)):
        raise InvalidInputError(
            f"The address was not set: {fault}", hint="Check it, and try it in a browser."
        )
    rows.execute(conn, _QUERIES.clear_heartbeat)
    if url is not None:
        rows.execute(conn, _QUERIES.set_heartbeat, url=url, changed_by=getpass.getuser())


def http() -> httpx2.Client:
    """Return a client for webhooks and heartbeats, which may hold a secret in their address: no redirects."""
    return httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


def call(url: str) -> str | None:
    """Call a heartbeat; return why it failed, without the address, or None."""
    try:
        with http() as client:
            status = client.get(url).status_code
    except (httpx2.TransportError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        return f"it can't be reached ({type(error).__name__})."
    return None if httpx2.codes.is_success(status) else f"it answered {status}."
