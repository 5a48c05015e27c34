"""Reads a CSV or Excel file of mentors, in whichever dialect it was saved, into records of text."""

import csv
import io
import re
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from mentorcert.certifications.cells import Language
from mentorcert.errors import InvalidInputError

MAX_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 512 * 2**20
MAX_SHEET_COLUMNS = 100

_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ZIP_START = b"PK\x03\x04"
_OLE_START = b"\xd0\xcf\x11\xe0"
_DELIMITERS = ";,\t"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n)')
# æ ø å Æ Ø Å, written as UTF-8 and read as Windows-1252.
_MISREAD_UTF8 = re.compile("Ã[¦¸¥†˜…]")
# What openpyxl raises for a damaged file depends on where the damage is.
_DAMAGE = (
    *(AttributeError, EOFError, IndexError, KeyError, SyntaxError, TypeError, ValueError),
    *(InvalidFileException, zipfile.BadZipFile, zlib.error),
)


class Column(StrEnum):
    """The columns of a mentor file."""

    EXTERNAL_ID = "external_id"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    CHAPTERS = "chapters"
    CONSENT = "consent"
    TYPE = "certification_type"
    ISSUED = "issued"
    EXPIRES = "expires"
    PAST_RENEWALS = "past_renewals"
    PROBLEM = "problem"


HEADINGS: dict[Column, dict[Language, str]] = {
    Column.EXTERNAL_ID: {"nb": "Ekstern ID", "en": "External ID"},
    Column.NAME: {"nb": "Navn", "en": "Name"},
    Column.EMAIL: {"nb": "E-post", "en": "E-mail"},
    Column.PHONE: {"nb": "Telefon", "en": "Phone"},
    Column.CHAPTERS: {"nb": "Lag", "en": "Chapters"},
    Column.CONSENT: {"nb": "Samtykke til visning", "en": "Consent to listing"},
    Column.TYPE: {"nb": "Sertifisering", "en": "Certification type"},
    Column.ISSUED: {"nb": "Utstedt", "en": "Issued"},
    Column.EXPIRES: {"nb": "Gyldig til og med", "en": "Valid through"},
    Column.PAST_RENEWALS: {"nb": "Tidligere fornyelser", "en": "Past renewals"},
}
PERSON_COLUMNS = (
    Column.EXTERNAL_ID,
    Column.NAME,
    Column.EMAIL,
    Column.PHONE,
    Column.CHAPTERS,
    Column.CONSENT,
)
# A file of rejected rows has one column more; mended, it can be imported as it is.
OPTIONAL_COLUMNS = frozenset({Column.PAST_RENEWALS, Column.PROBLEM})
_OTHER_HEADINGS = {
    "medlemsnummer": Column.EXTERNAL_ID,
    "membernumber": Column.EXTERNAL_ID,
    "fulltnavn": Column.NAME,
    "fullname": Column.NAME,
    "mobil": Column.PHONE,
    "lokallag": Column.CHAPTERS,
    "chapter": Column.CHAPTERS,
    "samtykke": Column.CONSENT,
    "listingconsent": Column.CONSENT,
    "sertifiseringstype": Column.TYPE,
    "certification": Column.TYPE,
    "utløper": Column.EXPIRES,
    "lastvalidday": Column.EXPIRES,
}


class UnreadableFileError(InvalidInputError):
    """The file cannot be read as a table of mentors."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file writes its records; what is written for the same reader is written so too."""

    encoding: str
    delimiter: str


NORWEGIAN_EXCEL = Dialect("utf-8-sig", ";")
RFC_4180 = Dialect("utf-8", ",")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line on which it begins (from 1; in a sheet, the row) and its cells."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's heading row, where each column stands in it, and its records, blank ones left out."""

    dialect: Dialect
    from_sheet: bool
    headings: tuple[str, ...]
    places: Mapping[Column, int]
    records: tuple[Record, ...]

    def cell(self, record: Record, column: Column) -> str:
        """Return the cell's text, empty where the record or the file has none."""
        place = self.places.get(column, len(record.cells))
        return record.cells[place] if place < len(record.cells) else ""


def read(path: Path) -> Table:
    """Read a .csv (or .txt) or .xlsx file; the content decides which of them it is.

    A CSV file may be UTF-8 (with or without a byte order mark), UTF-16 with one, or Windows-1252, and
    separated by semicolon, comma or tab; of an Excel file, the first sheet is read.
    Raises UnreadableFileError, OSError.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(
            f"{path.name} is larger than {MAX_BYTES // 2**20} MiB.", hint="Divide it into several files."
        )
    if data.startswith(_OLE_START):
        raise UnreadableFileError(
            f"{path.name} is an old or a password-protected Excel file.", hint="Save it as .xlsx or as CSV."
        )
    if data.startswith(_ZIP_START):
        return _table(path.name, NORWEGIAN_EXCEL, _sheet_records(path.name, data), from_sheet=True)
    encoding, text = _decode(path.name, data)
    line = 1
    if separator_line := _SEPARATOR_LINE.match(text):
        line, delimiter, text = 2, separator_line[1], text[separator_line.end() :]
    else:
        delimiter = max(_DELIMITERS, key=lambda candidate: _known_headings(text, candidate))
    records = _csv_records(path.name, text, delimiter, line)
    return _table(path.name, Dialect(encoding, delimiter), records, from_sheet=False)


def write_csv(rows: Iterable[Sequence[str]], dialect: Dialect) -> bytes:
    """Return a CSV file in the dialect; its lines end as in RFC 4180."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter).writerows(rows)
    return text.getvalue().encode(dialect.encoding, errors="replace")


def column_of(heading: str) -> Column | None:
    """Return the column that a heading names in either language, whatever its case, spaces and hyphens."""
    return _COLUMN_OF_HEADING.get(_letters(heading))


def _letters(heading: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", heading).casefold()))


_COLUMN_OF_HEADING: dict[str, Column] = {
    **{_letters(column): column for column in Column},
    **{_letters(heading): column for column, headings in HEADINGS.items() for heading in headings.values()},
    **_OTHER_HEADINGS,
}


def _decode(name: str, data: bytes) -> tuple[str, str]:
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            continue
        if encoding == "cp1252" and _MISREAD_UTF8.search(text):
            break
        return encoding, text
    raise UnreadableFileError(
        f"{name}, line {line}: the text is neither wholly {marked or 'UTF-8'} nor wholly Windows-1252.",
        hint="Open the file where it came from and save it as CSV UTF-8.",
    )


def _known_headings(text: str, delimiter: str) -> int:
    try:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        first = next((cells for cells in records if any(map(str.strip, cells))), [])
    except csv.Error:
        return 0
    return sum(column_of(heading) is not None for heading in first)


def _csv_records(name: str, text: str, delimiter: str, first_line: int) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = first_line
    try:
        for cells in reader:
            yield Record(line, tuple(cells))
            line = reader.line_num + first_line
    except csv.Error as error:
        raise UnreadableFileError(
            f"{name}, line {line}: the record that begins here cannot be read: {error}.",
            hint="Look for a quotation mark that is not closed; inside a quoted cell it is written twice.",
        ) from None


def _sheet_records(name: str, data: bytes) -> Iterator[Record]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise UnreadableFileError(
                f"{name} would unpack to {unpacked // 2**20} MiB, more than {MAX_UNPACKED_BYTES // 2**20}.",
                hint="Divide it into several files, or save the sheet as CSV.",
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of decoration that it does not keep
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            rows = book.worksheets[0].iter_rows(max_col=MAX_SHEET_COLUMNS, values_only=True)
            for number, values in enumerate(rows, start=1):
                yield Record(number, tuple(map(_sheet_text, values)))
    except _DAMAGE as error:
        raise UnreadableFileError(
            f"{name} is not an Excel workbook that can be read.", hint="Save it anew as .xlsx, or as CSV."
        ) from error


def _sheet_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time.min:
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _table(name: str, dialect: Dialect, records: Iterable[Record], *, from_sheet: bool) -> Table:
    filled = (record for record in records if any(map(str.strip, record.cells)))
    heading_row = next(filled, None)
    if heading_row is None:
        raise UnreadableFileError(f"{name} is empty.", hint="The first row names the columns.")
    width = max(place for place, heading in enumerate(heading_row.cells, start=1) if heading.strip())
    headings = heading_row.cells[:width]
    places = {column: place for place, heading in enumerate(headings) if (column := column_of(heading))}
    if problems := _heading_problems(headings, places):
        raise UnreadableFileError(
            f"{name}, line {heading_row.line}: {'; '.join(problems)}.",
            hint="The columns are, in any order: "
            + "; ".join(f"{names['nb']} ({names['en']})" for names in HEADINGS.values())
            + ".",
        )
    return Table(dialect, from_sheet, headings, places, tuple(filled))


def _heading_problems(headings: Sequence[str], places: Mapping[Column, int]) -> list[str]:
    found = [column_of(heading) for heading in headings]
    return [
        *(f"unknown column “{heading}”" for heading in headings if column_of(heading) is None),
        *(
            f"column “{headings[places[column]]}” stands twice"
            for column in places
            if found.count(column) > 1
        ),
        *(
            f"column “{names['nb']}” ({names['en']}) is missing"
            for column, names in HEADINGS.items()
            if column not in places and column not in OPTIONAL_COLUMNS
        ),
    ]
