"""Applies a migration that makes or drops indexes while their table is in use, which no transaction can.

Such a file says `-- mentorcert: no transaction`, and holds nothing else. Where it fails, what it has made stays; applied
again it goes on from there.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiosql
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, connect
from mentorcert.db.migration_files import Migration, first_word, line_of
from mentorcert.errors import MigrationFailedError, NameTakenError

_QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_COMMENTS: Final = r"(?:\s|--[^\n]*|/\*.*?\*/)*"
_CREATE: Final = re.compile(
    _COMMENTS + r"create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(?P<name>\w+)\s+"
    r"on\s+(?P<schema>\w+)\.(?P<table>\w+)\b",
    re.IGNORECASE | re.DOTALL,
)
_DROP: Final = re.compile(
    _COMMENTS + r"drop\s+index\s+concurrently\s+if\s+exists\s+\w+\.\w+\s*", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class _Step:
    """One statement; `index` is the schema and the name of what it makes, None where it drops one, `table` its table."""

    line: int
    statement: str
    index: tuple[str, str] | None = None
    table: str = ""


def apply(conn: Connection, migration: Migration) -> None:
    """Run the statements beside the transaction of the connection, which keeps other migrations out meanwhile.

    What an earlier try has left invalid is dropped first. Raises MigrationFailedError and NameTakenError.
    """
    steps = [
        _read(migration, start, statement)
        for start, statement in migration.placed_statements()
        if first_word(statement)
    ]
    password = {"password": conn.info.password} if conn.info.password else {}
    with connect(make_conninfo(conn.info.dsn, **password), autocommit=True) as beside:
        for step in steps:
            try:
                _run(beside, step)
            except psycopg.Error as error:
                raise MigrationFailedError(
                    f"{migration.path}, line {step.line}: {error.diag.message_primary or type(error).__name__};"
                    " what the file made before is kept.",
                    code=error.sqlstate,
                    hint="Correct the cause and run `mentorcert migrate` again: it goes on from there.",
                ) from None


def _run(conn: Connection, step: _Step) -> None:
    if step.index is not None:
        schema, name = step.index
        for table, is_valid in _QUERIES.found(conn, schema=schema, name=name):
            if table != step.table:
                raise NameTakenError(
                    f"{NameTakenError.__doc__}\nindex {schema}.{name}: one of another table, {schema}.{table}",
                    hint="Rename it; nothing of the file was run after that.",
                )
            if not is_valid:
                conn.execute(sql.SQL("drop index concurrently {}").format(sql.Identifier(schema, name)))
    conn.execute(step.statement.encode())


def _read(migration: Migration, start: int, statement: str) -> _Step:
    line = line_of(migration.sql, start)
    if made := _CREATE.match(statement):
        schema, name, table = (made[part].lower() for part in ("schema", "name", "table"))
        return _Step(line, statement, (schema, name), table)
    if _DROP.fullmatch(statement):
        return _Step(line, statement)
    raise MigrationFailedError(
        f"{migration.path}, line {line}: not for a file without a transaction; nothing of it was run.",
        hint="It may have `create index concurrently if not exists … on schema.table` and `drop index concurrently if exists"
        " schema.index`, which can be run again; everything else belongs into a file of its own.",
    )
