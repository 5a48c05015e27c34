"""The days of a course as people write them: one a line, with the time where it is known."""

import re
from datetime import date, time
from typing import Final

from mentorcert.courses.courses import CourseDay
from mentorcert.web.written_days import read_day

_CLOCK: Final = r"(?:[01]?\d|2[0-3])(?:[.:][0-5]\d)?"
_WITH_TIME: Final = re.compile(
    rf"(?P<day>.+?)[,;]?\s+(?:(?:kl\.?|at|from|fra)\s*)?(?P<starts>{_CLOCK})"
    rf"(?:\s*(?:-|–|—|\btil\b|\bto\b)\s*(?:kl\.?\s*)?(?P<ends>{_CLOCK}))?",
    re.IGNORECASE,
)
_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)


class UnreadableLineError(ValueError):
    """A line that names no day, a day that another line names too, or times in the wrong order."""

    def __init__(self, number: int) -> None:
        """Take the number of the line, from 1."""
        super().__init__(number)
        self.number = number


def read_days(text: str) -> list[CourseDay]:
    """Return the days that the lines name, in their order; raises UnreadableLineError."""
    found: dict[date, CourseDay] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            day = _read(line.strip())
        except ValueError:
            raise UnreadableLineError(number) from None
        if day.day in found or not _FIRST <= day.day <= _LAST:
            raise UnreadableLineError(number)
        found[day.day] = day
    return [found[day] for day in sorted(found)]


def _read(line: str) -> CourseDay:
    try:
        return CourseDay(read_day(line))
    except ValueError:
        if (found := _WITH_TIME.fullmatch(line)) is None:
            raise
    starts, ends = _time(found["starts"]), _time(found["ends"]) if found["ends"] else None
    if ends is not None and ends <= starts:
        raise ValueError("it ends before it begins")
    return CourseDay(read_day(found["day"]), starts, ends)


def _time(text: str) -> time:
    hours, _, minutes = text.replace(".", ":").partition(":")
    return time(int(hours), int(minutes or "0"))
