"""A file is older than the registry: it brings back no consent and nobody who was erased."""

from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.imports import exporting
from mentorcert.organisations import data_subjects
from tests.support.mentor_file import import_rows, row, set_up
from tests.support.registry import fetch, rows


@pytest.fixture(autouse=True)
def _organisation(conn: Connection) -> None:
    set_up(conn)


def test_an_older_yes_is_left_alone(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row(consent="ja"))
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    for dry_run in (True, False):
        report = import_rows(conn, tmp_path, row(consent="ja", phone="12345678"), dry_run=dry_run)
        (problem,) = report.problems
        assert problem.is_warning
        assert "withdrew the consent on" in str(problem.reason)
    assert (
        fetch(conn, "select phone || ' ' || listing_consent from mentorcert.peer_mentors") == "12345678 false"
    )
    assert import_rows(conn, tmp_path, row("2", consent="")).problems == ()
    # Who never said anything consents by a file as well, and withdraws by one.
    assert import_rows(conn, tmp_path, row("2", consent="ja")).problems == ()
    assert import_rows(conn, tmp_path, row("2", consent="nei")).problems == ()
    assert (
        fetch(
            conn,
            "select string_agg(act.is_given || ' ' || act.way, ', ' order by act.recorded_at)"
            " from mentorcert.listing_consents as act"
            " join mentorcert.peer_mentors as mentor on mentor.id = act.peer_mentor_id"
            " where mentor.external_id = '2'",
        )
        == "true file, false file"
    )


def test_the_erased_stay_erased(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row("00123", email="kari@example.org"), row("2", email="ola@example.org"))
    data_subjects.erase(
        conn, fetch(conn, "select id from mentorcert.peer_mentors where external_id = '00123'")
    )
    for back in (
        row("00123", email=""),
        row("123", email=""),
        row("9", email="Kari@Example.org"),
        row("2", email="kari@example.org"),
    ):
        report = import_rows(conn, tmp_path, back)
        assert not report.is_written
        (problem,) = report.problems
        assert "was erased" in str(problem.reason)
    assert import_rows(conn, tmp_path, row("2", email="ola@example.org", phone="12345678")).is_written
    assert not import_rows(conn, tmp_path, row("erased-1", email="")).is_written
    exported = exporting.export(conn, "demo").decode("utf-8-sig")
    assert "erased" not in exported
    assert "ola@example.org" in exported


def test_a_consent_does_not_come_back_under_another_number(conn: Connection, tmp_path: Path) -> None:
    """Who withdrew and got another number since stands in an older file under the number from before."""
    import_rows(conn, tmp_path, row("W1"), row("00123", name="Ola Prøve"), row("5", name="Åse Prøve"))
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    conn.execute("update mentorcert.peer_mentors set external_id = 'X9' where external_id = 'W1'")
    older = row("W1"), row("0123", name="Ola Prøve", email="ola.ny@example.org"), row("5", name="Åse Prøve")
    new = row("W2", name="Kari Prøve", email="another@example.org")
    report = import_rows(conn, tmp_path, *older, new)
    assert report.is_written
    withdrawn = [problem.line for problem in report.problems if problem.column == "Samtykke til visning"]
    assert withdrawn == [2, 3, 4]
    consents = "select external_id from mentorcert.peer_mentors where listing_consent order by external_id"
    assert rows(conn, consents) == [("W2",)]
