"""What is counted over all that one sees, kept for administrators while nothing that it is counted from has changed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any, Final
from uuid import UUID

from cachetools import TTLCache

from mentorcert.certifications import forecast, mentor_list
from mentorcert.certifications.forecast import Coverage, Endings
from mentorcert.certifications.mentor_list import Lacking
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.db.rows import Answer

_MOST: Final = 50
# Far less than the day after which the marks of what has changed are deleted.
_LONGEST: Final = timedelta(hours=1)

_QUERIES = rows.beside(__file__)

_Key = tuple[str, str, date, int, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """What ends when, what each chapter can count on, and who lacks what the public list requires."""

    endings: Endings
    coverage: Mapping[UUID, Coverage]
    lacking: Sequence[Lacking]


@dataclass(frozen=True, slots=True)
class _State:
    """Where one counts, and when; no `organisation_id` for who administers none."""

    organisation_id: UUID | None
    day: date | None
    asked_at: datetime
    snapshot: str
    epoch: str
    is_unchanged: bool

    def still(self, kept: "_State") -> bool:
        """Whether what was counted then is what would be counted now."""
        return (
            self.is_unchanged
            and (self.organisation_id, self.day, self.epoch) == (kept.organisation_id, kept.day, kept.epoch)
            and timedelta(0) <= self.asked_at - kept.asked_at < _LONGEST
        )


class KeptCounts:
    """Counts for readers, and keeps what it counted for each of them by the claims with which they came.

    Who administers, and what is switched off, is asked each time. What was kept goes with a snapshot of the database no younger
    than what was counted: it holds while no transaction that the snapshot does not know of has changed what is counted.
    """

    def __init__(self) -> None:
        self._kept: TTLCache[_Key, tuple[_State, Counts]] = TTLCache(_MOST, _LONGEST.total_seconds())
        self._lock = Lock()

    def ask(
        self,
        conn: Connection,
        claims: Mapping[str, Any],
        time_zone: str,
        today: date,
        *,
        first: int,
        at_most: int,
    ) -> Answer[Counts]:
        """Ask without waiting; of who lacks what the `first` are named, and no more than `at_most` counted.

        Raises EndpointDisabledError.
        """
        key = (json.dumps(claims, sort_keys=True), time_zone, today, first, at_most)
        with self._lock:
            kept = self._kept.get(key)
        asked = rows.ahead(_state, conn, kept[0].snapshot if kept else None)

        def count() -> Callable[[], Counts]:
            lacking = rows.ahead(mentor_list.lacking, conn, first=first, at_most=at_most)
            outlook = forecast.outlook(conn, time_zone, today)
            return lambda: Counts(*outlook.value, lacking.value)

        counted = None if kept else count()

        def read() -> Counts:
            state = asked.value
            if kept and state.still(kept[0]):
                return kept[1]
            found = (counted or count())()
            if state.organisation_id is not None:
                with self._lock:
                    self._kept[key] = state, found
            return found

        return Answer(read)


def _state(conn: Connection, snapshot: str | None) -> _State:
    return rows.fetch_one(conn, _State, _QUERIES.state, snapshot=snapshot)
