"""A list of who attended, as a file: each row names a peer mentor by the number, or by name and e-mail address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.imports import cells
from mentorcert.imports.cells import CellError
from mentorcert.imports.columns import Column
from mentorcert.imports.encodings import UnreadableFileError
from mentorcert.imports.tabular import Table
from mentorcert.translatable import LazyText

MOST_ROWS: Final = 500
"""How many rows are taken at once."""

_QUERIES: Final = rows.beside(__file__)
_DIVIDE: Final = LazyText("Divide it into several files.")
_NOBODY: Final = LazyText("nobody of your reach is called so")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file: what it says, who is meant, or what is wrong with it."""

    line: int
    text: str
    peer_mentor_id: UUID | None = None
    problem: LazyText | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    number: str | None
    name: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class _Match:
    line: int
    organisation_id: UUID
    peer_mentor_id: UUID
    matches: int


def read(conn: Connection, table: Table) -> list[Line]:
    """Return each row with who is meant, as far as the caller reaches; changes nothing.

    Raises UnreadableFileError for too many rows.
    """
    if len(table.records) > MOST_ROWS:
        raise UnreadableFileError(LazyText("The file has more than {} rows.", MOST_ROWS), hint=_DIVIDE)
    said: dict[int, _Said | CellError] = {}
    for record in table.records:
        number, name, email = (
            table.cell(record, column) for column in (Column.EXTERNAL_ID, Column.NAME, Column.EMAIL)
        )
        try:
            said[record.line] = _said(number, name, email)
        except CellError as error:
            said[record.line] = error
    known = {line: one for line, one in said.items() if isinstance(one, _Said)}
    found = rows.fetch_all(
        conn,
        _Match,
        _QUERIES.match,
        lines=list(known),
        numbers=[one.number for one in known.values()],
        names=[one.name for one in known.values()],
        emails=[one.email for one in known.values()],
    )
    matches = {one.line: one for one in found}
    read = []
    for record in table.records:
        text = ", ".join(filter(None, (cell.strip() for cell in record.cells)))[:200]
        read.append(_line(record.line, text, said[record.line], matches.get(record.line)))
    return _once(read)


def _said(number: str, name: str, email: str) -> _Said:
    if number.strip():
        return _Said(cells.read_number(number), None, None)
    return _Said(None, cells.read_name(name), cells.read_required_text(email))


def _line(line: int, text: str, said: _Said | CellError, match: _Match | None) -> Line:
    if isinstance(said, CellError):
        return Line(line, text, problem=said.reason)
    if match is None:
        return Line(line, text, problem=_NOBODY)
    if match.matches > 1:
        return Line(line, text, problem=LazyText("several people are called so: give the number"))
    return Line(line, text, match.peer_mentor_id)


def _once(lines: Sequence[Line]) -> list[Line]:
    """Return the lines, of which nobody is in two."""
    first: dict[UUID, int] = {}
    read = []
    for one in lines:
        if one.peer_mentor_id is not None and first.setdefault(one.peer_mentor_id, one.line) != one.line:
            problem = LazyText("the person is on line {} already", first[one.peer_mentor_id])
            read.append(Line(one.line, one.text, problem=problem))
        else:
            read.append(one)
    return read
