"""Sending to the portal: how long a worker needs for many, against a loop that sends the same messages."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final
from uuid import uuid4

import aiosql
import httpx2

from bench import data
from bench.measure import Notify, Result, compare, in_turns
from mentorcert.db import migrate
from mentorcert.db.connection import async_pool, connect
from mentorcert.portal.contract import message
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker
from mentorcert_staging.options import DEMO_WEBHOOK_KEY

LATENCY_MS: Final = 20
CONCURRENCY: Final = 8
BARE: Final = "bare httpx2 loop"
# Of time; as a rate 0.8.
AIM: Final = 1.25

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_FILE: Final = """
organisation = "portal"
[target]
adapter = "webhook"
url = "{url}/webhook"
[[auth]]
method = "hmac"
keys = [{{ secret = "file:{key}", expires = "never" }}]
"""


def measure(url: str, mentors: int, rounds: int, notify: Notify) -> Iterator[Result]:
    """Migrate and fill an empty database; time a worker, and the bare loop with the same bodies."""
    notify(f"the portal, {mentors:,} peer mentors to send")
    organisation = uuid4()
    with (
        connect(url, autocommit=True) as conn,
        stub_portal() as portal_url,
        tempfile.TemporaryDirectory() as folder,
    ):
        list(migrate.migrate(conn, migrate.read()))
        _QUERIES.insert_organisation(conn, id=organisation)
        _QUERIES.insert_type(conn, id=organisation)
        _QUERIES.insert_peer_mentors(conn, id=organisation, mentors=mentors)
        _QUERIES.connect(conn, id=organisation)
        key, file = Path(folder) / "key", Path(folder) / "portal.toml"
        key.write_text(DEMO_WEBHOOK_KEY)
        file.write_text(_FILE.format(url=portal_url, key=key))
        connections = Connections.read([file])
        bodies = asyncio.run(_bodies(url, portal_url))
        _QUERIES.end_leases(conn)

        def worker() -> float:
            _QUERIES.forget(conn)
            _QUERIES.mark(conn)
            data.settle(conn)
            started = perf_counter()
            asyncio.run(_drain(url, connections))
            seconds = perf_counter() - started
            assert _QUERIES.in_sync(conn) == mentors
            return seconds

        def bare() -> float:
            started = perf_counter()
            asyncio.run(_send(f"{portal_url}/webhook", bodies))
            return perf_counter() - started

        seconds = in_turns({BARE: bare, "worker": worker}, rounds)
    yield compare(
        seconds,
        "worker",
        BARE,
        benchmark="delivery",
        rows=mentors,
        case=f"{CONCURRENCY} at once, {LATENCY_MS} ms each",
        aim=AIM,
    )


@contextmanager
def stub_portal() -> Iterator[str]:
    """Serve a stub in a process of its own; yield its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.stub_portal", str(LATENCY_MS)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


async def _bodies(url: str, portal_url: str) -> list[bytes]:
    """Return the messages that the worker would send; they are left claimed."""
    bodies: list[bytes] = []
    async with async_pool(url) as pool:
        leases = StateQueue(pool)
        (connection,) = await leases.due()
        while claims := (await leases.claim(connection, 1000, 60.0))[0]:
            bodies += [message.render(one.state, target=portal_url, version="v1").body for one in claims]
    return bodies


async def _drain(url: str, connections: Connections) -> None:
    async with async_pool(url) as pool:
        worker = Worker(
            StateQueue(pool),
            connections,
            settings=WorkerSettings(concurrency=CONCURRENCY),
        )
        await worker.run(asyncio.Event(), once=True)


async def _send(url: str, bodies: list[bytes]) -> None:
    """Send the bodies, as many at once as the worker does."""
    left = iter(bodies)
    limits = httpx2.Limits(max_connections=CONCURRENCY)
    async with httpx2.AsyncClient(limits=limits, trust_env=False) as client, asyncio.TaskGroup() as tasks:

        async def send_all() -> None:
            for body in left:
                response = await client.post(url, content=body)
                assert response.status_code == 200

        for _ in range(CONCURRENCY):
            tasks.create_task(send_all())
