"""Searches in the coordinator's list, by part of a name and in the order of names, against the same by hand."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

import aiosql

from bench.measure import Notify, Result, Timing, compare, in_turns
from mentorcert.certifications import search
from mentorcert.certifications.search import Filters, Order
from mentorcert.db.connection import acting_as, connect

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

BY_HAND: Final = "ilike as owner"
AIM_S: Final = 0.010
SEARCHES: Final = {
    "a part that nobody has": (Filters(query="nobody"), Order()),
    "a part that few have": (Filters(query="number 1234"), Order()),
    "a part that everybody has": (Filters(query="numb"), Order()),
    "by name": (Filters(), Order("name")),
    "by expiry": (Filters(), Order()),
}


def measure(url: str, rows: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Time the first page of each search as administrator, on a registry that `data.fill` has filled."""
    notify(f"searches, {rows:,} rows")
    with connect(url, autocommit=True) as owner, connect(url, autocommit=True) as client:
        organisation_id = _QUERIES.organisation(owner)

        def by_hand() -> float:
            started = perf_counter()
            list(_QUERIES.by_hand(owner, organisation_id=organisation_id, pattern="%number 1234%"))
            return perf_counter() - started

        def searched(filters: Filters, order: Order) -> Timing:
            def timed() -> float:
                started = perf_counter()
                search.page(client, filters, order)
                return perf_counter() - started

            return timed

        with acting_as(client, _QUERIES.administrator(owner)):
            timings = {what: searched(*asked) for what, asked in SEARCHES.items()}
            seconds = in_turns({BY_HAND: by_hand, **timings}, rounds)
    for what in SEARCHES:
        yield compare(
            seconds, what, BY_HAND, benchmark="search", rows=rows, case="administrator", aim_s=AIM_S
        )
