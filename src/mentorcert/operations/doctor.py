"""Asks the database whether everything is as it should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import aiosql

from mentorcert.certifications.repository import LONG_HISTORY
from mentorcert.db import migrate
from mentorcert.db.connection import Connection
from mentorcert.errors import MigrationError

MIGRATIONS: Final = "migrations are current"

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question; a notice is worth knowing, but not wrong."""

    check: str
    state: Literal["ok", "notice", "wrong"]
    found: str
    advice: str = ""


def examine(conn: Connection) -> Iterator[Finding]:
    """Yield the findings, in an order in which each rests on those before it."""
    schema = _schema(conn)
    yield schema
    yield _finding(
        "row-level security on every table",
        [table for (table,) in _QUERIES.tables_without_rls(conn)],
        "Close the gap at once: alter table … enable row level security. See docs/operations.md on leaks.",
    )
    if schema.state == "wrong":
        return
    yield _finding(
        "nobody makes temporary objects",
        [role for (role,) in _QUERIES.makers_of_temporary_objects(conn)],
        "A database that was restored or copied lacks this: select private.forbid_temporary_objects().",
    )
    yield _finding(
        "every endpoint is switched on",
        [endpoint for (endpoint,) in _QUERIES.disabled_endpoints(conn)],
        "When the cause is mended: `mentorcert endpoint enable`.",
        otherwise="notice",
    )
    yield _finding(
        "stored status = derived status",
        [f"{slug}: {rows}" for slug, rows in _QUERIES.stale_statuses(conn)],
        "Run `mentorcert nightly`; then see why it was not run.",
    )
    yield _finding(
        "public list = what the rules derive",
        [f"{slug}: {rows}" for slug, rows in _QUERIES.listing_drift(conn)],
        "Repair it with private.refresh_listing, as docs/operations.md says, and report it.",
    )
    yield _finding(
        f"histories of at most {LONG_HISTORY} entries",
        [
            f"{certification_id}: {entries}"
            for certification_id, entries in _QUERIES.long_histories(conn, limit=LONG_HISTORY)
        ],
        "When there are many, move to the events table: `mentorcert history to-events`.",
        otherwise="notice",
    )
    yield _finding(
        "last nightly run of each organisation",
        [_night(*row) for row in _QUERIES.missed_nights(conn)],
        "Run `mentorcert nightly`, which catches up; then see that pg_cron or `mentorcert worker` runs.",
    )
    yield _finding(
        "notices go out",
        [f"{slug}: {error}" for slug, error in _QUERIES.failed_notices(conn)],
        "Mend the cause; then `mentorcert notices`, or leave it to `mentorcert worker`.",
    )
    yield _finding(
        "no notice is in doubt",
        [f"{slug}: {mails}" for slug, mails in _QUERIES.uncertain_notices(conn)],
        "See `mentorcert notices --status`: their sender died, and only the mail server's log knows.",
        otherwise="notice",
    )


def _schema(conn: Connection) -> Finding:
    check = MIGRATIONS
    try:
        pending = [migration.path.name for migration in migrate.pending(conn, migrate.read())]
    except MigrationError as error:
        return Finding(check, "wrong", str(error), error.hint or "")
    return _finding(check, pending, "Run `mentorcert migrate`.")


def _finding(
    check: str, exceptions: list[str], advice: str, otherwise: Literal["notice", "wrong"] = "wrong"
) -> Finding:
    if not exceptions:
        return Finding(check, "ok", "")
    shown = exceptions[:10]
    more = [f"and {len(exceptions) - len(shown)} more"] if len(exceptions) > len(shown) else []
    return Finding(check, otherwise, "\n".join(shown + more), advice)


def _night(slug: str, last_day: Any, error: str | None) -> str:
    last = f"last done for {last_day}" if last_day else "never done"
    return f"{slug}: {last}" + (f"; failed since: {error}" if error else "")
