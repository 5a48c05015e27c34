"""What every process that runs until stopped has in common: its name in the log, traces, metrics."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Annotated

import psycopg
import typer
from prometheus_client.registry import Collector

from mentorcert import __version__, logs, loops, metrics, monitoring, systemd, traces
from mentorcert.access import least_rights
from mentorcert.access.least_rights import LoginRole
from mentorcert.cli.output import console
from mentorcert.db import migrate, readiness
from mentorcert.db.connection import Connection
from mentorcert.db.databases import Database
from mentorcert.errors import (
    DatabaseUnreachableError,
    MentorcertError,
    UnservedDatabaseError,
    from_postgres,
)
from mentorcert.monitoring import MetricsOfEach
from mentorcert.settings import settings

MetricsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port of /metrics; 0 takes any free port. Never public."),
]
MetricsHost = Annotated[str, typer.Option(help="Address of the metrics port.")]


@contextmanager
def service(name: str) -> Iterator[None]:
    """Name the process in its log and its metrics, and export its traces until the block ends."""
    logs.identify(name, __version__)
    metrics.BUILD.clear()
    metrics.BUILD.labels(__version__, name).set(1)
    with traces.exported(settings(), name, __version__):
        yield


@contextmanager
def working(
    databases: Sequence[Database],
    at: tuple[str, int | None],
    collector: Callable[[Database], Collector] | None = None,
    ready: Callable[[Database], Callable[[], Sequence[str]]] | None = None,
) -> Iterator[None]:
    """Say that the process does its work, to systemd and at the metrics port, until the block ends.

    `collector` and `ready` make what is shown of a database; by default it is asked whether it can be worked with.
    """
    host, port = at
    versions = migrate.versions()
    with (
        monitoring.served(
            host,
            port,
            [] if collector is None else [_of_each({one.name: collector(one) for one in databases})],
            {
                one.name: ready(one) if ready else partial(_troubles, one.connect, versions)
                for one in databases
            },
        ) as taken,
        systemd.running(),
    ):
        if taken is not None:
            console.print(f"Metrics at http://{host}:{taken}/metrics.")
        yield


def serve_each(
    databases: Sequence[Database],
    role: LoginRole,
    serve: Callable[[Database], object],
    stop: threading.Event,
) -> None:
    """Serve each database in a thread of its own until `stop` is set, so that none holds up another.

    A single one that cannot be served raises at once. Of several, one that is away, unmigrated or fails is logged and
    tried again; raises UnservedDatabaseError at the end for those that were not served then.
    """
    if not databases[0].name:
        require(databases[0], role)
        serve(databases[0])
        return
    unserved: dict[str, str] = {one.name: "not yet" for one in databases}

    def keep(database: Database, _: threading.Event) -> None:
        def work() -> float:
            try:
                require(database, role)
                unserved.pop(database.name, None)
                logs.event("database_served")
                serve(database)
            except Exception as error:
                unserved[database.name] = type(error).__name__
                raise
            return 0.0

        with logs.of_database(database.name):
            loops.run_forever(work, stop, failed="database_not_served", retry_s=loops.AWAY_S)

    with ExitStack() as running:
        for one in databases:
            running.enter_context(loops.in_threads(partial(keep, one)))
        stop.wait()
    if unserved:
        raise UnservedDatabaseError(
            "Not served: " + ", ".join(f"{name} ({why})" for name, why in sorted(unserved.items())) + ".",
            hint="The log says since when, as database_not_served.",
        )


def do_each(databases: Sequence[Database], role: LoginRole, do: Callable[[Database], object]) -> None:
    """Do something once for each database; of several, an error is printed, and raised when all have had their turn."""
    failed: list[str] = []
    for database in databases:
        try:
            with logs.of_database(database.name):
                require(database, role)
                do(database)
        except (MentorcertError, psycopg.Error) as error:
            if not database.name:
                raise
            known = from_postgres(error) if isinstance(error, psycopg.Error) else error
            console.print(f"{database.name}: {known}", markup=False)
            failed.append(database.name)
    if failed:
        raise UnservedDatabaseError(f"Not done: {', '.join(failed)}.")


def say(database: Database, what: str) -> None:
    """Print a line that says of which of several databases it is."""
    console.print(f"{database.name}: {what}" if database.name else what, markup=False)


def require(database: Database, role: LoginRole) -> None:
    """Raise a MentorcertError unless the database is migrated, and the connection one of the login role."""
    with database.connect() as conn:
        migrate.require_migrated(conn)
        least_rights.require_login(conn, role)


def _of_each(collectors: dict[str, Collector]) -> Collector:
    return collectors[""] if "" in collectors else MetricsOfEach(collectors)


def _troubles(connect: Callable[[], Connection], versions: list[str]) -> Sequence[str]:
    try:
        with connect() as conn:
            return readiness.troubles(conn, versions)
    except DatabaseUnreachableError:
        return ["database_unreachable"]
    except MentorcertError:
        return ["database_fails"]
