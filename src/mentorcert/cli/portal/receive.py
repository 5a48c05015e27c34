"""`mentorcert portal receive` and `mentorcert portal inbox`: messages from the portal."""

import socket
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert import http_server, monitoring
from mentorcert.cli.output import console, print_json
from mentorcert.cli.service import MetricsHost, MetricsPort, require, service
from mentorcert.db.connection import connect, database_url, pool
from mentorcert.db.databases import Database
from mentorcert.errors import InvalidInputError, PortalConfigurationError
from mentorcert.operations import journal, journal_places
from mentorcert.operations.alerting import alerting, channels
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.inbound import inbox, receiver
from mentorcert.portal.model import UNSETTLED
from mentorcert.portal.monitoring.watch import HealthCache, HealthMetrics, watching
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
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free port.")] = 8091,
    host: Annotated[
        str, typer.Option(help="Address to listen at; TLS is terminated in front of it.")
    ] = "127.0.0.1",
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Receive the portal's webhooks until stopped: each is stored, answered, then processed.

    Beside the webhooks that port has /healthz alone; /metrics and /readyz have a port of their own.

    Any number of receivers may run; each message is stored once and processed once.
    """
    known = Connections.read(connection)
    connections = _inbound(known)
    url = database_url(settings())
    open_connection = partial(connect, url, autocommit=True)
    require(Database("", settings()), "mentorcert_receiver")
    health_cache = HealthCache(open_connection)
    wake, stop = threading.Event(), threading.Event()
    with (
        service("portal receive"),
        pool(url) as connection_pool,
        socket.create_server((host, port)) as listener,
        watching(health_cache, open_connection, known.configurations),
        monitoring.served(
            metrics_host,
            metrics_port,
            [HealthMetrics(health_cache)],
            {"": lambda: health_cache.read().errors},
        ) as metrics_at,
        alerting(channels(settings()), open_connection),
        journal.keeping(journal_places.from_settings(settings()), open_connection),
    ):
        # Else an answer waits 40 ms for an acknowledgement: asyncio sets this only on sockets of its own.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = receiver.application(connections, partial(connection_pool.connection, _STORE_TIMEOUT_S), wake)
        work = threading.Thread(
            target=inbox.run_forever,
            args=(open_connection, connections, wake, stop),
        )
        work.start()
        try:
            if metrics_at is not None:
                console.print(f"Metrics at http://{metrics_host}:{metrics_at}/metrics.")
            at = listener.getsockname()[1]
            console.print(
                f"Listening at http://{host}:{at}/webhooks/dynamics/ORGANISATION; stop with Ctrl-C."
            )
            http_server.Server(http_server.config(app, lifespan="off")).run(sockets=[listener])
        finally:
            stop.set()
            wake.set()
            work.join()


def show_inbox(
    *,
    unknown: Annotated[bool, typer.Option("--unknown", help="Only messages that match no rule.")] = False,
    rework: Annotated[
        bool,
        typer.Option("--rework", help="First process again what is unknown, failed or waits for a person."),
    ] = False,
    connection: Annotated[
        list[Path] | None,
        typer.Option("--connection", dir_okay=False, help="File of a connection, for --rework."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the messages by state, and list those that need attention.

    Exit code 1 if any does. Bodies are not shown: they may hold personal data.
    """
    if rework and not connection:
        raise InvalidInputError(
            "--rework needs the rules of a connection.", hint="Name the file with --connection FILE."
        )
    with connect(autocommit=True) as conn:
        if rework:
            connections = _inbound(Connections.read(connection or []))
            inbox.rework(conn, connections)
            inbox.work(conn, connections)
        counts = inbox.counts(conn)
        entries = inbox.listing(conn, ("unknown",) if unknown else UNSETTLED, _SHOWN)
    if as_json:
        print_json({"counts": [asdict(one) for one in counts], "messages": [asdict(one) for one in entries]})
    else:
        _print(counts, entries)
    if entries:
        raise typer.Exit(1)


def _print(counts: list[inbox.Count], entries: list[inbox.Entry]) -> None:
    table = Table("organisation", "state", "messages", "duplicates", "oldest", title="Inbox")
    for count in counts:
        table.add_row(
            count.organisation,
            count.state,
            str(count.messages),
            str(count.duplicates),
            f"{count.oldest:%Y-%m-%d %H:%M}",
        )
    console.print(table if counts else "There are no messages yet.")
    if not entries:
        return
    details = Table(
        "id", "organisation", "received", "state", "entity", "message", "why", title="Needs attention"
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
    if missing := {one.organisation for one in connections.configurations} - inbound.keys():
        raise PortalConfigurationError(
            f"The file of {min(missing)} has no [inbound].",
            hint="Add the table to receive messages from the portal.",
        )
    return inbound
