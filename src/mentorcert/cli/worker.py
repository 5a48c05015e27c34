"""`mentorcert worker`: what is due expires every night, and notices go out each morning."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from mentorcert.cli import notices
from mentorcert.cli.output import console
from mentorcert.db.connection import Connection, connect
from mentorcert.notices.sending import Sender
from mentorcert.operations import nightly as nights


def worker() -> None:
    """Do the nightly run whenever an organisation's day begins, until stopped (where pg_cron does not).

    Where a mail server is set, also send the notices at eight each morning.

    Any number of workers may run; the ledger says what is due, and the work is done once.
    """
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        # By a thread: the signal may come while this one holds the lock of the event.
        signal.signal(name, lambda *_: threading.Thread(target=stop.set).start())
    sender = notices.sender()
    console.print(
        f"Keeping watch{'' if sender else ', without a mail server for notices'}; stop with Ctrl-C."
    )
    with ThreadPoolExecutor(1) as threads:
        mornings = threads.submit(_send_mornings, sender, stop) if sender else None
        try:
            nights.keep_watch(_connect, stop)
        finally:
            stop.set()
    if mornings:
        mornings.result()


def _send_mornings(sender: Sender, stop: threading.Event) -> None:
    try:
        sender.keep_watch(_connect, stop)
    finally:
        # A watch that keeps nothing but half of it must not look like one.
        stop.set()


def _connect() -> Connection:
    return connect(autocommit=True)
