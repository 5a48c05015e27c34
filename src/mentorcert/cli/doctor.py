"""`mentorcert doctor`: asks whether everything is as it should be."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.certifications import doctor as examination
from mentorcert.certifications.doctor import Finding
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.errors import DatabaseUnreachableError

_STYLE = {"ok": "green", "notice": "yellow", "wrong": "red"}


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Examine the registry; exit code 1 if anything is wrong."""
    try:
        with connect(autocommit=True) as conn:
            findings = [Finding("database reachable", "ok", ""), *examination.examine(conn)]
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
