"""SIGTERM and Ctrl-C as an event, for commands that finish what they have begun."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final


class StopEvent(threading.Event):
    """An event of threads that loops of asyncio can await."""

    def __init__(self) -> None:
        super().__init__()
        self._lock, self._followers = threading.Lock(), list[Callable[[], object]]()

    def set(self) -> None:
        """Set it, and those that follow."""
        with self._lock:
            super().set()
            followers = [*self._followers]
        for follow in followers:
            follow()

    @contextmanager
    def followed(self) -> Iterator[asyncio.Event]:
        """Yield an event of the running loop that is set with this one."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def follow() -> None:
            # The loop may have ended a moment ago.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

        with self._lock:
            self._followers.append(follow)
            if self.is_set():
                event.set()
        try:
            yield event
        finally:
            with self._lock:
                self._followers.remove(follow)


_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> StopEvent:
    """Return an event that the signals set."""
    stop = StopEvent()
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
