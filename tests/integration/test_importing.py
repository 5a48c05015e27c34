"""What an import writes, changes and leaves alone."""

import sys
from datetime import date
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import Cursor
from psycopg.rows import TupleRow

from mentorcert.db.connection import Connection, connect
from mentorcert.imports import importing
from tests.support import processes
from tests.support.command import environment
from tests.support.mentor_file import content, import_rows, row, set_up, snapshot


@pytest.fixture(autouse=True)
def _organisation(conn: Connection) -> None:
    set_up(conn)


def held(conn: Connection, code: str = "basic", external_id: str = "1") -> tuple[date, date | None, str, int]:
    """Return the day of issue, the last valid day, the status and the length of the history."""
    found = conn.execute(
        """
        select (issued_at at time zone 'Europe/Oslo')::date,
          (expires_at at time zone 'Europe/Oslo')::date - 1, status, jsonb_array_length(renewal_history)
        from public.peer_mentor_certifications as certification
        join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
        where certification_type = %s and external_id = %s
        """,
        (code, external_id),
    ).fetchone()
    assert found is not None
    return found


def chapters(conn: Connection) -> list[tuple[str, bool]]:
    return conn.execute(
        "select code, ended_at is null from mentorcert.peer_mentor_chapters as membership "
        "join mentorcert.chapters as chapter on chapter.id = chapter_id order by code, ended_at"
    ).fetchall()


def test_a_person_with_certifications_is_registered(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(
        conn,
        tmp_path,
        row(chapters="osl | Bergen, byen", certification_type="basic", issued="29.02.2024"),
        row(chapters="Bergen, byen|osl|osl", certification_type="Yearly course", issued="1.3.2024"),
        row(
            chapters="osl|Bergen, byen", certification_type="LØFTE", issued="2020-01-31", expires="Ubegrenset"
        ),
        row("2", email="", phone="", chapters="", consent=""),
    )
    assert report.problems == ()
    assert report.is_written
    assert report.counts == importing.Counts(2, 2, 0, 2, 0, 3, 0)
    assert held(conn) == (date(2024, 2, 29), date(2025, 2, 28), "active", 1)
    assert held(conn, "yearly")[:2] == (date(2024, 3, 1), date(2025, 12, 31))
    assert held(conn, "pledge")[:2] == (date(2020, 1, 31), None)
    mentors = (
        "select external_id, full_name, email, phone, listing_consent from mentorcert.peer_mentors order by 1"
    )
    assert conn.execute(mentors).fetchall() == [
        ("1", "Kari Prøve", "kari@example.org", "00 12 34 56", True),
        ("2", "Kari Prøve", None, None, False),
    ]
    assert chapters(conn) == [("BER", True), ("OSL", True)]


def test_past_renewals_become_entries_before_the_current_one(conn: Connection, tmp_path: Path) -> None:
    past = "2022-05-10 | 10.03.2021..31.05.2022 | 2023-05-01"
    import_rows(conn, tmp_path, row(certification_type="basic", issued="2024-06-01", past_renewals=past))
    (history,) = (
        conn.execute("select renewal_history from public.peer_mentor_certifications").fetchone() or ()
    )
    keys = {"schema_version", "entry_id", "kind", "recorded_at", "effective_at", "actor", "before", "after"}
    assert [entry.keys() for entry in history] == [keys] * 4
    assert {(entry["schema_version"], entry["kind"], entry["actor"]["job"]) for entry in history} == {
        (1, "imported", "import")
    }
    assert len({entry["entry_id"] for entry in history}) == 4
    assert history[0]["before"] is None
    state: dict[str, str] = {}
    for entry in history:
        assert (entry["before"] or {}).items() <= state.items()
        state |= entry["after"]
        assert state.keys() == {"certification_type", "issued_at", "expires_at", "status"}
        assert state["status"] == "active"
    days = (
        "select (value #>> %s)::timestamptz at time zone 'Europe/Oslo' from jsonb_array_elements(%s) as value"
    )

    def each(*path: str) -> list[str]:
        found = conn.execute(days, (list(path), psycopg.types.json.Jsonb(history)))
        return [f"{moment:%Y-%m-%d %H:%M}" for (moment,) in found]

    midnights = ["2021-03-10 00:00", "2022-05-10 00:00", "2023-05-01 00:00", "2024-06-01 00:00"]
    assert each("effective_at") == each("after", "issued_at") == midnights
    # Each by the rule from its own day.
    assert each("after", "expires_at") == [
        "2022-06-01 00:00", "2023-05-11 00:00", "2024-05-02 00:00", "2025-06-02 00:00",
    ]  # fmt: skip


def test_the_same_file_again_changes_nothing(conn: Connection, tmp_path: Path) -> None:
    rows = [
        row(
            chapters="OSL|V1",
            certification_type="basic",
            issued="2024-06-01",
            past_renewals="2022-06-02 | 2023-06-01",
        ),
        row(chapters="OSL|V1", certification_type="pledge", issued="2020-01-01"),
        row("2"),
    ]
    import_rows(conn, tmp_path, *rows, rows[0])
    before = snapshot(conn)
    report = import_rows(conn, tmp_path, *rows, rows[0])
    assert snapshot(conn) == before
    assert report.problems == ()
    assert report.counts == importing.Counts(2, 0, 0, 0, 0, 0, 0)


def test_an_extension_since_survives_a_file_that_states_no_end(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row(certification_type="basic", issued="2026-01-01"))
    conn.execute("update public.peer_mentor_certifications set expires_at = '2027-06-30 24:00 Europe/Oslo'")
    before = snapshot(conn)
    import_rows(conn, tmp_path, row(certification_type="basic", issued="2026-01-01"))
    assert snapshot(conn) == before


def test_changes_are_taken_over(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row(chapters="OSL|V1", certification_type="basic", issued="2026-01-15"))
    changed = row(
        name="Kari Nyttnavn", email="", phone="+47 00 65 43 21", chapters="V1|BER", consent="nei",
        certification_type="basic", issued="2026-03-01",
    )  # fmt: skip
    report = import_rows(conn, tmp_path, changed)
    assert report.counts == importing.Counts(1, 0, 1, 1, 1, 0, 1)
    assert held(conn) == (date(2026, 3, 1), date(2027, 3, 1), "active", 2)
    assert chapters(conn) == [("BER", True), ("OSL", False), ("V1", True)]
    (entry,) = (
        conn.execute("select renewal_history -> -1 from public.peer_mentor_certifications").fetchone() or ()
    )
    assert (entry["kind"], entry["actor"]) == ("imported", {"job": "import"})
    person = "select full_name, email, phone, listing_consent from mentorcert.peer_mentors"
    assert conn.execute(person).fetchall() == [("Kari Nyttnavn", None, "+47 00 65 43 21", False)]
    import_rows(conn, tmp_path, row(chapters="OSL"))
    assert ("OSL", True) in chapters(conn)


def test_the_announcement_ends_with_the_import(conn: Connection, tmp_path: Path) -> None:
    with conn.transaction():
        import_rows(conn, tmp_path, row(certification_type="basic", issued="2026-01-01"))
        conn.execute(
            "update public.peer_mentor_certifications set expires_at = expires_at + interval '1 day'"
        )
    kinds = (
        "select jsonb_path_query_array(renewal_history, '$[*].kind') from public.peer_mentor_certifications"
    )
    assert conn.execute(kinds).fetchall() == [(["imported", "extended"],)]


def test_a_dry_run_counts_and_keeps_nothing(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(conn, tmp_path, row(certification_type="basic", issued="2026-01-01"), dry_run=True)
    assert report.counts == importing.Counts(1, 1, 0, 1, 0, 1, 0)
    assert not report.is_written
    assert snapshot(conn) == []


def test_a_dry_run_meets_what_the_database_refuses(conn: Connection, tmp_path: Path) -> None:
    conn.execute(
        "alter table mentorcert.peer_mentors add constraint no_kari check (full_name not like 'Kari%%')"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        import_rows(conn, tmp_path, row(), dry_run=True)


def test_another_organisation_is_not_touched(conn: Connection, tmp_path: Path) -> None:
    set_up(conn, "other")
    import_rows(conn, tmp_path, row(certification_type="basic", issued="2026-01-01"), organisation="other")
    before = snapshot(conn)
    report = import_rows(conn, tmp_path, row(name="Per", certification_type="basic", issued="2025-01-01"))
    assert report.counts == importing.Counts(1, 1, 0, 1, 0, 1, 0)
    assert [kept for kept in snapshot(conn) if kept in before] == before


def test_two_imports_at_once_do_the_work_once(conn: Connection, database: str, tmp_path: Path) -> None:
    file = tmp_path / "mentors.csv"
    file.write_bytes(content(row(certification_type="basic", issued="2026-01-01")))
    second: list[importing.Report] = []

    def import_too() -> None:
        with connect(database, autocommit=True) as other:
            second.append(importing.import_file(other, file, "demo"))

    thread = processes.Thread(target=import_too)

    def wait_for_the_other(step: str, done: int, total: int) -> None:
        if (step, done) == ("writing", 5):
            thread.start()
            waiting = "select count(*) from pg_locks where not granted"
            with connect(database, autocommit=True) as observer:
                while observer.execute(waiting).fetchone() == (0,):
                    assert thread.is_alive()

    first = importing.import_file(conn, file, "demo", progress=wait_for_the_other)
    thread.join()
    assert first.counts == importing.Counts(1, 1, 0, 1, 0, 1, 0)
    assert second[0].counts == importing.Counts(1, 0, 0, 0, 0, 0, 0)


def test_an_import_that_is_killed_leaves_nothing(conn: Connection, database: str, tmp_path: Path) -> None:
    file = tmp_path / "mentors.csv"
    file.write_bytes(content(row(certification_type="basic", issued="2026-01-01")))
    program = f"""
import os, pathlib
from mentorcert.imports import importing
from mentorcert.db.connection import connect
def die(step, done, total):
    if (step, done) == ("writing", 5):
        os.kill(os.getpid(), 9)
with connect(autocommit=True) as conn:
    importing.import_file(conn, pathlib.Path({str(file)!r}), "demo", progress=die)
"""
    killed = processes.run(sys.executable, "-c", program, env=environment(database), check=False)
    assert killed.returncode == -9
    assert snapshot(conn) == []
    assert importing.import_file(conn, file, "demo").is_written


def test_the_number_of_statements_does_not_depend_on_the_rows(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # But for the one that discards plans where there are many.
    monkeypatch.setattr(importing, "_MANY", 1)
    executed: list[object] = []

    class Counting(Cursor[TupleRow]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            executed.append(query)
            return super().execute(query, params, **options)

    def statements(*rows: list[str]) -> int:
        executed.clear()
        with connect(database, autocommit=True) as conn:
            conn.cursor_factory = Counting
            assert import_rows(conn, tmp_path, *rows).is_written
        return len(executed)

    few = statements(row("0", certification_type="basic", issued="2026-01-01"))
    many = [
        row(str(n), chapters="OSL|BER", certification_type="basic", issued="2026-02-01") for n in range(200)
    ]
    assert 20 < few == statements(*many)
