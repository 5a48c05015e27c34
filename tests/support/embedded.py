"""Processes that use an embedded server, as one user of the machine or another."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import Child, run, start

HOLD = """\
import json, signal, sys
from pathlib import Path
# Under nohup, children ignore it too.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from mentorcert.db import embedded
from mentorcert.errors import MentorcertError
try:
    said = {"url": embedded.start(Path(sys.argv[1]))}
except MentorcertError as error:
    said = {"error": f"{type(error).__name__}: {error}", "hint": error.hint}
print(json.dumps(said), flush=True)
sys.stdin.read()
"""
END_S = 180

as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run processes as other users")


@dataclass(frozen=True)
class Holder:
    """A process that uses the server until its stdin ends, or what kept it from that."""

    process: Child
    url: str
    error: str
    hint: str

    def let_go(self) -> None:
        self.process.communicate()


def as_user(name: str) -> dict[str, Any]:
    """Return what makes a child of root run as a user, with no group but its own."""
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def hold(home: Path, python: Path = Path(sys.executable), **popen: Any) -> Holder:
    """Start a process that holds the server of a home."""
    process = start(python, "-c", HOLD, home, stdin=subprocess.PIPE, **{"cwd": Path("/"), **popen})
    said = json.loads(process.line())
    return Holder(process, said.get("url", ""), said.get("error", ""), said.get("hint", ""))


def hold_as(user: str, home: Path, **popen: Any) -> Holder:
    """Start it as another user of the machine."""
    python, env = python_of(user)
    return hold(home, python, env=env, **as_user(user), **popen)


@contextmanager
def holding(home: Path) -> Iterator[Holder]:
    """Hold the server of a home for the block."""
    holder = hold(home)
    try:
        yield holder
    finally:
        holder.let_go()


def postmaster(home: Path) -> psutil.Process | None:
    """Return the server that runs there, None where none does."""
    file = home / "postgres" / "postmaster.pid"
    if not file.exists():
        return None
    pid = int(file.read_text().split()[0])
    return (
        psutil.Process(pid) if psutil.pid_exists(pid) and psutil.Process(pid).name() == "postgres" else None
    )


def running(home: Path) -> psutil.Process:
    server = postmaster(home)
    assert server is not None
    return server


def kill(home: Path) -> None:
    """Kill the server of a home, should one run, with all its processes, and wait for their end."""
    if (server := postmaster(home)) is not None:
        family = [server, *server.children()]
        server.send_signal(signal.SIGKILL)
        # The others notice by themselves, and hold the shared memory until then.
        psutil.wait_procs(family, END_S)


def python_of(user: str) -> tuple[Path, dict[str, str]]:
    """Return a Python that another user can run with these packages, and its environment."""
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
    probe = "import mentorcert.db.embedded.server, psycopg"
    for python in (Path(sys.executable), Path("/usr/bin/python3")):
        with suppress(OSError):
            done = run(python, "-c", probe, check=False, cwd=Path("/"), env=path, **as_user(user))
            if done.returncode == 0:
                return python, path
    pytest.skip(f"no Python with these packages that {user} can run")


def tidy(home: Path) -> None:
    """End what a test left running in a home, and remove what it has elsewhere."""
    kill(home)
    record = home / "postgres.socket"
    if record.is_symlink():
        shutil.rmtree(record.readlink(), ignore_errors=True)
