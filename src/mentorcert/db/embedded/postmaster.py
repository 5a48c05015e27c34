"""The server on a data folder, by the facts that it writes there."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from psycopg.conninfo import make_conninfo

_STOP_S: Final = 60.0
_PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server that runs or starts; `facts` are the lines of its postmaster.pid."""

    process: psutil.Process
    facts: list[str]

    @property
    def is_ready(self) -> bool:
        """Whether it takes connections."""
        return len(self.facts) > 7 and self.facts[7].strip() == "ready"  # noqa: PLR2004

    @property
    def url(self) -> str:
        """The connection string of its first database, as superuser."""
        return make_conninfo(host=self.facts[4], port=self.facts[3], user="postgres", dbname="postgres")


def running(data: Path) -> Postmaster | None:
    """Return the server on these data, also one that still starts, but no other program of its number."""
    with suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess, psutil.AccessDenied):
        facts = os.fsdecode(_file(data).read_bytes()).splitlines()
        process = psutil.Process(int(facts[0]))
        if process.name().startswith("postgres") and str(data) in process.cmdline():
            return Postmaster(process, facts)
    return None


def stop(data: Path) -> None:
    """End the server on these data, should one run, with its sessions, and wait for its end."""
    for name in (signal.SIGINT, signal.SIGQUIT):
        server = running(data)
        if server is None:
            return
        with suppress(psutil.NoSuchProcess):
            server.process.send_signal(name)
        deadline = time.monotonic() + _STOP_S
        while running(data) is not None and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)


def forget_stranger(data: Path) -> None:
    """Drop the number of a server that ended with its machine, where another program has it now."""
    # Of a number that nobody has, and of other servers, PostgreSQL itself makes sure.
    with suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        if not psutil.Process(int(_file(data).read_bytes().split()[0])).name().startswith("postgres"):
            _file(data).unlink()


def _file(data: Path) -> Path:
    return data / "postmaster.pid"
