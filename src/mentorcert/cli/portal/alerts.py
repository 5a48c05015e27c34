"""`mentorcert portal alerts`, `acknowledge` and `heartbeat-url`: what stands, who sees to it, who would notice silence."""

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.errors import InvalidInputError
from mentorcert.operations import alerts as operations


def alerts(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the errors that people were informed of, and who sees to each."""
    with connect(autocommit=True) as conn:
        found = operations.standing(conn)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        seen_to = f"; {one.acknowledged_by}: {one.acknowledged_reason}" if one.acknowledged_by else ""
        whose = f"{one.organisation}: " if one.organisation else ""
        console.print(
            f"{one.began_at:%Y-%m-%d %H:%M} {whose}{one.code}: {one.what}{seen_to}",
            soft_wrap=True,
            markup=False,
        )
    if not found:
        console.print("No error stands.")


def acknowledge(
    code: Annotated[str, typer.Argument(help="Code of the alert, as in docs/portal/alerts.md.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it may stand, or what is done; it is recorded.")],
    organisation: Annotated[
        str | None, typer.Option(help="Slug of the organisation; none: an alert that concerns all.")
    ] = None,
) -> None:
    """Say that somebody sees to an error: people are informed of it again after a week, and of its end."""
    with connect(autocommit=True) as conn:
        operations.acknowledge(conn, organisation, code, reason, getpass.getuser())
    console.print(f"{code} is acknowledged for a week.")


def heartbeat_url(
    url: Annotated[
        str | None, typer.Argument(help="Set this address; it must answer with a success.")
    ] = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Call nothing any more.")] = False,
) -> None:
    """Show, set or clear the address that is called each minute while no error stands.

    Give it to a service that watches for silence: it notices, too, that every process of ours is dead.
    """
    if url is not None and clear:
        raise InvalidInputError("Give an address or --clear, not both.")
    with connect(autocommit=True) as conn:
        if url is not None or clear:
            operations.set_heartbeat(conn, url)
        found = operations.heartbeat_of(conn)
    if found is None:
        console.print("No heartbeat address is set.")
        return
    called = f"last answered {found.called_at:%Y-%m-%d %H:%M %Z}" if found.called_at else "not answered yet"
    fault = f"; now {found.error}" if found.error else ""
    console.print(f"{found.url}: {called}{fault}", soft_wrap=True, markup=False)
