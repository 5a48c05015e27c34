"""`mentorcert portal replay`: sends states to the portal again."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.instants import instant
from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.cli.signals import stop_event
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
        str | None, typer.Option(help="Only those changed or attempted since an instant (ISO 8601).")
    ] = None,
    error_class: Annotated[
        str | None,
        typer.Option(help="Only those whose latest attempt failed with this error, such as rejected."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "replay",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Peer mentors per second; by default all at once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send states again, confirmed ones included; the worker sends them.

    May be stopped with Ctrl-C; the same command then resumes.
    """
    changed_since = instant("--since", since)
    with connect(autocommit=True) as conn:
        id_ = control.organisation_id(conn, organisation)
        ids = control.peer_mentors(conn, organisation, mentor or ())
        selection = replays.Selection(tuple(ids), changed_since, error_class)
        if dry_run:
            _print(replays.differences(conn, id_, selection), as_json=as_json)
            return
        stop = stop_event()
        step = None
        with progress_bars() as progress:
            for step in replays.replay(conn, id_, selection, reason=reason, rate=rate, stop=stop):
                progress("mark", step.marked, max(step.total, step.marked))
    if step is not None and as_json:
        print_json(asdict(step))
    elif step is not None and step.is_finished:
        console.print(f"{step.marked} peer mentors will be sent again.")
    elif step is not None:
        console.print(f"Stopped after {step.marked} of {step.total}; the same command resumes from there.")


def _print(differences: list[replays.Difference], *, as_json: bool) -> None:
    if as_json:
        print_json([{**asdict(one), "changes": one.changes()} for one in differences])
        return
    table = Table("peer mentor", "confirmed version", "field", "confirmed", "would be sent")
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
    console.print(f"{len(differences)} peer mentors would be sent again.")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
