"""`mentorcert portal worker`: sends to the portals until stopped."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from mentorcert.cli.service import do_each, say, serve_each, service, working
from mentorcert.cli.signals import StopEvent, stop_event
from mentorcert.db.connection import async_pool, database_url
from mentorcert.db.databases import Database, configured
from mentorcert.errors import OtherPortalError
from mentorcert.operations import journal, journal_places
from mentorcert.operations.alerting import alerting, channels
from mentorcert.operations.journal_places import Place
from mentorcert.portal.monitoring.watch import HealthCache, HealthMetrics, watching
from mentorcert.portal.reconciliation.comparison import Comparisons
from mentorcert.portal.reconciliation.reconciler import LAG_S, Reconciler
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
    lag: Annotated[
        float, typer.Option(min=0, help="Seconds that a portal's list may lag behind what it confirmed.")
    ] = LAG_S,
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
    stop, databases = stop_event(), configured(settings())
    connections = Connections.read_each(connection, [one.name for one in databases])
    served = [
        Served(
            one,
            connections[one.name],
            WorkerSettings(batch=batch, concurrency=concurrency, lease_s=lease),
            lag_s=0 if once else lag,
        )
        for one in databases
    ]
    by_name = {one.database.name: one for one in served}
    with service("portal worker"):
        if once:
            do_each(databases, "mentorcert_portal", lambda one: by_name[one.name].work(stop, once=True))
            return
        with working(
            databases,
            (metrics_host, metrics_port),
            lambda one: HealthMetrics(by_name[one.name].health_cache),
            lambda one: by_name[one.name].errors,
        ):
            serve_each(databases, "mentorcert_portal", lambda one: by_name[one.name].serve(stop), stop)


class Served:
    """A database whose portals are sent to, by an event loop and a pool of its own."""

    def __init__(
        self, database: Database, connections: Connections, worker_settings: WorkerSettings, *, lag_s: float
    ) -> None:
        self.database, self.health_cache = database, HealthCache(database.connect)
        self._connections, self._settings, self._lag_s = connections, worker_settings, lag_s
        self._place = journal_places.from_settings(database.settings)
        self._channels = channels(database.settings)

    def errors(self) -> list[str]:
        """Return the codes of what is wrong."""
        return self.health_cache.read().errors

    def serve(self, stop: StopEvent) -> None:
        """Send, watch and inform until `stop` is set."""
        connect = self.database.connect
        with (
            watching(self.health_cache, connect, self._connections.configurations),
            alerting(self._channels, connect),
            journal.keeping(self._place, connect),
        ):
            self.work(stop, once=False)

    def work(self, stop: StopEvent, *, once: bool) -> None:
        """Send until `stop` is set, or once; raises OtherPortalError where a file names another portal."""
        if not once:
            say(self.database, "Sending to the portals; stop with Ctrl-C.")
        processed, misdirected = asyncio.run(
            _work(
                self.database,
                self._connections,
                self._settings,
                self._place,
                stop,
                lag_s=self._lag_s,
                once=once,
            )
        )
        say(self.database, f"Done: {processed} states were processed.")
        _refuse(misdirected)


def _refuse(misdirected: set[str]) -> None:
    if misdirected:
        raise OtherPortalError(
            f"Nothing was sent of {', '.join(sorted(misdirected))}: the file names another portal than the recorded one.",
            hint="Give the file that was connected; if the portal has changed, connect with --other-portal.",
        )


async def _work(
    database: Database,
    connections: Connections,
    worker_settings: WorkerSettings,
    place: Place | None,
    stop_event: StopEvent,
    *,
    lag_s: float,
    once: bool,
) -> tuple[int, set[str]]:
    with stop_event.followed() as stop:
        async with async_pool(database_url(database.settings)) as pool:
            serving = Worker(
                StateQueue(pool),
                connections,
                settings=worker_settings,
                before_removals=journal.Ahead(place, database.connect).write if place else None,
            )
            reconciler = Reconciler(Comparisons(pool), connections, lag_s=lag_s)
            maintenance = Maintenance(pool, connections)
            if once:
                await reconciler.run(stop, once=True)
                await maintenance.run(stop, once=True)
                return await serving.run(stop, once=True), serving.misdirected
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(reconciler.run(stop))
                tasks.create_task(maintenance.run(stop))
                return await serving.run(stop), serving.misdirected
