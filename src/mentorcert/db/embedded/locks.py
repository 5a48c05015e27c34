"""Locks of one cluster, held on files in its home; the kernel drops them when a process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mentorcert.errors import EmbeddedPostgresError

SHARED: Final = fcntl.LOCK_SH
EXCLUSIVE: Final = fcntl.LOCK_EX

_LONGEST_WAIT_S: Final = 120.0
_PAUSE_S: Final = 0.02


def open_lock(path: Path) -> int:
    """Open the file of a lock; returns its descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def take(lock: int, kind: int) -> bool:
    """Take a lock that is free; False where it is not."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for(lock: int, kind: int, path: Path) -> None:
    """Take a lock as soon as it is free; raises EmbeddedPostgresError where that takes too long."""
    deadline = time.monotonic() + _LONGEST_WAIT_S
    # The system call that waits knows no bound.
    while not take(lock, kind):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"Another process has held {path} for {_LONGEST_WAIT_S:.0f} seconds.",
                hint=f"`fuser {path}` names it: a start or stop of the embedded PostgreSQL that hangs.",
            )
        time.sleep(_PAUSE_S)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open the file of a lock for the block, whose end drops what was taken in it."""
    lock = open_lock(path)
    try:
        yield lock
    finally:
        os.close(lock)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock alone for the block."""
    with opened(path) as lock:
        wait_for(lock, EXCLUSIVE, path)
        yield
