"""Prints the results, for people as tables and for programs as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench.measure import Result, aims, duration


def as_table(version: str, results: Sequence[Result], console: Console) -> None:
    """Print one table; a ratio that misses its aim is red."""
    table = Table(title=version)
    for heading in ("what", "rows", "case"):
        table.add_column(heading)
    for heading in ("took", "least", "by hand", "ratio", "aim"):
        table.add_column(heading, justify="right")
    table.add_column("against")
    previous = ""
    for result in results:
        if previous != result.benchmark:
            table.add_section()
        previous = result.benchmark
        style = "red" if result.misses_aim else "green" if aims(result) else ""
        table.add_row(
            result.what,
            f"{result.rows:,}",
            result.case,
            duration(result.seconds),
            duration(result.least_s),
            duration(result.reference_s),
            f"[{style}]{result.ratio:.2f}[/]" if style else f"{result.ratio:.2f}",
            " or ".join(aims(result)),
            " · ".join(filter(None, (result.reference, result.note))),
        )
    console.print(table)


def as_json(version: str, results: Sequence[Result]) -> str:
    """Return one JSON document; durations in seconds."""
    rows = [{**asdict(result), "ratio": result.ratio} for result in results]
    return json.dumps({"server": version, "results": rows}, indent=2, ensure_ascii=False)
