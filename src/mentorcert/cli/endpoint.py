"""`mentorcert endpoint`: switches off what clients may ask for, at once and on every path."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.access import endpoints
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect

commands = typer.Typer(no_args_is_help=True, help="Switch endpoints off and on.")

Endpoint = Annotated[str, typer.Argument(help="Name, as `mentorcert endpoint list` has it.")]


@commands.command()
def disable(
    endpoint: Endpoint,
    *,
    reason: Annotated[str, typer.Option(help="Why, for colleagues; clients don't see it.")],
) -> None:
    """Switch an endpoint off: every client gets the error MC010 from the next statement on.

    That holds for the Data API, the web pages and plain SQL of a user alike. Jobs, the service key and the
    owner of the database go on. Who did it and why stays in the audit log.
    """
    with connect(autocommit=True) as conn:
        endpoints.disable(conn, endpoint, reason)
    console.print(f"[yellow]off:[/yellow] {endpoint}. On again with `mentorcert endpoint enable {endpoint}`.")


@commands.command()
def enable(endpoint: Endpoint) -> None:
    """Switch an endpoint on again."""
    with connect(autocommit=True) as conn:
        was_off = endpoints.enable(conn, endpoint)
    console.print(f"[green]on:[/green] {endpoint}" + ("" if was_off else " (it was on)"))


@commands.command("list")
def list_(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every endpoint, and why and since when it is off."""
    with connect(autocommit=True) as conn:
        known, disabled = endpoints.known(conn), {off.endpoint: off for off in endpoints.disabled(conn)}
    if as_json:
        rows = [{"endpoint": name, "enabled": name not in disabled} for name in known]
        print_json(
            [
                row | (asdict(disabled[name]) if (name := str(row["endpoint"])) in disabled else {})
                for row in rows
            ]
        )
        return
    table = Table("endpoint", "", "since", "why", title="Endpoints")
    for name in known:
        if off := disabled.get(name):
            since = f"{off.disabled_at:%Y-%m-%d %H:%M}Z"
            table.add_row(name, "[red]off[/red]", since, escape(off.reason))
        else:
            table.add_row(name, "[green]on[/green]", "", "")
    console.print(table)
