"""A worker sends for the organisations of several databases, each to the portal that its file names."""

from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from mentorcert.errors import PortalConfigurationError
from mentorcert.portal.sync.connections import Connections
from tests.portal.sending import certified
from tests.portal.staging import Staging
from tests.support import command
from tests.support.registry import Organisation
from tests.support.sessions import wait_until

AWAY = "host=/nowhere dbname=x"


@pytest.fixture
def of_north(file: Path) -> Path:
    file.write_text(f'database = "north"\n{file.read_text()}')
    return file


@pytest.mark.parametrize("once", [False, True], ids=["until stopped", "once"])
def test_a_database_that_is_away_holds_up_no_removal(
    conn: Connection,
    organisation: Organisation,
    staging: Staging,
    database: str,
    of_north: Path,
    *,
    once: bool,
) -> None:
    mentor = certified(organisation)
    login = make_conninfo(database, user="mentorcert_portal")
    options = ("--once",) if once else ()
    with command.start(
        "portal", "worker", "--connection", of_north, *options, database_url="",
        MENTORCERT_DATABASE_URLS=f"north {login}\nsouth {AWAY}",
    ) as worker:  # fmt: skip
        wait_until(lambda: staging.applied(mentor) != [], "the send")
        if not once:
            worker.terminate()
        said, errors = worker.communicate()
    assert worker.returncode == 1
    assert "north: Done: 1 states were processed." in said
    assert ("Not done: south." if once else "Not served: south (DatabaseUnreachableError).") in errors


def test_a_file_names_its_database_where_there_are_several(of_north: Path) -> None:
    found = Connections.read_each([of_north], ["north", "south"])
    assert {name: one.organisations for name, one in found.items()} == {"north": ["demo"], "south": []}
    assert Connections.read([of_north]).organisations == ["demo"]
    for databases in (["south", "west"], ["south"]):
        with pytest.raises(PortalConfigurationError, match="names no database that is set"):
            Connections.read_each([of_north], databases)
