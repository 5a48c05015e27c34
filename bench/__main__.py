"""Runs the benchmarks: `python -m bench --help`."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import (
    changes,
    data,
    delivery,
    document,
    health,
    importing,
    lists,
    marking,
    nightly,
    pages,
    report,
    searches,
)
from bench.measure import Notify, Result, Storage
from mentorcert.db import migrate
from mentorcert.db.connection import connect
from tests.supabase import lite
from tests.support.servers import ROOM, debian_15, embedded_18


class ServerName(StrEnum):
    """The embedded PostgreSQL 18, or Debian's 15."""

    PG18 = "pg18"
    PG15 = "pg15"


STARTED = {ServerName.PG18: embedded_18, ServerName.PG15: debian_15}


class Benchmark(StrEnum):
    """What is measured."""

    LISTS = "lists"
    SEARCHES = "searches"
    IMPORT = "import"
    CHANGES = "changes"
    NIGHTLY = "nightly"
    MARKING = "marking"
    DELIVERY = "delivery"
    HEALTH = "health"
    PAGES = "pages"


SIZES = (600_000, 10_000_000)
QUICK_SIZES = (30_000,)
FILE_ROWS = 10_000
CHANGED = 30_000
DELIVERIES = 10_000
READ_ROUNDS = 40
WRITE_ROUNDS = 5
BURSTS = 10
# What a certification takes on disk while it is measured, in bytes.
ROOM_OF_A_ROW = 8_000
# From here on each round of writes waits minutes for the vacuum of the one before.
MANY_ROWS = 1_000_000
ROUNDS_OF_MANY = 2


def run(
    url: str,
    rows: int,
    notify: Notify,
    *,
    benchmarks: tuple[Benchmark, ...] = tuple(Benchmark),
    file_rows: int = FILE_ROWS,
    changed: int = CHANGED,
    read_rounds: int = READ_ROUNDS,
    write_rounds: int = WRITE_ROUNDS,
    storage: list[Storage] | None = None,
) -> Iterator[Result]:
    """Migrate and fill an empty database, then measure on it; what is measured is rolled back.

    What the filled database takes on disk is added to `storage`.
    """
    with connect(url, autocommit=True) as conn:
        list(migrate.migrate(conn, migrate.read()))
        filled = data.fill(conn, rows, notify)
        if storage is not None:
            storage.append(filled)
        if Benchmark.LISTS in benchmarks:
            yield from lists.measure(url, rows, read_rounds, notify)
        if Benchmark.SEARCHES in benchmarks:
            yield from searches.measure(url, rows, read_rounds, notify)
        if Benchmark.IMPORT in benchmarks:
            yield from importing.measure(conn, rows, file_rows, write_rounds, notify)
        if Benchmark.CHANGES in benchmarks:
            yield from changes.measure(conn, rows, changed, write_rounds, notify)
        if Benchmark.NIGHTLY in benchmarks:
            yield from nightly.measure(conn, rows, write_rounds, notify)
        if Benchmark.MARKING in benchmarks:
            yield from marking.measure(conn, rows, write_rounds, notify)


def main(  # noqa: PLR0917 - the options of a command
    server: Annotated[ServerName, typer.Option(help="The embedded 18, or Debian's 15.")] = ServerName.PG18,
    rows: Annotated[
        list[int] | None, typer.Option(help="Certifications; may be given several times.")
    ] = None,
    only: Annotated[list[Benchmark] | None, typer.Option(help="Leave the others out.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small registry and few rounds: at most 3 minutes.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write docs/performance.md with the figures.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure the nightly run, the lists under row-level security and over HTTP, the import and the portal.

    Each is timed in turns with the least that PostgreSQL could do it in; what counts is the ratio.
    """
    sizes = rows or list(QUICK_SIZES if quick else SIZES)
    benchmarks = tuple(only or Benchmark)
    rounds = 2 if quick else WRITE_ROUNDS
    results: list[Result] = []
    storage: list[Storage] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    room = max(ROOM, max(sizes) * ROOM_OF_A_ROW)
    with (
        STARTED[server](room) as running,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("starting", total=None)

        def notify(what: str) -> None:
            progress.update(task, description=what)

        with connect(running.url) as conn:
            version = f"PostgreSQL {conn.info.parameter_status('server_version')}"
        of_sizes = {*benchmarks} - {Benchmark.DELIVERY, Benchmark.HEALTH}
        for size in sizes if of_sizes else ():
            # Pages need Supabase Lite beside them; the rest does without Node.js.
            with (
                lite.new_database(running) if Benchmark.PAGES in benchmarks else running.new_database() as url
            ):
                results += run(
                    url,
                    size,
                    notify,
                    benchmarks=benchmarks,
                    file_rows=FILE_ROWS // 10 if quick else FILE_ROWS,
                    changed=CHANGED // 10 if quick else CHANGED,
                    read_rounds=READ_ROUNDS // 4 if quick else READ_ROUNDS,
                    write_rounds=min(rounds, ROUNDS_OF_MANY) if size > MANY_ROWS else rounds,
                    storage=storage,
                )
                if Benchmark.PAGES in benchmarks:
                    # Last, on the same registry: who signs in here is one more who reads.
                    results += pages.measure(
                        running,
                        url,
                        size,
                        rounds if quick else BURSTS,
                        notify,
                    )
        if Benchmark.DELIVERY in benchmarks:
            with running.new_database() as url:
                results += delivery.measure(
                    url,
                    DELIVERIES // 20 if quick else DELIVERIES,
                    rounds,
                    notify,
                )
        if Benchmark.HEALTH in benchmarks:
            with running.new_database() as url:
                results += health.measure(
                    url,
                    health.ORGANISATIONS // 10 if quick else health.ORGANISATIONS,
                    health.MENTORS // 10 if quick else health.MENTORS,
                    READ_ROUNDS,
                    notify,
                )
    if write:
        document.keep(document.run_of_today(version, storage, results))
    if json:
        typer.echo(report.as_json(version, results))
    else:
        console = Console()
        # In a pipe Rich would take 80 columns, and break every word.
        console = console if console.is_terminal else Console(width=150)
        report.as_table(version, results, console)


if __name__ == "__main__":
    typer.run(main)
