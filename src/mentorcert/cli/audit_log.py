"""`mentorcert audit log` and `audit retention`: who changed what, and how long it is remembered."""

import json
from dataclasses import asdict
from datetime import UTC
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.access import audit_log
from mentorcert.access.audit_log import LONGEST_DAYS, SHORTEST_DAYS, Entry, Log
from mentorcert.cli import instants
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations import organisations

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def log(
    *,
    organisation: Annotated[str | None, typer.Option(help="Slug; by default all organisations.")] = None,
    since: Annotated[str | None, typer.Option(help=instants.SINCE)] = None,
    size: Annotated[int, typer.Option(min=1, help="How many entries at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who changed memberships, types, chapters, consents, logins and switches; the newest first."""
    with connect(autocommit=True) as conn:
        organisation_id = organisations.by_slug(conn, organisation).id if organisation else None
        found = audit_log.entries(conn, organisation_id, instants.since(since), size=size)
    if as_json:
        print_json([_as_json(entry) for entry in found])
        return
    table = Table(title="Audit log")
    for heading in ("when", "organisation", "what", "by", "before", "after"):
        table.add_column(heading, overflow="fold")
    for entry in found:
        table.add_row(
            f"{entry.recorded_at.astimezone(UTC):%Y-%m-%d %H:%M}Z",
            entry.organisation or "all",
            f"{entry.action} {entry.table_name}\n{escape(entry.row_id)}",
            escape(" ".join(str(value) for value in entry.actor.values() if value)),
            _fields(entry.before),
            _fields(entry.after),
        )
    console.print(table)


def retention(
    log: Annotated[Log | None, typer.Argument(help="Which log; without it, all are shown.")] = None,
    *,
    days: Annotated[
        int | None, typer.Option(min=SHORTEST_DAYS, max=LONGEST_DAYS, help="Keep entries for this many days.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show, or set, for how many days logs are kept; a worker deletes what is older."""
    if (log is None) != (days is None):
        raise typer.BadParameter("give both, LOG and --days, to set; neither to show")
    with connect(autocommit=True) as conn:
        if log is not None and days is not None:
            audit_log.set_retention(conn, log, days)
        kept = audit_log.retention(conn)
    if as_json:
        print_json(kept)
        return
    for name, number in kept.items():
        console.print(f"{name}: {number} days")


def _as_json(entry: Entry) -> dict[str, Any]:
    """Return what an operator reads of an entry; rows are found by the organisation's slug."""
    fields = asdict(entry)
    return {name: value for name, value in fields.items() if name not in ("id", "organisation_id")}


def _fields(fields: dict[str, Any] | None) -> str:
    if fields is None:
        return ""
    return escape(
        "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    )
