"""Leaving the bad rows of an import out, and the file that they are saved in."""

from datetime import date
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell import WriteOnlyCell

from mentorcert.db.connection import Connection
from mentorcert.imports import importing, tabular
from mentorcert.imports.columns import HEADINGS
from tests.support.mentor_file import import_rows, row, set_up, snapshot


@pytest.fixture(autouse=True)
def _organisation(conn: Connection) -> None:
    set_up(conn)


def test_bad_rows_are_left_out_and_saved(conn: Connection, tmp_path: Path) -> None:
    rows = [
        row(name="  Kari; “Prøve”", certification_type="basic", issued="2026-01-01"),
        row(name="  Kari; “Prøve”", certification_type="nonsense", issued="2026-01-01"),
        row("2", email="nobody", certification_type="basic", issued="2026-01-01"),
        row("2", email="ola@example.org", certification_type="pledge", issued="2026-01-01"),
        row("3"),
    ]
    report = import_rows(conn, tmp_path, *rows, skip_bad=True)
    assert report.lines_left_out == (3, 4, 5)
    assert report.counts == importing.Counts(2, 2, 0, 2, 0, 1, 0)
    assert report.bad_rows_file == tmp_path / "mentors.csv.bad.csv"
    saved = tabular.read(report.bad_rows_file)
    assert saved.dialect == tabular.NORWEGIAN_EXCEL
    assert [record.cells[:-1] for record in saved.records] == [tuple(cells) for cells in rows[1:4]]
    assert saved.headings[-1] == "Problem"
    unknown = "Sertifisering: the organisation has no certification type “nonsense”; "
    assert [record.cells[-1] for record in saved.records] == [
        unknown + "write a type's code or name, or add the type to the organisation first",
        "E-post: it is not an e-mail address; write one address, such as kari@example.org, or leave it empty",
        "another line of the same person is bad",
    ]
    with pytest.raises(importing.BadRowsFileExistsError):
        import_rows(conn, tmp_path, *rows, skip_bad=True)


def test_bad_rows_of_a_sheet_become_harmless_csv(conn: Connection, tmp_path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([names["en"] for names in HEADINGS.values()])
    formula = WriteOnlyCell(sheet, value="=1+1")
    formula.data_type = "s"
    sheet.append([17, formula, "nobody", None, None, True, "basic", date(2026, 1, 1)])
    file = tmp_path / "mentors.xlsx"
    book.save(file)
    report = importing.import_file(conn, file, "demo", skip_bad=True)
    assert report.bad_rows_file is not None
    saved = tabular.read(report.bad_rows_file)
    assert saved.dialect == tabular.NORWEGIAN_EXCEL
    assert saved.records[0].cells[:9] == (
        "17", "'=1+1", "nobody", "", "", "true", "basic", "2026-01-01", "",
    )  # fmt: skip
    assert len(saved.records[0].cells) == len(saved.headings)


def test_a_corrected_file_of_bad_rows_can_be_imported(conn: Connection, tmp_path: Path) -> None:
    bad = row(certification_type="nonsense", issued="2026-01-01")
    report = import_rows(conn, tmp_path, bad, skip_bad=True)
    assert report.bad_rows_file is not None
    unchanged = importing.import_file(conn, report.bad_rows_file, "demo", skip_bad=True)
    assert unchanged.bad_rows_file is not None
    assert unchanged.bad_rows_file.read_bytes() == report.bad_rows_file.read_bytes()
    report.bad_rows_file.write_bytes(report.bad_rows_file.read_bytes().replace(b";nonsense;", b";basic;"))
    again = importing.import_file(conn, report.bad_rows_file, "demo")
    assert again.counts == importing.Counts(1, 1, 0, 1, 0, 1, 0)


def test_where_the_bad_rows_cannot_be_saved_nothing_is_written(
    conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "bad_rows_file", lambda _path: tmp_path / "missing" / "bad.csv")
    with pytest.raises(FileNotFoundError):
        import_rows(conn, tmp_path, row(), row("2", email="nobody"), skip_bad=True)
    assert snapshot(conn) == []
