"""Databases that files share: one with pgTAP, whose tests roll back what they do, and large ones, which are only read."""

from collections.abc import Iterator

import pytest

from mentorcert.db.connection import Connection
from tests.support import pgtap
from tests.support.large_registry import SIZES, filled
from tests.support.servers import Server


@pytest.fixture(scope="session")
def tap_database(server: Server, template: str) -> Iterator[str]:
    """The connection string of a database with all migrations and pgTAP."""
    with server.new_database(template) as url:
        pgtap.install(server, url)
        yield url


@pytest.fixture(scope="session", params=SIZES)
def large(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[Connection]:
    """A registry of that size, with statistics, to be read."""
    organisations, mentors = request.param
    with (
        server.new_database(template) as url,
        filled(url, organisations=organisations, mentors=mentors) as conn,
    ):
        yield conn
