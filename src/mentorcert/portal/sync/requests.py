"""What an administrator asks of an organisation's portal: another mode, and replays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.portal.sync.replay import Difference, Selection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay: of how many it was when it began, and how many are marked so far; unfinished ones go on."""

    id: UUID
    organisation_id: UUID
    selection: dict[str, Any]
    marked: int
    total: int
    reason: str
    started_at: datetime
    finished_at: datetime | None
    is_requested: bool


@dataclass(frozen=True, slots=True)
class ReplayPreview:
    """The first of the peer mentors whom a replay would send again, and how many there are in all."""

    differences: Sequence[Difference]
    total: int


@dataclass(frozen=True, slots=True)
class _PreviewRow:
    organisation_id: UUID
    peer_mentor_id: UUID
    peer_mentor: str
    confirmed_version: int | None
    confirmed: dict[str, Any] | None
    desired: dict[str, Any]
    total: int


def set_mode(conn: Connection, mode: str, reason: str, canary: Sequence[UUID]) -> None:
    """Change the mode of the caller's organisation; a canary takes the peer mentors who are sent."""
    rows.send(conn, _QUERIES.set_mode, mode=mode, reason=reason, canary=list(canary))


def acknowledge(conn: Connection, code: str, reason: str) -> bool:
    """Say that somebody sees to an alert of the caller's organisation; return whether there is one."""
    return rows.fetch_one(conn, int, _QUERIES.acknowledge, code=code, reason=reason) > 0


def find_peer_mentors(
    conn: Connection, organisation_id: UUID, external_ids: Sequence[str]
) -> dict[str, UUID | None]:
    """Return the peer mentor of each of the organisation's own numbers; None where there is none."""
    found = rows.fetch_all(
        conn,
        tuple[str, UUID | None],
        _QUERIES.find_peer_mentors,
        organisation_id=organisation_id,
        external_ids=list(external_ids),
    )
    return dict(found)


def preview_replay(conn: Connection, selection: Selection) -> ReplayPreview:
    """Return whom of the caller's organisation a replay would send again; nothing is changed."""
    found = rows.fetch_all(conn, _PreviewRow, _QUERIES.preview_replay, selection=selection.as_json())
    return ReplayPreview(
        [
            Difference(row.peer_mentor, row.peer_mentor_id, row.confirmed_version, row.confirmed, row.desired)
            for row in found
        ],
        found[0].total if found else 0,
    )


def request_replay(conn: Connection, selection: Selection, reason: str) -> UUID:
    """Have the portal's workers send the selected peer mentors again; return the replay."""
    return rows.fetch_one(conn, UUID, _QUERIES.request_replay, selection=selection.as_json(), reason=reason)


def replays(conn: Connection, organisation_id: UUID) -> list[Replay]:
    """Return the latest twenty replays."""
    return rows.fetch_all(conn, Replay, _QUERIES.replays, organisation_id=organisation_id)


def get_replay(conn: Connection, replay_id: UUID) -> Replay:
    """Return a replay; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, Replay, _QUERIES.replay, id=replay_id)
