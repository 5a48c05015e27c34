"""Tells who expires when, and how many a chapter can count on if nobody renews."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import aiosql
import psycopg

from mentorcert.certifications.history import Status
from mentorcert.certifications.search import Chapter, chapters
from mentorcert.db.connection import Connection
from mentorcert.errors import from_postgres

MONTHS: Final = 24
_MONTHS_OF_A_YEAR: Final = 12

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Endings:
    """How many certifications are of each status; of the active ones, when their last valid day is.

    `by_month` has the MONTHS months from this one on (each as its first day), `later` what ends after them.
    """

    statuses: dict[Status, int]
    by_month: dict[date, int]
    later: int
    unlimited: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many peer mentors of a chapter, and of those under it, hold every type required for listing.

    `at_month_ends` supposes that nobody renews; its first is the end of this month.
    """

    chapter: Chapter
    today: int
    at_month_ends: list[int]


def months_from(today: date, number: int = MONTHS) -> list[date]:
    """Return the first days of so many months, from that of today on."""
    count = today.year * _MONTHS_OF_A_YEAR + today.month - 1
    counts = (divmod(count + step, _MONTHS_OF_A_YEAR) for step in range(number))
    return [date(year, month + 1, 1) for year, month in counts]


def endings(conn: Connection, time_zone: str, today: date) -> Endings:
    """Count what the caller sees, in months of the time zone; `today` is the day there.

    Raises EndpointDisabledError.
    """
    statuses: Counter[Status] = Counter()
    found: Counter[date | None] = Counter()
    try:
        for status, month, number in _QUERIES.endings(conn, time_zone=time_zone):
            statuses[status] += number
            if status == "active":
                found[month] += number
    except psycopg.Error as error:
        raise from_postgres(error) from error
    by_month = {month: found.pop(month, 0) for month in months_from(today)}
    unlimited = found.pop(None, 0)
    return Endings(
        {status: statuses[status] for status in ("active", "expired", "suspended")},
        by_month,
        found.total(),
        unlimited,
    )


def coverage(conn: Connection, time_zone: str) -> list[Coverage]:
    """Return the coverage of every chapter in the caller's reach, by name.

    Where the organisation requires no type, nobody is listed: all numbers are 0.
    Raises EndpointDisabledError.
    """
    held: defaultdict[object, Counter[int]] = defaultdict(Counter)
    try:
        for chapter_id, months, mentors in _QUERIES.coverage(conn, time_zone=time_zone, months=MONTHS):
            held[chapter_id] += Counter() if months is None else Counter({months: mentors})
    except psycopg.Error as error:
        raise from_postgres(error) from error
    return [
        Coverage(
            chapter,
            held[chapter.id].total(),
            [sum(n for months, n in held[chapter.id].items() if months > end) for end in range(MONTHS)],
        )
        for chapter in chapters(conn)
        if chapter.id in held
    ]
