"""What was erased and withdrawn since the backup is repeated from a file of hashes."""

import json
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError
from mentorcert.operations import journal
from mentorcert.operations.journal_places import FilePlace
from tests.portal.restored import back_up, restore
from tests.portal.sending import certified
from tests.support import command
from tests.support.registry import Organisation, consent_again, fetch, rows, set_up


def state(conn: Connection) -> list[tuple[str, bool, bool]]:
    return rows(
        conn,
        "select left(external_id, 6), listing_consent, erased_at is not null from mentorcert.peer_mentors order by 1",
    )


def test_what_was_forgotten_is_repeated(conn: Connection, database: str, tmp_path: Path) -> None:
    organisation = set_up(conn)
    erased, withdrawn, again, _ = (certified(organisation, number) for number in ("1", "2", "3", "4"))
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (again,))
    file = tmp_path / "journal"
    assert journal.write(conn, FilePlace(file)) == 1
    consent_again(conn, again)
    back_up(conn)
    settings = {"database_url": database, "MENTORCERT_JOURNAL": str(file)}
    done = command.run_forked("person", "erase", "demo", "1", "--yes", **settings)
    assert done.returncode == 0, done.stderr
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (withdrawn,))
    assert command.run_forked("journal", **settings).stdout.startswith("1 lines")
    assert journal.write(conn, FilePlace(file)) == 0
    assert str(erased) not in file.read_text()
    assert str(organisation.id) not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    restore(conn)
    assert state(conn) == [(number, True, False) for number in "1234"]

    assert {one.id for one in journal.repeat(conn, FilePlace(file), dry_run=True)} == {erased, withdrawn}
    assert state(conn)[0] == ("1", True, False)
    done = command.run_forked("restored", "--reason", "test", "--json", **settings)
    repeated = json.loads(done.stdout)["repeated"]
    assert {(one["kind"], one["id"]) for one in repeated} == {
        ("erased", str(erased)),
        ("withdrawn", str(withdrawn)),
    }
    assert state(conn) == [
        ("2", False, False),
        ("3", True, False),
        ("4", True, False),
        ("erased", False, True),
    ]
    assert journal.repeat(conn, FilePlace(file)) == []
    assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 2


def test_a_journal_that_cannot_be_used_is_an_error(conn: Connection, database: str, tmp_path: Path) -> None:
    organisation: Organisation = set_up(conn)
    certified(organisation)
    with pytest.raises(MentorcertError, match="cannot be used"):
        journal.write(conn, FilePlace(tmp_path))
    broken = tmp_path / "broken"
    broken.write_text('{"at": "2026-01-01T')
    with pytest.raises(MentorcertError, match="line 1"):
        journal.write(conn, FilePlace(broken))
    done = command.run_forked(
        "person", "erase", "demo", "1", "--yes", database_url=database, MENTORCERT_JOURNAL=str(tmp_path)
    )
    assert (done.returncode, "journal" in done.stderr) == (1, True)
    assert command.run_forked("journal", database_url=database).returncode == 2


def test_an_ended_membership_is_repeated_and_the_doctor_sees_that_the_journal_lags(
    conn: Connection, database: str, tmp_path: Path
) -> None:
    set_up(conn)
    ended = "select ended_at is not null from mentorcert.memberships where role = 'org_admin'"
    end = (
        "update mentorcert.memberships set ended_at = now() - interval '10 minutes' where role = 'org_admin'"
    )
    file = tmp_path / "journal"
    settings = {"database_url": database, "MENTORCERT_JOURNAL": str(file)}

    def journal_in_doctor(**settings: str) -> dict[str, str]:
        said = json.loads(command.run_forked("doctor", "--json", **settings).stdout)
        (found,) = (one for one in said if one["check"].startswith("the journal"))
        return dict(found)

    assert journal_in_doctor(database_url=database)["found"] == "No journal is kept here."
    away = journal_in_doctor(**settings)
    assert (away["state"], "cannot be used" in away["found"], file.exists()) == ("wrong", True, False)
    done = command.run_forked("restored", "--reason", "test", **settings)
    assert (done.returncode, "cannot be used" in done.stderr) == (1, True)
    assert fetch(conn, "select mentorcert_private.current_epoch()") == 0

    assert journal.write(conn, FilePlace(file)) == 0
    assert journal_in_doctor(**settings)["state"] == "ok"
    conn.execute(end.encode())
    late = journal_in_doctor(**settings)
    assert (late["state"], late["found"][:2]) == ("wrong", "1 ")
    assert journal.write(conn, FilePlace(file)) == 1
    assert journal_in_doctor(**settings)["state"] == "ok"

    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute("update mentorcert.memberships set ended_at = null where role = 'org_admin'")
    done = command.run_forked("restored", "--reason", "test", "--json", **settings)
    assert [one["kind"] for one in json.loads(done.stdout)["repeated"]] == ["ended"]
    assert fetch(conn, ended) is True
