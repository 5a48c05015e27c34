"""Pages and lists over HTTP: against the bare SQL, Supabase Lite, and a static file of the same process."""

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import UUID

import aiosql
import jwt
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from bench import data
from bench.measure import Notify, Result, Timing, compare, in_turns
from bench.serving import served
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.web.configuration import WEB_ROLE, Auth, Configuration
from mentorcert.web.security.tokens import issue
from mentorcert.web.static_files import static_path
from tests.supabase import lite
from tests.support.servers import Server

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

CONNECTIONS: Final = 4
REQUESTS: Final = 200
PAGE: Final = 50
# Of the bare SQL: a page is rendered, a document written, and both are logged.
AIM: Final = 10.0
STATIC_FILE: Final = "static file"
AIMS: Final = {
    ("coordinator's list", "page", "lite"): 1.5,
    ("coordinator's list", "document", "lite"): 0.8,
    ("public list", "page", "lite"): 1.0,
    ("public list", "document", "lite"): 1.0,
    # The page has not changed since it was asked for last.
    ("public list", "page", STATIC_FILE): 2.0,
}
OVERVIEW_AIM_S: Final = 0.030

_AUTH: Final = Auth("bench", shared_secret=SecretStr("a secret of the benchmark, long enough"))
_SLUG: Final = "organisation-0"

Ask = Callable[[], None]
"""Asks once, over a connection of its own."""


@dataclass
class Burst:
    """REQUESTS questions, or as many as given, over CONNECTIONS connections at once; keeps what each took."""

    open_asks: Callable[[ExitStack], Ask]
    requests: int = REQUESTS
    latencies_s: list[float] = field(default_factory=list)

    def timing(self, stack: ExitStack) -> Timing:
        """Return what times one burst, and answers with the seconds of a question."""
        asks = [self.open_asks(stack) for _ in range(CONNECTIONS)]
        threads = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))

        def one_after_the_other(ask: Ask) -> list[float]:
            seconds = []
            for _ in range(self.requests // CONNECTIONS):
                started = perf_counter()
                ask()
                seconds.append(perf_counter() - started)
            return seconds

        def timed() -> float:
            started = perf_counter()
            for seconds in threads.map(one_after_the_other, asks):
                self.latencies_s += seconds
            return (perf_counter() - started) / self.requests

        return timed

    @property
    def p95_s(self) -> float:
        """The latency that 95 % of the questions do not exceed."""
        return sorted(self.latencies_s)[math.ceil(0.95 * len(self.latencies_s)) - 1]


def measure(
    server: Server, url: str, rows: int, rounds: int, notify: Notify, *, requests: int = REQUESTS
) -> Iterator[Result]:
    """Ask for the first page of both lists, `rounds` times `requests` times, and once more at first.

    The database is one of `lite.new_database` that `data.fill` has filled.
    """
    with ExitStack() as stack:
        with connect(url, autocommit=True) as owner:
            data.settle(owner)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        other = stack.enter_context(lite.serving(server, url, folder))
        configuration = Configuration(
            make_conninfo(url, user=WEB_ROLE),
            SecretStr("another secret of the benchmark"),
            "http://bench.test",
            _AUTH,
        )
        ours = stack.enter_context(served(configuration))
        apikey = {"apikey": lite.PUBLISHABLE_KEY}
        login = other.sign_up("coordinator@bench.example")
        administrator = other.sign_up("administrator@bench.example")
        with connect(url, autocommit=True) as owner:
            _QUERIES.make_coordinator(owner, user_id=login.user_id, slug=_SLUG)
            _QUERIES.make_administrator(owner, user_id=administrator.user_id, slug=_SLUG)
        token = _token(login)
        session = {"Cookie": f"mentorcert-access={token}"}
        bearer = {"Authorization": f"Bearer {token}"}
        notify(f"lists over HTTP, {rows:,} rows")
        yield from _compare(
            "coordinator's list",
            rows,
            rounds,
            requests,
            {
                "bare": _bare(url, login.user_id, "coordinators_list"),
                "lite": _get(
                    other.url,
                    f"/rest/v1/rpc/certifications_page?page_size={PAGE}",
                    {**apikey, "Authorization": f"Bearer {login.token}"},
                ),
                "page": _get(ours, f"/certifications?size={PAGE}", session),
                "document": _get(ours, f"/api/v1/certifications?size={PAGE}", bearer),
            },
        )
        yield from _compare(
            "public list",
            rows,
            rounds,
            requests,
            {
                "bare": _bare(url, None, "public_list"),
                "lite": _get(
                    other.url,
                    "/rest/v1/listed_peer_mentors?select=peer_mentor_id,display_name,chapters,listed_until"
                    f"&organisation_slug=eq.{_SLUG}&order=display_name,peer_mentor_id&limit={PAGE}",
                    apikey,
                ),
                "page": _get(ours, f"/public/{_SLUG}", {}),
                "document": _get(ours, f"/api/v1/public/{quote(_SLUG)}?size={PAGE}", {}),
                STATIC_FILE: _get(ours, static_path("pages.css"), {}),
            },
        )
        with connect(url, autocommit=True) as owner:
            yield from _overview(ours, _token(administrator), rows, rounds, owner)


def _token(login: lite.Session) -> str:
    """Return a token of ours, of the session that Lite keeps: one that it does not know has ended."""
    session_id = UUID(jwt.decode(login.token, options={"verify_signature": False})["session_id"])
    return issue(_AUTH, login.user_id, session_id=session_id)


def _overview(ours: str, token: str, rows: int, rounds: int, owner: Connection) -> Iterator[Result]:
    """Ask for an administrator's first page, one request at a time: that is how long a person waits.

    Again, where nothing has changed since, and after a change.
    """
    session = {"Cookie": f"mentorcert-access={token}"}
    with ExitStack() as open_connections:
        ask = _get(ours, "/overview", session)(open_connections)

        def change() -> None:
            ask()
            _QUERIES.change_chapter(owner, slug=_SLUG)

        timings = {
            "overview, nothing changed": _seconds_of(ask, before=ask),
            "overview, after a change": _seconds_of(ask, before=change),
            STATIC_FILE: _seconds_of(_get(ours, static_path("pages.css"), {})(open_connections)),
        }
        seconds = in_turns(timings, rounds)
    for what in sorted(timings.keys() - {STATIC_FILE}, reverse=True):
        yield compare(
            seconds,
            what,
            STATIC_FILE,
            benchmark="http",
            rows=rows,
            case="administrator",
            aim_s=OVERVIEW_AIM_S,
        )


def _seconds_of(ask: Ask, before: Ask = lambda: None) -> Timing:
    def timed() -> float:
        before()
        started = perf_counter()
        ask()
        return perf_counter() - started

    return timed


def _compare(
    case: str, rows: int, rounds: int, requests: int, asks: Mapping[str, Callable[[ExitStack], Ask]]
) -> Iterator[Result]:
    bursts = {name: Burst(ask, requests) for name, ask in asks.items()}
    with ExitStack() as open_connections:
        timings: Mapping[str, Timing] = {
            name: burst.timing(open_connections) for name, burst in bursts.items()
        }
        for burst in bursts.values():
            burst.latencies_s.clear()
        seconds = in_turns(timings, rounds)
    for what in ("page", "document"):
        for reference in sorted(asks.keys() - {"page", "document"}):
            aim = AIM if reference == "bare" else AIMS.get((case, what, reference))
            note = (
                f"{1 / min(seconds[what]):.0f}/s; p95 {bursts[what].p95_s * 1000:.1f} ms"
                f" against {bursts[reference].p95_s * 1000:.1f} ms"
            )
            if aim is not None:
                yield compare(
                    seconds, what, reference, benchmark="http", rows=rows, case=case, aim=aim, note=note
                )


def _get(base: str, path: str, headers: Mapping[str, str]) -> Callable[[ExitStack], Ask]:
    """Return what asks by one HTTP connection that is kept; an answer that is not 200 ends the benchmark."""

    def opened(stack: ExitStack) -> Ask:
        parts = urlsplit(base)
        connection = HTTPConnection(parts.hostname or "", parts.port)
        stack.callback(connection.close)

        def answered() -> HTTPResponse:
            connection.request("GET", path, headers=dict(headers))
            return connection.getresponse()

        def ask() -> None:
            try:
                answer = answered()
            except ConnectionError:
                # While the others had their turn, the server has closed what was idle.
                connection.close()
                answer = answered()
            body = answer.read()
            assert answer.status == 200, f"{path}: {answer.status} {body[:300]!r}"

        return ask

    return opened


def _bare(url: str, user_id: UUID | None, query: str) -> Callable[[ExitStack], Ask]:
    """Return what asks by SQL alone, as the same user, in one transaction, as the pages do."""
    statement = getattr(_QUERIES, query).sql

    def opened(stack: ExitStack) -> Ask:
        conn = stack.enter_context(connect(url))

        def ask() -> None:
            with acting_as(conn, user_id, role="anon" if user_id is None else "authenticated"):
                assert conn.execute(statement).fetchall()

        return ask

    return opened
