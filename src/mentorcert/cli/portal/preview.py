"""`mentorcert portal preview`: shows what would be sent."""

from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli.output import print_json
from mentorcert.db.connection import connect
from mentorcert.portal.config import configuration
from mentorcert.portal.sync import preview as sync_preview


def preview(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The connection's TOML file.")],
    *,
    mentor: Annotated[list[str], typer.Option(help="Number or id of a peer mentor; may be repeated.")],
) -> None:
    """Show the payloads about some peer mentors, as JSON: a dry run of the canary. Sends nothing.

    Each message of our own contract is checked against its schema.
    """
    with connect(autocommit=True) as conn:
        print_json(sync_preview.payloads(conn, configuration.load(file), mentor))
