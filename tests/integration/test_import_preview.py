"""What a dry run says of each field, what an absent column leaves alone, and years beyond the type's rule."""

import json
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.imports import importing, tabular
from mentorcert.imports.importing import Report
from tests.support.command import Mentorcert
from tests.support.mentor_file import content, import_rows, reasons, row, set_up


@pytest.fixture(autouse=True)
def _organisation(conn: Connection) -> None:
    set_up(conn)


def import_csv(conn: Connection, folder: Path, text: str, *, dry_run: bool = False) -> Report:
    file = folder / "part.csv"
    file.write_text(text, encoding="utf-8")
    return importing.import_file(conn, file, "demo", dry_run=dry_run)


def person(conn: Connection) -> object:
    return conn.execute(
        """
        select mentor.full_name, mentor.email, mentor.phone, mentor.listing_consent, array_agg(chapter.code order by chapter.code)
        from mentorcert.peer_mentors as mentor
        join mentorcert.peer_mentor_chapters as membership on membership.peer_mentor_id = mentor.id
        join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
        where membership.ended_at is null
        group by mentor.id
        """
    ).fetchone()


def test_every_field_that_would_change_is_named(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row())
    changed = row(name="Kari Berg", email="", phone="22 33 44 55", chapters="BER|OSL", consent="nei")
    report = import_rows(conn, tmp_path, changed, row("2"), dry_run=True)
    (found,) = report.changes
    assert (found.line, found.external_id) == (2, "1")
    assert [(change["column"], change["before"], change["after"]) for change in found.changes] == [
        ("name", "Kari Prøve", "Kari Berg"),
        ("email", "kari@example.org", None),
        ("phone", "00 12 34 56", "22 33 44 55"),
        ("chapters", "OSL", "BER, OSL"),
        ("consent", "true", "false"),
    ]
    assert import_rows(conn, tmp_path, row(), dry_run=True).changes == ()


def test_the_command_shows_them(conn: Connection, tmp_path: Path, mentorcert: Mentorcert) -> None:
    import_rows(conn, tmp_path, row())
    file = tmp_path / "mentors.csv"
    file.write_bytes(content(row(email="")))
    shown = mentorcert("import", file, "--organisation", "demo", "--dry-run")
    assert "cleared" in shown.stdout
    assert "1 rows change a person; 1 of them clear a field" in shown.stdout
    printed = mentorcert("import", file, "--organisation", "demo", "--dry-run", "--json")
    (changes,) = json.loads(printed.stdout)["changes"]
    assert changes["changes"] == [{"column": "email", "before": "kari@example.org", "after": None}]


def test_what_the_file_has_no_column_for_stays(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row(chapters="OSL|BER"))
    report = import_csv(conn, tmp_path, "Ekstern ID;Navn\n1;Kari Berg\n")
    assert report.is_written
    assert person(conn) == ("Kari Berg", "kari@example.org", "00 12 34 56", True, ["BER", "OSL"])
    import_csv(conn, tmp_path, "Ekstern ID;Navn;E-post\n1;Kari Berg;\n")
    assert person(conn) == ("Kari Berg", None, "00 12 34 56", True, ["BER", "OSL"])


@pytest.mark.parametrize(
    ("expires", "found"),
    [
        ("2027-01-01", []),
        ("2027-12-31", [(2, "Gyldig til og med", "it lies beyond what the type gives, which is 2027-01-01")]),
        (
            "2082-12-31",
            [(2, "Gyldig til og med", "it lies far beyond what the type gives, which is 2027-01-01")],
        ),
    ],
)
def test_years_beyond_the_rule(
    conn: Connection, tmp_path: Path, expires: str, found: list[tuple[int, str, str]]
) -> None:
    report = import_rows(
        conn, tmp_path, row(certification_type="basic", issued="2026-01-01", expires=expires)
    )
    assert reasons(report) == found
    assert report.is_written == (expires != "2082-12-31")


def test_a_past_period_far_beyond_the_rule(conn: Connection, tmp_path: Path) -> None:
    past = row(certification_type="basic", issued="2026-01-01", past_renewals="2020-01-01..2082-12-31")
    assert reasons(import_rows(conn, tmp_path, past)) == [
        (2, "Tidligere fornyelser", "it lies far beyond what the type gives, which is 2021-01-01")
    ]


def test_the_sheet_is_always_said(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(conn, tmp_path, row())
    assert report.notes == ()
    table = tabular.parse("mentors.csv", b"Mentors 2026;;\nExternal ID;Name;Phone\n1;Kari;1\n")
    assert [str(note) for note in table.notes] == [
        "The headings stand in row 2; what is above them was skipped."
    ]
