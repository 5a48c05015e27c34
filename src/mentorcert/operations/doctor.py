"""The doctor's checks of the registry."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from mentorcert.certifications.repository import LONG_HISTORY
from mentorcert.db import migrate, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MigrationError

MIGRATIONS: Final = "migrations are current"

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; a notice is worth knowing, but not wrong."""

    check: str
    state: Literal["ok", "notice", "wrong"]
    found: str
    advice: str = ""


def examine(conn: Connection) -> Iterator[Finding]:
    """Yield the findings; later checks depend on the earlier ones."""
    schema = _schema(conn)
    yield schema
    yield _finding(
        "row-level security on every table",
        rows.fetch_all(conn, str, _QUERIES.tables_without_rls),
        "Fix it at once: alter table … enable row level security. See docs/operations.md on leaks.",
    )
    if schema.state == "wrong":
        return
    yield _finding(
        "nobody makes temporary objects",
        rows.fetch_all(conn, str, _QUERIES.makers_of_temporary_objects),
        "A restored or copied database lacks this: run select mentorcert_private.forbid_temporary_objects().",
    )
    yield _finding(
        "every endpoint is switched on",
        rows.fetch_all(conn, str, _QUERIES.disabled_endpoints),
        "When the cause is fixed: `mentorcert endpoint enable`.",
        otherwise="notice",
    )
    yield _finding(
        "stored status = derived status",
        _pairs(conn, _QUERIES.stale_statuses),
        "Run `mentorcert nightly`; then find out why it was not run.",
    )
    yield _finding(
        "public list = what the rules derive",
        _pairs(conn, _QUERIES.listing_drift),
        "Repair it with mentorcert_private.refresh_listing, as docs/operations.md says, and report it.",
    )
    yield _finding(
        "nobody is registered twice",
        _pairs(conn, _QUERIES.look_alikes),
        "Numbers, or names and addresses, are alike; see docs/records.md on look-alikes.",
        otherwise="notice",
    )
    yield _finding(
        f"histories of at most {LONG_HISTORY} entries",
        _pairs(conn, _QUERIES.long_histories, limit=LONG_HISTORY),
        "If there are many, move them to the events table: `mentorcert history to-events`.",
        otherwise="notice",
    )
    yield _finding(
        "last nightly run of each organisation",
        [
            _night(*row)
            for row in rows.fetch_all(conn, tuple[str, date | None, str | None], _QUERIES.missed_nights)
        ],
        "Run `mentorcert nightly`, which catches up; then check that pg_cron or `mentorcert worker` runs.",
    )
    yield _finding(
        "notices go out",
        _pairs(conn, _QUERIES.failed_notices),
        "Fix the cause; then run `mentorcert notices`, or leave it to `mentorcert worker`.",
    )
    yield _finding(
        "no notice is in doubt",
        _pairs(conn, _QUERIES.uncertain_notices),
        "See `mentorcert notices --status`: their sender died; see the mail server's log.",
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


def _pairs(conn: Connection, query: str, **parameters: object) -> list[str]:
    found = rows.fetch_all(conn, tuple[object, object], query, **parameters)
    return [f"{of}: {what}" for of, what in found]


def _night(slug: str, last_day: date | None, error: str | None) -> str:
    last = f"last done for {last_day}" if last_day else "never done"
    return f"{slug}: {last}" + (f"; failed since: {error}" if error else "")
