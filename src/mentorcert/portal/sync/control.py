"""Controls the sync: connections, modes, and the reasons given."""

import getpass
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError, UnknownOrganisationError
from mentorcert.portal.model import Mode

_QUERIES: Final = rows.beside(__file__)


def organisation_id(conn: Connection, slug: str) -> UUID:
    """Return the id of an organisation; raises UnknownOrganisationError."""
    id_ = rows.fetch_optional(conn, UUID, _QUERIES.organisation, slug=slug)
    if id_ is None:
        raise UnknownOrganisationError.named(slug)
    return id_


def peer_mentors(conn: Connection, slug: str, names: Sequence[str]) -> list[UUID]:
    """Return the ids of peer mentors named by number or id; raises InvalidInputError for unknown ones."""
    found = rows.fetch_all(
        conn,
        tuple[str, UUID | None],
        _QUERIES.peer_mentors,
        organisation_id=organisation_id(conn, slug),
        names=list(names),
    )
    if unknown := [name for name, id_ in found if id_ is None]:
        raise InvalidInputError(
            f"{slug} has no peer mentor {', '.join(map(repr, unknown))}.",
            hint="Name peer mentors by their numbers, as in the exported file, or by their ids.",
        )
    return [id_ for _, id_ in found if id_ is not None]


def connect(conn: Connection, slug: str, adapter: str, contract_version: str, reason: str) -> None:
    """Record how an organisation's portal is reached; a new connection is in capture mode."""
    rows.execute(
        conn,
        _QUERIES.connect,
        organisation_id=organisation_id(conn, slug),
        adapter=adapter,
        contract_version=contract_version,
        reason=reason,
        changed_by=getpass.getuser(),
    )


def set_mode(conn: Connection, slug: str, mode: Mode, reason: str, canary: Sequence[UUID] = ()) -> int:
    """Set the mode, with a reason; return how many peer mentors the portal has not confirmed.

    Raises InvalidArgumentError without a connection, or for a canary that is no peer mentor of the
    organisation; ValueRejectedError without a reason, for canary mode without peer mentors, or the reverse.
    """
    id_ = organisation_id(conn, slug)
    rows.execute(
        conn,
        _QUERIES.set_mode,
        organisation_id=id_,
        mode=mode,
        reason=reason,
        canary=list(canary),
        changed_by=getpass.getuser(),
    )
    return rows.fetch_one(conn, int, _QUERIES.unconfirmed, organisation_id=id_)
