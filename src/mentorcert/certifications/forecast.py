"""What lies ahead: how many certifications end in each month, and how many mentors each chapter can count on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from mentorcert.certifications.history import Status
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.db.rows import Answer

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

    `at_month_ends` supposes that nobody renews, `with_courses` that the planned courses renew what they are expected
    to; the first of both is the end of this month.
    """

    organisation_id: UUID
    chapter_id: UUID
    today: int
    at_month_ends: list[int]
    with_courses: list[int]

    def lacks_from(self, months: int) -> int | None:
        """Return the first of these month ends at which nobody is left, also with the courses; None: there is none.

        A chapter that has nobody today cannot lose anybody.
        """
        ends = enumerate(self.with_courses[:months])
        return next((end for end, mentors in ends if self.today and not mentors), None)


@dataclass(frozen=True, slots=True)
class _Ending:
    organisation_id: UUID
    status: Status
    month: date | None
    certifications: int
    outdated: int


def months_from(today: date, number: int = MONTHS) -> list[date]:
    """Return the first days of a number of months, beginning with the month of today."""
    count = today.year * _MONTHS_OF_A_YEAR + today.month - 1
    counts = (divmod(count + step, _MONTHS_OF_A_YEAR) for step in range(number))
    return [date(year, month + 1, 1) for year, month in counts]


def month_ends(today: date, number: int) -> list[date]:
    """Return the last days of a number of months, beginning with the month of today."""
    return [month - timedelta(days=1) for month in months_from(today, number + 1)[1:]]


def outlook(conn: Connection, time_zone: str, today: date) -> Answer[tuple[Endings, dict[UUID, Coverage]]]:
    """Ask what ends when, in months of the time zone, and for the coverage of every chapter, in the caller's reach.

    `today` is the day there. Where the organisation requires no type, nobody is listed: all numbers of the coverage are 0.
    Raises EndpointDisabledError.
    """
    rows.send(conn, _QUERIES.count_by_hashing)
    covered = rows.ahead(coverage, conn)
    found = rows.ahead(_by_month, conn, time_zone)
    return Answer(lambda: (_endings(found.value, today), {one.chapter_id: one for one in covered.value}))


def coverage(conn: Connection, months: int = MONTHS) -> Sequence[Coverage]:
    """Return what each chapter in the caller's reach can count on, at each of these month ends.

    Raises MissingRightError for who neither administers nor coordinates, and InvalidArgumentError for more than MONTHS.
    """
    return rows.fetch_all(conn, Coverage, _QUERIES.coverage, months=months)


def coverage_of(conn: Connection, organisation_id: UUID, months: int) -> Sequence[Coverage]:
    """Return the same of an organisation, for the owner of the tables."""
    return rows.fetch_all(
        conn, Coverage, _QUERIES.coverage_of, organisation_id=organisation_id, months=months
    )


def _by_month(conn: Connection, time_zone: str) -> list[_Ending]:
    return rows.fetch_all(conn, _Ending, _QUERIES.endings, time_zone=time_zone)


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
