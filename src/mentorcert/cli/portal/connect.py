"""`mentorcert portal connect`: records how an organisation's portal is reached."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from mentorcert.cli.output import console
from mentorcert.db.connection import connect as connect_database
from mentorcert.portal.config import configuration
from mentorcert.portal.monitoring import expiry
from mentorcert.portal.sync import connecting
from mentorcert.portal.sync.connecting import Connected
from mentorcert.portal.sync.connections import contract_version

_SHOWN = 20


def connect(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The connection's TOML file.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    other_portal: Annotated[
        bool,
        typer.Option("--other-portal", help="The organisation has changed its portal: start over with it."),
    ] = False,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Do not ask the portal: it does not exist yet.")
    ] = False,
) -> None:
    """Ask the portal, and record how it is reached; a new connection captures and sends nothing.

    What the portal shows already is noted, so that who must not be listed is removed first.
    """
    of = configuration.load(file)
    with connect_database(autocommit=True) as conn:
        done = connecting.connect(conn, of, reason, is_other_portal=other_portal, probe=not no_probe)
        expiry.note(conn, [of])
    console.print(
        f"The portal of {of.organisation} is reached by {of.target.adapter}, contract {contract_version(of)}."
    )
    _print(done)


def _print(done: Connected) -> None:
    if done.is_new and done.learned is None:
        console.print("What it shows was not read: until it is, everybody counts as shown.")
    elif done.learned is not None:
        console.print(
            f"It lists {done.learned.listed} of our peer mentors, and {done.learned.unknown} others."
        )
    if done.unaddressable:
        few = ", ".join(map(escape, done.unaddressable[:_SHOWN]))
        console.print(
            f"{len(done.unaddressable)} numbers hold characters that its key cannot; these peer mentors are"
            f" not sent until they have others: {few}{' …' if len(done.unaddressable) > _SHOWN else ''}",
            soft_wrap=True,
        )
