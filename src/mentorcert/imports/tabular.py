"""Reads a CSV or Excel file of mentors, in whichever dialect it was saved, into records of text."""

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib import import_module
from itertools import islice
from pathlib import Path

from mentorcert.errors import InvalidInputError
from mentorcert.imports.columns import HEADINGS, OPTIONAL_COLUMNS, Column, column_of
from mentorcert.translatable import LazyText

MAX_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 256 * 2**20
# Of a workbook that people wrote, one byte unpacks to about ten; of one that is a trap, to a thousand.
MAX_UNPACKED_RATIO, SMALL_BYTES = 100, 2**20
MAX_SHEET_COLUMNS = 100
# What Excel itself takes; a file may claim to begin at row a thousand million.
MAX_SHEET_ROWS = 2**20
MAX_RECORDS = 1_000_000

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
    *(zipfile.BadZipFile, zlib.error),
)
_DIVIDE = LazyText("Divide it into several files.")


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
    """Read a file, as `parse` does. Raises UnreadableFileError, OSError."""
    with path.open("rb") as file:
        return parse(path.name, file.read(MAX_BYTES + 1))


def parse(name: str, data: bytes) -> Table:
    """Read the content of a .csv (or .txt) or .xlsx file; it decides itself which of them it is.

    CSV may be UTF-8 (with or without a byte order mark), UTF-16 with one, or Windows-1252, and separated by
    semicolon, comma or tab; of a workbook, the first sheet is read. Raises UnreadableFileError.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableFileError(
            LazyText("{} is larger than {} MiB.", name, MAX_BYTES // 2**20), hint=_DIVIDE
        )
    if data.startswith(_OLE_START):
        raise UnreadableFileError(
            LazyText("{} is an old or a password-protected Excel file.", name),
            hint=LazyText("Save it as .xlsx or as CSV."),
        )
    if data.startswith(_ZIP_START):
        return _table(name, NORWEGIAN_EXCEL, _sheet_records(name, data), from_sheet=True)
    encoding, text = _decode(name, data)
    line = 1
    if separator_line := _SEPARATOR_LINE.match(text):
        line, delimiter, text = 2, separator_line[1], text[separator_line.end() :]
    else:
        delimiter = max(_DELIMITERS, key=lambda candidate: _known_headings(text, candidate))
    records = _csv_records(name, text, delimiter, line)
    return _table(name, Dialect(encoding, delimiter), records, from_sheet=False)


def write_csv(rows: Iterable[Sequence[str]], dialect: Dialect) -> bytes:
    """Return a CSV file in the dialect; its lines end as in RFC 4180."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter).writerows(rows)
    return text.getvalue().encode(dialect.encoding, errors="replace")


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
        LazyText(
            "{}, line {}: the text is neither wholly {} nor wholly Windows-1252.",
            name,
            line,
            marked or "UTF-8",
        ),
        hint=LazyText("Open the file where it came from and save it as CSV UTF-8."),
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
            LazyText("{}, line {}: the record that begins here cannot be read: {}.", name, line, error),
            hint=LazyText(
                "Look for a quotation mark that is not closed; inside a quoted cell it is written twice."
            ),
        ) from None


def _sheet_records(name: str, data: bytes) -> Iterator[Record]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > min(MAX_UNPACKED_BYTES, max(SMALL_BYTES, MAX_UNPACKED_RATIO * len(data))):
            raise UnreadableFileError(
                LazyText("{} would unpack to {} MiB, more than is plausible.", name, unpacked // 2**20),
                hint=LazyText("Divide it into several files, or save the sheet as CSV."),
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of decoration that it does not keep
            # Only here: it takes as long to import as all the rest together. Not python-calamine: two cells
            # far apart end the process, and formulas without a value are no other than empty cells.
            openpyxl = import_module("openpyxl")
            unescape = openpyxl.utils.escape.unescape
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            rows = book.worksheets[0].iter_rows(
                max_row=MAX_SHEET_ROWS, max_col=MAX_SHEET_COLUMNS, values_only=True
            )
            for number, values in enumerate(rows, start=1):
                yield Record(number, tuple(unescape(_sheet_text(value)) for value in values))
    except _DAMAGE as error:
        raise UnreadableFileError(
            LazyText("{} is not an Excel workbook that can be read.", name),
            hint=LazyText("Save it again as .xlsx, or as CSV."),
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
        raise UnreadableFileError(
            LazyText("{} is empty.", name), hint=LazyText("The first row names the columns.")
        )
    width = max(place for place, heading in enumerate(heading_row.cells, start=1) if heading.strip())
    headings = heading_row.cells[:width]
    places = {column: place for place, heading in enumerate(headings) if (column := column_of(heading))}
    if problems := _heading_problems(headings, places):
        raise UnreadableFileError(
            LazyText("{}, line {}: {}.", name, heading_row.line, _joined(problems)),
            hint=LazyText(
                "The columns are, in any order: {}.",
                "; ".join(f"{names['nb']} ({names['en']})" for names in HEADINGS.values()),
            ),
        )
    kept = tuple(islice(filled, MAX_RECORDS + 1))
    if len(kept) > MAX_RECORDS:
        raise UnreadableFileError(LazyText("{} has more than {} rows.", name, MAX_RECORDS), hint=_DIVIDE)
    return Table(dialect, from_sheet, headings, places, kept)


def _joined(problems: Sequence[LazyText]) -> LazyText:
    template = "; ".join("{}" for _ in problems)
    return LazyText(template, *problems)


def _heading_problems(headings: Sequence[str], places: Mapping[Column, int]) -> list[LazyText]:
    found = [column_of(heading) for heading in headings]
    return [
        *(LazyText("unknown column “{}”", heading) for heading in headings if column_of(heading) is None),
        *(
            LazyText("column “{}” stands twice", headings[places[column]])
            for column in places
            if found.count(column) > 1
        ),
        *(
            LazyText("column “{}” ({}) is missing", names["nb"], names["en"])
            for column, names in HEADINGS.items()
            if column not in places and column not in OPTIONAL_COLUMNS
        ),
    ]
