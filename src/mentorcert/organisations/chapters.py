"""Chapters of an organisation: the tree, and adding, renaming and moving them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter; without a parent it is at the top. `is_coordinated`: by the caller, as one of these or of those above."""

    id: UUID
    organisation_id: UUID
    parent_id: UUID | None
    code: str
    name: str
    retired_on: date | None
    retired_reason: str | None
    version: int
    is_coordinated: bool


@dataclass(frozen=True, slots=True)
class Placing:
    """What may be changed of a chapter."""

    parent_id: UUID | None
    code: str
    name: str


def of_organisation(conn: Connection, organisation_id: UUID) -> list[Chapter]:
    """Return the chapters of an organisation by name."""
    return rows.fetch_all(conn, Chapter, _QUERIES.of_organisation, organisation_id=organisation_id)


def tree(chapters: Sequence[Chapter]) -> Iterator[tuple[int, Chapter]]:
    """Yield each chapter with its depth, and after it those under it."""
    below = defaultdict(list)
    for chapter in chapters:
        below[chapter.parent_id].append(chapter)
    waiting = [(0, chapter) for chapter in reversed(below[None])]
    while waiting:
        depth, chapter = waiting.pop()
        yield depth, chapter
        waiting += [(depth + 1, under) for under in reversed(below[chapter.id])]


def add(conn: Connection, placing: Placing) -> None:
    """Add a chapter to the caller's organisation. Administrators only."""
    rows.send(conn, _QUERIES.add, **asdict(placing))


def change(conn: Connection, chapter: Chapter, placing: Placing) -> None:
    """Rename or move a chapter as read. Administrators only.

    Raises MissingRightError where the caller may not, StaleVersionError where it was changed since.
    """
    changes = rows.differences(chapter, placing)
    rows.change_columns(conn, _QUERIES.change, changes, id=chapter.id, version=chapter.version)
