"""Writes docs/performance.md and the figures that it shows, from what was measured."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from bench.measure import Result, Storage, aims, duration

TEMPLATE: Final = Path(__file__).with_suffix(".md.jinja")
DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "performance.md"
FIGURES: Final = DOCUMENT.with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured on one server on one day; `machine` says on what."""

    server: str
    day: str
    machine: str
    storage: Sequence[Storage]
    results: Sequence[Result]


def run_of_today(server: str, storage: Sequence[Storage], results: Sequence[Result]) -> Run:
    """Return the run that has just ended on this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, "
        f"Python {platform.python_version()}"
    )
    return Run(server, datetime.now(UTC).date().isoformat(), machine, storage, results)


def keep(run: Run, *, figures: Path = FIGURES, document: Path = DOCUMENT) -> None:
    """Put a run in the place of the earlier one on the same server, and write the document of all.

    Of what and at which sizes it has not measured, the earlier figures stay.
    """
    kept = read(figures) if figures.exists() else []
    measured = {(result.benchmark, result.rows) for result in run.results}
    for earlier in (one for one in kept if one.server == run.server):
        left = [result for result in earlier.results if (result.benchmark, result.rows) not in measured]
        days = {run.day, *(earlier.day.split(" and ") if left else ())}
        run = replace(
            run,
            day=" and ".join(sorted(days)),
            storage=list({size.rows: size for size in [*earlier.storage, *run.storage]}.values()),
            results=[*left, *run.results],
        )
    runs = [one for one in kept if one.server != run.server]
    runs = sorted([*runs, run], key=lambda one: one.server, reverse=True)
    figures.write_text(
        json.dumps([asdict(one) for one in runs], indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    document.write_text(render(runs), "utf-8")


def read(figures: Path = FIGURES) -> list[Run]:
    """Return the runs that were kept."""
    return [
        Run(
            **{
                **run,
                "storage": [Storage(**each) for each in run["storage"]],
                "results": [Result(**each) for each in run["results"]],
            }
        )
        for run in json.loads(figures.read_text("utf-8"))
    ]


def render(runs: Sequence[Run]) -> str:
    """Return the document."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - Markdown
    environment.globals.update(
        table=lambda *benchmarks: _table(runs, benchmarks), storage=lambda: _storage(runs), runs=runs
    )
    return environment.from_string(TEMPLATE.read_text("utf-8")).render()


def _table(runs: Sequence[Run], benchmarks: Sequence[str]) -> str:
    """Return the measurements as rows, and the servers and sizes side by side."""
    columns = [
        (run, rows)
        for run in runs
        for rows in sorted({result.rows for result in run.results if result.benchmark in benchmarks})
    ]
    found: dict[tuple[str, ...], dict[int, Result]] = {}
    for place, (run, rows) in enumerate(columns):
        for result in run.results:
            if result.benchmark in benchmarks and result.rows == rows:
                # How many are due follows the size, which stands above the column.
                key = (
                    result.benchmark,
                    "" if "due" in result.case else result.case,
                    result.what,
                    result.reference,
                )
                found.setdefault(key, {})[place] = result
    lines = [
        ["what", "against", "aim", *(f"{run.server}, {rows:,} rows" for run, rows in columns)],
        ["---"] * (len(columns) + 3),
    ]
    for (_, case, what, reference), results in found.items():
        result = next(iter(results.values()))
        cells = [_figure(results.get(place)) for place in range(len(columns))]
        lines.append([", ".join(filter(None, (case, what))), reference, _aim(result), *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _figure(result: Result | None) -> str:
    if result is None:
        return "–"
    missed = " **misses**" if result.misses_aim else ""
    return f"{duration(result.seconds)} = {result.ratio:.2f}{missed}"


def _aim(result: Result) -> str:
    return " or ".join(aims(result)) or "–"


def _storage(runs: Sequence[Run]) -> str:
    lines: list[list[Any]] = [
        ["server", "certifications", "table and indexes, bytes each", "whole database, bytes each"]
    ]
    lines.append(["---"] * 4)
    lines += [
        [
            run.server,
            f"{size.rows:,}",
            f"{size.table_bytes / size.rows:,.0f}",
            f"{size.database_bytes / size.rows:,.0f}",
        ]
        for run in runs
        for size in run.storage
    ]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)
