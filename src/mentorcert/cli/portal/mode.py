"""`mentorcert portal mode`: sets what is sent."""

from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.db.connection import connect
from mentorcert.portal.model import Mode
from mentorcert.portal.sync import control


def mode(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    mode: Annotated[Mode, typer.Argument(help="capture, canary, live or paused.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    mentor: Annotated[
        list[str] | None, typer.Option(help="Number or id of a peer mentor of the canary; may be repeated.")
    ] = None,
) -> None:
    """Set what is sent; everything that waits is tried at once.

    Capture: nothing. Canary: named peer mentors only. Live: everything the portal has not confirmed,
    removals first. Paused: nothing for a while. Somebody whom the portal shows in error is an alarm in each.
    """
    with connect(autocommit=True) as conn:
        canary = control.peer_mentors(conn, organisation, mentor or ())
        unconfirmed = control.set_mode(conn, organisation, mode, reason, canary)
    console.print(f"{organisation} is in {mode}; {unconfirmed} peer mentors are not confirmed by its portal.")
