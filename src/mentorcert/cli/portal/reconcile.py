"""`mentorcert portal reconcile`: whether the portal shows what it should."""

import asyncio
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import async_pool, connect
from mentorcert.errors import InvalidInputError, ReconciliationRunningError
from mentorcert.portal.reconciliation.comparison import Comparisons, Scope
from mentorcert.portal.reconciliation.reconciler import Reconciler, Reconciliation
from mentorcert.portal.sync import control
from mentorcert.portal.sync.connections import Connections

_SHOWN = 50


def reconcile(
    organisation: Annotated[str | None, typer.Argument(help="Slug of the organisation.")] = None,
    *,
    connection: Annotated[
        list[Path],
        typer.Option("--connection", dir_okay=False, help="File of a connection; may be repeated."),
    ],
    every: Annotated[bool, typer.Option("--all", help="Every organisation whose file is given.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Compare everybody, not only who changed or must not be listed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only compare; repair nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare what the portal shows with what it should; where it differs the worker tells it again.

    The worker does this by itself, each hour and at night. Exit code 1 unless the portal was found to show
    just what it should.
    """
    if every == (organisation is not None):
        raise InvalidInputError("Name one organisation, or --all.", hint="mentorcert portal reconcile --help")
    connections = Connections.read(connection)
    slugs = connections.organisations if organisation is None else [organisation]
    if unknown := set(slugs) - set(connections.organisations):
        raise InvalidInputError(
            f"No file is given for the connection of {unknown.pop()}.", hint="Name it with --connection FILE."
        )
    scope: Scope = "full" if full else "recent"
    results, busy = asyncio.run(_reconcile(connections, slugs, scope, dry_run=dry_run))
    if as_json:
        print_json([{**asdict(one), "is_clean": one.is_clean} for one in results])
    else:
        _print(results)
    if busy:
        raise ReconciliationRunningError(
            f"{', '.join(busy)}: is being reconciled already.", hint="Wait until that has ended."
        )
    if not all(one.is_clean for one in results):
        raise typer.Exit(1)


async def _reconcile(
    connections: Connections, slugs: list[str], scope: Scope, *, dry_run: bool
) -> tuple[list[Reconciliation], list[str]]:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with connect(autocommit=True) as conn:
        ids = {slug: control.organisation_id(conn, slug) for slug in slugs}
    results, busy = [], []
    with progress_bars() as tell:
        async with async_pool() as pool:
            reconciler = Reconciler(Comparisons(pool), connections)
            for slug, id_ in ids.items():
                result = await reconciler.reconcile(id_, scope, dry_run=dry_run, stop=stop, tell=tell)
                if result is None:
                    busy.append(slug)
                else:
                    results.append(result)
    return results, busy


def _print(results: list[Reconciliation]) -> None:
    table = Table(
        "organisation", "scope", "outcome", "read", "compared", "in motion", "differs", "told again"
    )
    for one in results:
        differs = ", ".join(f"{number} {kind}" for kind, number in one.drift.items() if number)
        table.add_row(
            one.organisation, one.scope, one.outcome, str(one.read), str(one.compared), str(one.in_motion),
            differs, "dry run" if one.is_dry_run else str(one.marked),
        )  # fmt: skip
    console.print(table)
    for one in results:
        if one.reason:
            console.print(f"[red]{one.organisation}:[/red] {escape(one.reason)}", soft_wrap=True)
        for row in one.differences[:_SHOWN]:
            who = row["peer_mentor_id"] or row["external_id"] or "without id"
            console.print(
                f"{one.organisation}: {row['kind']} {escape(who)}: "
                f"there {_said(row['there'])}; should be {_said(row['expected'])}",
                soft_wrap=True,
            )
        if (hidden := len(one.differences) - _SHOWN) > 0:
            console.print(f"{one.organisation}: and {hidden} more (all of them with --json)")


def _said(what: dict[str, object] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in what.items()) if what else "nothing"
