"""What the commands print with: people read Rich text on stdout, programs JSON."""

import json
from typing import Any

import typer
from rich.console import Console

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document; dates and uuids as text."""
    typer.echo(json.dumps(value, default=str, ensure_ascii=False, indent=2))
