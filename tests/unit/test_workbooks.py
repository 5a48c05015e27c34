"""What a workbook may hold besides good rows, and what is said of it."""

import io
import time
import zipfile
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from mentorcert.imports import limits, tabular
from mentorcert.imports.columns import HEADINGS, Column
from mentorcert.imports.mentor_rows import read_rows
from mentorcert.imports.tabular import Table, UnreadableFileError

NAMES = [names["nb"] for names in HEADINGS.values()]
GOOD = [
    "1",
    "Kari",
    "kari@example.org",
    "12345678",
    "OSL",
    "ja",
    "basic",
    date(2026, 1, 1),
    date(2026, 12, 31),
    "",
]


def workbook(change: Callable[[Any], object] = lambda _book: None, *rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Ark1"
    for cells in (NAMES, GOOD, *rows):
        sheet.append(cells)
    change(book)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def parse(data: bytes) -> Table:
    return tabular.parse("mentors.xlsx", data)


def failure(data: bytes, name: str = "mentors.xlsx") -> str:
    with pytest.raises(UnreadableFileError) as caught:
        tabular.parse(name, data)
    assert caught.value.hint
    return str(caught.value)


def problems(data: bytes) -> list[tuple[int, str, str]]:
    table = parse(data)
    return [
        (problem.line, problem.column, problem.reason) for row in read_rows(table) for problem in row.problems
    ]


def cells(**values: object) -> list[object]:
    named = dict(zip(map(str, HEADINGS), GOOD, strict=True))
    return [*{**named, **values}.values()]


def test_which_sheet_was_read_is_said() -> None:
    def hidden_first(book: Any) -> None:
        book.create_sheet("Gammel", 0).append(NAMES)
        book["Gammel"].append(["9", "Hidden"])
        book["Gammel"].sheet_state = "hidden"
        book.create_sheet("Forklaring").append(["Les dette"])
        book.active = 1

    table = parse(workbook(hidden_first))
    assert [record.cells[0] for record in table.records] == ["1"]
    assert table.notes == (
        "The sheet “Ark1” was read.",
        "The sheet “Forklaring” was not read.",
        "The sheet “Gammel” is hidden and was not read.",
    )


def test_two_sheets_of_mentors_are_refused() -> None:
    assert "“Ark1”, “Til”" in failure(workbook(lambda book: book.create_sheet("Til").append(NAMES)))


def test_hidden_rows_and_columns_are_noted() -> None:
    def hide(book: Any) -> None:
        book.active.row_dimensions[2].hidden = True
        book.active.column_dimensions["C"].hidden = True

    notes = parse(workbook(hide)).notes
    assert "Hidden rows were read, too: 2." in notes
    assert "Hidden columns were read, too: 1." in notes


def test_merged_cells() -> None:
    assert "“Ark1”: the cells E2:E3 are merged" in failure(
        workbook(lambda book: book.active.merge_cells("E2:E3"), cells(external_id="2"))
    )

    def title(book: Any) -> None:
        book.active.insert_rows(1)
        book.active["A1"] = "Likepersoner 2026"
        book.active.merge_cells("A1:J1")

    table = parse(workbook(title))
    assert [record.line for record in table.records] == [3]
    assert "The headings stand in row 2; what is above them was skipped." in table.notes


def test_formulas_and_errors_name_cell_and_sheet() -> None:
    assert problems(workbook(lambda _book: None, cells(external_id="2", email="=A1"))) == [
        (3, "E-post", "it is a formula whose value was not saved (cell C3 of the sheet “Ark1”)")
    ]

    def put_error(book: Any) -> None:
        book.active["B2"].value = "#N/A"

    assert problems(workbook(put_error)) == [
        (2, "Navn", "it is an error value of the spreadsheet (cell B2 of the sheet “Ark1”)")
    ]


def test_a_formula_with_a_value_is_its_value() -> None:
    data = io.BytesIO()
    with import_module("xlsxwriter").Workbook(data) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, NAMES)
        sheet.write_row(1, 0, ["1", "Kari", "", "", "OSL", "ja"])
        sheet.write_formula(1, 2, '="kari"&"@example.org"', value="kari@example.org")
    assert problems(data.getvalue()) == []
    assert parse(data.getvalue()).records[0].cells[2:4] == ("kari@example.org", "")


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        (
            {"external_id": 12345678901234567890},
            "Likepersonnummer",
            "it is a number of more than fifteen digits",
        ),
        ({"phone": 4.7e20}, "Telefon", "it is a number of more than fifteen digits"),
        ({"phone": "4,7E+20"}, "Telefon", "the spreadsheet shortened a number of many digits"),
        ({"external_id": date(2026, 3, 1)}, "Likepersonnummer", "the spreadsheet made a date of it"),
        ({"chapters": date(2026, 3, 1)}, "Lag", "the spreadsheet made a date of it"),
        ({"issued": 46023}, "Utstedt", "it is a number, as a spreadsheet keeps a day"),
        ({"name": "Bj?rn"}, "Navn", "it contains “?”, where a letter seems to have been lost"),
    ],
)
def test_what_excel_altered(change: dict[str, object], column: str, reason: str) -> None:
    found = problems(workbook(lambda _book: None, cells(**{"external_id": "2", **change})))
    assert [(where, text.startswith(reason)) for _line, where, text in found] == [(column, True)]


@pytest.mark.parametrize("word", ["Sum", "Totalt", "I alt", "sum:", "TOTAL"])
@pytest.mark.parametrize("column", [Column.EXTERNAL_ID, Column.NAME])
def test_a_row_of_sums_is_no_person(word: str, column: Column) -> None:
    row: list[object] = [""] * len(NAMES)
    row[list(HEADINGS).index(column)] = word
    assert [reason for *_, reason in problems(workbook(lambda _book: None, row))] == [
        "it is a row of sums, not a person"
    ]


def test_blank_rows_at_the_end() -> None:
    assert problems(workbook(lambda _book: None, [None] * 10, [" "] * 10)) == []


def test_the_years_of_1904() -> None:
    def old_epoch(book: Any) -> None:
        book.epoch = CALENDAR_MAC_1904

    table = parse(workbook(old_epoch))
    assert table.cell(table.records[0], Column.ISSUED) == "2026-01-01"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xef\xbb\xbf <!DOCTYPE html><table>", "a web page"),
        (b"<html><body>", "a web page"),
        (b'<?xml version="1.0"?><Workbook>', "XML"),
        (b"{\\rtf1", "RTF"),
        (b"\x1f\x8b\x08", "a packed archive"),
        (b"\x89PNG\r\n", "a picture"),
        (b'[{"name": "Kari"}]', "JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "the old kind (.xls)"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ],
)
def test_other_kinds_of_file_are_named(data: bytes, kind: str) -> None:
    assert kind in failure(data, "mentors.csv")


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ("mimetype", ".ods"),
        ("xl/workbook.bin", ".xlsb"),
        ("word/document.xml", "Word"),
        ("Index/a.iwa", "Numbers"),
    ],
)
def test_other_archives_are_named(member: str, kind: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(member, "x")
    assert kind in failure(data.getvalue())


def archive_with(member: str, content: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("filler", bytes(range(256)) * 8_000, compress_type=zipfile.ZIP_STORED)
        archive.writestr(member, content)
    return data.getvalue()


LARGE = [
    (";".join(["x"] * 2_000_000).encode(), "characters"),
    (";".join(NAMES).encode() + b"\n1" + b";" * 200, "more than 100 columns"),
    (";".join(NAMES).encode() + b'\n1;"' + b"x" * 40_000 + b'"\n', "more than 32767 characters"),
    (";".join(NAMES).encode() + b'\n1;"' + b"x\n" * 2_000_000, "more than 32767 characters"),
    (archive_with("xl/worksheets/sheet1.xml", b"<c/>" * (limits.MAX_SHEET_CELLS + 1)), "cells"),
    (archive_with("xl/sharedStrings.xml", b"<si>a</si>" * (limits.MAX_SHARED_STRINGS + 1)), "texts"),
]


@pytest.mark.parametrize(("data", "reason"), LARGE, ids=[reason for _data, reason in LARGE])
def test_what_is_too_large_is_refused_quickly(data: bytes, reason: str) -> None:
    started = time.process_time()
    assert reason in failure(data)
    assert time.process_time() - started < 2


def test_sheets_and_members_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook(lambda book: book.create_sheet("To"))
    monkeypatch.setattr(limits, "MAX_SHEETS", 1)
    assert "more than 1 sheets" in failure(data)
    monkeypatch.setattr(limits, "MAX_MEMBERS", 1)
    assert "more than is plausible" in failure(data)


def test_a_sheet_that_is_too_wide() -> None:
    assert "more than 100 columns" in failure(workbook(lambda book: book.active.cell(2, 101, "x")))


def test_all_sheets_hidden(tmp_path: Path) -> None:
    file = tmp_path / "hidden.xlsx"
    file.write_bytes(workbook())
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/workbook.xml"] = members["xl/workbook.xml"].replace(b'state="visible"', b'state="hidden"')
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert "has no visible sheet" in failure(file.read_bytes())


def test_the_nearest_heading_is_named() -> None:
    assert "unknown column “Telfon” (“Telefon”?)" in failure(b"Ekstern ID;Navn;Telfon\n1;Kari;1\n")


def test_only_what_is_needed_is_demanded() -> None:
    assert parse(b"Ekstern ID;Navn\n1;Kari\n").records
    assert "“Utstedt” (Issued) is missing" in failure(b"Ekstern ID;Navn;Sertifisering\n1;Kari;x\n")
    assert "“Sertifisering” (Certification type) is missing" in failure(b"Ekstern ID;Navn;Issued\n1;Kari;x\n")


def test_an_escape_of_excel() -> None:
    table = tabular.parse("mentors.csv", b"External ID;Name\n2;Kari_x000D_\n")
    ((problem,),) = (row.problems for row in read_rows(table))
    assert problem.reason == "it contains “_x000D_”, which stands for a character that cannot be seen"
    book = parse(workbook(lambda book: book.active.cell(2, 2, "Kari\r\nPrøve")))
    assert [str(row.name).split() for row in read_rows(book)] == [["Kari", "Prøve"]]


def test_a_number_is_read_with_the_zeros_that_are_shown() -> None:
    def number(value: object, number_format: str) -> str:
        def change(book: Any) -> None:
            book.active["A2"].value, book.active["A2"].number_format = value, number_format

        return parse(workbook(change)).records[0].cells[0]

    assert number(123, "00000") == "00123"
    assert number(1234567, "00000") == "1234567"
    assert (number(123, "General"), number(123, "0"), number(123, "#,##0")) == ("123", "123", "123")
    assert (number("123", "00000"), number(12.5, "00000")) == ("123", "12.5")
