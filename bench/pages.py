"""The coordinator's list and the public list over HTTP, against the bare SQL and against Supabase Lite."""

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
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from bench import data
from bench.measure import Notify, Result, Timing, compare, in_turns
from bench.serving import served
from mentorcert.db.connection import acting_as, connect
from mentorcert.web.configuration import WEB_ROLE, Auth, Configuration
from mentorcert.web.security.tokens import issue
from tests.supabase import lite
from tests.support.servers import Server

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

CONNECTIONS: Final = 4
REQUESTS: Final = 200
PAGE: Final = 50
# Of the bare SQL; a page is rendered, a document written, and both are logged.
AIM: Final = 10.0
LITE_AIM: Final = 1.0

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
    server: Server, rows: int, rounds: int, notify: Notify, *, requests: int = REQUESTS
) -> Iterator[Result]:
    """Ask for the first page of both lists, `rounds` times `requests` times, and once more at first."""
    with ExitStack() as stack:
        url = stack.enter_context(lite.new_database(server))
        with connect(url, autocommit=True) as owner:
            data.fill(owner, rows, notify)
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
        with connect(url, autocommit=True) as owner:
            _QUERIES.make_coordinator(owner, user_id=login.user_id, slug=_SLUG)
        token = issue(_AUTH, login.user_id)
        session = {"Cookie": f"mentorcert-access={token}"}
        bearer = {"Authorization": f"Bearer {token}"}
        notify(f"lists over HTTP, {rows:,} rows")
        yield from _compare(
            "coordinator's list",
            rows,
            rounds,
            requests,
            bare=_bare(url, login.user_id, "coordinators_list"),
            lite=_get(
                other.url,
                f"/rest/v1/rpc/certifications_page?page_size={PAGE}",
                {**apikey, "Authorization": f"Bearer {login.token}"},
            ),
            page=_get(ours, f"/certifications?size={PAGE}", session),
            document=_get(ours, f"/api/v1/certifications?size={PAGE}", bearer),
        )
        yield from _compare(
            "public list",
            rows,
            rounds,
            requests,
            bare=_bare(url, None, "public_list"),
            lite=_get(
                other.url,
                "/rest/v1/listed_peer_mentors?select=peer_mentor_id,display_name,chapters,listed_until"
                f"&organisation_slug=eq.{_SLUG}&order=display_name,peer_mentor_id&limit={PAGE}",
                apikey,
            ),
            page=_get(ours, f"/public/{_SLUG}", {}),
            document=_get(ours, f"/api/v1/public/{quote(_SLUG)}?size={PAGE}", {}),
        )


def _compare(
    case: str, rows: int, rounds: int, requests: int, **asks: Callable[[ExitStack], Ask]
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
        for reference, aim in (("bare", AIM), ("lite", LITE_AIM)):
            note = (
                f"{1 / min(seconds[what]):.0f}/s; p95 {bursts[what].p95_s * 1000:.1f} ms"
                f" against {bursts[reference].p95_s * 1000:.1f} ms"
            )
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
