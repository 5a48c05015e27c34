"""`mentorcert history`: reads a history, lifts histories, moves them to the events table."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.certifications import history_storage, repository
from mentorcert.certifications.history import Entry, JobActor, State, dump
from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import Connection, connect
from mentorcert.progress import Progress

commands = typer.Typer(no_args_is_help=True, help="Read and maintain renewal histories.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@commands.command()
def show(
    certification: Annotated[UUID, typer.Argument(help="Id of the certification.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the whole history of a certification, wherever it is kept."""
    with connect(autocommit=True) as conn:
        repository.get(conn, certification)
        entries = [entry for entry in repository.history_of(conn, certification) if isinstance(entry, Entry)]
    if as_json:
        print_json([dump(entry) for entry in entries])
        return
    table = Table("recorded", "kind", "by", "holds from", "change", "note")
    for entry in entries:
        by = entry.actor.job if isinstance(entry.actor, JobActor) else entry.actor.role
        table.add_row(
            _time(entry.recorded_at),
            entry.kind,
            escape(by),
            _time(entry.effective_at),
            escape(_change(entry.before, entry.after)),
            escape(entry.note or ""),
        )
    console.print(table)


@commands.command()
def upgrade(*, dry_run: DryRun = False) -> None:
    """Lift every history entry to the current version; may be interrupted and called again."""
    with _work() as (conn, progress):
        if dry_run:
            console.print(f"{history_storage.outdated(conn)} histories would be lifted.")
        else:
            console.print(f"{history_storage.upgrade(conn, progress=progress)} histories were lifted.")


@commands.command("to-events")
def to_events(*, dry_run: DryRun = False) -> None:
    """Move histories to a table of one row per entry, once JSONB becomes limiting; may be interrupted.

    Copies in batches, verifies count and content of each certification, and only then switches. From then on
    the certification keeps its newest 50 entries, and the table all of them. There is no way back.
    """
    with _work() as (conn, progress):
        mode, certifications, entries = history_storage.size(conn)
        if dry_run:
            done = "is done already" if mode == "events" else "would move"
            console.print(f"{done}: {entries} entries of {certifications} certifications")
            return
        copied = history_storage.move_to_events(conn, progress=progress)
    console.print(f"{copied} entries were copied and verified; the events table is the home of histories.")


@contextmanager
def _work() -> Iterator[tuple[Connection, Progress]]:
    with progress_bars() as progress, connect(autocommit=True) as conn:
        yield conn, progress


def _change(before: State | None, after: State) -> str:
    return "\n".join(
        f"{field}: {_text(getattr(before, field))} → {_text(getattr(after, field))}"
        if before and field in before.model_fields_set
        else f"{field}: {_text(getattr(after, field))}"
        for field in sorted(after.model_fields_set)
    )


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return _time(value)
    return "–" if value is None else str(value)


def _time(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}Z"
