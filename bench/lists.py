"""What each role reads under row-level security, against the same query written by hand as owner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from uuid import UUID

import aiosql
from psycopg import ClientCursor
from psycopg.pq import ExecStatus

from bench.measure import Notify, Result, Timing, compare, fastest, in_turns
from mentorcert.db.connection import Connection, acting_as, connect

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

# What an app asks as a peer mentor, one row of anybody and a page by our function: within that of the query by hand, or this
# short whatever the ratio.
AIM: Final = 3.0
AIM_S: Final = 0.0003
# The page of this many chapters must be faster than by hand.
MANY_CHAPTERS: Final = 25
# Sent at once, so that the way there and back weighs next to nothing.
STATEMENTS_A_TRIP: Final = 10


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads, what a query by hand must know of that person, and the ways to write it."""

    name: str
    user_id: UUID
    known: Mapping[str, Any]
    by_hand: Mapping[str, tuple[str, ...]]
    page_aim: float = AIM
    is_peer_mentor: bool = False


_OF_CHAPTERS = {
    "page": ("page_of_chapters", "page_of_chapters_in_organisation", "page_of_chapters_by_join"),
    "count": ("count_of_chapters",),
    "row": ("row_of_chapters",),
}


def measure(url: str, rows: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Time the page, the count and the single row of each role on a registry that `data.fill` has filled.

    A page or row is read `rounds` times STATEMENTS_A_TRIP times; a count, which reads all that the role may
    see, a tenth as often.
    """
    with connect(url, autocommit=True) as owner, connect(url, autocommit=True) as client:
        yield _round_trip(owner, rows, rounds)
        for reader in _readers(owner):
            notify(f"lists of {reader.name}, {rows:,} rows")
            with acting_as(client, reader.user_id):
                yield from _measure(owner, client, reader, rows, rounds)


def _round_trip(owner: Connection, rows: int, rounds: int) -> Result:
    """Time an empty statement sent alone and among others: what a client on the same machine pays besides."""
    alone, among = "empty statement alone", "empty statement among others"
    seconds = in_turns(
        {alone: _timing(owner, "nothing", {}, statements=1), among: _timing(owner, "nothing", {})}, rounds
    )
    return compare(seconds, alone, among, benchmark="round trip", rows=rows)


def _measure(
    owner: Connection, client: Connection, reader: Reader, rows: int, rounds: int
) -> Iterator[Result]:
    known = {**reader.known, "certification_id": _QUERIES.visible_certification(client)}
    for benchmark, ours, aim, turns in (
        ("page", ("page_by_function", "page_under_policies"), reader.page_aim, rounds),
        ("row", ("row_under_policies",), AIM, rounds),
        ("count", ("count_under_policies",), None, max(rounds // 10, 1)),
    ):
        by_hand = reader.by_hand[benchmark]
        seconds = in_turns(
            {name: _timing(client, name, known) for name in ours}
            | {name: _timing(owner, name, known) for name in by_hand},
            turns,
        )
        reference = fastest({name: seconds[name] for name in by_hand})
        for name in ours:
            yield compare(
                seconds,
                name,
                reference,
                benchmark=benchmark,
                rows=rows,
                case=reader.name,
                aim=AIM if reader.is_peer_mentor else aim if name != "page_under_policies" else None,
                aim_s=AIM_S if reader.is_peer_mentor or benchmark == "row" else None,
            )


def _timing(
    conn: Connection, name: str, known: Mapping[str, Any], *, statements: int = STATEMENTS_A_TRIP
) -> Timing:
    """Time a query as the server sees it: parsed, rewritten by the policies, planned, run and put out.

    The parameters stand in it as literals, and the result is not converted: both are the client's business.
    """
    with ClientCursor(conn) as cursor:
        once = cursor.mogrify(getattr(_QUERIES, name).sql, known).rstrip().rstrip(";")
    trip = ";".join([once] * statements).encode()

    def timed() -> float:
        started = perf_counter()
        result = conn.pgconn.exec_(trip)
        seconds = perf_counter() - started
        assert result.status == ExecStatus.TUPLES_OK, result.error_message
        return seconds / statements

    return timed


def _readers(owner: Connection) -> Iterator[Reader]:
    organisation_id = _QUERIES.organisation(owner)
    user_id, peer_mentor_id = _QUERIES.peer_mentor_with_login(owner)
    yield Reader(
        "peer mentor",
        user_id,
        {"peer_mentor_id": peer_mentor_id},
        _each_by_hand("of_peer_mentor"),
        is_peer_mentor=True,
    )
    for user_id, chapter_ids in list(_QUERIES.coordinators(owner)):
        chapters = len(chapter_ids)
        yield Reader(
            f"coordinator of {chapters}",
            user_id,
            {"chapter_ids": chapter_ids, "organisation_id": organisation_id},
            _OF_CHAPTERS,
            1.0 if chapters == MANY_CHAPTERS else AIM,
        )
    yield Reader(
        "administrator",
        _QUERIES.administrator(owner),
        {"organisation_id": organisation_id},
        _each_by_hand("of_organisation"),
    )


def _each_by_hand(scope: str) -> dict[str, tuple[str, ...]]:
    return {benchmark: (f"{benchmark}_{scope}",) for benchmark in _OF_CHAPTERS}
