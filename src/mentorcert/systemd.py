"""What a process says to systemd, as sd_notify(3) has it; without systemd nothing."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mentorcert.settings import variable


def notify(state: str) -> None:
    """Send a state such as `READY=1`, if systemd listens; that it does not take it is no error of ours."""
    address = variable("NOTIFY_SOCKET")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        channel.sendall(state.encode())


def watchdog_s() -> float | None:
    """Return within how many seconds systemd wants to hear of this process; None: it does not."""
    wanted, pid = variable("WATCHDOG_USEC"), variable("WATCHDOG_PID")
    if not wanted.isdecimal() or pid not in {"", str(os.getpid())}:
        return None
    return int(wanted) / 1e6 or None


@contextmanager
def running() -> Iterator[None]:
    """Say that the process works, and that it still lives until the block ends; it notices a frozen process only."""
    ended = threading.Event()
    interval_s = watchdog_s()

    def live() -> None:
        while interval_s and not ended.wait(interval_s / 3):
            notify("WATCHDOG=1")

    thread = threading.Thread(target=live)
    thread.start()
    notify("READY=1")
    try:
        yield
    finally:
        notify("STOPPING=1")
        ended.set()
        thread.join()
