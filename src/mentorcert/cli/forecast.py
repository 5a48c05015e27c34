"""`mentorcert forecast`: who is expected to renew, and which chapters will lack mentors."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.certifications import forecast as ahead
from mentorcert.certifications import renewal_forecast
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations import chapters, organisations


def forecast(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    *,
    months: Annotated[
        int, typer.Option(min=1, max=ahead.MONTHS, help="This month and those that follow.")
    ] = 6,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; numbers, no names of people.")] = False,
) -> None:
    """Forecast how much of what ends the planned courses renew, and what each chapter can count on.

    What the numbers mean stands in docs/forecast.md. Nothing is changed. Connect as the owner of the tables.
    """
    with connect(autocommit=True) as conn:
        of = organisations.by_slug(conn, organisation)
        numbers = renewal_forecast.numbers_of(conn, of.id, months)
        covered = {one.chapter_id: one for one in ahead.coverage_of(conn, of.id, months)}
        found = [
            (chapter, covered[chapter.id])
            for _, chapter in chapters.tree(chapters.of_organisation(conn, of.id))
            if chapter.id in covered
        ]
    ends = ahead.month_ends(datetime.now(ZoneInfo(of.time_zone)).date(), months)
    lacking = {one.chapter_id: ends[end] for _, one in found if (end := one.lacks_from(months)) is not None}
    if as_json:
        print_json(
            {
                "month_ends": ends,
                "renewals": numbers,
                "chapters": [
                    {
                        "chapter": chapter.code, "today": one.today, "if_nobody_renews": one.at_month_ends,
                        "with_courses": one.with_courses, "lacks_on": lacking.get(chapter.id),
                    }
                    for chapter, one in found
                ],
            }
        )  # fmt: skip
        return
    table = Table("what ends", "certifications")
    for outlook, number in numbers.items():
        table.add_row(outlook.replace("_", " "), str(number))
    console.print(table)
    table = Table("chapter", "today", f"on {ends[-1]}, if nobody renews", "with the courses", "none left on")
    for chapter, one in found:
        table.add_row(
            escape(chapter.name), str(one.today), str(one.at_month_ends[-1]), str(one.with_courses[-1]),
            str(lacking.get(chapter.id, "")),
        )  # fmt: skip
    console.print(table)
