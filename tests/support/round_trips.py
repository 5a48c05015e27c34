"""Counts how often the pages wait for an answer of the database."""

from collections.abc import Callable, Generator, Iterator, Mapping
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
_WEIGHED: Final = "reads the row, tries the change and asks for its consequences, makes it or keeps the form for its preview"
_FORM: Final = "what is refused is shown with the form"
_STEPS: Final = "each step needs what the one before found"
_SHOWN_ONCE: Final = "the preview says whose names are needed, and they may be switched off"
LIMITS: Final[Mapping[tuple[str, str], tuple[int, str]]] = {
    ("GET", "/admin/audit"): (5, "an address is looked up first; the entries say whose names are needed"),
    ("GET", "/admin/portal/replay"): (5, _SHOWN_ONCE),
    ("POST", "/admin/portal/replay"): (6, _SHOWN_ONCE),
    ("POST", "/admin/changes/{entry_id}/undo"): (5, _WEIGHED),
    ("POST", "/admin/chapters/{chapter_id}"): (5, _WEIGHED),
    ("POST", "/admin/{section}/{subject_id}/merge"): (5, _WEIGHED),
    ("POST", "/admin/consents/withdraw"): (5, _WEIGHED),
    ("POST", "/admin/invitations"): (5, "what is refused is shown with the list"),
    ("POST", "/admin/invitations/mentors"): (5, "what is shown is kept, and shown at an address"),
    ("POST", "/admin/memberships"): (7, "the look-up of a login is committed before its answer is read"),
    ("POST", "/admin/memberships/{membership_id}/end"): (5, _WEIGHED),
    ("POST", "/admin/merges/{merge_id}/undo"): (5, _STEPS),
    ("POST", "/admin/portal/mode"): (5, _STEPS),
    ("POST", "/admin/types/new"): (5, _WEIGHED),
    ("POST", "/admin/types/{type_id}"): (5, _WEIGHED),
    ("POST", "/admin/{section}/{subject_id}/retire"): (5, _WEIGHED),
    ("POST", "/api/v1/certifications/{certification_id}/renewal-requests"): (5, _STEPS),
    ("POST", "/certifications/batches/{batch_id}"): (5, _STEPS),
    ("GET", "/certifications/bulk"): (5, "all that match are found first"),
    ("POST", "/certifications/bulk"): (5, "all that match are found first"),
    ("POST", "/certifications/{certification_id}/suspend"): (5, _STEPS),
    ("POST", "/imports/{task_id}/cancel"): (5, "what is refused is shown with the task"),
    ("POST", "/imports/{task_id}/confirm"): (5, "what is refused is shown with the task"),
    ("POST", "/courses/{course_id}/people"): (6, "what is refused is shown with the list"),
    ("GET", "/courses/{course_id}/people"): (5, "who lacks what is asked of those who are found"),
    ("POST", "/me/courses/{course_id}/sign-up"): (5, _FORM),
    ("POST", "/me/courses/{course_id}/withdraw"): (5, _FORM),
    ("POST", "/courses/new"): (5, _FORM),
    ("POST", "/courses/{course_id}/edit"): (5, _FORM),
    ("POST", "/courses/{course_id}/attendance/file"): (5, _FORM),
    ("GET", "/courses/{course_id}/close"): (5, "what is refused is shown with the course"),
    ("POST", "/courses/{course_id}/close"): (5, _STEPS),
    ("POST", "/letters"): (
        6,
        "all that match, and who holds them, are found first; what is refused is shown with the list",
    ),
    ("POST", "/letters/{letter_id}"): (5, "what is refused is shown with the form"),
    ("POST", "/letters/{letter_id}/send"): (5, _STEPS),
    ("POST", "/me/certifications/{certification_id}/request"): (5, _FORM),
    ("POST", "/me/certifications/{certification_id}/request/{request_id}/answer"): (5, _FORM),
    ("POST", "/me/certifications/{certification_id}/request/{request_id}/withdraw"): (5, _FORM),
    ("POST", "/mentors/letters"): (5, "all that match are found first"),
    ("POST", "/mentors/chosen.csv"): (5, "those on the page are found first"),
    ("POST", "/mentors/chosen.xlsx"): (5, "those on the page are found first"),
    ("POST", "/mentors/new"): (6, _STEPS),
    ("POST", "/mentors/{mentor_id}/chapters/{chapter_id}/end"): (6, _WEIGHED),
    ("POST", "/requests/{request_id}"): (5, "what somebody else changed meanwhile is shown"),
    ("POST", "/requests/{request_id}/ask-back"): (5, "what is refused is shown with the preview"),
    ("POST", "/requests/{request_id}/refuse"): (5, "what is refused is shown with the preview"),
    ("POST", "/mentors/{mentor_id}/consent"): (5, _STEPS),
    ("POST", "/mentors/{mentor_id}/edit"): (
        10,
        "the look-up of a login is committed before its answer is read",
    ),
}


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

    To wait until something can be read alone, with nothing left to send, is what a round trip costs.
    """
    trips = RoundTrips()
    wait: Callable[..., Any] = PipelineConnection.wait

    def watched(generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        waits = False
        try:
            state = next(generator)
            while True:
                waits = waits or state == Wait.R
                state = generator.send((yield state))
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
        if number > limit:
            self.exceeding.append((method, route, number))


def _is_page(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")
