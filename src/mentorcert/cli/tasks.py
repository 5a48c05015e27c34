"""`mentorcert tasks`: does the imports and exports that administrators ask for in the pages."""

import threading
from functools import partial
from typing import Annotated

import typer

from mentorcert.cli.service import MetricsHost, MetricsPort, do_each, say, serve_each, service, working
from mentorcert.cli.signals import stop_event
from mentorcert.db.databases import Database, configured
from mentorcert.imports.tasks import runner
from mentorcert.imports.tasks.turns import Lanes
from mentorcert.settings import settings

commands = typer.Typer(no_args_is_help=True, help="Do the imports and exports that the pages ask for.")


@commands.command()
def work(
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what waits now, and end.")] = False,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Do each import and export that is asked for, until stopped; connects as mentorcert_tasks.

    Any number of processes may run, and each task is done by one, of one database or several.
    On SIGTERM what is being done is undone, and left for the next process.
    """
    stop, databases, lanes = stop_event(), configured(settings()), Lanes()
    if once:
        do_each(databases, "mentorcert_tasks", partial(_work_once, stop))
        return
    with service("tasks"), working(databases, (metrics_host, metrics_port)):
        serve_each(databases, "mentorcert_tasks", partial(_keep_working, stop, lanes), stop)


def _keep_working(stop: threading.Event, lanes: Lanes, database: Database) -> None:
    say(database, "Waiting for tasks; stop with Ctrl-C.")
    runner.run_forever(database.connect, stop, lanes=lanes)


def _work_once(stop: threading.Event, database: Database) -> None:
    done = 0
    with database.connect() as conn:
        runner.tidy(conn)
        while not stop.is_set() and runner.work_one(conn, database.connect, stop):
            done += 1
    say(database, f"{done} tasks were done.")
