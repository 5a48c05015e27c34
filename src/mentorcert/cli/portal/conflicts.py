"""`mentorcert portal conflicts`, `decide` and `release`: what waits for a person after a restore."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.errors import InvalidInputError, MentorcertError
from mentorcert.portal.reconciliation import restores
from mentorcert.portal.sync.connections import Connections

_MEANING = {
    "newer": "newer there",
    "other": "the same version with other content",
    "gone": "no longer there",
    "unknown": "nobody of ours",
}


def conflicts(
    organisation: Annotated[str | None, typer.Argument(help="Slug of the organisation.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what portals hold newer than the registry; exit code 1 if there is anything.

    Until somebody decides, nobody of these is shown again. Compare with the portal's page and the organisation.
    """
    with connect(autocommit=True) as conn:
        found = restores.differences(conn, organisation)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            there = ", ".join(f"{name} {value}" for name, value in one.there.items()) or "nothing"
            who = one.number or one.external_id or str(one.peer_mentor_id)
            console.print(
                f"{one.id} {one.organisation} {who}: {_MEANING[one.kind]}; there {there}; "
                f"here {'listed' if one.is_listed else 'not listed'}",
                soft_wrap=True,
                markup=False,
            )
        if not found:
            console.print("No portal holds anything newer.")
    if found:
        raise typer.Exit(1)


def decide(
    ids: Annotated[list[UUID], typer.Argument(help="Ids, as listed by `mentorcert portal conflicts`.")],
    *,
    ours: Annotated[
        bool, typer.Option("--ours", help="The registry is right: send it above theirs.")
    ] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="The portal is right: withdraw the consent to the public list.")
    ] = False,
    reason: Annotated[str, typer.Option(help="How it was found out; it is recorded.")],
) -> None:
    """Decide about what a portal holds newer than the registry.

    Somebody who was erased there is erased here with `mentorcert person erase`, then decided with --ours.
    """
    if ours == withdraw:
        raise InvalidInputError("Say --ours or --withdraw.", hint="mentorcert portal decide --help")
    with connect(autocommit=True) as conn, conn.transaction():
        for id_ in ids:
            restores.decide(conn, id_, "ours" if ours else "withdrawn", reason)
    console.print(f"{len(ids)} decided; the worker sends them.")


def release(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    *,
    connection: Annotated[
        Path | None, typer.Option("--connection", dir_okay=False, help="File of the connection.")
    ] = None,
    unread: Annotated[
        bool,
        typer.Option(
            "--unread", help="The portal has no list that can be read; somebody has looked at its page."
        ),
    ] = False,
) -> None:
    """Ask a portal that did not answer after a restore, and end its hold."""
    if unread == (connection is not None):
        raise InvalidInputError(
            "Give --connection FILE, or --unread.", hint="mentorcert portal release --help"
        )
    connections = Connections.read([connection]) if connection else None
    with connect(autocommit=True) as conn:
        asked = restores.release(conn, connections, organisation)
    if not asked.is_released:
        raise MentorcertError(
            f"{organisation} stays on hold: {asked.reason}", hint="Try again when it answers."
        )
    waiting = asked.newer + asked.other + asked.gone + asked.unknown
    console.print(
        f"{organisation} is released; {waiting} wait for a decision: mentorcert portal conflicts",
        soft_wrap=True,
    )
