"""`mentorcert dev`: a registry to develop an app against."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, error_console, print_json
from mentorcert.development import serving
from mentorcert.development.serving import Started
from mentorcert.settings import settings


def dev(
    *,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 8000, or another that is free, where none is given."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print what an app needs as one JSON document.")
    ] = False,
) -> None:
    """Serve sample data to develop an app with, until stopped.

    Data API, Auth and the pages are at one port. The database is embedded and its own, with the example organisations. A login of
    each role is printed; the codes that they sign in with are shown here, since nothing is mailed. Needs Node.js and the npm
    package @supabase/lite.
    """
    serving.serve(
        settings(),
        port,
        say=lambda step: error_console.print(escape(step), soft_wrap=True),
        mailed=lambda to, code: error_console.print(
            f"code for {escape(to)}: [bold]{escape(code)}[/bold]", soft_wrap=True
        ),
        ready=_print_json if json else _print,
    )


def _print_json(started: Started) -> None:
    print_json(asdict(started))


def _print(started: Started) -> None:
    table = Table("login", "role", "organisation", "of")
    for person in started.logins:
        table.add_row(*map(escape, (person.email, person.role, person.organisation, person.scope or "")))
    console.print(table)
    console.print(
        f"SUPABASE_URL={started.url}\n"
        f"SUPABASE_PUBLISHABLE_KEY={started.publishable_key}\n"
        f"The pages are at [bold]{started.url}/[/bold]. Sign in by code: it is shown here, and at {started.codes}?email=…\n"
        "Stop with Ctrl-C.",
        soft_wrap=True,
    )
