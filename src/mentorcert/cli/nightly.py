"""`mentorcert nightly`: expires what is due."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from mentorcert.access import least_rights
from mentorcert.cli.instants import instant
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.operations import nightly as nights
from mentorcert.operations import retention

_SHOWN = 50


def nightly(
    *,
    as_of: Annotated[
        str | None,
        typer.Option(help="Instant (ISO 8601; UTC where it names no zone); by default now."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would expire.")] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Certifications per transaction; by default all in one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Expire what is due, missed nights included, then delete what is kept no longer; safe to run at any time, also twice."""
    at = instant("--as-of", as_of)
    with connect(autocommit=True) as conn:
        if dry_run:
            _print_due(nights.due(conn, at), as_json=as_json)
        else:
            least_rights.require_login(conn, "mentorcert_jobs")
            days = nights.run(conn, at, batch_size=batch_size)
            retention.run(conn)
            _print_days(days, as_json=as_json)


def _print_days(days: list[nights.Day], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(day) for day in days])
        return
    if not days:
        console.print("Nothing was due.")
        return
    table = Table("organisation", "local day", "caught up", title="Nightly run")
    table.add_column("expired", justify="right")
    table.add_column("left the public list", justify="right")
    for day in days:
        table.add_row(
            day.organisation,
            day.local_day.isoformat(),
            "yes" if day.caught_up else "",
            str(day.expired),
            str(day.unlisted),
        )
    console.print(table)


def _print_due(due: list[nights.Due], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(certification) for certification in due])
        return
    leaving = len({(one.organisation, one.peer_mentor) for one in due if one.leaves_list})
    hidden = len(due) - _SHOWN
    table = Table(
        "organisation", "peer mentor", "type", "last valid day", "leaves the public list",
        caption=f"and {hidden} more (all of them with --json)" if hidden > 0 else None,
    )  # fmt: skip
    for one in due[:_SHOWN]:
        table.add_row(
            one.organisation,
            one.peer_mentor,
            one.certification_type,
            one.last_valid_day.isoformat(),
            "yes" if one.leaves_list else "",
        )
    if due:
        console.print(table)
    console.print(
        f"{len(due)} certifications would expire, {leaving} peer mentors would leave the public list."
    )
