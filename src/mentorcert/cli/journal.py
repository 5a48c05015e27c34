"""`mentorcert journal`: keeps erasures and withdrawals outside the database."""

from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.db.connection import connect
from mentorcert.errors import SettingError
from mentorcert.operations import journal, journal_places
from mentorcert.settings import settings


def write(
    *,
    end: Annotated[bool, typer.Option("--end", help="No journal is kept any more: nothing is late.")] = False,
    reason: Annotated[str, typer.Option(help="Why it ends; it is logged.")] = "",
) -> None:
    """Write into the journal (MENTORCERT_JOURNAL) what it lacks; a process that has the setting does so each minute.

    The journal has erasures, withdrawn consents and ended memberships of administrators, as keyed hashes;
    `mentorcert restored` repeats them after a restore. Exit code 1 if it could not be written.
    """
    with connect(autocommit=True) as conn:
        if end:
            journal.end(conn, reason)
            console.print("No journal is kept any more.")
            return
        place = journal_places.from_settings(settings())
        if place is None:
            raise SettingError(
                "MENTORCERT_JOURNAL is not set.", hint="Name a file on another disk, or an object's address."
            )
        written = journal.write(conn, place)
    console.print(f"{written} lines were written.")
