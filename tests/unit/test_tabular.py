"""Which files can be read, and what is said of those that cannot."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest

from mentorcert.imports import limits, tabular
from mentorcert.imports.columns import HEADINGS, Column
from mentorcert.imports.tabular import Dialect, Table, UnreadableFileError
from tests.support.mentor_file import content, row

NORWEGIAN = ";".join(names["nb"] for names in HEADINGS.values())
ENGLISH = ",".join(names["en"] for names in HEADINGS.values())


def read(folder: Path, data: bytes | str) -> Table:
    file = folder / "mentors.csv"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return tabular.read(file)


def failure(folder: Path, data: bytes | str) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read(folder, data)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return str(caught.value)


def workbook(*rows: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for cells in rows:
        book.active.append(list(cells))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def with_sheet(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return a workbook in whose sheet other words stand."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as archive,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as to,
    ):
        for name in archive.namelist():
            member = archive.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert old in member
                member = member.replace(old, new)
            to.writestr(name, member)
    return changed.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_dialects_are_recognised(tmp_path: Path, encoding: str, delimiter: str) -> None:
    dialect = Dialect(encoding, delimiter)
    table = read(tmp_path, content(row(name="Åse Ødegård; Bø, Ærfugl"), dialect=dialect))
    assert table.dialect == dialect
    assert table.cell(table.records[0], Column.NAME) == "Åse Ødegård; Bø, Ærfugl"


def test_headings_in_either_language_in_any_order_and_manner(tmp_path: Path) -> None:
    headings = (
        "NAVN; ekstern  id ;E-MAIL;phone;Lag;Consent  to listing;certification_type;Utstedt;Valid Through"
    )
    table = read(tmp_path, f"{headings}\nKari;7;;;;;;;\n")
    assert table.cell(table.records[0], Column.EXTERNAL_ID) == "7"
    assert table.cell(table.records[0], Column.PAST_RENEWALS) == ""
    assert "column “epost” stands twice" in failure(tmp_path, f"{headings};epost")


def test_all_that_is_wrong_with_the_headings_is_said_at_once(tmp_path: Path) -> None:
    message = failure(tmp_path, "\nNavn;Navn;Sko;E-post;Telefon;Lag;Samtykke;Utstedt;Utløper\n")
    assert "line 2" in message
    assert "column “Navn” stands twice" in message
    assert "unknown column “Sko”" in message
    assert "column “Likepersonnummer” (Peer mentor number) is missing" in message
    assert "column “Sertifisering” (Certification type) is missing" in message  # as there are days
    assert "Past renewals" not in message


def test_a_line_number_is_where_the_record_begins(tmp_path: Path) -> None:
    table = read(tmp_path, f'sep=;\r\n{NORWEGIAN}\r\n\r\n1;"Kari\r\nPrøve"\r\n;;;\r\n2;Ola\r\n')
    assert [(record.line, record.cells[1]) for record in table.records] == [(4, "Kari\r\nPrøve"), (7, "Ola")]


def test_excels_separator_line_wins_over_the_headings(tmp_path: Path) -> None:
    table = read(tmp_path, f"sep=,\n{ENGLISH}\n")
    assert table.dialect.delimiter == ","


def test_an_open_quote_is_reported_where_its_record_begins(tmp_path: Path) -> None:
    message = failure(tmp_path, f'{NORWEGIAN}\n1;Ola\n2;"Kari\n3;Per\n')
    assert "line 3" in message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text_of_mixed_encodings_is_refused(tmp_path: Path, mark: bytes) -> None:
    mixed = mark + f"{NORWEGIAN}\n1;Bjørn\n".encode() + "2;Bjørn\n".encode("cp1252")
    assert "line 3: the text is neither wholly" in failure(tmp_path, mixed)


def test_bytes_that_no_encoding_has_are_refused(tmp_path: Path) -> None:
    assert "line 2" in failure(tmp_path, f"{NORWEGIAN}\n1;".encode() + b"\x81\xf8\n")


@pytest.mark.parametrize("data", ["", "\n\n", "\ufeff"])
def test_an_empty_file(tmp_path: Path, data: str) -> None:
    assert "is empty" in failure(tmp_path, data)


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = content(row())
    monkeypatch.setattr(limits, "MAX_BYTES", len(data))
    read(tmp_path, data)
    assert "is larger than" in failure(tmp_path, data + b"\n")


def test_a_workbook_with_real_dates_and_numbers(tmp_path: Path) -> None:
    headings = [names["en"] for names in HEADINGS.values()]
    issued, expires = datetime.combine(date(2026, 3, 1), time.min), date(2027, 2, 28)
    table = read(
        tmp_path,
        workbook([None], headings, [1001, "Åse", None, 4790000000.0, "OSL", True, "basic", issued, expires]),
    )
    assert table.headings == tuple(headings)
    (record,) = table.records
    assert record.line == 3
    assert record.cells == (
        "1001", "Åse", "", "4790000000", "OSL", "true", "basic", "2026-03-01", "2027-02-28",
    )  # fmt: skip


@pytest.mark.parametrize(("row_number", "number"), [(1000, 1), (1001, 0)])
def test_a_row_that_claims_to_lie_far_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row_number: int, number: int
) -> None:
    monkeypatch.setattr(limits, "MAX_SHEET_ROWS", 1000)
    place = f'r="{row_number}"'.encode()
    far = with_sheet(workbook([names["nb"] for names in HEADINGS.values()], ["1"]), b'r="2"', place)
    assert len(read(tmp_path, far).records) == number


def test_a_workbook_that_is_a_trap(tmp_path: Path) -> None:
    sheet = workbook([names["nb"] for names in HEADINGS.values()])
    blanks = b" " * 2 * limits.SMALL_BYTES
    assert "more than is plausible" in failure(tmp_path, with_sheet(sheet, b"</worksheet>", blanks))


def test_more_rows_than_can_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RECORDS", 1)
    assert len(read(tmp_path, content(row())).records) == 1
    assert "has more than 1 rows" in failure(tmp_path, content(row(), row("2")))


def test_more_cells_than_can_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    width = len(HEADINGS)
    monkeypatch.setattr(limits, "MAX_CSV_CELLS", 2 * width)
    assert len(read(tmp_path, content(row())).records) == 1
    assert f"has more than {2 * width} cells" in failure(tmp_path, content(row(), row("2")))
    # Rows of nothing count as well: they take as much to read.
    assert "cells" in failure(tmp_path, content(row()) + b";" * width)


def test_a_workbook_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook([names["nb"] for names in HEADINGS.values()])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    monkeypatch.setattr(limits, "MAX_UNPACKED_BYTES", unpacked)
    read(tmp_path, data)
    monkeypatch.setattr(limits, "MAX_UNPACKED_BYTES", unpacked - 1)
    assert "would unpack to" in failure(tmp_path, data)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    sheet = workbook(["Navn"])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("letter.txt", "Hei")
    assert "of the old kind" in failure(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    for damaged in (archive.getvalue(), sheet[:200], sheet[:1000] + b"\0" * 500 + sheet[1500:]):
        assert "is not an Excel workbook that can be read" in failure(tmp_path, damaged)
    assert "neither wholly" in failure(tmp_path, b"\x00\x01\x02")


@pytest.mark.parametrize(
    "heading", ["Likepersonnummer", "Peer mentor number", "Medlemsnummer", "EXTERNAL-ID"]
)
def test_the_number_has_the_headings_that_people_give_it(tmp_path: Path, heading: str) -> None:
    table = read(tmp_path, f"{heading};Navn\n00123;Kari\n")
    assert table.cell(table.records[0], Column.EXTERNAL_ID) == "00123"
