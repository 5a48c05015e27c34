"""`mentorcert worker`: runs the nightly run, and sends the notices each morning."""

import threading
from concurrent.futures import ThreadPoolExecutor

from mentorcert.cli import notices
from mentorcert.cli.output import console
from mentorcert.cli.signals import stop_event
from mentorcert.db.connection import Connection, connect
from mentorcert.notices.sending import Sender
from mentorcert.operations import nightly as nights


def worker() -> None:
    """Do the nightly run whenever an organisation's day begins, until stopped (instead of pg_cron).

    Also sends the notices at eight each morning, if a mail server is set.

    Any number of workers may run; the ledger says what is due, and each run is done once.
    """
    stop = stop_event()
    sender = notices.sender()
    console.print(f"Running{'' if sender else ', without a mail server for notices'}; stop with Ctrl-C.")
    with ThreadPoolExecutor(1) as threads:
        mornings = threads.submit(_send_mornings, sender, stop) if sender else None
        try:
            nights.run_forever(_connect, stop)
        finally:
            stop.set()
    if mornings:
        mornings.result()


def _send_mornings(sender: Sender, stop: threading.Event) -> None:
    try:
        sender.run_forever(_connect, stop)
    finally:
        # A worker that does only half of its work must not look healthy.
        stop.set()


def _connect() -> Connection:
    return connect(autocommit=True)
