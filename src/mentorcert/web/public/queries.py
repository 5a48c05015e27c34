"""Reads the public list as anybody may, and tells how long what was read may be kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import aiosql
from psycopg.rows import class_row

from mentorcert.db.connection import Connection

LONGEST_KEPT_S: Final = 60
# Until the answer has arrived: a cache counts from there.
_ON_THE_WAY_S: Final = 5

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Heading:
    """An organisation's name, and the chapters in which somebody is listed now."""

    name: str
    chapters: list[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody on the list; `left_s` is for how many seconds more, when it was read."""

    peer_mentor_id: UUID
    display_name: str
    chapters: list[str]
    left_s: float


@dataclass(frozen=True, slots=True)
class Page:
    """People by name; `last` is the place after which the next page begins (None: there is none)."""

    people: list[Listed]
    last: Listed | None


def heading(conn: Connection, slug: str) -> Heading | None:
    """Return what stands above the list; None for an organisation that does not exist."""
    with conn.cursor(row_factory=class_row(Heading)) as cursor:
        return cursor.execute(_QUERIES.heading.sql, {"slug": slug}).fetchone()


def page(
    conn: Connection, slug: str, *, chapter: str | None, after: tuple[str, UUID] | None, size: int
) -> Page:
    """Return at most `size` people whose lease runs, of one chapter or all, after a name and id."""
    after_name, after_id = after or (None, None)
    with conn.cursor(row_factory=class_row(Listed)) as cursor:
        found = cursor.execute(
            _QUERIES.page.sql,
            {
                "slug": slug,
                "chapter": chapter,
                "after_name": after_name,
                "after_id": after_id,
                "size": size + 1,
            },
        ).fetchall()
    # The transaction's clock stood still while a lease may have ended.
    people = [person for person in found[:size] if person.left_s > 0]
    return Page(people, found[size - 1] if len(found) > size else None)


def cache_control(people: Sequence[Listed]) -> str:
    """Return the header that lets caches keep a list: a minute at most, and never beyond a lease in it."""
    seconds = min([LONGEST_KEPT_S, *(int(person.left_s) - _ON_THE_WAY_S for person in people)])
    # must-revalidate: not even a cache that cannot reach us may show it for longer.
    return f"public, max-age={seconds}, must-revalidate" if seconds > 0 else "no-store"
