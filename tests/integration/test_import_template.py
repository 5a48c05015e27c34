"""The file to fill in: it names and explains the columns, and what is typed into it is imported."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from mentorcert.db.connection import Connection
from mentorcert.imports import importing
from mentorcert.imports.cells import Language
from mentorcert.imports.columns import EXAMPLES, HEADINGS, PURPOSES
from mentorcert.imports.importing import Report
from mentorcert.imports.template import template
from tests.support.command import Mentorcert
from tests.support.mentor_file import reasons, set_up
from tests.support.registry import rows

TYPED: list[Any] = [
    "00123", "Kari Nordmann", "kari@example.org", "22000000", "OSL | BER", "yes", "basic", date(2026, 1, 15), None,
    "2024-01-15..2025-01-14",
]  # fmt: skip


def imported(conn: Connection, folder: Path, name: str, data: bytes) -> Report:
    set_up(conn)
    file = folder / name
    file.write_bytes(data)
    return importing.import_file(conn, file, "demo")


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_workbook_that_is_filled_in(conn: Connection, tmp_path: Path, language: Language) -> None:
    book = openpyxl.load_workbook(io.BytesIO(template("xlsx", language)))
    sheet, explanation = book.worksheets
    assert [cell.value for cell in sheet[1]] == [names[language] for names in HEADINGS.values()]
    assert [sheet.column_dimensions[letter].number_format for letter in "AH"] == ["@", "yyyy-mm-dd"]
    described = list(explanation.iter_rows(values_only=True))[1:]
    assert [row[0] for row in described] == [names[language] for names in HEADINGS.values()]
    assert all(row[2] and row[3] for row in described)
    assert (described[0][2] == PURPOSES[next(iter(HEADINGS))]) is (language == "en")
    sheet.append(TYPED)
    filled = io.BytesIO()
    book.save(filled)
    report = imported(conn, tmp_path, "mentors.xlsx", filled.getvalue())
    assert reasons(report) == []
    assert report.is_written
    assert rows(conn, "select external_id from mentorcert.peer_mentors") == [("00123",)]
    assert rows(
        conn, "select jsonb_array_length(renewal_history) from public.peer_mentor_certifications"
    ) == [(2,)]


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_csv_file_that_is_filled_in(conn: Connection, tmp_path: Path, language: Language) -> None:
    separator = {"nb": ";", "en": ","}[language]
    line = separator.join(str(cell or "") for cell in TYPED)
    report = imported(conn, tmp_path, "mentors.csv", template("csv", language) + line.encode())
    assert reasons(report) == []
    assert report.is_written


def test_the_examples_are_what_an_import_takes(conn: Connection, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(template("xlsx", "nb")))
    book.worksheets[0].append([EXAMPLES[column]["nb"] for column in HEADINGS])
    filled = io.BytesIO()
    book.save(filled)
    # Its chapters are not this organisation's: all the rest is taken.
    report = imported(conn, tmp_path, "mentors.xlsx", filled.getvalue())
    assert {column for _, column, _ in reasons(report)} == {"Lag"}


def test_the_command_writes_it(mentorcert: Mentorcert, tmp_path: Path) -> None:
    file = tmp_path / "mentors.xlsx"
    file.write_text("old")
    assert mentorcert("import-template", "--output", file).returncode == 0
    assert file.read_bytes() != b"old"
    assert openpyxl.load_workbook(file).worksheets[0]["A1"].value == "Likepersonnummer"
    printed = mentorcert("import-template", "--format", "csv", "--language", "en")
    assert printed.stdout.startswith("Peer mentor number,Name,")
