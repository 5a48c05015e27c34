"""`mentorcert tasks`: does the imports and exports that administrators ask for in the pages."""

import signal
import threading
from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.db.connection import Connection, connect, database_url
from mentorcert.imports.tasks import runner
from mentorcert.settings import settings

commands = typer.Typer(no_args_is_help=True, help="Do the imports and exports that the pages ask for.")


@commands.command()
def work(
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what waits now, and end.")] = False,
) -> None:
    """Do each import and export that is asked for, until stopped; needs the rights of the tables' owner.

    Any number of processes may run, and each task is done by one. On SIGTERM what is being done is undone,
    and left for the next process.
    """
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        # By a thread: the signal may come while this one holds the lock of the event.
        signal.signal(name, lambda *_: threading.Thread(target=stop.set).start())
    url = database_url(settings())

    def open_connection() -> Connection:
        return connect(url, autocommit=True)

    if not once:
        console.print("Waiting for tasks; stop with Ctrl-C.")
        runner.keep_working(open_connection, stop)
        return
    done = 0
    with open_connection() as conn:
        runner.tidy(conn)
        while not stop.is_set() and runner.work_one(conn, open_connection, stop):
            done += 1
    console.print(f"{done} tasks were done.")
