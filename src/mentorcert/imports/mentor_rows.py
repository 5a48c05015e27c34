"""What the records of a mentor file say, each for itself, and what is wrong with them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from mentorcert.imports import cells
from mentorcert.imports.cells import CellError, Period
from mentorcert.imports.columns import (
    CERTIFICATION_COLUMNS,
    PERSON_COLUMNS,
    REQUIRED_COLUMNS,
    Column,
    column_of,
)
from mentorcert.imports.tabular import Record, Table
from mentorcert.translatable import LazyText

_READERS: dict[Column, Callable[[str], object]] = {
    Column.EXTERNAL_ID: cells.read_number,
    Column.NAME: cells.read_name,
    Column.EMAIL: cells.read_optional_text,
    Column.PHONE: cells.read_phone,
    Column.CHAPTERS: lambda cell: sorted(cells.read_list(cell)),
    Column.CONSENT: cells.read_consent,
    Column.TYPE: cells.read_code,
    Column.ISSUED: lambda cell: cells.read_day(cell) if cell.strip() else None,
    Column.EXPIRES: cells.read_last_valid_day,
    Column.PAST_RENEWALS: cells.read_periods,
}
_DAY_COLUMNS = (Column.ISSUED, Column.EXPIRES, Column.PAST_RENEWALS)
_MADE_A_DATE = (
    LazyText("the spreadsheet made a date of it"),
    LazyText("format the column as text, and type the value again"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell; a warning does not keep the row from being written."""

    line: int
    column: str
    value: str
    reason: LazyText
    advice: LazyText
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A record's values; None where the cell is empty or bad (a bad day makes all days None).

    Rows with the same cell share its value.
    """

    line: int
    problems: tuple[Problem, ...]
    person_is_bad: bool
    external_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    chapters: list[str] | None
    consent: bool | None
    certification_type: str | None
    issued: date | None
    expires: date | None
    past_renewals: list[Period]


def problem_of(
    table: Table,
    record: Record,
    column: Column,
    reason: LazyText,
    advice: LazyText,
    *,
    is_warning: bool = False,
) -> Problem:
    """Return a problem that names the column as the file does and quotes the cell."""
    place = table.places.get(column)
    heading = str(column) if place is None else table.headings[place].strip()
    return Problem(record.line, heading, table.cell(record, column), reason, advice, is_warning)


class _Reader(NamedTuple):
    """How the cells of one column are read; `place` is -1 where the file has no such column."""

    column: Column
    place: int
    read: Callable[[str], object]


def read_rows(table: Table) -> Iterator[Row]:
    """Read the records, one after the other; every cell that is bad has a problem.

    What a cell says is looked up once: a file says the same of a person in several rows, and of many the same day or type.
    """
    readers = [
        _Reader(column, table.places.get(column, -1), cache(read))
        for column, read in _READERS.items()
        # Of what the file has no column for, the registry keeps what it has.
        if column in table.places or column not in PERSON_COLUMNS
    ]
    begins_odd_row = cache(lambda cell: cells.is_total(cell) or column_of(cell) is not None)
    least_cells = 1 + max(table.places[column] for column in PERSON_COLUMNS if column in table.places)
    for record in table.records:
        # Most rows are none of these: so the questions are asked only where one of their signs is there.
        is_odd = (
            begins_odd_row(table.cell(record, Column.EXTERNAL_ID))
            or begins_odd_row(table.cell(record, Column.NAME))
            or not least_cells <= len(record.cells) <= len(table.headings)
        )
        if is_odd and (
            misfit := _total(table, record) or _headings(table, record) or _misfit(table, record, least_cells)
        ):
            yield _row(record, (misfit,), {}, person_is_bad=True)
        else:
            yield _read_row(table, record, readers)


def _read_row(table: Table, record: Record, readers: list[_Reader]) -> Row:
    values: dict[Column, Any] = {}
    faults: dict[Column, tuple[LazyText, LazyText]] = {}
    for column, place, read in readers:
        if place in record.faults:
            fault = record.faults[place]
            faults[column] = (fault.reason, fault.advice)
            continue
        if place in record.dates and column not in _DAY_COLUMNS:
            faults[column] = _MADE_A_DATE
            continue
        try:
            values[column] = read(record.cells[place] if 0 <= place < len(record.cells) else "")
        except CellError as error:
            faults[column] = (error.reason, error.advice)
    if faults.keys().isdisjoint(CERTIFICATION_COLUMNS):
        faults.update(_contradictions(values))
    if not faults:
        return _row(record, (), values, person_is_bad=False)
    if not faults.keys().isdisjoint(CERTIFICATION_COLUMNS):
        # Half of the days would lead to problems that are none.
        values.update({Column.ISSUED: None, Column.EXPIRES: None, Column.PAST_RENEWALS: []})
    problems = tuple(problem_of(table, record, column, *texts) for column, texts in faults.items())
    return _row(record, problems, values, person_is_bad=not faults.keys().isdisjoint(PERSON_COLUMNS))


def _row(
    record: Record, problems: tuple[Problem, ...], values: dict[Column, Any], *, person_is_bad: bool
) -> Row:
    known = values.get
    return Row(
        record.line,
        problems,
        person_is_bad,
        external_id=known(Column.EXTERNAL_ID),
        name=known(Column.NAME),
        email=known(Column.EMAIL),
        phone=known(Column.PHONE),
        chapters=known(Column.CHAPTERS),
        consent=known(Column.CONSENT),
        certification_type=known(Column.TYPE),
        issued=known(Column.ISSUED),
        expires=known(Column.EXPIRES),
        past_renewals=known(Column.PAST_RENEWALS) or [],
    )


def _total(table: Table, record: Record) -> Problem | None:
    column = next(
        (
            column
            for column in (Column.EXTERNAL_ID, Column.NAME)
            if cells.is_total(table.cell(record, column))
        ),
        None,
    )
    if column is None:
        return None
    return problem_of(
        table,
        record,
        column,
        LazyText("it is a row of sums, not a person"),
        LazyText("delete the row"),
    )


def _headings(table: Table, record: Record) -> Problem | None:
    """Return a problem if the row names the columns once more, as where two files were joined."""
    if any(column_of(table.cell(record, column)) is not column for column in REQUIRED_COLUMNS):
        return None
    return problem_of(
        table,
        record,
        Column.EXTERNAL_ID,
        LazyText("it names the columns again, as where two files were joined"),
        LazyText("delete the row"),
    )


def _misfit(table: Table, record: Record, least_cells: int) -> Problem | None:
    """Return a problem if the record was torn, or holds a delimiter that was meant as text."""
    surplus = [cell for cell in record.cells[len(table.headings) :] if cell.strip()]
    if surplus:
        return Problem(
            record.line,
            f"(after {table.headings[-1].strip()})",
            surplus[0],
            LazyText("the row has more cells than the heading row"),
            LazyText("put quotation marks around a text that contains “{}”", table.dialect.delimiter),
        )
    # Spreadsheets leave out empty cells at the end; a row without all of the person's was cut by a line end.
    if not table.from_sheet and len(record.cells) < least_cells:
        return Problem(
            record.line,
            table.headings[len(record.cells)].strip(),
            "",
            LazyText("the row ends before this column"),
            LazyText("put quotation marks around a text that contains a line break"),
        )
    return None


def _contradictions(values: dict[Column, Any]) -> Iterator[tuple[Column, tuple[LazyText, LazyText]]]:
    issued, expires, past = values[Column.ISSUED], values[Column.EXPIRES], values[Column.PAST_RENEWALS]
    if values[Column.TYPE] is None:
        if issued or expires or past:
            yield (
                Column.TYPE,
                (
                    LazyText("it is empty, but the row has days of a certification"),
                    LazyText("write the type"),
                ),
            )
    elif issued is None:
        yield (
            Column.ISSUED,
            (LazyText("it is empty"), LazyText("write the day of issue or of the latest renewal")),
        )
    else:
        if expires is not None and expires < issued:
            yield (
                Column.EXPIRES,
                (
                    LazyText("it lies before the day of issue"),
                    LazyText("look both days up; write the last valid day"),
                ),
            )
        if past and past[-1].starts >= issued:
            yield (
                Column.PAST_RENEWALS,
                (
                    LazyText(
                        "the period that begins on {} does not lie before the day of issue", past[-1].starts
                    ),
                    LazyText("write the latest renewal as the day of issue, and only earlier ones here"),
                ),
            )
