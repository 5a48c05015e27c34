"""A database with pgTAP, shared by all files: each of them rolls back what it does."""

from collections.abc import Iterator

import pytest

from tests.support import pgtap
from tests.support.servers import Server


@pytest.fixture(scope="session")
def tap_database(server: Server, template: str) -> Iterator[str]:
    """The connection string of a database with all migrations and pgTAP."""
    with server.new_database(template) as url:
        pgtap.install(server, url)
        yield url
