"""What the commands print with: people read Rich text on stdout, programs JSON."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import typer
from rich import progress as rich_progress
from rich.console import Console

from mentorcert.progress import Progress

# What is piped has no edge at which a table would have to cut a name.
_PIPED_WIDTH: Final = 1000
_IN_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")

console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
error_console = Console(stderr=True, highlight=False)


def as_json(value: Any) -> str:
    """Return one JSON document; instants in UTC (RFC 3339, by Z), days and uuids as text."""
    return json.dumps(_with_instants(value), default=str, ensure_ascii=False, indent=2)


def _with_instants(value: Any) -> Any:
    """Return the value with every instant in one form, also those that the database wrote."""
    match value:
        case datetime():
            return _with_instants(value.astimezone(UTC).isoformat())
        case str() if _IN_UTC.fullmatch(value):
            return value.replace("+00:00", "Z")
        case dict():
            return {name: _with_instants(one) for name, one in value.items()}
        case list() | tuple():
            return [_with_instants(one) for one in value]
        case _:
            return value


def print_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(as_json(value))


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Lend a function of step, done and total that shows a bar for each step, if stderr is a terminal."""
    bars = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
        console=error_console,
        disable=not error_console.is_terminal,
    )
    tasks: dict[str, rich_progress.TaskID] = {}

    def show(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step)
        bars.update(tasks[step], completed=done, total=total)

    with bars:
        yield show
