"""Runs the benchmarks: `python -m bench --help`."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import data, delivery, importing, lists, marking, nightly, pages, report
from bench.measure import Notify, Result
from mentorcert.db import migrate
from mentorcert.db.connection import connect
from tests.support.servers import SERVERS


class ServerName(StrEnum):
    """The embedded PostgreSQL 18, or Debian's 15."""

    PG18 = "pg18"
    PG15 = "pg15"


class Benchmark(StrEnum):
    """What is measured."""

    LISTS = "lists"
    IMPORT = "import"
    NIGHTLY = "nightly"
    MARKING = "marking"
    DELIVERY = "delivery"
    PAGES = "pages"


FILE_ROWS = 10_000
DELIVERIES = 10_000
READ_ROUNDS = 40
WRITE_ROUNDS = 5
BURSTS = 10


def run(
    url: str,
    rows: int,
    notify: Notify,
    *,
    benchmarks: tuple[Benchmark, ...] = tuple(Benchmark),
    file_rows: int = FILE_ROWS,
    read_rounds: int = READ_ROUNDS,
    write_rounds: int = WRITE_ROUNDS,
) -> Iterator[Result]:
    """Migrate and fill an empty database, then measure on it; what is measured is rolled back."""
    with connect(url, autocommit=True) as conn:
        list(migrate.migrate(conn, migrate.read()))
        data.fill(conn, rows, notify)
        if Benchmark.LISTS in benchmarks:
            yield from lists.measure(url, rows, read_rounds, notify)
        if Benchmark.IMPORT in benchmarks:
            yield from importing.measure(conn, rows, file_rows, write_rounds, notify)
        if Benchmark.NIGHTLY in benchmarks:
            yield from nightly.measure(conn, rows, write_rounds, notify)
        if Benchmark.MARKING in benchmarks:
            yield from marking.measure(conn, rows, write_rounds, notify)


def main(
    server: Annotated[ServerName, typer.Option(help="The embedded 18, or Debian's 15.")] = ServerName.PG18,
    rows: Annotated[
        list[int] | None, typer.Option(help="Certifications; may be given several times.")
    ] = None,
    only: Annotated[list[Benchmark] | None, typer.Option(help="Leave the others out.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure the nightly run, the lists under row-level security and over HTTP, the import and the portal.

    Each is timed in turns with the least that PostgreSQL could do it in; what counts is the ratio.
    """
    results: list[Result] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with SERVERS[server]() as running, Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)
        with connect(running.url) as conn:
            version = f"PostgreSQL {conn.info.parameter_status('server_version')}"
        for size in rows or [6_000, 600_000]:
            with running.new_database() as url:
                results += run(
                    url,
                    size,
                    lambda what: progress.update(task, description=what),
                    benchmarks=tuple(only or Benchmark),
                )
        if Benchmark.PAGES in (only or Benchmark):
            results += pages.measure(
                running, max(rows or [600_000]), BURSTS, lambda what: progress.update(task, description=what)
            )
        if Benchmark.DELIVERY in (only or Benchmark):
            with running.new_database() as url:
                results += delivery.measure(
                    url, DELIVERIES, WRITE_ROUNDS, lambda what: progress.update(task, description=what)
                )
    if json:
        typer.echo(report.as_json(version, results))
    else:
        console = Console()
        # In a pipe Rich would take 80 columns, and break every word.
        console = console if console.is_terminal else Console(width=150)
        report.as_table(version, results, console)


if __name__ == "__main__":
    typer.run(main)
