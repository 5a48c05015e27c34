"""`mentorcert courses`: lists the courses that an organisation plans and has held."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json
from mentorcert.courses import courses as planned
from mentorcert.db.connection import connect
from mentorcert.organisations import organisations


def courses(
    organisation: Annotated[str | None, typer.Argument(help="Slug of the organisation; else all.")] = None,
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Held on this day or later; else today.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; counts, no names of people.")] = False,
) -> None:
    """List courses, the earliest first: how many have a seat, wait and attended; nothing is changed.

    They are planned, signed up for and closed in the pages or by the API. Connect as the owner of the tables.
    """
    with connect(autocommit=True) as conn:
        slug = organisations.by_slug(conn, organisation).slug if organisation else None
        found = planned.of_organisation(conn, slug, since.date() if since else None)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table("course", "organisation", "name", "days", "state", "seats", "seated", "waiting", "attended")
    for one in found:
        days = f"{one.first_day}" if one.first_day == one.last_day else f"{one.first_day} to {one.last_day}"
        table.add_row(
            str(one.id), escape(one.organisation), escape(one.name), days, one.state, f"{one.seats or 'no limit'}",
            f"{one.seated}", f"{one.waiting}", f"{one.attended}",
        )  # fmt: skip
    console.print(table if found else "None is held from then on.")
