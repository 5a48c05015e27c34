"""`mentorcert restored`: what to do after a restore from a backup, or a failover that lost writes."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import connect
from mentorcert.operations import journal, journal_places
from mentorcert.portal.reconciliation import restores
from mentorcert.portal.reconciliation.restores import Restored
from mentorcert.portal.sync.connections import Connections
from mentorcert.settings import settings


def restored(
    *,
    reason: Annotated[str, typer.Option(help="What was restored, and why; it is recorded.")],
    connection: Annotated[
        list[Path] | None,
        typer.Option("--connection", dir_okay=False, help="File of a portal's connection; may be repeated."),
    ] = None,
    nothing_lost: Annotated[
        bool,
        typer.Option("--nothing-lost", help="The database moved, and lost nothing: no epoch begins."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only ask and list; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say that the registry was restored from a backup, or lost writes; run it before any other process.

    Repeats first what the journal has (MENTORCERT_JOURNAL): erasures, withdrawals, ended memberships of administrators.
    Begins a new epoch, holds the notices and everything that shows somebody at a portal, and sends removals again. Asks
    each portal what it holds; what is newer there waits for a person (`mentorcert portal conflicts`), the rest is
    released. A portal that does not answer stays on hold. Exit code 1 while anything waits.

    With --nothing-lost (a synchronous standby took over, an upgrade) only the server is noted; refused where the journal
    knows better.
    """
    connections = Connections.read(connection or [])
    place = journal_places.from_settings(settings())
    with connect(autocommit=True) as conn, progress_bars() as progress:
        if nothing_lost:
            journal.accept_failover(conn, place, reason)
            console.print("Noted: the database is on another server, and nothing was lost.")
            return
        repeated = journal.repeat(conn, place, dry_run=dry_run) if place else []
        done = restores.restored(conn, connections, reason, dry_run=dry_run, progress=progress)
    if as_json:
        print_json({**asdict(done), "repeated": [asdict(one) for one in repeated]})
    else:
        for one in repeated:
            console.print(f"{one.kind} again: {one.id}", soft_wrap=True)
        _print(done)
    if not all(one.is_released and not _waiting(one) for one in done.portals):
        raise typer.Exit(1)


def _waiting(asked: restores.Asked) -> int:
    return asked.newer + asked.other + asked.gone + asked.unknown


def _print(done: Restored) -> None:
    table = Table("portal of", "", "known", "newer there", "other content", "gone there", "unknown here")
    for one in done.portals:
        table.add_row(
            one.organisation, "released" if one.is_released else "on hold", str(one.known), str(one.newer),
            str(one.other), str(one.gone), str(one.unknown),
        )  # fmt: skip
    if done.portals:
        console.print(table)
    for one in done.portals:
        if one.reason:
            console.print(f"[red]{one.organisation}:[/red] {escape(one.reason)}", soft_wrap=True)
    if done.is_dry_run:
        console.print("Nothing was changed.")
        return
    console.print(f"Epoch {done.epoch} has begun. Removals are sent again; notices are held.")
    console.print(
        "Next: mentorcert portal conflicts, then mentorcert notices --release --reason …", soft_wrap=True
    )
