"""`mentorcert audit access`: lists accesses to rows of organisations that were not the actor's."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from mentorcert.access import access_log, postgres_log, supabase_log
from mentorcert.access.access_log import Access, Coverage
from mentorcert.cli import instants
from mentorcert.cli.output import console, error_console, print_json, progress_bars
from mentorcert.db.connection import Connection, connect
from mentorcert.progress import Progress


def access(
    *,
    since: Annotated[
        str | None,
        typer.Option(help=instants.SINCE),
    ] = None,
    csvlog: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="PostgreSQL's csvlog, with log_statement = 'all' or pgaudit."
        ),
    ] = None,
    supabase_export: Annotated[
        Path | None,
        typer.Option(
            "--supabase-log", exists=True, dir_okay=False, help="Export of Supabase's API log: JSON or CSV."
        ),
    ] = None,
    attempts: Annotated[
        bool, typer.Option("--attempts", help="List as well what was asked for but not returned.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List every access to a row of an organisation that was not the actor's; exit code 1 if there is any.

    Without a file, by mentorcert_private.access_log, which our pages and API write. In the files, rows are known by
    the ids that requests name. Where a log does not show whether rows came back, that is `unknown`, and it
    counts; where it shows that none did, it was an attempt, and does not. No statement is ever printed.
    """
    begin = instants.since(since)
    coverage: dict[str, Coverage] = {}
    with progress_bars() as progress, connect(autocommit=True) as conn:
        if csvlog is None and supabase_export is None:
            found = access_log.logged(conn, begin)
        else:
            found = _from_files(conn, csvlog, supabase_export, begin, progress=progress, coverage=coverage)
    outside = [access for access in found if access.outcome != "none"]
    shown = found if attempts else outside
    if as_json:
        read = {file: asdict(covered) for file, covered in coverage.items()}
        print_json({"accesses": [asdict(access) for access in shown], "read": read})
    else:
        _print(shown)
        for file, covered in coverage.items():
            _print_coverage(file, covered)
        console.print(
            f"{len(outside)} accesses to rows of an organisation that was not the actor's, "
            f"{len(found) - len(outside)} attempts."
        )
    if outside:
        raise typer.Exit(1)


def _from_files(
    conn: Connection,
    csvlog: Path | None,
    supabase_export: Path | None,
    since: datetime | None,
    *,
    progress: Progress,
    coverage: dict[str, Coverage],
) -> list[Access]:
    found: list[Access] = []
    objects = access_log.objects(conn)
    for path, read in ((csvlog, postgres_log.read), (supabase_export, supabase_log.read)):
        if path is not None:
            covered = coverage[str(path)] = Coverage()
            found.extend(access_log.named(conn, read(path, objects, covered, progress=progress), since))
    return found


def _print(accesses: list[Access]) -> None:
    for access in accesses:
        console.print(
            f"{access.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z {access.user_id or 'anon'} "
            f"(member of {escape(', '.join(access.organisations)) or 'no organisation'}): "
            f"{escape(access.what)} {access.row_id or ''} of [bold]{escape(access.row_organisation)}[/bold], "
            f"came back: {access.outcome}, {escape(access.place)}",
            soft_wrap=True,
        )


def _print_coverage(file: str, covered: Coverage) -> None:
    console.print(f"{file}: {covered.records} records, {covered.requests} requests of users", soft_wrap=True)
    for is_so, notice in (
        (
            not covered.requests,
            "it has no request of a user; see docs/operations.md on the audit",
        ),
        (covered.without_parameters, "parameters were not logged, so ids in them are unknown"),
        (covered.is_cut_off, "the file ends within a record, which was not read"),
    ):
        if is_so:
            error_console.print(f"[yellow]notice:[/yellow] {file}: {notice}", soft_wrap=True)
