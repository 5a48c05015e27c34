"""`mentorcert up`: from nothing to a registry that has done its night."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, progress_bars
from mentorcert.cli.portal.up import show_portal, what_next
from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from mentorcert.imports import examples
from mentorcert.operations import nightly
from mentorcert.organisations import sample_activity, sample_people
from mentorcert.organisations.overview import Overview, overview
from mentorcert.settings import settings


class _Steps:
    """What was done, and the seconds that each step took."""

    def __init__(self) -> None:
        self.table = Table("step", "what happened", title="mentorcert up")
        self.table.add_column("seconds", justify="right")

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; what it appends to the list is what happened."""
        happened: list[str] = []
        started = monotonic()
        yield happened
        self.table.add_row(name, escape("\n".join(happened)), f"{monotonic() - started:.2f}")


def up(
    *,
    with_examples: Annotated[
        bool, typer.Option("--examples", help="Set up the example organisations, if they are not there.")
    ] = False,
) -> None:
    """Start the database, apply the migrations, do the nightly run, and show how things are.

    With the examples, a worker sends to a staging portal too, and its public list is compared with ours.

    Run again, it keeps all data and changes nothing that is not due.
    """
    steps = _Steps()
    with steps.step("start the database") as happened:
        conn = connect(autocommit=True)
        happened.append(f"PostgreSQL {conn.info.server_version // 10_000}")
    with conn:
        with steps.step("apply the migrations") as happened:
            applied = sum(1 for _ in migrate.migrate(conn, migrate.read()))
            if settings().database_url is None:
                migrate.harden(conn)
            happened.append(f"{applied} applied" if applied else "all are applied already")
        if with_examples:
            _set_up_examples(conn, steps)
        with steps.step("nightly run") as happened:
            days = nightly.run(conn)
            happened.append(
                f"{sum(day.expired for day in days)} certifications expired tonight, "
                f"{sum(day.unlisted for day in days)} peer mentors left the public list"
            )
        if with_examples and settings().database_url is None:
            _add_activity(conn, steps)
        portal = show_portal(conn, steps.step) if with_examples else None
        with steps.step("count") as happened:
            organisations = overview(conn)
            happened.append(f"{len(organisations)} organisations")
    console.print(steps.table)
    if organisations:
        console.print(_overview_table(organisations))
    _say_what_next(organisations)
    if portal:
        what_next(portal, _command())


def _set_up_examples(conn: Connection, steps: _Steps) -> None:
    for example in examples.every():
        with steps.step(f"import {example.folder.name}") as happened, progress_bars() as progress:
            happened.append(example.set_up(conn, progress))


def _add_activity(conn: Connection, steps: _Steps) -> None:
    """Let the sample people, whom only the embedded default lets in, plan courses and ask for renewals."""
    with steps.step("courses and requests") as happened:
        sample_people.ensure(conn)
        number = sample_activity.ensure(conn)
        happened.append(f"in {number} organisations" if number else "are there already; kept as they are")


def _overview_table(organisations: list[Overview]) -> Table:
    table = Table(title="The registry now")
    table.add_column(no_wrap=True)
    for organisation in organisations:
        table.add_column(escape(organisation.name), justify="right")
    for label, field in (
        ("peer mentors", "peer_mentors"),
        ("active certifications", "active"),
        ("expired", "expired"),
        ("suspended", "suspended"),
        ("expire within 30 days", "expiring_in_30_days"),
        ("expire within 60 days", "expiring_in_60_days"),
        ("expire within 90 days", "expiring_in_90_days"),
        ("on the public list", "listed"),
    ):
        table.add_row(label, *(str(getattr(organisation, field)) for organisation in organisations))
    return table


def _say_what_next(organisations: list[Overview]) -> None:
    command = _command()
    if not organisations:
        console.print(
            f"There is no organisation yet: {command} organisation apply FILE, or {command} up --examples"
        )
        return
    slug = organisations[0].organisation
    new_year = f"{datetime.now(UTC).year + 1}-01-01"
    console.print(
        "Next:\n"
        f"  {command} serve   the pages of coordinators, peer mentors and the public\n"
        f"  {command} nightly --dry-run --as-of {new_year}   who will expire by new year\n"
        f"  {command} export --organisation {slug} --output mentors.csv   the file that import reads\n"
        f"  {command} doctor   is everything as it should be?\n"
        f"  {command} --help   everything else",
        soft_wrap=True,
    )


def _command() -> str:
    program = Path(sys.argv[0])
    return "python -m mentorcert" if program.name == "__main__.py" else escape(str(program))
