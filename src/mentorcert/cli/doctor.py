"""`mentorcert doctor`: asks whether everything is as it should be."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import DatabaseUnreachableError
from mentorcert.imports.tasks import runner
from mentorcert.operations import doctor as examination
from mentorcert.operations.doctor import MIGRATIONS, Finding
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import findings as portal_findings

_STYLE = {"ok": "green", "notice": "yellow", "wrong": "red"}
_PORTAL: Final = "portal says what the registry says"


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Examine the registry and the portal sync; exit code 1 if anything is wrong."""
    try:
        with connect(autocommit=True) as conn:
            findings = [Finding("database reachable", "ok", ""), *examination.examine(conn)]
            if not any(finding.check == MIGRATIONS and finding.state == "wrong" for finding in findings):
                findings.append(_tasks(conn))
                findings.extend(_portal(conn))
    except DatabaseUnreachableError as error:
        findings = [Finding("database reachable", "wrong", str(error), error.hint or "")]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table("check", "", title="Doctor", show_lines=True)
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
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def _tasks(conn: Connection) -> Finding:
    found = [f"{slug}: {tasks}" for slug, tasks in runner.waiting(conn)]
    check = "imports and exports are worked within 5 minutes"
    if not found:
        return Finding(check, "ok", "")
    return Finding(
        check, "wrong", "\n".join(found), "See that `mentorcert tasks work` runs, and what it logs."
    )


def _portal(conn: Connection) -> Iterator[Finding]:
    snapshot = health.read(conn)
    found = portal_findings(snapshot)
    if not any(one.adapter for one in snapshot.standings):
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
