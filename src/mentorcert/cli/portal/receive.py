"""`mentorcert portal receive` and `mentorcert portal inbox`: what the portal tells us."""

import socket
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect, database_url, pool
from mentorcert.errors import InvalidInputError, PortalConfigurationError
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.inbound import inbox, receiver
from mentorcert.portal.monitoring import endpoints
from mentorcert.portal.monitoring.watch import watched
from mentorcert.portal.sync.connections import Connections
from mentorcert.settings import settings

_SHOWN = 50
_STORE_TIMEOUT_S = 10.0

Files = Annotated[
    list[Path],
    typer.Option(
        "--connection", dir_okay=False, help="File of a connection with [inbound]; may be repeated."
    ),
]


def receive(
    *,
    connection: Files,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")] = 8091,
    host: Annotated[str, typer.Option(help="Address to listen at; TLS ends before it.")] = "127.0.0.1",
) -> None:
    """Take the portal's webhooks: store each, answer, then work it; until stopped.

    At the same port it answers /healthz, /readyz and /metrics: keep those from the world outside.

    Any number of them may run; each message is stored once and worked once.
    """
    known = Connections.read(connection)
    connections = _inbound(known)
    url = database_url(settings())
    open_connection = partial(connect, url, autocommit=True)
    wake, stop = threading.Event(), threading.Event()
    with (
        pool(url) as lent,
        socket.create_server((host, port)) as listener,
        watched(open_connection, known.configurations) as monitor,
    ):
        # Else an answer waits 40 ms for an acknowledgement: asyncio asks for it only of sockets of its own.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = receiver.application(connections, partial(lent.connection, _STORE_TIMEOUT_S), wake)
        app.include_router(endpoints.router(monitor))
        work = threading.Thread(
            target=inbox.keep_working,
            args=(open_connection, connections, wake, stop),
        )
        work.start()
        try:
            at = listener.getsockname()[1]
            console.print(
                f"Listening at http://{host}:{at}/webhooks/dynamics/ORGANISATION; stop with Ctrl-C."
            )
            # A query may hold the secret, so no line is written of a request.
            config = uvicorn.Config(
                app, access_log=False, log_config=None, lifespan="off", ws="none", server_header=False
            )
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            stop.set()
            wake.set()
            work.join()


def show_inbox(
    *,
    unknown: Annotated[bool, typer.Option("--unknown", help="Only what no rule fits.")] = False,
    rework: Annotated[
        bool, typer.Option("--rework", help="First work again what is unknown, failed or waits for a person.")
    ] = False,
    connection: Annotated[
        list[Path] | None,
        typer.Option("--connection", dir_okay=False, help="File of a connection, for --rework."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how many messages are in which state, and those that want somebody's attention.

    Exit code 1 where any does. No body is shown: it may hold personal data.
    """
    if rework and not connection:
        raise InvalidInputError("--rework needs the rules.", hint="Name the file with --connection FILE.")
    with connect(autocommit=True) as conn:
        if rework:
            connections = _inbound(Connections.read(connection or []))
            inbox.rework(conn, connections)
            inbox.work(conn, connections)
        counts = inbox.counts(conn)
        entries = inbox.listing(conn, ("unknown",) if unknown else inbox.WANTING, _SHOWN)
    if as_json:
        print_json({"counts": [asdict(one) for one in counts], "messages": [asdict(one) for one in entries]})
    else:
        _print(counts, entries)
    if entries:
        raise typer.Exit(1)


def _print(counts: list[inbox.Count], entries: list[inbox.Entry]) -> None:
    table = Table("organisation", "state", "messages", "came again", "oldest", title="Inbox")
    for count in counts:
        table.add_row(
            count.organisation,
            count.state,
            str(count.messages),
            str(count.duplicates),
            f"{count.oldest:%Y-%m-%d %H:%M}",
        )
    console.print(table if counts else "No message has come yet.")
    if not entries:
        return
    details = Table(
        "id", "organisation", "received", "state", "entity", "message", "why", title="Wants attention"
    )
    for one in entries:
        details.add_row(
            str(one.id),
            one.organisation,
            f"{one.received_at:%Y-%m-%d %H:%M}",
            one.state,
            escape(one.entity or ""),
            escape(one.message or ""),
            escape(one.reason or ""),
        )
    console.print(details)


def _inbound(connections: Connections) -> dict[str, Inbound]:
    inbound = connections.inbound
    if silent := {one.organisation for one in connections.configurations} - inbound.keys():
        raise PortalConfigurationError(
            f"The file of {min(silent)} says nothing of messages from the portal.",
            hint="Add [inbound] to it.",
        )
    return inbound
