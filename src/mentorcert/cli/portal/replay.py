"""`mentorcert portal replay`: has the portal told again."""

import json
import signal
import threading
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.instants import instant
from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import connect
from mentorcert.portal.sync import control
from mentorcert.portal.sync import replay as replays

_SHOWN = 50


def replay(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    *,
    mentor: Annotated[
        list[str] | None, typer.Option(help="Only this peer mentor (number or id); may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what was changed or tried since an instant (ISO 8601).")
    ] = None,
    error_class: Annotated[
        str | None, typer.Option(help="Only whose latest attempt failed like this, such as rejected.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "replay",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be told.")] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="At most so many a second; by default all at once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Have the portal told again, also of what it has confirmed; the worker does the telling.

    May be stopped with Ctrl-C; the same command then goes on where it was.
    """
    changed_since = instant("--since", since)
    with connect(autocommit=True) as conn:
        id_ = control.organisation_id(conn, organisation)
        ids = control.peer_mentors(conn, organisation, mentor or ())
        selection = replays.Selection(tuple(ids), changed_since, error_class)
        if dry_run:
            _print(replays.differences(conn, id_, selection), as_json=as_json)
            return
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            # By a thread: the signal may come while this one holds the lock of the event.
            signal.signal(name, lambda *_: threading.Thread(target=stop.set).start())
        step = None
        with progress_bars() as tell:
            for step in replays.replay(conn, id_, selection, reason=reason, rate=rate, stop=stop):
                tell("mark", step.marked, max(step.total, step.marked))
    if step is not None and as_json:
        print_json(asdict(step))
    elif step is not None and step.is_finished:
        console.print(f"{step.marked} peer mentors will be told again.")
    elif step is not None:
        console.print(f"Stopped after {step.marked} of {step.total}; the same command goes on from there.")


def _print(differences: list[replays.Difference], *, as_json: bool) -> None:
    if as_json:
        print_json([{**asdict(one), "changes": one.changes()} for one in differences])
        return
    table = Table("peer mentor", "confirmed version", "field", "confirmed", "would be told")
    for one in differences[:_SHOWN]:
        for field, (confirmed, desired) in (one.changes() or {"(nothing)": ("", "")}).items():
            table.add_row(
                escape(one.peer_mentor),
                "" if one.confirmed_version is None else str(one.confirmed_version),
                field,
                escape(_text(confirmed)),
                escape(_text(desired)),
            )
    if differences:
        console.print(table)
    if (hidden := len(differences) - _SHOWN) > 0:
        console.print(f"and {hidden} more (all of them with --json)")
    console.print(f"{len(differences)} peer mentors would be told again.")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
