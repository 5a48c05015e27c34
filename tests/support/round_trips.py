"""Counts how often the pages wait for an answer of the database."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from psycopg.waiting import Wait
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mentorcert.db.pipeline import PipelineConnection

LIMIT: Final = 4
# Requests that need more, and why.
_LOGIN: Final = "the question for a login is committed before its answer is read"
_NAMES: Final = "what is shown says whose names are asked for"
_AS_NOW: Final = "what somebody else changed meanwhile is shown as it is now"
LIMITS: Final[Mapping[tuple[str, str], tuple[int, str]]] = {
    ("GET", "/admin/audit"): (5, f"an address is looked up first; {_NAMES}"),
    ("POST", "/admin/memberships"): (5, _LOGIN),
    ("POST", "/admin/portal/mode"): (5, "the people of a pilot are found first; what is refused is shown"),
    ("POST", "/certifications/bulk"): (5, "all that match are found and previewed first"),
    ("POST", "/certifications/{certification_id}/suspend"): (5, f"what is refused is shown; {_NAMES}"),
    ("GET", "/courses/{course_id}/people"): (5, "who lacks what is asked of those who are found"),
    ("POST", "/courses/{course_id}/people"): (5, "who lacks what is asked of those who are found"),
    ("POST", "/letters"): (
        6,
        "all that match, and who holds them, are found first; what is refused is shown",
    ),
    ("POST", "/letters/{letter_id}/send"): (5, _AS_NOW),
    ("POST", "/mentors/new"): (6, _LOGIN),
    ("POST", "/mentors/{mentor_id}/chapters/{chapter_id}/end"): (
        5,
        "it is tried before a last day is written",
    ),
    ("POST", "/mentors/{mentor_id}/consent"): (5, f"{_AS_NOW}; {_NAMES}"),
    ("POST", "/mentors/{mentor_id}/edit"): (6, _LOGIN),
    ("POST", "/requests/{request_id}/ask-back"): (5, "what is refused is shown with the preview"),
    ("POST", "/requests/{request_id}/refuse"): (5, f"what is refused is shown with the preview; {_AS_NOW}"),
}
# How many each of these has made at most, in this run; with several processes, in that of the report.
MADE: Final[dict[tuple[str, str], int]] = {}


def needless() -> list[str]:
    """Return which limits are higher than a run of all tests of the pages needs."""
    return [
        f"{method} {route} makes {MADE.get((method, route), 0)} at most, its limit is {limit}"
        for (method, route), (limit, _why) in LIMITS.items()
        if MADE.get((method, route), 0) < limit
    ]


def add_made(made: Iterable[tuple[str, str, int]]) -> None:
    """Take what another process has counted."""
    for method, route, number in made:
        MADE[method, route] = max(MADE.get((method, route), 0), number)


@dataclass
class RoundTrips:
    """The round trips of all connections of the pages since the last `take`."""

    number: int = 0

    def take(self) -> int:
        """Return the number, and begin again."""
        number, self.number = self.number, 0
        return number


@contextmanager
def counted() -> Iterator[RoundTrips]:
    """Count meanwhile: psycopg does everything in generators, which say what they wait for.

    To wait until something can be read alone, with nothing left to send, is what a round trip costs. While there is
    something to send nothing is read, or it would depend on the server's haste how often there is such a wait.
    """
    trips = RoundTrips()
    wait: Callable[..., Any] = PipelineConnection.wait

    def watched(generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        waits = False
        try:
            state = next(generator)
            while True:
                waits = waits or state == Wait.R
                state = generator.send((yield Wait.W if state == Wait.RW else state))
        except StopIteration as end:
            return end.value
        finally:
            trips.number += waits

    def counting(
        conn: PipelineConnection, generator: Generator[Any, Any, Any], *args: Any, **more: Any
    ) -> Any:
        return wait(conn, watched(generator), *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PipelineConnection, "wait", counting)
        yield trips


@dataclass
class Watched:
    """The pages, which note each request that made more round trips than it may; not those at once, and no failures.

    And each form that is answered by a page: it has no address to come back to.
    """

    app: ASGIApp
    trips: RoundTrips
    exceeding: list[tuple[str, str | None, int]] = field(default_factory=list)
    without_address: set[str | None] = field(default_factory=set)
    running: int = 0
    is_alone: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.is_alone = self.running == 0
        self.running += 1
        self.trips.take()
        status = 500

        async def forward(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if (scope["method"], message.get("status")) == ("POST", 200) and _is_page(message):
                self.without_address.add(getattr(scope.get("route"), "path_format", None))
            await send(message)

        try:
            await self.app(scope, receive, forward)
        finally:
            self.running -= 1
            self._note(scope, status)

    def _note(self, scope: Scope, status: int) -> None:
        # What fails is asked for up to there, and then what the page of the failure needs.
        if not self.is_alone or status >= 500:
            return
        number = self.trips.take()
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = getattr(scope.get("route"), "path_format", None)
        limit, _reason = LIMITS.get((method, route or ""), (LIMIT, ""))
        add_made([(method, route or "", number)])
        if number > limit:
            self.exceeding.append((method, route, number))


def _is_page(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")
