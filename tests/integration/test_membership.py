"""Admitting logins to an organisation, on the command line."""

from collections.abc import Callable
from subprocess import CompletedProcess
from uuid import UUID

import pytest

from mentorcert import package_files
from mentorcert.db.connection import Connection, acting_as
from mentorcert.organisations import organisation_file
from tests.support.cases import in_turn

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def user(conn: Connection) -> UUID:
    """Return a login `kari@example.org` beside the small example organisation and its peer mentor 7."""
    organisation_file.apply(
        conn, organisation_file.read(package_files.folder("examples") / "small" / "organisation.toml")
    )
    conn.execute(
        "insert into mentorcert.peer_mentors (organisation_id, external_id, full_name) "
        "select id, '7', 'Kari' from mentorcert.organisations"
    )
    row = conn.execute("insert into auth.users (email) values ('kari@example.org') returning id").fetchone()
    assert row is not None
    user_id: UUID = row[0]
    return user_id


def test_the_first_administrator_administers(conn: Connection, user: UUID, mentorcert: Run) -> None:
    done = mentorcert("organisation", "admit", "apen-samtale", "Kari@example.org", "--role", "org_admin")
    assert (done.returncode, done.stdout) == (0, "admitted: Kari@example.org as org_admin\n")
    with acting_as(conn, user):
        assert conn.execute("select count(*) from mentorcert.peer_mentors").fetchone() == (1,)
    again = mentorcert("organisation", "admit", "apen-samtale", str(user), "--role", "org_admin")
    assert (again.returncode, again.stdout) == (0, f"admitted already: {user} as org_admin\n")
    assert conn.execute("select count(*) from mentorcert.memberships").fetchone() == (1,)


def test_a_peer_mentor_sees_the_own_row(conn: Connection, user: UUID, mentorcert: Run) -> None:
    admit = ("organisation", "admit", "apen-samtale", "kari@example.org", "--role", "peer_mentor")
    assert mentorcert(*admit, "--peer-mentor", "7").returncode == 0
    with acting_as(conn, user):
        assert conn.execute("select external_id from mentorcert.peer_mentors").fetchall() == [("7",)]


def test_a_coordinator_coordinates_the_chapter(conn: Connection, user: UUID, mentorcert: Run) -> None:
    row = conn.execute("select id, code from mentorcert.chapters order by code limit 1").fetchone()
    assert row is not None
    chapter_id, code = row
    admit = ("organisation", "admit", "apen-samtale", "kari@example.org", "--role", "coordinator")
    assert mentorcert(*admit, "--chapter", code).returncode == 0
    found = conn.execute("select user_id, role, chapter_id from mentorcert.memberships").fetchall()
    assert found == [(user, "coordinator", chapter_id)]


@in_turn(
    ("arguments", "message"),
    [
        (("nowhere", "kari@example.org", "--role", "org_admin"), "nowhere"),
        (("apen-samtale", "ola@example.org", "--role", "org_admin"), "No login has"),
        (("apen-samtale", "kari@example.org", "--role", "coordinator"), "--chapter CODE"),
        (("apen-samtale", "kari@example.org", "--role", "coordinator", "--chapter", "x"), "no chapter 'x'"),
        (("apen-samtale", "kari@example.org", "--role", "org_admin", "--chapter", "x"), "nobody else"),
        (("apen-samtale", "kari@example.org", "--role", "peer_mentor"), "--peer-mentor"),
        (("apen-samtale", "kari@example.org", "--role", "peer_mentor", "--peer-mentor", "8"), "mentor '8'"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    conn: Connection, user: UUID, mentorcert: Run, arguments: tuple[str, ...], message: str
) -> None:
    refused = mentorcert("organisation", "admit", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert str(user) not in refused.stderr
    assert conn.execute("select count(*) from mentorcert.memberships").fetchone() == (0,)


def test_a_login_of_somebody_else_is_not_taken(conn: Connection, user: UUID, mentorcert: Run) -> None:
    conn.execute("insert into auth.users (email) values ('ola@example.org')")
    for login, code in (("kari@example.org", 0), ("ola@example.org", 2)):
        admit = ("organisation", "admit", "apen-samtale", login, "--role", "peer_mentor")
        assert mentorcert(*admit, "--peer-mentor", "7").returncode == code
    assert conn.execute("select user_id from mentorcert.peer_mentors").fetchall() == [(user,)]
