"""Reads the sheets of an Excel workbook into records of text, and notes what a person may have missed."""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from importlib import import_module
from typing import Any, Final

from mentorcert.imports import limits
from mentorcert.imports.encodings import UnreadableFileError
from mentorcert.imports.file_kinds import refuse_other_archives
from mentorcert.imports.records import CellFault, Record
from mentorcert.translatable import LazyText

# What openpyxl raises for a damaged file depends on where the damage is.
_DAMAGE = (
    *(AttributeError, EOFError, IndexError, KeyError, SyntaxError, TypeError, ValueError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OverflowError),
)
_DIVIDE: Final = LazyText("Divide it into several files, or save the sheet as CSV.")
_CELLS: Final = LazyText("{} has more than {} cells.")
_TEXTS: Final = LazyText("{} has more than {} texts.")
_CELL, _STRING, _SHEET = b"<c", b"<si", re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_CHUNK_BYTES: Final = 2**20
_EXACT: Final = 10**15  # Excel keeps fifteen digits of a number

_OWN_FORMATS: Final = 164  # the first number of a format that is not Excel's own
_ZEROS: Final = re.compile("0+")

_NO_VALUE = (
    LazyText("it is a formula whose value was not saved"),
    LazyText("open the file in Excel and save it, or type the value"),
)
_ERROR = (
    LazyText("it is an error value of the spreadsheet"),
    LazyText("correct the formula, or type the value"),
)
_ALTERED = (
    LazyText("it is a number of more than fifteen digits, which Excel altered"),
    LazyText("format the column as text, and type the number again"),
)


@dataclass(slots=True)
class Sheet:
    """A visible sheet: its filled rows, the rows and columns that are hidden, and its merged cells."""

    title: str
    records: list[Record] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: int = 0
    merged: list[tuple[str, int]] = field(default_factory=list)  # the range, and its last row


def read_sheets(name: str, data: bytes) -> tuple[list[Sheet], tuple[str, ...]]:
    """Return the visible sheets of a workbook, and the titles of the hidden ones.

    Raises UnreadableFileError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of decoration that it does not keep
            _refuse_size(name, archive, len(data))
            refuse_other_archives(name, archive)
            _refuse_cells(name, archive)
            # Only here: it takes as long to import as all the rest together. Not python-calamine: two cells
            # far apart end the process, and formulas without a value are no other than empty cells.
            openpyxl = import_module("openpyxl")
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            hidden = tuple(sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible")
            sheets = [_read(name, sheet) for sheet in book.worksheets if sheet.sheet_state == "visible"]
    except _DAMAGE as error:
        raise UnreadableFileError(
            LazyText("{} is not an Excel workbook that can be read.", name),
            hint=LazyText("Save it again as .xlsx, or as CSV."),
        ) from error
    if not sheets:
        raise UnreadableFileError(
            LazyText("{} has no visible sheet.", name),
            hint=LazyText("Unhide the sheet that holds the peer mentors, and save the file."),
        )
    return sheets, hidden


def _refuse_size(name: str, archive: zipfile.ZipFile, packed: int) -> None:
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    most = min(limits.MAX_UNPACKED_BYTES, max(limits.SMALL_BYTES, limits.MAX_UNPACKED_RATIO * packed))
    if unpacked > most or len(members) > limits.MAX_MEMBERS:
        raise UnreadableFileError(
            LazyText("{} would unpack to {} MB, more than is plausible.", name, unpacked // 2**20),
            hint=_DIVIDE,
        )


def _refuse_cells(name: str, archive: zipfile.ZipFile) -> None:
    """Count cells and texts before anything is built of them: counting takes a hundredth of the time."""
    sheets = [member for member in archive.namelist() if _SHEET.fullmatch(member)]
    texts = [member for member in archive.namelist() if member.lower() == "xl/sharedstrings.xml"]
    if len(sheets) > limits.MAX_SHEETS:
        raise UnreadableFileError(
            LazyText("{} has more than {} sheets.", name, limits.MAX_SHEETS), hint=_DIVIDE
        )
    for members, tag, most, reason in (
        (
            sheets,
            _CELL,
            limits.MAX_SHEET_CELLS,
            _CELLS,
        ),
        (
            texts,
            _STRING,
            limits.MAX_SHARED_STRINGS,
            _TEXTS,
        ),
    ):
        number = 0
        for member in members:
            end = b""  # a tag may lie across two chunks
            with archive.open(member) as file:
                while read := file.read(_CHUNK_BYTES):
                    chunk = end + read
                    end = chunk[-len(tag) :]
                    number += chunk.count(tag + b" ") + chunk.count(tag + b">") + chunk.count(tag + b"/>")
                    if number > most:
                        raise UnreadableFileError(LazyText(reason.template, name, most), hint=_DIVIDE)


def _read(name: str, sheet: Any) -> Sheet:
    book = sheet.parent
    found = Sheet(sheet.title)
    with sheet._get_source() as source:
        parser = _parser_class()(
            source, sheet._shared_strings, data_only=True, epoch=book.epoch,
            date_formats=book._date_formats, timedelta_formats=book._timedelta_formats,
        )  # fmt: skip
        for row, cells in parser.parse():
            if row > limits.MAX_SHEET_ROWS:
                break
            for cell in cells:
                cell["value"] = _as_shown(cell["value"], _format_of(book, cell["style_id"]))
            record = _record(name, sheet.title, row, cells)
            if any(map(str.strip, record.cells)) or record.faults:
                found.records.append(record)
    found.hidden_rows = {int(row) for row, values in parser.row_dimensions.items() if _is_hidden(values)}
    for values in filter(_is_hidden, parser.column_dimensions.values()):
        found.hidden_columns += max(0, min(int(values["max"]), limits.MAX_COLUMNS) - int(values["min"]) + 1)
    if parser.merged_cells is not None:
        found.merged = [(area.coord, area.max_row) for area in map(_range, parser.merged_cells.mergeCell)]
    return found


@cache
def _parser_class() -> Any:
    """Return openpyxl's parser, but one that keeps apart an empty cell and a formula without its value."""
    reader = import_module("openpyxl.worksheet._reader")

    class Parser(reader.WorkSheetParser):  # type: ignore[misc, name-defined]
        def parse_cell(self, element: Any) -> dict[str, Any]:
            cell: dict[str, Any] = super().parse_cell(element)
            if cell["value"] is None and element.find(reader.FORMULA_TAG) is not None:
                # A formula that gives an empty text has a type; one that was never reckoned has none.
                cell["has_no_value"] = element.get("t") != "str"
            return cell

    return Parser


def _is_hidden(values: dict[str, str]) -> bool:
    return values.get("hidden") in {"1", "true"}


def _range(merged: Any) -> Any:
    return import_module("openpyxl.worksheet.cell_range").CellRange(merged.ref)


def _record(name: str, title: str, row: int, cells: Sequence[dict[str, Any]]) -> Record:
    unescape = import_module("openpyxl.utils.escape").unescape
    letters = import_module("openpyxl.utils").get_column_letter
    texts: list[str] = []
    faults: dict[int, CellFault] = {}
    dates: set[int] = set()
    for cell in cells:
        place, value = cell["column"] - 1, cell["value"]
        if place >= limits.MAX_COLUMNS:
            if value is not None:
                raise UnreadableFileError(
                    LazyText(
                        "{}, sheet “{}”, row {}: there are more than {} columns.",
                        name, title, row, limits.MAX_COLUMNS,
                    ),
                    hint=LazyText("Delete the columns that are not asked for."),
                )  # fmt: skip
            continue
        texts.extend([""] * (place + 1 - len(texts)))
        texts[place] = unescape(_text(value))
        if len(texts[place]) > limits.MAX_CELL_CHARACTERS:
            raise too_long(name, row)
        if isinstance(value, datetime | date | time):
            dates.add(place)
        if fault := _fault(cell):
            where = LazyText("cell {} of the sheet “{}”", f"{letters(place + 1)}{row}", title)
            faults[place] = CellFault(LazyText("{} ({})", fault[0], where), fault[1])
    return Record(row, tuple(texts), faults, frozenset(dates))


def too_long(name: str, row: int) -> UnreadableFileError:
    """Return the error of a cell that holds more text than a cell can."""
    return UnreadableFileError(
        LazyText("{}, line {}: a cell holds more than {} characters.", name, row, limits.MAX_CELL_CHARACTERS),
        hint=LazyText("Look for a quotation mark that is not closed."),
    )


def _fault(cell: dict[str, Any]) -> tuple[LazyText, LazyText] | None:
    value = cell["value"]
    if cell.get("has_no_value"):
        return _NO_VALUE
    if cell["data_type"] == "e":
        return _ERROR
    if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) < _EXACT:
        return _ALTERED
    return None


def _format_of(book: Any, style: int) -> str:
    """Return the number format that somebody gave a cell; of those that Excel has itself, none matters here."""
    own = book._cell_styles[style].numFmtId - _OWN_FORMATS
    return str(book._number_formats[own]) if own >= 0 else ""


def _as_shown(value: object, number_format: str) -> object:
    """Return a number with the zeros before it that its format shows: 123 as 00123."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value).zfill(len(number_format)) if is_whole and _ZEROS.fullmatch(number_format) else value


def _text(value: object) -> str:
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
