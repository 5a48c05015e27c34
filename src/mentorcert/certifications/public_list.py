"""The public list of an organisation: who may be shown today, and for how long an answer may be cached."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

LONGEST_CACHED_S: Final = 60
# From the query until the answer has arrived: a cache counts from there.
_MARGIN_S: Final = 5

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class PublicChapter:
    """A chapter as the public sees it; `above` are the codes of those above it, from the county down."""

    code: str
    name: str
    county_code: str
    above: list[str]
    contact_email: str | None
    contact_phone: str | None
    website: str | None
    places: list[str]
    has_listed: bool


@dataclass(frozen=True, slots=True)
class PublicTopic:
    """What somebody on the list can talk about, or the language of it."""

    id: str
    kind: Literal["topic", "language"]
    name_nb: str
    name_en: str

    def name(self, language: Language) -> str:
        """Return the name."""
        return self.name_en if language == "en" else self.name_nb


@dataclass(frozen=True, slots=True)
class Heading:
    """An organisation's name, its chapters and topics as JSON arrays: pages are kept by what they show."""

    name: str
    chapters: str
    topics: str

    def read_chapters(self) -> list[PublicChapter]:
        """Return the chapters in which somebody is listed or that can be reached, and those above them, by name."""
        return [PublicChapter(**row) for row in json.loads(self.chapters)]

    def read_topics(self, kind: Literal["topic", "language"]) -> list[PublicTopic]:
        """Return what somebody on the list has chosen now."""
        return [PublicTopic(**row) for row in json.loads(self.topics) if row["kind"] == kind]


@dataclass(frozen=True, slots=True)
class Filters:
    """Whom to list: words of names, chapters, places and counties; a chapter with those below it, by code or name."""

    asked: str | None = None
    chapter: str | None = None
    topic: str | None = None
    speaks: str | None = None


@dataclass(frozen=True, slots=True)
class PublicPage:
    """A page of the list: its people as a JSON array, made by the database; `left_s` is what the first lease has left."""

    items: str
    next: str | None
    left_s: float | None

    @property
    def cache_control(self) -> str:
        """The Cache-Control of an answer: a minute, as consent may be withdrawn, and within each lease."""
        left_s = math.inf if self.left_s is None else self.left_s
        seconds = min(LONGEST_CACHED_S, left_s - _MARGIN_S)
        # Without must-revalidate a cache that cannot reach us may go on showing what it has.
        return f"public, max-age={math.floor(seconds)}, must-revalidate" if seconds >= 1 else "no-store"


@dataclass(frozen=True, slots=True)
class _Page:
    items: str
    left_s: float | None
    last_key: str | None
    last_id: UUID | None
    has_more: bool


class _Cursor(cursors.Cursor):
    key: cursors.Text
    id: cursors.Id


_EVERYBODY: Final = Filters()


def heading(conn: Connection, slug: str) -> Heading | None:
    """Return the heading of the list; None for an organisation that does not exist."""
    return rows.fetch_optional(conn, Heading, _QUERIES.heading, slug=slug)


def page(
    conn: Connection, slug: str, filters: Filters = _EVERYBODY, *, after: str | None = None, size: int = 50
) -> PublicPage:
    """Return a page of the people whose lease runs, by name.

    Raises InvalidCursorError.
    """
    cursor = cursors.decode(_Cursor, after)
    found = rows.fetch_one(
        conn,
        _Page,
        _QUERIES.page,
        slug=slug,
        chapter=filters.chapter,
        asked=filters.asked,
        topic=filters.topic,
        speaks=filters.speaks,
        after_key=cursor.key if cursor else None,
        after_id=cursor.id if cursor else None,
        size=size,
    )
    following = None
    if found.has_more and found.last_key is not None and found.last_id is not None:
        following = cursors.encode(_Cursor(key=found.last_key, id=found.last_id))
    return PublicPage(found.items, following, found.left_s)


def organisations(conn: Connection) -> list[str]:
    """Return the slugs of the organisations that list somebody now."""
    return rows.fetch_all(conn, str, _QUERIES.organisations)


def labels(chapters: Sequence[PublicChapter]) -> dict[str, str]:
    """Return what each chapter is called, by its code: two of one name have their county beside them."""
    names = {chapter.code: chapter.name for chapter in chapters}
    often = Counter(names.values())
    return {
        chapter.code: f"{chapter.name} ({names[chapter.county_code]})"
        if often[chapter.name] > 1 and chapter.county_code != chapter.code
        else chapter.name
        for chapter in chapters
    }
