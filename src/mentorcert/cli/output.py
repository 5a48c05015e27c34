"""What the commands print with: people read Rich text on stdout, programs JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich import progress as rich_progress
from rich.console import Console

from mentorcert.progress import Progress

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


def as_json(value: Any) -> str:
    """Return one JSON document; dates and uuids as text."""
    return json.dumps(value, default=str, ensure_ascii=False, indent=2)


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
