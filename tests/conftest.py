"""Fixtures: servers, databases cloned from a template, and the command line."""

from collections.abc import Iterator
from functools import partial

import pytest

from mentorcert.db.connection import Connection, connect
from tests.support import command, one_server, pooler
from tests.support.servers import CRON_DATABASE, DEBIAN_15, EMBEDDED_18, POOLED_15, SERVERS, Server


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `pooler.LEFT_OUT` and `one_server.ELSEWHERE` name."""
    left_out = {item for item in items if pooler.is_left_out(item) or one_server.is_left_out(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


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
