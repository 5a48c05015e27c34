"""The one way to ask the database: named queries, typed rows, and errors of our own tree."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_origin
from uuid import UUID
from weakref import WeakKeyDictionary

import aiosql
import psycopg
from psycopg import sql
from psycopg.rows import BaseRowFactory, class_row, scalar_row, tuple_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from mentorcert.db.connection import AsyncConnection, Connection
from mentorcert.errors import MissingRightError, from_postgres

T = TypeVar("T")

_FETCHED_AT_ONCE: Final = 1000
_observed: WeakKeyDictionary[Connection, set[UUID]] = WeakKeyDictionary()


class Queries:
    """The named queries of a `.sql` file, or of all files of a folder, as attributes: the text of each.

    A query follows `-- name: …`; its parameters are written `:parameter`, and beside them % as %%.
    """

    def __init__(self, path: Path) -> None:
        loaded = aiosql.from_path(path, "psycopg")
        self._texts: Mapping[str, str] = {
            name: str(getattr(loaded, name).sql) for name in loaded.available_queries
        }

    def __getattr__(self, name: str) -> str:
        """Return the text of a query; raises AttributeError for a name that the file does not have."""
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"no query is named {name!r}") from None


def beside(module: str) -> Queries:
    """Return the queries of the `.sql` file beside a module; takes its `__file__`."""
    return Queries(Path(module).with_suffix(".sql"))


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise the error of our tree in place of each psycopg.Error."""
    try:
        yield
    except psycopg.Error as error:
        raise from_postgres(error) from error


@contextmanager
def observing(conn: Connection) -> Iterator[set[UUID]]:
    """Yield the set of organisations of all rows that are fetched meanwhile, for the access log.

    A row names its organisation by a field `organisation_id`; rows of tuples and single values name none.
    """
    organisation_ids = _observed[conn] = set()
    try:
        yield organisation_ids
    finally:
        del _observed[conn]


def fetch_all(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> list[T]:
    """Return all rows: as a dataclass or pydantic model by column names, as tuples, or as single values."""
    with mapped_errors(), conn.cursor(row_factory=_factory(kind)) as cursor:
        return _observe(conn, cursor.execute(query.encode(), parameters or None).fetchall())


def fetch_optional(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> T | None:
    """Return the first row, None where there is none."""
    with mapped_errors(), conn.cursor(row_factory=_factory(kind)) as cursor:
        row = cursor.execute(query.encode(), parameters or None).fetchone()
    return None if row is None else _observe(conn, [row])[0]


def fetch_one(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> T:
    """Return the one row; raises MissingRightError where the caller sees none."""
    found = fetch_optional(conn, kind, query, **parameters)
    if found is None:
        raise MissingRightError
    return found


def stream(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> Iterator[T]:
    """Yield all rows, a thousand in memory at a time; the transaction stays open meanwhile."""
    with mapped_errors(), conn.cursor("stream", row_factory=_factory(kind)) as cursor:
        cursor.itersize = _FETCHED_AT_ONCE
        for row in cursor.execute(query.encode(), parameters or None):
            _observe(conn, [row])
            yield row


def execute(conn: Connection, query: str, /, **parameters: Any) -> int:
    """Run a statement; return the number of rows that it touched."""
    with mapped_errors():
        return conn.execute(query.encode(), parameters or None).rowcount


def change_one(conn: Connection, query: str, /, **parameters: Any) -> None:
    """Run a statement that changes one row; raises MissingRightError where the caller may change none."""
    if execute(conn, query, **parameters) != 1:
        raise MissingRightError


def differences(row: Any, wanted: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that a row as read has otherwise."""
    return {name: value for name, value in asdict(wanted).items() if getattr(row, name) != value}


def change_columns(conn: Connection, query: str, changes: Mapping[str, Any], /, **parameters: Any) -> None:
    """Write some columns of one row, in place of `{changes}` in the statement; else as `change_one`.

    The statement names the version that was read; raises StaleVersionError where the row has another.
    """
    columns = [sql.SQL(", {} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes]
    statement = sql.SQL(query).format(changes=sql.Composed(columns)).as_string(conn)
    change_one(conn, statement, **parameters, **changes)


async def fetch_all_async(
    pool: AsyncConnectionPool[AsyncConnection], kind: type[T], query: str, /, **parameters: Any
) -> list[T]:
    """Return all rows of one statement on a connection of the pool."""
    with mapped_errors():
        async with pool.connection() as conn, conn.cursor(row_factory=_factory(kind)) as cursor:
            await cursor.execute(query.encode(), parameters or None)
            return await cursor.fetchall()


def _observe(conn: Connection, fetched: list[T]) -> list[T]:
    if (organisation_ids := _observed.get(conn)) is not None:
        named = (getattr(row, "organisation_id", None) for row in fetched)
        organisation_ids.update(id_ for id_ in named if id_ is not None)
    return fetched


def _factory(kind: type[T]) -> BaseRowFactory[T]:
    if is_dataclass(kind) or (get_origin(kind) is None and issubclass(kind, BaseModel)):
        return class_row(kind)
    factory: BaseRowFactory[Any] = tuple_row if (get_origin(kind) or kind) is tuple else scalar_row
    return factory
