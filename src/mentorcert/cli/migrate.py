"""`mentorcert migrate`: brings the database to this version's schema."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from mentorcert.cli.output import console, print_json
from mentorcert.db import migrate as migrations
from mentorcert.db.connection import connect
from mentorcert.db.preflight import Finding
from mentorcert.settings import settings

_STATES: Final = {
    "free": "free",
    "ours": "ours",
    "fits": "kept and used as it is",
    "in_the_way": "in the way",
}


def migrate(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    harden_database: Annotated[
        bool,
        typer.Option(
            "--harden-database",
            help="Take from PUBLIC the right to make temporary objects, in the whole database.",
        ),
    ] = False,
    lock_wait: Annotated[
        float,
        typer.Option(
            min=0,
            help="For how many seconds to try a file again while another session holds a table that it needs.",
        ),
    ] = migrations.PATIENCE_S,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files; by default those of this package.", exists=True, file_okay=False
        ),
    ] = None,
) -> None:
    """Apply the migrations that the database lacks, each in a transaction of its own (but what builds indexes in use).

    Before anything is written, every name that they make or replace is looked up: what is somebody else's
    already is never replaced. A function get_user_organisation_id() that returns a uuid is kept and used.
    """
    known = migrations.read(folder)
    applied: list[dict[str, object]] = []
    with connect(autocommit=True) as conn:
        pending = migrations.pending(conn, known)
        names = migrations.examine(conn, known) if pending else []
        if not as_json:
            _print_names(names, in_full=dry_run)
        if not dry_run:
            for step in migrations.migrate(conn, known, patience_s=lock_wait):
                file = step.migration.path.name
                applied.append({"file": file, "seconds": round(step.seconds, 3)})
                if not as_json:
                    console.print(f"applied {file}  [dim]{step.seconds:.2f} s[/dim]", soft_wrap=True)
            # The embedded database is nobody else's.
            if harden_database or settings().database_url is None:
                migrations.harden(conn)
    files = [migration.path.name for migration in pending] if dry_run else []
    if as_json:
        print_json({"applied": applied, "pending": files, "names": [asdict(found) for found in names]})
    else:
        for file in files:
            console.print(f"would apply {file}", soft_wrap=True)
        if not applied and not files:
            console.print(f"The database is up to date: all {len(known)} migrations are applied.")
    # Otherwise the migration itself has refused, in its turn: meanwhile another process may have made the names.
    if dry_run and any(found.state == "in_the_way" for found in names):
        raise typer.Exit(1)


def _print_names(names: list[Finding], *, in_full: bool) -> None:
    counted = Counter[str](found.state for found in names)
    if in_full and names:
        words = ", ".join(f"{counted[state]} {word}" for state, word in _STATES.items() if counted[state])
        console.print(f"names: {words}", soft_wrap=True)
    for found in names:
        if found.state == "fits" or (found.state == "in_the_way" and in_full):
            line = f"{_STATES[found.state]}: {found.kind} {found.name} ({found.reason})"
            console.print(line, markup=False, soft_wrap=True)
