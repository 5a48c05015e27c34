"""`mentorcert doctor`: checks the registry and the portal sync."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import Connection
from mentorcert.db.databases import Database, configured
from mentorcert.errors import DatabaseUnreachableError
from mentorcert.imports.tasks import runner
from mentorcert.monitoring import Each
from mentorcert.operations import alerts, journal, journal_places
from mentorcert.operations import doctor as examination
from mentorcert.operations.doctor import MIGRATIONS, Finding
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import run_checks as run_portal_checks
from mentorcert.settings import Settings, settings
from mentorcert.web import sign_in_checks

_STYLE = {"ok": "green", "notice": "yellow", "wrong": "red"}
LONGEST_S: Final = 300.0
_REACHABLE: Final = "database reachable"
_TASKS: Final = "imports and exports are worked within 5 minutes"
_ALERTS: Final = "somebody is informed of every error"
_JOURNAL: Final = "the journal has every erasure and withdrawal"
_PORTAL: Final = "portal says what the registry says"

_SILENT: Final = Finding(
    _REACHABLE,
    "wrong",
    f"It has not answered within {LONGEST_S:.0f} seconds.",
    "See what the server waits for (pg_stat_activity).",
)


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the registry and the portal sync, of each database; exit code 1 if anything is wrong."""
    databases = configured(settings())
    found = Each({one.name: partial(_examine, one) for one in databases}).answers(LONGEST_S)
    findings = {name: [_SILENT] if of is None else of for name, of in found.items()}
    if as_json:
        print_json(
            [
                asdict(finding) | ({"database": name} if name else {})
                for name, of in findings.items()
                for finding in of
            ]
        )
    else:
        for name, of in findings.items():
            _print(f"Doctor: {name}" if name else "Doctor", of)
    if any(finding.state == "wrong" for of in findings.values() for finding in of):
        raise typer.Exit(1)


def _examine(database: Database) -> list[Finding]:
    try:
        with database.connect() as conn:
            findings = [Finding(_REACHABLE, "ok", ""), *examination.examine(conn)]
            if not any(finding.check == MIGRATIONS and finding.state == "wrong" for finding in findings):
                findings.append(examination.survived(_TASKS, lambda: _tasks(conn)))
                findings.append(examination.survived(_JOURNAL, lambda: _journal(conn, database.settings)))
                findings.extend(_portal(conn))
                findings.append(examination.survived(_ALERTS, lambda: _alerts(conn)))
        return [*findings, *sign_in_checks.run_checks(database.settings)]
    except DatabaseUnreachableError as error:
        return [Finding(_REACHABLE, "wrong", str(error), error.hint or "")]


def _print(title: str, findings: list[Finding]) -> None:
    table = Table("check", "", title=escape(title), show_lines=True)
    table.add_column("found", overflow="fold")
    table.add_column("what to do")
    for finding in findings:
        table.add_row(
            finding.check,
            f"[{_STYLE[finding.state]}]{finding.state}[/]",
            escape(finding.found),
            escape(finding.advice),
        )
    console.print(table)


def _tasks(conn: Connection) -> Finding:
    found = [f"{slug}: {tasks}" for slug, tasks in runner.waiting(conn)]
    if not found:
        return Finding(_TASKS, "ok", "")
    return Finding(
        _TASKS, "wrong", "\n".join(found), "See that `mentorcert tasks work` runs, and what it logs."
    )


def _journal(conn: Connection, of: Settings) -> Finding:
    place = journal_places.from_settings(of)
    if place is None:
        return Finding(_JOURNAL, "ok", "No journal is kept here.")
    late = journal.late(conn, place)
    if not late:
        return Finding(_JOURNAL, "ok", "")
    found = f"{late} have not been written for over 5 minutes."
    return Finding(
        _JOURNAL,
        "wrong",
        found,
        "See that a process with MENTORCERT_JOURNAL runs, and what `mentorcert journal` says.",
    )


def _alerts(conn: Connection) -> Finding:
    found = alerts.unsent(conn)
    if not found:
        return Finding(_ALERTS, "ok", "")
    advice = "Set MENTORCERT_SMTP_… and MENTORCERT_ALERTS_TO, and give each organisation an administrator."
    return Finding(_ALERTS, "wrong", "\n".join(found), advice)


def _portal(conn: Connection) -> Iterator[Finding]:
    snapshot, faults = health.read_in_parts(conn)
    for part, error in faults.items():
        yield examination.unchecked(f"{_PORTAL}: {part}", error)
    # Of workers who could not be read nothing is known.
    found = [one for one in run_portal_checks(snapshot) if one.code != "no_worker" or "workers" not in faults]
    if faults:
        pass
    elif not any(one.adapter for one in snapshot.connections):
        yield Finding(_PORTAL, "ok", "No portal is connected.")
    elif not found:
        yield Finding(_PORTAL, "ok", "")
    for one in found:
        yield Finding(
            f"portal: {one.code}",
            "wrong" if one.severity == "error" else "notice",
            f"{one.organisation}: {one.what}" if one.organisation else one.what,
            one.advice,
        )
