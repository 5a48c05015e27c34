"""Finds the stored value that cannot be read: its table, column and row, never the value itself."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncCursor, Cursor
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, as far as it is known."""

    table: str | None = None
    column: str | None = None
    row_id: str | None = None


def place_of(cursor: Cursor[Any] | AsyncCursor[Any]) -> Place:
    """Return where the first such value stands, as far as the answer says it.

    A column that a function or an expression made has no table. A value that can be read, but is not what the
    code takes, is not found: then all is unknown.
    """
    result = cursor.pgresult
    if result is None:
        return Place()
    loaders: Any = Transformer(cursor)
    names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
    for row in range(result.ntuples):
        for column, name in enumerate(names):
            if not _is_readable(loaders, result, row, column):
                id_ = result.get_value(row, names.index("id")) if "id" in names else None
                return Place(_name_of(cursor, result.ftable(column)), name, id_.decode() if id_ else None)
    return Place()


def _name_of(cursor: Cursor[Any] | AsyncCursor[Any], table: int) -> str | None:
    if not table:
        return None
    if isinstance(cursor, AsyncCursor):
        return str(table)  # what ::regclass takes
    (name,) = cursor.connection.execute("select %s::regclass::text", (table,)).fetchone() or (None,)
    return name


def _is_readable(loaders: Any, result: PGresult, row: int, column: int) -> bool:
    value = result.get_value(row, column)
    if value is None:
        return True
    try:
        loaders.get_loader(result.ftype(column), result.fformat(column)).load(value)
    except (psycopg.DataError, ValueError, RecursionError):
        return False
    return True
