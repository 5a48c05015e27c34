"""The worker's fixtures: a staging portal, an organisation connected to it, and a worker."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, async_pool
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker
from mentorcert_staging.options import DEMO_WEBHOOK_KEY
from tests.portal import contract_v2
from tests.portal.connections import SECRETS, assert_no_secret_logged
from tests.portal.sending import connect_portal
from tests.portal.staging import Staging, running
from tests.support.registry import Organisation, set_up

FILE = """
organisation = "demo"
[target]
adapter = "webhook"
url = "{url}/webhook"
[[auth]]
method = "hmac"
keys = [{{ secret = "file:{key}", expires = "never" }}]
"""


@pytest.fixture(scope="module")
def version_2() -> Iterator[None]:
    """Both sides know a version 2 of the contract, beside version 1."""
    with contract_v2.known():
        yield


@pytest.fixture
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


@pytest.fixture
def file(staging: Staging, tmp_path: Path) -> Path:
    """The configuration of the organisation demo's connection to the staging portal."""
    key = tmp_path / "key"
    key.write_text(DEMO_WEBHOOK_KEY)
    path = tmp_path / "demo.toml"
    path.write_text(FILE.format(url=staging.url, key=key))
    return path


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """An organisation in live mode."""
    organisation = set_up(conn)
    connect_portal(conn, organisation.id)
    return organisation


@pytest.fixture
def work(database: str, file: Path) -> Callable[..., int]:
    """Run a worker until nothing more is due; return how many rows it dealt with."""

    async def once(settings: WorkerSettings) -> int:
        connections = Connections.read([file])
        async with async_pool(make_conninfo(database, user="mentorcert_portal")) as pool:
            worker = Worker(
                StateQueue(pool),
                connections,
                settings=settings,
            )
            return await worker.run(asyncio.Event(), once=True)

    def run(**settings: Any) -> int:
        return asyncio.run(once(WorkerSettings(**{"mode_age_s": 0, "poll_s": 0.02, **settings})))

    return run


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The secrets stand in the environment; none of them is in a log, even when all is logged."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.DEBUG):
        yield
    assert_no_secret_logged(caplog)
