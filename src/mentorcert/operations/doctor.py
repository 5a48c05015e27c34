"""The doctor's checks of the registry."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, Literal

from mentorcert.certifications.repository import LONG_HISTORY
from mentorcert.db import migrate, rows
from mentorcert.db.connection import Connection
from mentorcert.errors import DatabaseUnreachableError, MentorcertError, MigrationError
from mentorcert.organisations.hierarchy import installation

MIGRATIONS: Final = "migrations are current"

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; a notice is worth knowing, but not wrong."""

    check: str
    state: Literal["ok", "notice", "wrong"]
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class _Check:
    """One check: what it asks, and what to do about each exception that it finds."""

    check: str
    exceptions: Callable[[Connection], list[str]]
    advice: str
    otherwise: Literal["notice", "wrong"] = "wrong"


def examine(conn: Connection) -> Iterator[Finding]:
    """Yield the findings, one for each check; a check that fails is a finding, and the others go on."""
    schema = _schema(conn)
    yield schema
    for check in _CHECKS[:1] if schema.state == "wrong" else _CHECKS:
        yield survived(check.check, partial(_run, conn, check))


def survived(check: str, work: Callable[[], Finding]) -> Finding:
    """Return the finding; of a check that fails, that it does. Raises DatabaseUnreachableError."""
    try:
        return work()
    except DatabaseUnreachableError:
        raise
    # The boundary of a check: whatever it brings up, the others are made.
    except Exception as error:  # noqa: BLE001
        return unchecked(check, error)


def unchecked(check: str, error: Exception) -> Finding:
    """Return the finding of a check that failed; an error that is not of our tree may quote a value."""
    said, hint = f"Unexpected {type(error).__name__}.", None
    if isinstance(error, MentorcertError):
        said, hint = str(error), error.hint
    advice = hint or "See the database's log; the other checks are not affected."
    return Finding(check, "wrong", f"This could not be checked: {said}", advice)


def _schema(conn: Connection) -> Finding:
    check = MIGRATIONS
    try:
        pending = [migration.path.name for migration in migrate.pending(conn, migrate.read())]
    except MigrationError as error:
        return Finding(check, "wrong", str(error), error.hint or "")
    return _finding(check, pending, "Run `mentorcert migrate`.")


def _run(conn: Connection, check: _Check) -> Finding:
    # In a transaction of its own, or a savepoint: what fails leaves nothing behind for the next.
    with rows.mapped_errors(), conn.transaction():
        return _finding(check.check, check.exceptions(conn), check.advice, check.otherwise)


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


def _nights(conn: Connection) -> list[str]:
    missed = rows.fetch_all(conn, tuple[str, date | None, str | None], _QUERIES.missed_nights)
    return [_night(*one) for one in missed]


def _names(query: str) -> Callable[[Connection], list[str]]:
    return lambda conn: rows.fetch_all(conn, str, query)


def _counts(query: str, **parameters: object) -> Callable[[Connection], list[str]]:
    return lambda conn: _pairs(conn, query, **parameters)


_CHECKS: Final = (
    _Check(
        "row-level security on every table",
        _names(_QUERIES.tables_without_rls),
        "Fix it at once: alter table … enable row level security. See docs/operations.md on leaks.",
    ),
    _Check(
        "every index is valid",
        _names(_QUERIES.invalid_indexes),
        "Its build failed, and no query uses it: drop it, and make it again; see docs/operations.md on migrations.",
    ),
    _Check(
        "nobody makes temporary objects",
        _names(_QUERIES.makers_of_temporary_objects),
        "PUBLIC may in every new, restored or copied database: run `mentorcert migrate --harden-database`.",
        otherwise="notice",
    ),
    _Check(
        "every endpoint is switched on",
        _names(_QUERIES.disabled_endpoints),
        "When the cause is fixed: `mentorcert endpoint enable`.",
        otherwise="notice",
    ),
    _Check(
        "stored status = derived status",
        _counts(_QUERIES.stale_statuses),
        "Run `mentorcert nightly`; then find out why it was not run.",
    ),
    _Check(
        "public list = what the rules derive",
        _counts(_QUERIES.listing_drift),
        "Repair it with mentorcert_private.refresh_listing, as docs/operations.md says, and report it.",
    ),
    _Check(
        "consents = what was said last",
        _counts(_QUERIES.consent_drift),
        "Somebody changed the database past its triggers: compare with listing_consents, and report it.",
    ),
    _Check(
        "hierarchy = what the project's tables say",
        installation.wrong,
        "`mentorcert hierarchy check` lists all of it; correct the rows in your tables, or apply the mapping file again.",
    ),
    _Check(
        "every peer mentor is in a chapter",
        _counts(_QUERIES.without_chapter),
        "They are not on the public list. Their administrator sees who they are, and gives each a chapter.",
        otherwise="notice",
    ),
    _Check(
        "nobody is registered twice",
        _counts(_QUERIES.look_alikes),
        "Numbers, or names and addresses, are alike; see docs/records.md on look-alikes.",
        otherwise="notice",
    ),
    _Check(
        f"histories of at most {LONG_HISTORY} entries",
        _counts(_QUERIES.long_histories, limit=LONG_HISTORY),
        "If there are many, move them to the events table: `mentorcert history to-events`.",
        otherwise="notice",
    ),
    _Check(
        "last nightly run of each organisation",
        _nights,
        "Run `mentorcert nightly`, which catches up; then check that pg_cron or `mentorcert worker` runs.",
    ),
    _Check(
        "nothing is kept longer than it should be",
        _names(_QUERIES.kept_too_long),
        "Run `mentorcert nightly`, or `mentorcert worker`; `mentorcert audit retention` says how long each log is kept.",
    ),
    _Check(
        "notices go out",
        _counts(_QUERIES.failed_notices),
        "Fix the cause; then run `mentorcert notices`, or leave it to `mentorcert worker`.",
    ),
    _Check(
        "no notice is held",
        _names(_QUERIES.held_notices),
        "Since a restore no notice goes out: `mentorcert notices --release --skip-before … --reason …`.",
    ),
    _Check(
        "no notice is in doubt",
        _counts(_QUERIES.uncertain_notices),
        "See `mentorcert notices --status`: their sender died; see the mail server's log.",
        otherwise="notice",
    ),
    _Check(
        "removals are due when the listing ends",
        _counts(_QUERIES.late_deadlines),
        "Somebody changed the database past its triggers: replay the portal of the organisation, and report it.",
    ),
)
