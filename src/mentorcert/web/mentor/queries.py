"""Reads what a peer mentor may see of the own certifications."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import aiosql
from psycopg.rows import class_row

from mentorcert.certifications import history
from mentorcert.certifications.history import EntryV1, Status
from mentorcert.db.connection import Connection
from mentorcert.errors import UnknownHistoryVersionError
from mentorcert.translations import Language

SOON_DAYS: Final = 90

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

DisplayStatus = Literal["unlimited", "lasting", "ending", "ended", "suspended"]


@dataclass(frozen=True, slots=True)
class Mentor:
    """The caller as a peer mentor: names of the chapters of now, and until when on the public list."""

    id: UUID
    organisation_id: UUID
    chapters: list[str]
    listing_consent: bool
    is_listed: bool


@dataclass(frozen=True, slots=True)
class Certification:
    """One of the own certifications; `status` is what is true now, `days_left` is 0 on the last valid day."""

    id: UUID
    name_nb: str
    name_en: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status
    days_left: int | None

    def name(self, language: Language) -> str:
        """Return what the type is called."""
        return self.name_en if language == "en" else self.name_nb

    @property
    def display_status(self) -> DisplayStatus:
        """How it stands, as what to do depends on it."""
        if self.status == "suspended":
            return "suspended"
        if self.expires_at is None or self.days_left is None:
            return "unlimited"
        if self.status == "expired":
            return "ended"
        return "ending" if self.days_left <= SOON_DAYS else "lasting"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the history, newest first."""

    recorded_at: datetime
    certification_id: UUID
    position: int


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the history of one of the own certifications."""

    place: Place
    name_nb: str
    name_en: str
    entry: EntryV1


def mentor(conn: Connection) -> Mentor | None:
    """Return the caller as a peer mentor of the organisation in which they act; None for who is none."""
    with conn.cursor(row_factory=class_row(Mentor)) as cursor:
        return cursor.execute(_QUERIES.mentor.sql).fetchone()


def certifications(conn: Connection, peer_mentor_id: UUID, time_zone: str) -> list[Certification]:
    """Return the certifications, the soonest end first."""
    with conn.cursor(row_factory=class_row(Certification)) as cursor:
        parameters = {"peer_mentor_id": peer_mentor_id, "time_zone": time_zone}
        return cursor.execute(_QUERIES.certifications.sql, parameters).fetchall()


def changes(
    conn: Connection, peer_mentor_id: UUID, *, before: Place | None, size: int
) -> tuple[list[Change], Place | None]:
    """Return at most `size` changes before a place, newest first, and the place that more lie before."""
    parameters: dict[str, Any] = {
        "peer_mentor_id": peer_mentor_id,
        "before_recorded_at": before.recorded_at if before else None,
        "before_certification_id": before.certification_id if before else None,
        "before_position": before.position if before else None,
        "size": size + 1,
    }
    rows = conn.execute(_QUERIES.changes.sql, parameters).fetchall()
    entries = history.parse(row[-1] for row in rows[:size])
    found = [
        Change(Place(*row[:3]), row[3], row[4], _current(entry))
        for row, entry in zip(rows[:size], entries, strict=True)
    ]
    return found, found[-1].place if len(rows) > size else None


def _current(entry: object) -> EntryV1:
    # The query has lifted every entry to the version of now.
    if not isinstance(entry, EntryV1):
        raise UnknownHistoryVersionError
    return entry
