"""`mentorcert requests`: lists the requests for renewals that wait."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.certifications import renewal_requests
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations import organisations


def requests(
    organisation: Annotated[str | None, typer.Argument(help="Slug of the organisation; else all.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; numbers, no names.")] = False,
) -> None:
    """List the requests for renewals that wait, the oldest first; nothing is changed.

    They are approved and refused in the pages or by the API, by who may renew. Connect as the owner of the tables.
    """
    with connect(autocommit=True) as conn:
        slug = organisations.by_slug(conn, organisation).slug if organisation else None
        found = renewal_requests.of_organisation(conn, slug)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table("request", "number", "type", "state", "done on", "asked")
    for one in found:
        table.add_row(
            str(one.id), escape(one.number), escape(one.certification_type), one.state, f"{one.done_on}",
            f"{one.asked_at:%Y-%m-%d %H:%M}Z",
        )  # fmt: skip
    console.print(table if found else "None waits.")
