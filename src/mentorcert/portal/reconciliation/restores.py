"""After a restore of the registry: begins an epoch, asks each portal what it holds, and lists what is newer there."""

import asyncio
import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from mentorcert import logs
from mentorcert.db import rows
from mentorcert.db.connection import Connection as Database
from mentorcert.errors import CannotReadError, InvalidInputError, MentorcertError, PortalUnauthorisedError
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.contract import values
from mentorcert.portal.http import transport
from mentorcert.portal.model import PortalRecord
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import Connection
from mentorcert.progress import Progress, silent

Decision = Literal["ours", "withdrawn"]
Kind = Literal["newer", "other", "gone", "unknown"]

_READ_S: Final = 1800.0
_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a portal holds newer than the registry; a person decides about it."""

    id: UUID
    organisation: str
    number: str | None
    peer_mentor_id: UUID | None
    external_id: str | None
    kind: Kind
    there: dict[str, Any]
    found_at: datetime
    is_listed: bool


@dataclass(frozen=True, slots=True)
class OwnDifference:
    """The same, as an administrator sees it."""

    organisation_id: UUID
    id: UUID
    full_name: str | None
    external_id: str | None
    kind: Kind
    status: str | None
    is_listed: bool | None
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What a portal said: how many it holds of ours, and the differences by kind; `reason` if it stays on hold."""

    organisation: str
    is_released: bool
    reason: str | None = None
    known: int = 0
    newer: int = 0
    other: int = 0
    gone: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of `restored`: the epoch, and what each portal said."""

    epoch: int
    is_dry_run: bool
    portals: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class _Counts:
    known: int
    newer: int
    other: int
    gone: int
    unknown: int


def restored(
    conn: Database,
    connections: Connections,
    reason: str,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Restored:
    """Begin an epoch, ask every portal, and release those that answered; needs an autocommit connection.

    In the first transaction the notices and all that shows somebody are held, and removals are due again. A dry run
    asks first, and takes everything back.
    """
    with _taken_back(conn, enabled=dry_run):
        found = rows.fetch_all(conn, Connection, _QUERIES.connections)
        read = _read_all(found, connections, progress) if dry_run else None
        with conn.transaction():
            epoch = rows.fetch_one(conn, int, _QUERIES.begin, reason=reason, restored_by=getpass.getuser())
        if not dry_run:
            logs.event("registry_restored", epoch=epoch)
        answers = read if read is not None else _read_all(found, connections, progress)
        portals = [_learn(conn, one, answer) for one, answer in zip(found, answers, strict=True)]
        return Restored(epoch, dry_run, portals)


def release(conn: Database, connections: Connections | None, slug: str) -> Asked:
    """Ask a portal again that did not answer, and end the hold; without `connections` it ends unasked.

    Raises InvalidInputError for an organisation without a portal.
    """
    found = [
        one for one in rows.fetch_all(conn, Connection, _QUERIES.connections) if one.organisation == slug
    ]
    if not found:
        raise InvalidInputError(
            f"{slug} has no portal connection.", hint="mentorcert portal status lists them."
        )
    if connections is None:
        rows.fetch_one(conn, int, _QUERIES.release, organisation_id=found[0].organisation_id)
        return Asked(slug, is_released=True)
    return _learn(conn, found[0], _read_all(found, connections, silent)[0])


def differences(conn: Database, slug: str | None = None) -> list[Difference]:
    """Return what portals hold newer, of all or of one organisation, as long as nobody has decided."""
    return rows.fetch_all(conn, Difference, _QUERIES.conflicts, slug=slug)


def decide(conn: Database, id_: UUID, decision: Decision, reason: str) -> None:
    """Send ours above what the portal holds, or withdraw the consent; raises InvalidArgumentError."""
    rows.execute(
        conn, _QUERIES.decide, id=id_, decision=decision, reason=reason, decided_by=getpass.getuser()
    )


def own_differences(conn: Database, organisation_id: UUID) -> list[OwnDifference]:
    """Return the first fifty of what the portal of the caller's organisation holds newer."""
    return rows.fetch_all(conn, OwnDifference, _QUERIES.own_conflicts, organisation_id=organisation_id)


def decide_own(conn: Database, id_: UUID, decision: Decision, reason: str) -> None:
    """Decide about one of the caller's organisation."""
    rows.execute(conn, _QUERIES.decide_own, id=id_, decision=decision, reason=reason)


@contextmanager
def _taken_back(conn: Database, *, enabled: bool) -> Iterator[None]:
    if not enabled:
        yield
        return
    with conn.transaction():
        yield
        raise psycopg.Rollback


def _learn(conn: Database, connection: Connection, answer: list[PortalRecord] | str) -> Asked:
    slug, id_ = connection.organisation, connection.organisation_id
    if isinstance(answer, str):
        return Asked(slug, is_released=False, reason=answer)
    with conn.transaction():
        counts = rows.fetch_one(
            conn,
            _Counts,
            _QUERIES.compare,
            organisation_id=id_,
            peer_mentor_ids=[one.peer_mentor_id for one in answer],
            external_ids=[values.text(one.external_id) for one in answer],
            versions=[one.version for one in answer],
            epochs=[one.epoch for one in answer],
            statuses=[values.text(one.status) for one in answer],
            listings=[one.listed for one in answer],
        )
        rows.fetch_one(conn, int, _QUERIES.release, organisation_id=id_)
    return Asked(
        slug,
        is_released=True,
        known=counts.known,
        newer=counts.newer,
        other=counts.other,
        gone=counts.gone,
        unknown=counts.unknown,
    )


def _read_all(
    found: Sequence[Connection], connections: Connections, progress: Progress
) -> list[list[PortalRecord] | str]:
    answers: list[list[PortalRecord] | str] = []
    for number, connection in enumerate(found, start=1):
        answers.append(asyncio.run(_read(connection, connections)))
        progress("portals", number, len(found))
    return answers


async def _read(connection: Connection, connections: Connections) -> list[PortalRecord] | str:
    """Return what a portal holds, or why that is not known."""
    try:
        portal = connections.open(connection)
        try:
            async with transport.deadline(_READ_S):
                try:
                    return await _records(portal)
                except PortalUnauthorisedError:
                    await portal.refresh()
                    return await _records(portal)
        finally:
            await portal.aclose()
    except CannotReadError as error:
        return f"{error} Look at the portal's page, then release it with --unread."
    except MentorcertError as error:
        return str(error)
    # The boundary between organisations, as in the worker.
    except Exception as error:  # noqa: BLE001
        return f"Unexpected {type(error).__name__}."


async def _records(portal: Portal) -> list[PortalRecord]:
    return [record async for record in portal.fetch_state()]
