"""`mentorcert migrate`: brings the database to this version's schema."""

from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli.output import console, print_json
from mentorcert.db import migrate as migrations
from mentorcert.db.connection import connect


def migrate(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files; by default those of this package.", exists=True, file_okay=False
        ),
    ] = None,
) -> None:
    """Apply the migrations that the database lacks, each in a transaction of its own."""
    known = migrations.read(folder)
    applied: list[dict[str, object]] = []
    pending: list[migrations.Migration] = []
    with connect(autocommit=True) as conn:
        if dry_run:
            pending = migrations.pending(conn, known)
        else:
            for step in migrations.migrate(conn, known):
                file = step.migration.path.name
                applied.append({"file": file, "seconds": round(step.seconds, 3)})
                if not as_json:
                    console.print(f"applied {file}  [dim]{step.seconds:.2f} s[/dim]", soft_wrap=True)
    if as_json:
        print_json({"applied": applied, "pending": [migration.path.name for migration in pending]})
        return
    for migration in pending:
        console.print(f"would apply {migration.path.name}", soft_wrap=True)
    if not applied and not pending:
        console.print(f"The database is up to date: all {len(known)} migrations are applied.")
