"""Fixtures: servers, databases cloned from a template, and the command line."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from mentorcert.db.connection import Connection, connect
from tests.support import command, processes, selection
from tests.support.servers import CRON_DATABASE, DEBIAN_15, EMBEDDED_18, POOLED_15, SERVERS, Server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        choices=[*SERVERS, "all"],
        action="append",
        help=f"run the tests of this server, by default {selection.DEFAULT}; may be given several times",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow ones; leave out other servers, `pooler.LEFT_OUT` and `one_server.ELSEWHERE`."""
    selection.mark_slow(items)
    left_out = [item for item in items if selection.why_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not selection.why_left_out(item)]


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        selection.count(item)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker has left out to the process that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(selection.left_out(session.config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it; each worker has collected the same."""
    selection.left_out(node.config).update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for why, number in sorted(selection.left_out(terminalreporter.config).items()):
        terminalreporter.write_line(f"left out: {number} {why}")


@pytest.fixture(autouse=True)
def children() -> Iterator[None]:
    """End the processes that a test has started and left running."""
    with processes.none_left():
        yield


@pytest.fixture(scope="session", params=[EMBEDDED_18, DEBIAN_15, POOLED_15])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each of the servers in turn, started once per test process."""
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """The name of a database with all migrations; nobody may connect to it."""
    with server.migrated_template() as name:
        yield name


@pytest.fixture
def database(server: Server, template: str) -> Iterator[str]:
    """The connection string of a fresh database with all migrations."""
    with server.new_database(template) as url:
        yield url


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """The connection string of a fresh database without any migration."""
    with server.new_database() as url:
        yield url


@pytest.fixture
def cron_database(server: Server, template: str) -> Iterator[str]:
    """The connection string of the one database that may hold pg_cron; use with `on_debian_15_with_cron`."""
    with server.new_database(template, CRON_DATABASE) as url:
        yield url


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """A superuser's connection to the test's database, in autocommit."""
    with connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def mentorcert(database: str) -> command.Mentorcert:
    """The command line, on the test's database."""
    return partial(command.run, database_url=database)
