"""`mentorcert portal worker`: tells the portals, until stopped."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.db.connection import async_pool, connect, database_url
from mentorcert.portal.monitoring.endpoints import served
from mentorcert.portal.monitoring.watch import watched
from mentorcert.portal.reconciliation.comparison import Comparisons
from mentorcert.portal.reconciliation.reconciler import Reconciler
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.maintenance import Chores
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker
from mentorcert.settings import settings


def worker(
    *,
    connection: Annotated[
        list[Path],
        typer.Option("--connection", dir_okay=False, help="File of a connection; may be repeated."),
    ],
    once: Annotated[bool, typer.Option("--once", help="End when nothing more is due.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=52, help="Calls at once to each portal.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Rows claimed at a time.")] = 64,
    lease: Annotated[float, typer.Option(min=2, help="Seconds for which a claim holds.")] = 60.0,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Serve /metrics, /readyz and /healthz; 0 takes any free port."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address at which they are served.")] = "127.0.0.1",
) -> None:
    """Tell the portals what they have not confirmed, removals first, until stopped.

    Each hour, and at night, what they show is compared with what they should; see `reconcile`.

    Any number of workers may run, on any number of machines. On SIGTERM what is being sent is finished, and
    the rest is given back.
    """
    connections = Connections.read(connection)
    pace = WorkerSettings(batch=batch, concurrency=concurrency, lease_s=lease)
    with ExitStack() as around:
        if not once:
            url = database_url(settings())
            monitor = around.enter_context(
                watched(lambda: connect(url, autocommit=True), connections.configurations)
            )
            if metrics_port is not None:
                at = around.enter_context(served(monitor, metrics_host, metrics_port))
                console.print(f"Metrics at http://{metrics_host}:{at}/metrics.")
        dealt_with = asyncio.run(_work(connections, pace, once=once))
    console.print(f"Done: {dealt_with} states were dealt with.")


async def _work(connections: Connections, pace: WorkerSettings, *, once: bool) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    if not once:
        console.print("Telling the portals; stop with Ctrl-C.")
    async with async_pool() as pool:
        serving = Worker(
            StateQueue(pool), open_portal=connections.open, rehearse=connections.rehearse, pace=pace
        )
        reconciler = Reconciler(Comparisons(pool), connections)
        chores = Chores(pool, connections)
        if once:
            await reconciler.run_due(stop)
            await chores.run(stop, once=True)
            return await serving.run(stop, once=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reconciler.keep(stop))
            tasks.create_task(chores.run(stop))
            return await serving.run(stop)
