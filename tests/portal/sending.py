"""An organisation with a portal: what is due of it, claims, and reports, as a worker makes them."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from mentorcert.db.connection import Connection
from tests.portal.staging import Staging
from tests.support.registry import Organisation, fetch, rows, today

Row = dict[str, Any]


def connect_portal(conn: Connection, organisation: UUID, mode: str = "live", *canary: UUID) -> None:
    """Give an organisation a connection in a mode."""
    conn.execute("select mentorcert_portal.connect(%s, 'webhook', 'v1', 'test')", (organisation,))
    set_mode(conn, organisation, mode, *canary)


def set_mode(conn: Connection, organisation: UUID, mode: str, *canary: UUID) -> None:
    """Change the mode."""
    conn.execute("select mentorcert_portal.set_mode(%s, %s, 'test', %s)", (organisation, mode, list(canary)))


def claim(
    conn: Connection, organisation: UUID, *, batch: int = 50, later: timedelta = timedelta(0)
) -> list[Row]:
    """Claim what is due so much later than now."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from mentorcert_portal.claim(%s, %s, '60 s', clock_timestamp() + %s)",
            (organisation, batch, later),
        ).fetchall()


def report(
    conn: Connection, organisation: UUID, claims: list[Row], outcome: str = "applied", *,
    later: timedelta = timedelta(0), **more: Any,
) -> list[UUID]:  # fmt: skip
    """Report the same of each claim; return what was noted."""
    function = "acknowledge" if outcome in {"applied", "already_newer"} else "fail"
    results = [
        {
            "peer_mentor_id": str(one["peer_mentor_id"]),
            "lease_token": str(one["lease_token"]),
            "version": one["version"],
            "attempt": one["attempt"],
            "outcome": outcome,
            **more,
        }
        for one in claims
    ]
    return [
        id_
        for (id_,) in rows(
            conn,
            f"select * from mentorcert_portal.{function}(%s, %s, 'test', clock_timestamp() + %s)",
            organisation, json.dumps(results), later,
        )
    ]  # fmt: skip


def settle(conn: Connection, organisation: UUID) -> None:
    """Send the portal everything that is due."""
    while claims := [one for one in claim(conn, organisation) if one["lease_token"]]:
        report(conn, organisation, claims)


@dataclass(frozen=True)
class Stored:
    """What is stored of one peer mentor."""

    state: str
    version: int
    confirmed_version: int | None
    is_removal: bool
    attempts: int
    next_in: timedelta | None
    lease_token: UUID | None
    content: Row | None
    confirmed: Row | None
    content_until: datetime | None


def stored(conn: Connection, mentor: UUID) -> Stored:
    """Return what is stored of a peer mentor."""
    (row,) = rows(
        conn,
        "select state, version, confirmed_version, is_removal, attempts, next_attempt_at - clock_timestamp(),"
        " lease_token, content, confirmed, content_until from mentorcert_portal.states where peer_mentor_id = %s",
        mentor,
    )
    return Stored(*row)


def situation(conn: Connection, organisation: UUID, mentor: UUID) -> str:
    """Return how it stands with a peer mentor now."""
    state: str = fetch(
        conn,
        "select state from mentorcert_portal.state_overview where organisation_id = %s and peer_mentor_id = %s",
        organisation,
        mentor,
    )
    return state


def outcomes(conn: Connection, mentor: UUID) -> list[str]:
    """Return the outcomes of the attempts, in order."""
    return [
        outcome
        for (outcome,) in rows(
            conn,
            "select outcome from mentorcert_portal.attempts where peer_mentor_id = %s order by id",
            mentor,
        )
    ]


def certified(organisation: Organisation, external_id: str = "1") -> UUID:
    """Add a peer mentor who is on the list."""
    mentor = organisation.mentor(external_id)
    organisation.certify(mentor, issued=today(organisation.conn, -10), last_day=today(organisation.conn, 30))
    return mentor


def shown(staging: Staging) -> dict[UUID, tuple[int, bool]]:
    """Return what the portal says: version and listed of each peer mentor."""
    found = staging.client.get("/state.json").json()["peer_mentors"]
    return {UUID(one["peer_mentor_id"]): (one["mentor_version"], one["listed"]) for one in found}
