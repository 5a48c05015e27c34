"""Fixtures: servers, databases cloned from a template, and the command line."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from mentorcert.db.connection import Connection, connect
from tests.support import command, processes, round_trips, scheduling, selection
from tests.support.servers import CRON_DATABASE, DEBIAN_15, EMBEDDED_18, POOLED_15, SERVERS, Running, Server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        choices=[*SERVERS, "all"],
        action="append",
        help=f"run the tests of this server, by default {selection.DEFAULT}; may be given several times",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark the slow ones; leave out other servers, `pooler.LEFT_OUT` and `one_server.ELSEWHERE`; order what is left."""
    selection.mark_slow(items)
    selection.mark_pooled_twins(items)
    left_out = [item for item in items if selection.why_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not selection.why_left_out(item)]
    yield
    if hasattr(config, "workerinput"):
        scheduling.longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole units, in the order of their collection."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 # the lowest versions are tested without it

    class Units(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return scheduling.unit(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        selection.count(item)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker has left out, and counted, to the process that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(selection.left_out(session.config))
        session.config.workeroutput["round_trips"] = [(*key, made) for key, made in round_trips.MADE.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it; each worker has collected the same."""
    round_trips.add_made(getattr(node, "workeroutput", {}).get("round_trips", ()))
    selection.left_out(node.config).update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for why, number in sorted(selection.left_out(terminalreporter.config).items()):
        terminalreporter.write_line(f"left out: {number} {why}")
    if selection.is_of_all(terminalreporter.config):
        for line in round_trips.needless():
            terminalreporter.write_line(f"round trips: {line} (tests/support/round_trips.py)")


@pytest.fixture(autouse=True)
def children() -> Iterator[None]:
    """End the processes that a test has started and left running."""
    with processes.none_left():
        yield


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """The servers that tests have asked for: each is started once per test process."""
    with Running() as started:
        yield started


@pytest.fixture(scope="session", params=[EMBEDDED_18, DEBIAN_15, POOLED_15])
def server(request: pytest.FixtureRequest, running: Running) -> Server:
    """Each of the servers in turn."""
    return running.server(request.param)


@pytest.fixture(scope="session")
def template(server: Server, running: Running) -> str:
    """The name of a database with all migrations; nobody may connect to it."""
    return running.template(server)


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
    return partial(command.run_forked, database_url=database)
