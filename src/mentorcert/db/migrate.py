"""Applies the migration files, in the ledger that the Supabase CLI keeps."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import aiosql
import psycopg

from mentorcert import logs, package_files
from mentorcert.db import concurrent_indexes, names, preflight, rows
from mentorcert.db.connection import Connection
from mentorcert.db.migration_files import Migration, first_word, is_made_of, line_of, read
from mentorcert.errors import (
    DatabaseNewerError,
    IncompleteRestoreError,
    MigrationChangedError,
    MigrationFailedError,
    MigrationLockedError,
    MigrationOrderError,
    MigrationVersionTakenError,
    NotMigratedError,
    TableHeldError,
)

__all__ = ["Applied", "Migration", "migrate", "pending", "read"]

TURN_TIMEOUT_MS = 120_000
# A file that waits for a table keeps everybody else waiting for it too: rather often for a moment than once for long.
LOCK_TIMEOUT_MS = 500
PATIENCE_S = 60.0

_PAUSE_S = 2.0

_HERE = Path(__file__).parent
_QUERIES = aiosql.from_path(_HERE / "migrate.sql", "psycopg")
_FEW = 5
_MADE = re.compile(
    r"^create (?:table if not exists|or replace view|or replace function) (mentorcert\w*\.\w+)", re.MULTILINE
)
_ENDS_TRANSACTION = frozenset({"begin", "start", "commit", "end", "rollback", "abort"})


@dataclass(frozen=True, slots=True)
class Applied:
    """One file that was applied now."""

    migration: Migration
    seconds: float


def examine(conn: Connection, migrations: list[Migration]) -> list[preflight.Finding]:
    """Return what each name is now that the files make or replace; writes nothing."""
    return preflight.examine(conn, made_by(migrations))


def made_by(migrations: list[Migration]) -> list[names.Name]:
    """Return the names that the files make or replace; a file in no transaction looks for itself, and goes on where it failed."""
    return names.made(
        (migration.path.stem, migration.sql) for migration in migrations if migration.runs_in_transaction
    )


def pending(conn: Connection, migrations: list[Migration]) -> list[Migration]:
    """Return the files that are not applied, after comparing those that are; writes nothing.

    The ledger may have migrations of others, which are not judged. Raises DatabaseNewerError,
    MigrationVersionTakenError, MigrationChangedError, MigrationOrderError, IncompleteRestoreError.
    """
    if not _QUERIES.has_ledger(conn):
        return migrations
    applied: dict[str, list[str] | None] = {}
    known = {migration.version: migration.name for migration in migrations}
    unknown = []
    for version, statements, name in _QUERIES.ledger_rows(conn):
        if version in known:
            if name not in (None, known[version]):
                raise MigrationVersionTakenError(
                    f"{MigrationVersionTakenError.__doc__} {version} is {name}, and ours {known[version]}.",
                    hint="Give the other one a version of its own: its file, and its row in the ledger.",
                )
            applied[version] = statements
        elif names.changes_ours(statements or ()):
            unknown.append(version)
    if unknown:
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
    _check_whole(conn, [migration for migration in migrations if migration.version in applied])
    missing = [migration for migration in migrations if migration.version not in applied]
    if missing and applied and missing[0].version < max(applied):
        raise MigrationOrderError(
            f"{MigrationOrderError.__doc__} Not applied: {missing[0].path}; applied: {max(applied)}.",
            hint="Give the file a version after the last applied one.",
        )
    return missing


def _check_whole(conn: Connection, applied: list[Migration]) -> None:
    """Raise IncompleteRestoreError where what applied files have made is not there, as after half a restore."""
    made = sorted({name for migration in applied for name in _MADE.findall(migration.sql)})
    if missing := [name for (name,) in _QUERIES.missing(conn, names=made)]:
        few = f"{', '.join(missing[:_FEW])}{' …' if len(missing) > _FEW else ''}"
        raise IncompleteRestoreError(
            f"{IncompleteRestoreError.__doc__} Missing: {len(missing)}, such as {few}",
            hint="A dump was not restored whole. Restore it into an empty database: docs/operations.md.",
        )


def migrate(
    conn: Connection,
    migrations: list[Migration],
    *,
    turn_timeout_ms: int = TURN_TIMEOUT_MS,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    patience_s: float = PATIENCE_S,
) -> Iterator[Applied]:
    """Apply the pending files one by one, each in one transaction with its row in the ledger; yield each.

    Where a session holds a table for longer than the lock timeout, the file is tried again for `patience_s`. Any number
    of processes may do this at once: each file is applied by one of them. Raises what `pending` raises, NameTakenError
    before anything is written, MigrationFailedError and MigrationLockedError; then nothing of that file is left, but
    for one that runs in no transaction.
    """
    is_examined = False
    tried_since: float | None = None
    while True:
        started = monotonic()
        try:
            with conn.transaction():
                _take_turn(conn, turn_timeout_ms, migrations)
                _QUERIES.limit_waiting(conn, milliseconds=lock_timeout_ms)
                # Read again in each turn: another process may have applied the file while this one waited.
                due = pending(conn, migrations)
                if due and not is_examined:
                    preflight.require_free(examine(conn, migrations))
                    is_examined = True
                if due:
                    _apply(conn, due[0])
        except TableHeldError as error:
            tried_since = tried_since or started
            if monotonic() + _PAUSE_S > tried_since + patience_s:
                raise
            logs.event("migration_waits", level=logging.WARNING, error=error, seconds=_PAUSE_S)
            sleep(_PAUSE_S)
            continue
        tried_since = None
        if not due:
            return
        seconds = monotonic() - started
        logs.event("migration_applied", version=due[0].version, seconds=round(seconds, 3))
        yield Applied(due[0], seconds)


def versions() -> list[str]:
    """Return the versions of the package's own files, without reading them."""
    return sorted(path.name.partition("_")[0] for path in package_files.migrations().glob("*.sql"))


def missing_versions(conn: Connection, wanted: list[str]) -> list[str]:
    """Return those that are not applied; where the login may not read the ledger, all or none."""
    may_read = _QUERIES.may_read_ledger(conn)
    if may_read is None or not _QUERIES.is_migrated(conn):
        return wanted
    if not may_read:
        return []
    return [version for (version,) in _QUERIES.missing_versions(conn, versions=wanted)]


def require_migrated(conn: Connection) -> None:
    """Raise NotMigratedError where the database lacks a migration: a process would fail later, or wait for ever."""
    with rows.mapped_errors():
        missing = missing_versions(conn, versions())
    if missing:
        few = f"{', '.join(missing[:_FEW])}{' …' if len(missing) > _FEW else ''}"
        raise NotMigratedError(
            f"The database lacks {len(missing)} migrations of this version of mentorcert: {few}",
            hint="Run `mentorcert migrate`.",
        )


def harden(conn: Connection) -> None:
    """Take from PUBLIC, in the whole database, the right to make temporary objects; ask its owner before."""
    with rows.mapped_errors():
        _QUERIES.harden(conn)


def _take_turn(conn: Connection, timeout_ms: int, migrations: list[Migration]) -> None:
    _QUERIES.limit_waiting(conn, milliseconds=timeout_ms)
    try:
        if not _QUERIES.has_ledger(conn):
            _QUERIES.take_first_turn(conn)
            # Again: the process that had the first turn has laid it, and goes on while we would look at the names.
            if not _QUERIES.has_ledger(conn):
                preflight.require_free(examine(conn, migrations))
                _lay_foundation(conn)
        _QUERIES.take_turn(conn)
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationLockedError(
            f"Another migration of this database has been running for {timeout_ms / 1000:g} seconds.",
            code=error.sqlstate,
            hint="Wait for it, or find it in pg_stat_activity.",
        ) from None


def lay_roles(conn: Connection) -> None:
    """Create the roles of Supabase where they are not there."""
    conn.execute((_HERE / "plain_roles.sql").read_bytes())


def lay_supabase(conn: Connection) -> None:
    """Create what Supabase has and plain PostgreSQL lacks: the roles, and the schemas `auth` and `extensions`."""
    lay_roles(conn)
    conn.execute((_HERE / "plain_postgres.sql").read_bytes())


def _lay_foundation(conn: Connection) -> None:
    try:
        if _QUERIES.is_plain_postgres(conn):
            lay_supabase(conn)
        _QUERIES.create_ledger(conn)
    except psycopg.Error as error:
        raise MigrationFailedError(
            f"What Supabase has could not be laid: {error.diag.message_primary or type(error).__name__}.",
            code=error.sqlstate,
            hint="Migrate as a superuser, or on Supabase as `postgres`.",
        ) from None


def _apply(conn: Connection, migration: Migration) -> None:
    if not migration.runs_in_transaction:
        concurrent_indexes.apply(conn, migration)
    _QUERIES.record(conn, version=migration.version, statements=migration.statements(), name=migration.name)
    if migration.runs_in_transaction:
        _execute(conn, migration)


def _execute(conn: Connection, migration: Migration) -> None:
    for start, statement in migration.placed_statements():
        if first_word(statement) in _ENDS_TRANSACTION:
            raise MigrationFailedError(
                f"{migration.path}, line {line_of(migration.sql, start)}: a migration runs in one transaction.",
                hint="Take begin, commit and rollback out of the file.",
            )
        try:
            conn.execute(statement.encode())
        except psycopg.Error as error:
            raise _failure(migration, start, error) from None
    _QUERIES.forget_settings(conn)


def _failure(migration: Migration, start: int, error: psycopg.Error) -> Exception:
    position = int(error.diag.statement_position or 1) - 1
    where = f"{migration.path}, line {line_of(migration.sql, start + position)}"
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return TableHeldError(
            f"{where}: another session holds a lock on a table for too long; nothing of the file was kept.",
            code=error.sqlstate,
            hint="Run it again at a quieter time, or with a longer --lock-wait; `select * from pg_stat_activity` shows long"
            " transactions.",
        )
    return MigrationFailedError(
        f"{where}: {error.diag.message_primary or type(error).__name__}; nothing of the file was kept.",
        code=error.sqlstate,
        hint=error.diag.message_hint,
    )
