"""`mentorcert portal worker`: sends to the portals until stopped."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.cli.signals import async_stop_event
from mentorcert.db.connection import async_pool, connect, database_url
from mentorcert.portal.monitoring.endpoints import served
from mentorcert.portal.monitoring.watch import watching
from mentorcert.portal.reconciliation.comparison import Comparisons
from mentorcert.portal.reconciliation.reconciler import Reconciler
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.maintenance import Maintenance
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker
from mentorcert.settings import settings


def worker(
    *,
    connection: Annotated[
        list[Path],
        typer.Option("--connection", dir_okay=False, help="File of a connection; may be repeated."),
    ],
    once: Annotated[bool, typer.Option("--once", help="End when nothing is due.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=52, help="Concurrent calls to each portal.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Rows per claim.")] = 64,
    lease: Annotated[float, typer.Option(min=2, help="Seconds that a claim lasts.")] = 60.0,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of /metrics, /readyz and /healthz; 0 takes any free port."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address of the metrics port.")] = "127.0.0.1",
) -> None:
    """Send what the portals have not confirmed, removals first, until stopped.

    Each hour, and at night, the portals are reconciled; see `reconcile`.

    Any number of workers may run, on any number of machines. On SIGTERM calls in progress are finished, and
    other claims are released.
    """
    connections = Connections.read(connection)
    worker_settings = WorkerSettings(batch=batch, concurrency=concurrency, lease_s=lease)
    with ExitStack() as around:
        if not once:
            url = database_url(settings())
            health_cache = around.enter_context(
                watching(lambda: connect(url, autocommit=True), connections.configurations)
            )
            if metrics_port is not None:
                at = around.enter_context(served(health_cache, metrics_host, metrics_port))
                console.print(f"Metrics at http://{metrics_host}:{at}/metrics.")
        processed = asyncio.run(_work(connections, worker_settings, once=once))
    console.print(f"Done: {processed} states were processed.")


async def _work(connections: Connections, worker_settings: WorkerSettings, *, once: bool) -> int:
    stop = async_stop_event()
    if not once:
        console.print("Sending to the portals; stop with Ctrl-C.")
    async with async_pool() as pool:
        serving = Worker(
            StateQueue(pool),
            connections,
            settings=worker_settings,
        )
        reconciler = Reconciler(Comparisons(pool), connections)
        maintenance = Maintenance(pool, connections)
        if once:
            await reconciler.run(stop, once=True)
            await maintenance.run(stop, once=True)
            return await serving.run(stop, once=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reconciler.run(stop))
            tasks.create_task(maintenance.run(stop))
            return await serving.run(stop)
