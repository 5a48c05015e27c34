"""`mentorcert portal`: the group, and who decides what is sent: `connect` and `mode`."""

from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli import (
    portal_receive,
    portal_reconcile,
    portal_replay,
    portal_stage,
    portal_status,
    portal_worker,
)
from mentorcert.cli.output import console
from mentorcert.db.connection import connect as connect_database
from mentorcert.portal import configuration, control, expiry
from mentorcert.portal.connections import contract_version
from mentorcert.portal.leases import Mode

commands = typer.Typer()

Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


@commands.command()
def connect(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The connection's TOML file.")],
    *,
    reason: Reason,
) -> None:
    """Note how an organisation's portal is reached. A new connection captures; nothing is sent."""
    of = configuration.load(file)
    version = contract_version(of)
    with connect_database(autocommit=True) as conn:
        control.connect(conn, of.organisation, of.target.adapter, version, reason)
        expiry.note(conn, [of])
    console.print(f"The portal of {of.organisation} is reached by {of.target.adapter}, contract {version}.")


@commands.command()
def mode(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    mode: Annotated[Mode, typer.Argument(help="capture, shadow, canary, live or paused.")],
    *,
    reason: Reason,
    mentor: Annotated[
        list[str] | None, typer.Option(help="Number or id of a canary's peer mentor; may be repeated.")
    ] = None,
) -> None:
    """Change what is sent; also lets a blocked connection try again.

    Capture: nothing. Shadow: messages are made and checked, not sent. Canary: of the named peer mentors only.
    Live: everything that the portal has not confirmed, removals first. Paused: nothing.
    """
    with connect_database(autocommit=True) as conn:
        canary = control.peer_mentors(conn, organisation, mentor or ())
        unconfirmed = control.set_mode(conn, organisation, mode, reason, canary)
    console.print(f"{organisation} is in {mode}; {unconfirmed} peer mentors are not confirmed by its portal.")


commands.command("worker")(portal_worker.worker)
commands.command("replay")(portal_replay.replay)
commands.command("reconcile")(portal_reconcile.reconcile)
commands.command("status")(portal_status.status)
commands.command("stage")(portal_stage.stage)
commands.command("receive")(portal_receive.receive)
commands.command("inbox")(portal_receive.show_inbox)
