"""The one way to ask the database: named queries, typed rows, and errors of our own tree."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, Final, Generic, Literal, ParamSpec, TypeVar, get_origin
from uuid import UUID
from weakref import WeakKeyDictionary

import aiosql
import psycopg
from psycopg import AsyncCursor, Cursor, sql
from psycopg.rows import BaseRowFactory, class_row, scalar_row, tuple_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from mentorcert import logs
from mentorcert.db import unreadable
from mentorcert.db.connection import AsyncConnection, Connection
from mentorcert.db.pipeline import sync
from mentorcert.errors import MissingRightError, UnreadableValueError, from_postgres

T = TypeVar("T")
P = ParamSpec("P")

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

    A row names its organisation by a field `organisation_id`, one that holds several rows as JSON by
    `organisation_ids`; rows of tuples and single values name none.
    """
    organisation_ids = _observed[conn] = set()
    try:
        yield organisation_ids
    finally:
        del _observed[conn]


class Answer(Generic[T]):
    """What a function returns whose statement is on its way; in a pipeline all come with the first that is read."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read

    @cached_property
    def value(self) -> T:
        """What the function returns; raises what it raises."""
        return self._read()


class _SentError(Exception):
    """Ends a function whose statement is sent and not answered yet."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        super().__init__()
        self.cursor = cursor


# What the next statement of a function does: nothing special, be sent without waiting, or take this answer.
_next: ContextVar[Literal["send"] | Cursor[Any] | None] = ContextVar("next", default=None)


def ahead(
    function: Callable[Concatenate[Connection, P], T], conn: Connection, *args: P.args, **kwargs: P.kwargs
) -> Answer[T]:
    """Send the statement of a function, and go on; the function is called again where its value is read.

    So it must have no effect before that statement; what it asks after it waits as always.
    """
    token = _next.set("send")
    try:
        value = function(conn, *args, **kwargs)
    except _SentError as sent:
        cursor = sent.cursor
    else:
        return Answer(lambda: value)
    finally:
        _next.reset(token)

    def read() -> T:
        token = _next.set(cursor)
        try:
            return function(conn, *args, **kwargs)
        finally:
            _next.reset(token)

    return Answer(read)


def _ask(conn: Connection, kind: type[T], query: str, parameters: Mapping[str, Any]) -> Cursor[T]:
    """Send a statement, or return the cursor of the one that was sent ahead."""
    mode = _next.get()
    if isinstance(mode, Cursor):
        _next.set(None)
        return mode
    cursor = conn.cursor(row_factory=_factory(kind))
    cursor.execute(query.encode(), parameters or None)
    if mode == "send":
        raise _SentError(cursor)
    return cursor


def fetch_all(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> list[T]:
    """Return all rows: as a dataclass or pydantic model by column names, as tuples, or as single values.

    Raises UnreadableValueError for a stored value that cannot be one of Python's.
    """
    with mapped_errors(), _ask(conn, kind, query, parameters) as cursor, _readable(cursor):
        return _observe(conn, cursor.fetchall())


def fetch_optional(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> T | None:
    """Return the first row, None where there is none."""
    with mapped_errors(), _ask(conn, kind, query, parameters) as cursor, _readable(cursor):
        row = cursor.fetchone()
    return None if row is None else _observe(conn, [row])[0]


def fetch_one(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> T:
    """Return the one row; raises MissingRightError where the caller sees none."""
    found = fetch_optional(conn, kind, query, **parameters)
    if found is None:
        raise MissingRightError
    return found


def stream(conn: Connection, kind: type[T], query: str, /, **parameters: Any) -> Iterator[T]:
    """Yield all rows, a thousand in memory at a time; the transaction stays open meanwhile."""
    # psycopg's own cursors on the server know no pipeline.
    send(conn, f"declare stream no scroll cursor for {query}", **parameters)
    is_more = True
    while is_more:
        found = fetch_all(conn, kind, f"fetch {_FETCHED_AT_ONCE} from stream")
        yield from found
        is_more = len(found) == _FETCHED_AT_ONCE
    send(conn, "close stream")


def send(conn: Connection, query: str, /, **parameters: Any) -> None:
    """Run a statement whose answer nobody reads; in a pipeline its error rises with the next answer."""
    if isinstance(_next.get(), Cursor):
        return  # It went ahead.
    with mapped_errors():
        conn.execute(query.encode(), parameters or None)


def execute(conn: Connection, query: str, /, **parameters: Any) -> int:
    """Run a statement; return the number of rows that it touched."""
    with mapped_errors(), _ask(conn, tuple, query, parameters) as cursor:
        if cursor.pgresult is None:
            sync(conn)
        return cursor.rowcount


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
            with _readable(cursor):
                return await cursor.fetchall()


@contextmanager
def _readable(cursor: Cursor[Any] | AsyncCursor[Any]) -> Iterator[None]:
    """Raise UnreadableValueError where a value that came cannot be read; neither it nor the log quotes it."""
    try:
        yield
    # A ValueError also of a number in JSON with more digits than Python reads; JSON may be too deep for it.
    except (psycopg.DataError, ValueError, RecursionError) as error:
        # With a SQLSTATE the server refused something.
        if isinstance(error, psycopg.DataError) and error.sqlstate:
            raise
        place = unreadable.place_of(cursor)
        logs.event(
            "stored_value_unreadable",
            level=logging.ERROR,
            table=place.table,
            column=place.column,
            row_id=place.row_id,
        )
        raise UnreadableValueError from None


def _observe(conn: Connection, fetched: list[T]) -> list[T]:
    if (organisation_ids := _observed.get(conn)) is not None:
        for row in fetched:
            if (id_ := getattr(row, "organisation_id", None)) is not None:
                organisation_ids.add(id_)
            organisation_ids.update(getattr(row, "organisation_ids", None) or ())
    return fetched


def _factory(kind: type[T]) -> BaseRowFactory[T]:
    if is_dataclass(kind) or (get_origin(kind) is None and issubclass(kind, BaseModel)):
        return class_row(kind)
    factory: BaseRowFactory[Any] = tuple_row if (get_origin(kind) or kind) is tuple else scalar_row
    return factory
