"""Applies the migration files, in the ledger that the Supabase CLI keeps."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import aiosql
import psycopg
import sqlparse

from mentorcert import logs, package_files
from mentorcert.db.connection import Connection
from mentorcert.errors import (
    DatabaseNewerError,
    MigrationChangedError,
    MigrationFailedError,
    MigrationLockedError,
    MigrationNameError,
    MigrationOrderError,
)

TURN_TIMEOUT_MS = 120_000
LOCK_TIMEOUT_MS = 5_000

_HERE = Path(__file__).parent
_QUERIES = aiosql.from_path(_HERE / "migrate.sql", "psycopg")
_FILE_NAME = re.compile(r"([0-9]+)_(.+)\.sql")
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*(\w*)", re.DOTALL)
_BETWEEN_STATEMENTS = re.compile(r"[\s;]*")
_ENDS_TRANSACTION = frozenset({"begin", "start", "commit", "end", "rollback", "abort"})


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file; `version` and `name` are the parts of its file name."""

    version: str
    name: str
    path: Path
    sql: str

    def statements(self) -> list[str]:
        """Return the statements as the Supabase CLI stores them: comments kept, without the semicolon."""
        return [text for text in sqlparse.split(self.sql, strip_semicolon=True) if text]


@dataclass(frozen=True, slots=True)
class Applied:
    """One file that was applied now."""

    migration: Migration
    seconds: float


def read(folder: Path | None = None) -> list[Migration]:
    """Return the migration files of a folder, by default the package's own, in the order of their versions.

    Raises MigrationNameError.
    """
    found: dict[str, Migration] = {}
    for path in sorted((folder or package_files.migrations()).glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or match[1] in found:
            raise MigrationNameError(f"{MigrationNameError.__doc__} Found: {path}")
        found[match[1]] = Migration(match[1], match[2], path, path.read_text("utf-8-sig"))
    return [found[version] for version in sorted(found)]


def pending(conn: Connection, migrations: list[Migration]) -> list[Migration]:
    """Return the files that are not applied, after comparing those that are; writes nothing.

    Raises DatabaseNewerError, MigrationChangedError, MigrationOrderError.
    """
    if not _QUERIES.has_ledger(conn):
        return migrations
    applied: dict[str, list[str] | None] = dict(_QUERIES.ledger_rows(conn))
    if unknown := sorted(applied.keys() - {migration.version for migration in migrations}):
        raise DatabaseNewerError(
            f"{DatabaseNewerError.__doc__} Unknown: {', '.join(unknown)}.",
            hint="Install the version of mentorcert that brought them.",
        )
    for migration in migrations:
        stored = applied.get(migration.version)
        if stored is not None and not is_made_of(migration.sql, stored):
            raise MigrationChangedError(
                f"{MigrationChangedError.__doc__} Changed: {migration.path}",
                hint="Restore the file, and put the change into a new one.",
            )
    missing = [migration for migration in migrations if migration.version not in applied]
    if missing and applied and missing[0].version < max(applied):
        raise MigrationOrderError(
            f"{MigrationOrderError.__doc__} Not applied: {missing[0].path}; applied: {max(applied)}.",
            hint="Give the file a version after the last applied one.",
        )
    return missing


def migrate(
    conn: Connection,
    migrations: list[Migration],
    *,
    turn_timeout_ms: int = TURN_TIMEOUT_MS,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
) -> Iterator[Applied]:
    """Apply the pending files one by one, each in one transaction with its row in the ledger; yield each.

    Any number of processes may do this at once: each file is applied by one of them. Raises what `pending`
    raises, MigrationFailedError and MigrationLockedError; then nothing of that file is left.
    """
    while True:
        started = monotonic()
        with conn.transaction():
            _take_turn(conn, turn_timeout_ms)
            _QUERIES.limit_waiting(conn, milliseconds=lock_timeout_ms)
            _lay_foundation(conn)
            # Read again in each turn: another process may have applied the file while this one waited.
            due = pending(conn, migrations)
            if due:
                _apply(conn, due[0])
        if not due:
            return
        seconds = monotonic() - started
        logs.event("migration_applied", version=due[0].version, seconds=round(seconds, 3))
        yield Applied(due[0], seconds)


def _take_turn(conn: Connection, timeout_ms: int) -> None:
    _QUERIES.limit_waiting(conn, milliseconds=timeout_ms)
    try:
        _QUERIES.take_turn(conn)
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationLockedError(
            f"Another migration of this database has been running for {timeout_ms / 1000:g} seconds.",
            code=error.sqlstate,
            hint="Wait for it, or find it in pg_stat_activity.",
        ) from None


def _lay_foundation(conn: Connection) -> None:
    try:
        if _QUERIES.is_plain_postgres(conn):
            conn.execute((_HERE / "plain_postgres.sql").read_bytes())
        if not _QUERIES.has_ledger(conn):
            _QUERIES.create_ledger(conn)
    except psycopg.Error as error:
        raise MigrationFailedError(
            f"What Supabase has could not be laid: {error.diag.message_primary or type(error).__name__}.",
            code=error.sqlstate,
            hint="Migrate as a superuser, or on Supabase as `postgres`.",
        ) from None


def _apply(conn: Connection, migration: Migration) -> None:
    statements = migration.statements()
    _QUERIES.record(conn, version=migration.version, statements=statements, name=migration.name)
    end = 0
    for statement in statements:
        start = migration.sql.index(statement, end)
        end = start + len(statement)
        if _first_word(statement) in _ENDS_TRANSACTION:
            raise MigrationFailedError(
                f"{migration.path}, line {_line(migration.sql, start)}: a migration runs in one transaction.",
                hint="Take begin, commit and rollback out of the file.",
            )
        try:
            conn.execute(statement.encode())
        except psycopg.Error as error:
            raise _failure(migration, start, error) from None
    _QUERIES.forget_settings(conn)


def _failure(migration: Migration, start: int, error: psycopg.Error) -> Exception:
    position = int(error.diag.statement_position or 1) - 1
    where = f"{migration.path}, line {_line(migration.sql, start + position)}"
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return MigrationLockedError(
            f"{where}: another session holds a lock on a table for too long; nothing of the file was kept.",
            code=error.sqlstate,
            hint="Run it again at a quieter time; `select * from pg_stat_activity` shows long transactions.",
        )
    return MigrationFailedError(
        f"{where}: {error.diag.message_primary or type(error).__name__}; nothing of the file was kept.",
        code=error.sqlstate,
        hint=error.diag.message_hint,
    )


def _line(sql: str, position: int) -> int:
    """Return the line of the first thing that is neither white space nor comment from `position` on."""
    match = _FIRST_WORD.match(sql, position)
    return sql.count("\n", 0, match.start(1) if match else position) + 1


def _first_word(statement: str) -> str:
    match = _FIRST_WORD.match(statement)
    return match[1].lower() if match else ""


def is_made_of(sql: str, statements: list[str]) -> bool:
    """Return whether the file is these statements in this order, with nothing else between them.

    So it does not matter who split it, or how.
    """
    position = 0
    for statement in statements:
        text = statement.replace("\r\n", "\n").strip()
        position = _skip(sql, position)
        if not sql.startswith(text, position):
            return False
        position += len(text)
    return _skip(sql, position) == len(sql)


def _skip(sql: str, position: int) -> int:
    match = _BETWEEN_STATEMENTS.match(sql, position)
    return match.end() if match else position
