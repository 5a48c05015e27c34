"""`mentorcert portal connect`: notes how an organisation's portal is reached."""

from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.db.connection import connect as connect_database
from mentorcert.portal.config import configuration
from mentorcert.portal.monitoring import expiry
from mentorcert.portal.sync import control
from mentorcert.portal.sync.connections import contract_version


def connect(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The connection's TOML file.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
) -> None:
    """Note how an organisation's portal is reached. A new connection captures; nothing is sent."""
    of = configuration.load(file)
    version = contract_version(of)
    with connect_database(autocommit=True) as conn:
        control.connect(conn, of.organisation, of.target.adapter, version, reason)
        expiry.note(conn, [of])
    console.print(f"The portal of {of.organisation} is reached by {of.target.adapter}, contract {version}.")
