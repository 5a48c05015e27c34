"""The control of the sync: which connection, which mode, and why."""

import getpass
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import aiosql

from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, NoOrganisationError
from mentorcert.portal.sync.state_queue import Mode

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def organisation_id(conn: Connection, slug: str) -> UUID:
    """Return the id of an organisation; raises NoOrganisationError."""
    row = _QUERIES.organisation(conn, slug=slug)
    if row is None:
        raise NoOrganisationError(
            f"There is no organisation {slug!r}.", hint="`mentorcert portal status` lists them."
        )
    id_: UUID = row[0]
    return id_


def peer_mentors(conn: Connection, slug: str, names: Sequence[str]) -> list[UUID]:
    """Return the ids of peer mentors who are named by number or id; raises InvalidInputError for no such."""
    found = list(_QUERIES.peer_mentors(conn, organisation_id=organisation_id(conn, slug), names=list(names)))
    if unknown := [name for name, id_ in found if id_ is None]:
        raise InvalidInputError(
            f"{slug} has no peer mentor {', '.join(map(repr, unknown))}.",
            hint="Name peer mentors by their numbers, as in the exported file, or by their ids.",
        )
    return [id_ for _, id_ in found]


def connect(conn: Connection, slug: str, adapter: str, contract_version: str, reason: str) -> None:
    """Note how an organisation's portal is reached; a new connection is in capture."""
    _QUERIES.connect(
        conn,
        organisation_id=organisation_id(conn, slug),
        adapter=adapter,
        contract_version=contract_version,
        reason=reason,
        changed_by=getpass.getuser(),
    )


def set_mode(conn: Connection, slug: str, mode: Mode, reason: str, canary: Sequence[UUID] = ()) -> int:
    """Change the mode, with a reason; return how many peer mentors the portal has not confirmed.

    Raises InvalidArgumentError without a connection or for canaries that are no peer mentors of the
    organisation, ValueRejectedError without a reason, or for canaries in another mode and none in this.
    """
    id_ = organisation_id(conn, slug)
    _QUERIES.set_mode(
        conn,
        organisation_id=id_,
        mode=mode,
        reason=reason,
        canary=list(canary),
        changed_by=getpass.getuser(),
    )
    unconfirmed: int = _QUERIES.unconfirmed(conn, organisation_id=id_)
    return unconfirmed
