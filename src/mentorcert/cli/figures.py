"""`mentorcert figures`: how many peer mentors are valid, new, renewed, lapsed and have left in a period, and of courses."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.certifications import course_figures
from mentorcert.certifications import figures as counted
from mentorcert.certifications.figures import HEADINGS, Period
from mentorcert.cli.imports import FileLanguage, Language, Organisation
from mentorcert.cli.output import console, print_json
from mentorcert.cli.output_file import write_output
from mentorcert.db.connection import connect
from mentorcert.errors import InvalidInputError
from mentorcert.imports.figures_workbook import Naming, figures_workbook
from mentorcert.organisations import chapters, organisations, types
from mentorcert.translatable import LazyText

_DAY = ["%Y-%m-%d"]


def figures(
    *,
    organisation: Organisation,
    year: Annotated[int | None, typer.Option(min=1900, max=2199, help="All of a year.")] = None,
    first_day: Annotated[datetime | None, typer.Option(formats=_DAY, help="First day of a period.")] = None,
    last_day: Annotated[datetime | None, typer.Option(formats=_DAY, help="Last day of a period.")] = None,
    known_on: Annotated[
        datetime | None,
        typer.Option(formats=_DAY, help="By what was known at the end of this day, not today."),
    ] = None,
    masked: Annotated[bool, typer.Option("--masked", help="For handing out: without small numbers.")] = False,
    courses: Annotated[
        bool, typer.Option("--courses", help="Courses held and attended, not peer mentors.")
    ] = False,
    language: FileLanguage = Language.nb,
    xlsx: Annotated[
        Path | None,
        typer.Option(help="Excel file to write; - is standard output.", dir_okay=False, allow_dash=True),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the peer mentors who are valid, new, renewed, lapsed and have left, by type and chapter.

    Of a year, or from a first to a last day; of courses by kind, too. What the numbers mean stands in
    docs/figures.md, and on a sheet of the workbook, which has both. Connect as the owner of the tables.
    """
    period = Period(*_days(year, first_day, last_day), known_on.date() if known_on else None, masked)
    with connect(autocommit=True) as conn:
        of = organisations.by_slug(conn, organisation)
        found = counted.of_organisation(conn, of.id, period)
        of_courses = course_figures.of_organisation(conn, of.id, period)
        naming = Naming(of.name, types.of_organisation(conn, of.id), chapters.of_organisation(conn, of.id))
    if as_json:
        print_json(
            [
                {name: value for name, value in asdict(row).items() if name != "organisation_id"}
                for row in (of_courses if courses else found)
            ]
        )
    if xlsx is not None:
        today = datetime.now(ZoneInfo(of.time_zone)).date()
        write_output(figures_workbook(period, (found, of_courses), naming, language.value, today), xlsx)
    elif as_json:
        return
    elif courses:
        _print(course_figures.HEADINGS, {row.key: row.numbers for row in of_courses}, naming)
    else:
        _print(
            HEADINGS, {(None, row.certification_type, row.chapter_id): row.numbers for row in found}, naming
        )


def _days(year: int | None, first_day: datetime | None, last_day: datetime | None) -> tuple[date, date]:
    if year is not None and first_day is None and last_day is None:
        return date(year, 1, 1), date(year, 12, 31)
    if year is None and first_day is not None and last_day is not None:
        return first_day.date(), last_day.date()
    raise InvalidInputError("No period is named.", hint="Give --year, or --first-day and --last-day.")


def _print(
    headings: Mapping[str, LazyText],
    numbers: Mapping[tuple[str | None, str | None, UUID | None], Sequence[int | None]],
    naming: Naming,
) -> None:
    tables: dict[str, list[tuple[str, tuple[str | None, str | None, UUID | None]]]] = {
        "kind": [(name, (name, None, None)) for name in course_figures.KINDS if name],
        "certification": [
            ("all types", (None, None, None)), *((one.name_en, (None, one.code, None)) for one in naming.types)
        ],
        "chapter": [(chapter.name, (None, None, chapter.id)) for _, chapter in chapters.tree(naming.chapters)],
    }  # fmt: skip
    for first, lines in tables.items():
        table = Table(first, *(heading.lower() for heading in headings.values()))
        for name, key in lines:
            if key in numbers:
                table.add_row(escape(name), *("–" if one is None else str(one) for one in numbers[key]))
        if table.row_count or first != "kind":
            console.print(table)
