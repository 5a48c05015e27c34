"""Export and erasure of a person, on the command line and against changes at the same time."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, become
from mentorcert.errors import MissingRightError
from mentorcert.organisations import data_subjects, notes
from tests.support.registry import Organisation, fetch, history, join, kinds, set_up
from tests.support.sessions import meanwhile

Run = Callable[..., CompletedProcess[str]]
NAME = "Kari Hemmelig"


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


@pytest.fixture
def kari(conn: Connection, organisation: Organisation) -> UUID:
    """A listed peer mentor with a login, contact data, a note and evidence; beside her another."""
    mentor, login = organisation.mentor("7"), uuid4()
    organisation.mentor("8")
    join(organisation, login, "peer_mentor")
    conn.execute("update auth.users set email = 'kari@hemmelig.example' where id = %s", (login,))
    conn.execute(
        "update mentorcert.peer_mentors"
        " set full_name = %s, email = 'kari@hemmelig.example', phone = '+47 99', user_id = %s where id = %s",
        (NAME, login, mentor),
    )
    certification = organisation.certify(mentor)
    with organisation.as_admin():
        repository.suspend(conn, certification, f"{NAME} is ill")
        repository.reinstate(conn, certification)
        notes.write(conn, mentor, notes.Content(f"{NAME} asked for a break", None, None))
    return mentor


def test_export_has_everything(conn: Connection, mentorcert: Run, kari: UUID, tmp_path: Path) -> None:
    done = mentorcert("person", "export", "demo", "7")
    assert done.returncode == 0, done.stderr
    everything = json.loads(done.stdout)
    assert everything["peer_mentor"]["full_name"] == NAME
    assert everything["organisation"]["slug"] == "demo"
    assert [chapter["code"] for chapter in everything["chapters"]] == ["OSL"]
    (certification,) = everything["certifications"]
    assert [entry["kind"] for entry in certification["renewal_history"]] == [
        "issued",
        "suspended",
        "reinstated",
    ]
    assert certification["current_status"] == "active"
    assert everything["public_list"]["display_name"] == NAME
    assert [note["text"] for note in everything["notes"]] == [f"{NAME} asked for a break"]
    assert everything["login"]["email"] == "kari@hemmelig.example"
    assert [membership["role"] for membership in everything["memberships"]] == ["peer_mentor"]
    assert {entry["table_name"] for entry in everything["audit_log"]} == {"peer_mentors", "memberships"}

    file = tmp_path / "kari.json"
    assert mentorcert("person", "export", "demo", str(kari), "--output", file).returncode == 0
    assert json.loads(file.read_text("utf-8")) == everything
    assert file.stat().st_mode & 0o777 == 0o600


def test_erase_asks_first(conn: Connection, mentorcert: Run, kari: UUID) -> None:
    asked = mentorcert("person", "erase", "demo", "7")
    assert asked.returncode == 2
    assert "1 certifications stay without a name, is on the public list, has a login" in asked.stdout
    assert "--yes" in asked.stderr
    assert json.loads(mentorcert("person", "export", "demo", "7").stdout)["peer_mentor"]["full_name"] == NAME


def test_erase_leaves_nothing(conn: Connection, mentorcert: Run, kari: UUID) -> None:
    done = mentorcert("person", "erase", "demo", "7", "--yes", "--with-login")
    assert (done.returncode, done.stdout) == (0, f"erased: {kari}; login: deleted\n"), done.stderr
    assert "Hemmelig" not in done.stderr
    # Every text of every table: nothing says who it was.
    tables = conn.execute(
        "select format('select %L, count(*) from %I.%I as t where t::text ~* ''hemmelig|\\+47 99''',"
        " tablename, schemaname, tablename)"
        " from pg_catalog.pg_tables where schemaname in ('public', 'mentorcert', 'mentorcert_private', 'auth')"
    ).fetchall()
    assert len(tables) > 10
    for (query,) in tables:
        found = conn.execute(query).fetchone()
        assert found is not None
        assert found[1] == 0, found[0]
    again = mentorcert("person", "erase", "demo", str(kari), "--yes")
    assert again.returncode == 1
    assert "erased already" in again.stderr
    left = json.loads(mentorcert("person", "export", "demo", str(kari)).stdout)
    assert (left["peer_mentor"]["full_name"], left["login"], left["public_list"]) == ("erased", None, None)
    assert left["audit_log"][-1]["action"] == "erase"


@pytest.mark.parametrize("verb", [("export",), ("erase", "--yes")])
def test_nobody_of_that_number(mentorcert: Run, organisation: Organisation, verb: tuple[str, ...]) -> None:
    refused = mentorcert("person", verb[0], "demo", "nobody", *verb[1:])
    assert refused.returncode == 2
    assert "demo has no peer mentor 'nobody'" in refused.stderr
    assert "has no" in mentorcert("person", verb[0], "demo", str(uuid4()), *verb[1:]).stderr


def test_a_file_that_cannot_be_written(mentorcert: Run, kari: UUID) -> None:
    refused = mentorcert("person", "export", "demo", "7", "--output", "/nowhere/kari.json")
    assert refused.returncode == 2
    assert "cannot be written: no such folder" in refused.stderr


def test_a_note_at_the_same_time(
    conn: Connection, database: str, organisation: Organisation, kari: UUID
) -> None:
    """What a coordinator writes just before is erased, too; the erasure waits for it."""
    certification = fetch(conn, "select id from public.peer_mentor_certifications")

    def suspend(other: Connection) -> None:
        become(other, organisation.admin)
        repository.suspend(other, certification, f"{NAME} again")

    meanwhile(conn, database, suspend, lambda other: data_subjects.erase(other, kari))
    assert kinds(conn, certification) == ["issued", "suspended", "reinstated", "suspended"]
    assert "Hemmelig" not in str(history(conn, certification))


def test_a_note_that_waits_for_the_erasure(
    conn: Connection, database: str, organisation: Organisation, kari: UUID
) -> None:
    """Nothing is written of somebody who is erased by the time that the lock is had."""
    certification = fetch(conn, "select id from public.peer_mentor_certifications")

    def suspend(other: Connection) -> None:
        become(other, organisation.admin)
        repository.reinstate(other, certification, f"{NAME} again")

    with pytest.raises(MissingRightError):
        meanwhile(conn, database, lambda other: data_subjects.erase(other, kari), suspend)
    assert kinds(conn, certification) == ["issued", "suspended", "reinstated", "suspended"]
    assert "Hemmelig" not in str(history(conn, certification))


def test_nobody_else_erases(conn: Connection, organisation: Organisation, kari: UUID) -> None:
    with pytest.raises(MissingRightError), organisation.as_admin():
        data_subjects.erase(conn, kari)
