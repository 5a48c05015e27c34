"""Connects a portal: asks whether it answers, records it, and learns what it shows before anything is sent."""

import asyncio
import getpass
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import CannotReadError, PortalConfigurationError
from mentorcert.portal import adapters
from mentorcert.portal.config.configuration import Configuration, DataverseTarget
from mentorcert.portal.config.rules import did_you_mean
from mentorcert.portal.http import transport
from mentorcert.portal.model import PortalRecord
from mentorcert.portal.sync import control
from mentorcert.portal.sync.connections import contract_version

_READ_S: Final = 1800.0
_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a portal shows: peer mentors `known` here, how many of them it lists, and `unknown` ones it lists."""

    known: int
    listed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Connected:
    """`is_new`: nothing was sent to this portal yet. `learned` is None where its list was not read.

    `unaddressable` are the numbers of peer mentors who cannot be sent, because the number is the portal's key.
    """

    is_new: bool
    learned: Learned | None
    unaddressable: list[str]


def connect(
    conn: Connection, of: Configuration, reason: str, *, is_other_portal: bool = False, probe: bool = True
) -> Connected:
    """Record how an organisation's portal is reached; a new one, or another one than before, is in capture mode.

    Raises a PortalError where the portal does not answer as it should, InvalidArgumentError where the file
    names another portal without `is_other_portal`; nothing is recorded then.
    """
    records = asyncio.run(_ask(of)) if probe else None
    id_ = control.organisation_id(conn, of.organisation)
    _require_types(conn, id_, of)
    with conn.transaction():
        is_new = rows.fetch_one(
            conn,
            bool,
            _QUERIES.connect,
            organisation_id=id_,
            adapter=of.target.adapter,
            contract_version=contract_version(of),
            reason=reason,
            changed_by=getpass.getuser(),
            target=Jsonb(of.fingerprint),
            is_other_portal=is_other_portal,
        )
        learned = None
        if is_new and records is not None:
            learned = rows.fetch_one(
                conn,
                Learned,
                _QUERIES.learn,
                organisation_id=id_,
                peer_mentor_ids=[one.peer_mentor_id for one in records],
                external_ids=[one.external_id for one in records],
                versions=[one.version for one in records],
                listings=[one.listed for one in records],
            )
    return Connected(is_new, learned, _unaddressable(conn, of))


async def _ask(of: Configuration) -> list[PortalRecord] | None:
    portal = adapters.connect(of)
    try:
        await portal.probe()
        async with transport.deadline(_READ_S):
            return [record async for record in portal.fetch_state()]
    except CannotReadError:
        return None
    finally:
        await portal.aclose()


def _require_types(conn: Connection, organisation_id: UUID, of: Configuration) -> None:
    known = rows.fetch_all(conn, str, _QUERIES.types, organisation_id=organisation_id)
    named = [
        (f"inbound.rules: {rule.name}", rule.certification_type)
        for rule in (of.inbound.rules if of.inbound else ())
        if rule.certification_type
    ]
    if isinstance(of.target, DataverseTarget):
        named += [("target.columns.certifications", code) for code in of.target.columns.certifications]
    for place, code in named:
        if code not in known:
            raise PortalConfigurationError(
                f"{place}: {of.organisation} has no certification type {code}{did_you_mean(code, known)}",
                hint=f"It has: {', '.join(known) or 'none yet'}.",
            )


def _unaddressable(conn: Connection, of: Configuration) -> list[str]:
    if not isinstance(of.target, DataverseTarget) or of.target.key_holds != "external_id":
        return []
    return rows.fetch_all(
        conn,
        str,
        _QUERIES.unaddressable,
        organisation_id=control.organisation_id(conn, of.organisation),
    )
