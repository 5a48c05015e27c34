"""Forecasts without renewals: how many certifications end in each month, how many hold in each chapter."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from mentorcert.certifications.history import Status
from mentorcert.db import rows
from mentorcert.db.connection import Connection

MONTHS: Final = 24
_MONTHS_OF_A_YEAR: Final = 12

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Endings:
    """How many certifications are of each status (`outdated` of the expired); of the active ones, when their last valid day is.

    `by_month` has the MONTHS months from this one on (each as its first day), `later` what ends after them.
    """

    statuses: dict[Status, int]
    by_month: dict[date, int]
    later: int
    unlimited: int
    outdated: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many peer mentors of a chapter, and of those under it, hold every type required for listing.

    `at_month_ends` supposes that nobody renews; its first is the end of this month.
    """

    today: int
    at_month_ends: list[int]


@dataclass(frozen=True, slots=True)
class _Ending:
    organisation_id: UUID
    status: Status
    month: date | None
    certifications: int
    outdated: int


@dataclass(frozen=True, slots=True)
class _Holders:
    organisation_id: UUID
    chapter_id: UUID
    held: int | None
    mentors: int | None


def months_from(today: date, number: int = MONTHS) -> list[date]:
    """Return the first days of a number of months, beginning with the month of today."""
    count = today.year * _MONTHS_OF_A_YEAR + today.month - 1
    counts = (divmod(count + step, _MONTHS_OF_A_YEAR) for step in range(number))
    return [date(year, month + 1, 1) for year, month in counts]


def outlook(conn: Connection, time_zone: str, today: date) -> tuple[Endings, dict[UUID, Coverage]]:
    """Return what ends when, in months of the time zone, and the coverage of every chapter, in the caller's reach.

    `today` is the day there. Where the organisation requires no type, nobody is listed: all numbers of the coverage are 0.
    Raises EndpointDisabledError.
    """
    rows.send(conn, _QUERIES.count_by_hashing)
    covered = rows.ahead(_coverage, conn, time_zone)
    found = rows.fetch_all(conn, _Ending, _QUERIES.endings, time_zone=time_zone)
    return _endings(found, today), covered.value


def _endings(endings: Sequence[_Ending], today: date) -> Endings:
    statuses: Counter[Status] = Counter()
    found: Counter[date | None] = Counter()
    for ending in endings:
        statuses[ending.status] += ending.certifications
        if ending.status == "active":
            found[ending.month] += ending.certifications
    by_month = {month: found.pop(month, 0) for month in months_from(today)}
    unlimited = found.pop(None, 0)
    return Endings(
        {status: statuses[status] for status in ("active", "expired", "suspended")},
        by_month,
        found.total(),
        unlimited,
        sum(ending.outdated for ending in endings),
    )


def _coverage(conn: Connection, time_zone: str) -> dict[UUID, Coverage]:
    held: defaultdict[UUID, Counter[int]] = defaultdict(Counter)
    for holders in rows.fetch_all(conn, _Holders, _QUERIES.coverage, time_zone=time_zone, months=MONTHS):
        counted = {} if holders.held is None else {holders.held: holders.mentors or 0}
        held[holders.chapter_id] += Counter(counted)
    return {
        chapter_id: Coverage(
            mentors.total(),
            [sum(number for months, number in mentors.items() if months > end) for end in range(MONTHS)],
        )
        for chapter_id, mentors in held.items()
    }
