"""`mentorcert portal mode`: decides what is sent."""

from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.db.connection import connect
from mentorcert.portal.sync import control
from mentorcert.portal.sync.state_queue import Mode


def mode(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    mode: Annotated[Mode, typer.Argument(help="capture, shadow, canary, live or paused.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    mentor: Annotated[
        list[str] | None, typer.Option(help="Number or id of a canary's peer mentor; may be repeated.")
    ] = None,
) -> None:
    """Change what is sent; also lets a blocked connection try again.

    Capture: nothing. Shadow: messages are made and checked, not sent. Canary: of the named peer mentors only.
    Live: everything that the portal has not confirmed, removals first. Paused: nothing.
    """
    with connect(autocommit=True) as conn:
        canary = control.peer_mentors(conn, organisation, mentor or ())
        unconfirmed = control.set_mode(conn, organisation, mode, reason, canary)
    console.print(f"{organisation} is in {mode}; {unconfirmed} peer mentors are not confirmed by its portal.")
