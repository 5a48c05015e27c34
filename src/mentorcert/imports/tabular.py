"""Reads a CSV or Excel file of mentors, in whichever dialect it was saved, into records of text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Final

from mentorcert.imports import limits
from mentorcert.imports.columns import HEADINGS, Column, column_of, missing_columns, names_people
from mentorcert.imports.encodings import UnreadableFileError, decode
from mentorcert.imports.file_kinds import refuse_other_kinds
from mentorcert.imports.records import Record
from mentorcert.imports.sheets import Sheet, read_sheets, too_long
from mentorcert.translatable import LazyText

__all__ = ["Record", "UnreadableFileError", "parse", "read", "write_csv"]

_ZIP_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DELIMITERS: Final = ";,\t"
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n)')
_SAMPLE_CHARACTERS: Final = 2**16
_FEW, _MANY = 2, 3  # known headings: of a row that is a title, of one that is none
_SHOWN: Final = 60  # characters of a heading
_DIVIDE: Final = LazyText("Divide it into several files.")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file writes its records; what is written for the same reader is written so too."""

    encoding: str
    delimiter: str


NORWEGIAN_EXCEL = Dialect("utf-8-sig", ";")
RFC_4180 = Dialect("utf-8", ",")


@dataclass(frozen=True, slots=True)
class Table:
    """A file's heading row, where each column stands in it, and its records, blank ones left out.

    `notes` say what was read, and what somebody may have missed: the sheet, hidden rows, a title.
    """

    dialect: Dialect
    from_sheet: bool
    headings: tuple[str, ...]
    places: Mapping[Column, int]
    records: tuple[Record, ...]
    notes: tuple[LazyText, ...] = ()

    def cell(self, record: Record, column: Column) -> str:
        """Return the cell's text, empty where the record or the file has none."""
        place = self.places.get(column, len(record.cells))
        return record.cells[place] if place < len(record.cells) else ""


def read(path: Path) -> Table:
    """Read a file, as `parse` does. Raises UnreadableFileError, OSError."""
    with path.open("rb") as file:
        return parse(path.name, file.read(limits.MAX_BYTES + 1))


def parse(name: str, data: bytes, *, of_people: bool = False) -> Table:
    """Read the content of a .csv (or .txt) or .xlsx file; it decides itself which of them it is.

    `of_people`: the rows only say who they are about, and other columns than those of a mentor file are left alone.
    CSV is separated by semicolon, comma or tab; its encoding is recognised by its content. Of a workbook, the one
    visible sheet with the headings is read. Raises UnreadableFileError.
    """
    if len(data) > limits.MAX_BYTES:
        raise UnreadableFileError(
            LazyText("{} is larger than {} MB.", name, limits.MAX_BYTES // 2**20), hint=_DIVIDE
        )
    if data.startswith(_ZIP_STARTS):
        return _sheet_table(name, data, of_people)
    refuse_other_kinds(name, data)
    encoding, text = decode(name, data)
    line = 1
    if separator_line := _SEPARATOR_LINE.match(text):
        line, delimiter, text = 2, separator_line[1], text[separator_line.end() :]
    else:
        delimiter = max(_DELIMITERS, key=lambda candidate: _most_headings(text, candidate))
    records = _csv_records(name, text, delimiter, line)
    return _table(name, Dialect(encoding, delimiter), records, of_people, from_sheet=False)


def write_csv(rows: Iterable[Sequence[str]], dialect: Dialect) -> bytes:
    """Return a CSV file in the dialect; its lines end as in RFC 4180."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter).writerows(rows)
    return text.getvalue().encode(dialect.encoding, errors="replace")


def _known_headings(cells: Sequence[str]) -> int:
    return sum(column_of(heading) is not None for heading in cells[: limits.MAX_COLUMNS])


def _most_headings(text: str, delimiter: str) -> int:
    lines = io.StringIO(text[:_SAMPLE_CHARACTERS], newline="")
    try:
        first = islice(csv.reader(lines, delimiter=delimiter), limits.MAX_TITLE_ROWS)
        return max(map(_known_headings, first), default=0)
    except csv.Error:
        return 0


def _csv_records(name: str, text: str, delimiter: str, first_line: int) -> Iterator[Record]:
    line = first_line
    characters = 0

    def lines() -> Iterator[str]:
        nonlocal characters
        for physical in io.StringIO(text, newline=""):
            characters += len(physical)
            if characters > limits.MAX_RECORD_CHARACTERS:
                raise too_long(name, line)
            yield physical

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    csv.field_size_limit(limits.MAX_RECORD_CHARACTERS)
    number = 0
    try:
        for cells in reader:
            _refuse_width(name, line, cells)
            number += len(cells)
            if number > limits.MAX_CSV_CELLS:
                raise UnreadableFileError(
                    LazyText("{} has more than {} cells.", name, limits.MAX_CSV_CELLS), hint=_DIVIDE
                )
            yield Record(line, tuple(cells))
            line, characters = reader.line_num + first_line, 0
    except csv.Error as error:
        raise UnreadableFileError(
            LazyText("{}, line {}: the record that begins here cannot be read: {}.", name, line, error),
            hint=LazyText(
                "Look for a quotation mark that is not closed; inside a quoted cell it is written twice."
            ),
        ) from None


def _refuse_width(name: str, line: int, cells: Sequence[str]) -> None:
    if len(cells) > limits.MAX_COLUMNS:
        raise UnreadableFileError(
            LazyText("{}, line {}: there are more than {} columns.", name, line, limits.MAX_COLUMNS),
            hint=LazyText("Delete the columns that are not asked for."),
        )
    if any(len(cell) > limits.MAX_CELL_CHARACTERS for cell in cells):
        raise too_long(name, line)


def _sheet_table(name: str, data: bytes, of_people: bool) -> Table:
    sheets, hidden = read_sheets(name, data)
    with_headings = [sheet for sheet in sheets if _names_columns(sheet, of_people)]
    if len(with_headings) > 1:
        raise UnreadableFileError(
            LazyText(
                "{}: several sheets have the headings of a mentor file: {}.",
                name, ", ".join(f"“{sheet.title}”" for sheet in with_headings),
            ),
            hint=LazyText("Keep one of them in the file, or hide the others."),
        )  # fmt: skip
    sheet = with_headings[0] if with_headings else sheets[0]
    others = [other.title for other in sheets if other is not sheet and other.records]
    notes = [LazyText("The sheet “{}” was read.", sheet.title)]
    notes += [LazyText("The sheet “{}” was not read.", title) for title in others]
    notes += [LazyText("The sheet “{}” is hidden and was not read.", title) for title in hidden]
    table = _table(name, NORWEGIAN_EXCEL, iter(sheet.records), of_people, from_sheet=True, sheet=sheet)
    rows = sheet.hidden_rows & {record.line for record in table.records}
    if rows:
        notes.append(LazyText("Hidden rows were read, too: {}.", _few(sorted(rows))))
    if sheet.hidden_columns:
        notes.append(LazyText("Hidden columns were read, too: {}.", sheet.hidden_columns))
    return replace(table, notes=(*notes, *table.notes))


def _names_columns(sheet: Sheet, of_people: bool) -> bool:
    number = _heading_place(sheet.records[: limits.MAX_TITLE_ROWS], of_people)[1]
    return number >= (1 if of_people else _MANY)


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" …" if len(numbers) > 10 else "")  # noqa: PLR2004 - shown


def _heading_place(rows: Sequence[Record], of_people: bool) -> tuple[int, int]:
    """Return which of the rows names the columns, and how many it names."""
    known = [_known_headings(row.cells) for row in rows]
    best = max(range(len(known)), key=lambda place: known[place], default=0)
    # A title may name one column by chance; a heading row with errors stays the heading row.
    few, many = (1, 1) if of_people else (_FEW, _MANY)
    place = best if known and known[0] < few and known[best] >= many else 0
    return place, known[place] if known else 0


def _table(
    name: str,
    dialect: Dialect,
    records: Iterator[Record],
    of_people: bool,
    *,
    from_sheet: bool,
    sheet: Sheet | None = None,
) -> Table:
    filled = (record for record in records if record.faults or any(map(str.strip, record.cells)))
    first = list(islice(filled, limits.MAX_TITLE_ROWS))
    if not first:
        raise UnreadableFileError(
            LazyText("{} is empty.", name), hint=LazyText("The first row names the columns.")
        )
    place, _ = _heading_place(first, of_people)
    heading_row = first[place]
    width = max(
        (place for place, heading in enumerate(heading_row.cells, start=1) if heading.strip()), default=0
    )
    headings = heading_row.cells[:width]
    places = {column: place for place, heading in enumerate(headings) if (column := column_of(heading))}
    if problems := (_people_problems if of_people else _heading_problems)(headings, places):
        raise UnreadableFileError(
            LazyText("{}, line {}: {}.", name, heading_row.line, _joined(problems)),
            hint=LazyText(
                "The columns are, in any order: {}.",
                "; ".join(f"{names['nb']} ({names['en']})" for names in HEADINGS.values()),
            ),
        )
    _refuse_merged(name, sheet, heading_row.line)
    kept = tuple(islice(chain(first[place + 1 :], filled), limits.MAX_RECORDS + 1))
    if len(kept) > limits.MAX_RECORDS:
        raise UnreadableFileError(
            LazyText("{} has more than {} rows.", name, limits.MAX_RECORDS), hint=_DIVIDE
        )
    titles = (LazyText("The headings stand in row {}; what is above them was skipped.", heading_row.line),)
    return Table(dialect, from_sheet, headings, places, kept, titles if place else ())


def _refuse_merged(name: str, sheet: Sheet | None, heading_line: int) -> None:
    merged = [area for area, last_row in sheet.merged if last_row >= heading_line] if sheet else []
    if sheet and merged:
        raise UnreadableFileError(
            LazyText("{}, sheet “{}”: the cells {} are merged.", name, sheet.title, merged[0]),
            hint=LazyText("Unmerge them, and fill each cell: of merged cells, only the first has a value."),
        )


def _joined(problems: Sequence[LazyText]) -> LazyText:
    template = "; ".join("{}" for _ in problems)
    return LazyText(template, *problems)


def _people_problems(headings: Sequence[str], places: Mapping[Column, int]) -> list[LazyText]:
    if names_people(places.keys()):
        return _twice(headings, places)
    return [LazyText("the column with the numbers is missing, or those with names and e-mail addresses")]


def _twice(headings: Sequence[str], places: Mapping[Column, int]) -> list[LazyText]:
    found = [column_of(heading) for heading in headings]
    return [
        LazyText("column “{}” stands twice", headings[places[column]])
        for column in places
        if found.count(column) > 1
    ]


def _heading_problems(headings: Sequence[str], places: Mapping[Column, int]) -> list[LazyText]:
    return [
        *(_unknown(heading) for heading in headings if column_of(heading) is None),
        *_twice(headings, places),
        *(
            LazyText("column “{}” ({}) is missing", HEADINGS[column]["nb"], HEADINGS[column]["en"])
            for column in missing_columns(places.keys())
        ),
    ]


def _unknown(heading: str) -> LazyText:
    known = {name.casefold(): name for names in HEADINGS.values() for name in names.values()}
    shown = heading if len(heading) <= _SHOWN else f"{heading[:_SHOWN]}…"
    if near := get_close_matches(heading.strip().casefold()[:_SHOWN], known, n=1):
        return LazyText("unknown column “{}” (“{}”?)", shown, known[near[0]])
    return LazyText("unknown column “{}”", shown)
