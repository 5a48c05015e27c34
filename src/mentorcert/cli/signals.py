"""SIGTERM and Ctrl-C as an event, for commands that finish what they have begun."""

import asyncio
import signal
import threading
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> threading.Event:
    """Return an event that the signals set."""
    stop = threading.Event()
    for number in _SIGNALS:
        # By a thread: the signal may come while this one holds the lock of the event.
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop


def async_stop_event() -> asyncio.Event:
    """Return an event of the running loop that the signals set."""
    stop = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
