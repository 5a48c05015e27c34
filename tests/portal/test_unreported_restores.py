"""A restore that nobody has reported is noticed and loud, by the server's identity and by the journal's mark."""

import json
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.operations import journal
from mentorcert.operations.alerting import Alerting, Channels
from mentorcert.operations.journal_places import FilePlace
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import run_checks
from tests.portal.restored import back_up, restore
from tests.portal.sending import certified
from tests.support import command
from tests.support.command import Mentorcert
from tests.support.registry import Organisation, fetch, rows, set_up

MARKS = ("mentorcert_private.journal_marks", "mentorcert_private.journals")


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


def unreported(conn: Connection) -> str | None:
    return health.read(conn).registry.unreported


def errors(conn: Connection) -> set[str]:
    return {one.code for one in run_checks(health.read(conn)) if one.severity == "error"}


def alerts(conn: Connection) -> set[str]:
    """What people are informed of after a look."""
    Alerting(Channels(operator="operator@example.org")).check_once(conn)
    return {
        code for (code,) in rows(conn, "select code from mentorcert_portal.alerts where ended_at is null")
    }


def go_back(conn: Connection) -> None:
    """Restore a snapshot of the same server, on which neither its identity nor its timeline changes."""
    restore(conn, *MARKS)


def test_a_snapshot_that_was_restored_is_known_by_the_journal_s_mark(
    conn: Connection, organisation: Organisation, database: str, tmp_path: Path
) -> None:
    place, settings = FilePlace(tmp_path / "journal"), {"MENTORCERT_JOURNAL": str(tmp_path / "journal")}
    mentor = certified(organisation)
    journal.write(conn, place)
    back_up(conn, *MARKS)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    journal.write(conn, place)
    assert alerts(conn) == set()
    go_back(conn)
    # The mark is foreign, also when much is written after it: that is no proof of anything else.
    for _ in range(3):
        journal.write(conn, place)
    assert "a time that it does not know" in (unreported(conn) or "")
    assert alerts(conn) == {"restore_unreported"}
    doctor = command.run_forked("doctor", database_url=database)
    assert (doctor.returncode, "restore_unreported" in doctor.stdout) == (1, True)
    refused = command.run_forked(
        "restored", "--nothing-lost", "--reason", "no", database_url=database, **settings
    )
    assert (refused.returncode, "knows more than the database" in refused.stderr) == (1, True)
    done = command.run_forked(
        "restored", "--reason", "the backup", "--json", database_url=database, **settings
    )
    assert [one["id"] for one in json.loads(done.stdout)["repeated"]] == [str(mentor)]
    journal.write(conn, place)
    assert unreported(conn) is None
    assert alerts(conn) == set()


def test_a_restore_is_known_before_the_next_writing_of_the_journal(
    conn: Connection, organisation: Organisation, database: str, tmp_path: Path
) -> None:
    place, settings = FilePlace(tmp_path / "journal"), {"MENTORCERT_JOURNAL": str(tmp_path / "journal")}
    certified(organisation)
    journal.write(conn, place)
    back_up(conn, *MARKS)
    journal.write(conn, place)
    go_back(conn)
    refused = command.run_forked(
        "restored", "--nothing-lost", "--reason", "no", database_url=database, **settings
    )
    assert (refused.returncode, "knows more" in refused.stderr) == (1, True)
    assert (
        command.run_forked("restored", "--reason", "yes", database_url=database, **settings).returncode == 0
    )
    journal.write(conn, place)
    assert unreported(conn) is None


def test_a_journal_that_was_lost_is_written_again(
    conn: Connection, organisation: Organisation, tmp_path: Path
) -> None:
    certified(organisation)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    file = tmp_path / "journal"
    assert journal.write(conn, FilePlace(file)) == 1
    file.unlink()
    assert journal.write(conn, FilePlace(file)) == 1
    assert unreported(conn) is None


@pytest.mark.usefixtures("organisation")
def test_marks_are_not_hoarded(conn: Connection, tmp_path: Path) -> None:
    for _ in range(5):
        journal.write(conn, FilePlace(tmp_path / "journal"))
    assert fetch(conn, "select count(*) from mentorcert_private.journal_marks") == 1


@pytest.mark.usefixtures("organisation")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("system_identifier = 1", "another server"),
        ("timeline = timeline - 1", "a standby took over"),
        ("timeline = timeline + 1", "went back to an earlier timeline"),
    ],
)
def test_another_server_or_timeline_is_loud_until_somebody_says_what_happened(
    conn: Connection, mentorcert: Mentorcert, change: str, said: str
) -> None:
    assert alerts(conn) == set()
    assert rows(conn, "select reason from mentorcert_private.known_server") == [(None,)]
    conn.execute(f"update mentorcert_private.known_server set {change}".encode())
    assert alerts(conn) == {"restore_unreported"}
    assert said in (unreported(conn) or "")
    done = mentorcert("restored", "--nothing-lost", "--reason", "The standby took over, synchronously")
    assert done.returncode == 0, done.stderr
    assert alerts(conn) == set()
    assert fetch(conn, "select mentorcert_private.current_epoch()") == 0
    conn.execute(f"update mentorcert_private.known_server set {change}".encode())
    assert mentorcert("restored", "--reason", "The backup of Monday").returncode == 0
    assert unreported(conn) is None
    assert fetch(conn, "select mentorcert_private.current_epoch()") > 0


@pytest.mark.usefixtures("organisation")
def test_where_the_server_s_identity_is_kept_secret_nothing_is_compared(conn: Connection) -> None:
    conn.execute(
        "create or replace function mentorcert_private.current_server()"
        " returns table (system_identifier bigint, timeline integer) language sql stable as $$ select 1::bigint, 1 where false $$"
    )
    assert alerts(conn) == set()
    assert unreported(conn) is None


@pytest.mark.usefixtures("organisation")
def test_a_journal_that_lags_is_an_alert_until_it_is_complete_or_ended(
    conn: Connection, mentorcert: Mentorcert, tmp_path: Path
) -> None:
    place = FilePlace(tmp_path / "journal")
    journal.write(conn, place)
    assert alerts(conn) == set()
    late = "update mentorcert_private.journals set complete_at = now() - interval '6 minutes'"
    conn.execute(late.encode())
    assert alerts(conn) == {"journal_late"}
    journal.write(conn, place)
    assert alerts(conn) == set()
    conn.execute(late.encode())
    refused = mentorcert("journal", "--end")
    assert (refused.returncode, "reason" in refused.stderr) == (2, True)
    assert mentorcert("journal", "--end", "--reason", "Moved to another system").returncode == 0
    assert alerts(conn) == set()
    assert errors(conn) == set()
