"""Runs the command `mentorcert` as its users do: as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from tests.support import forked, processes


class Mentorcert(Protocol):
    """Runs `mentorcert` with arguments on the test's database."""

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]: ...


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Return the environment of a process that works on one database; Rich prints without colour."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MENTORCERT_")}
    return {**inherited, "DATABASE_URL": database_url, "NO_COLOR": "1", "COLUMNS": "200", **settings}


def start(
    *arguments: str | Path, database_url: str, module: str = "mentorcert", **settings: str
) -> processes.Child:
    """Start the command, or that of another module, and return at once."""
    return processes.start(
        sys.executable, "-m", module, *arguments, env=environment(database_url, **settings)
    )


def run(
    *arguments: str | Path, database_url: str, module: str = "mentorcert", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, whatever its exit code."""
    return processes.run(
        *(sys.executable, "-m", module, *arguments),
        env=environment(database_url, **settings),
        check=False,
    )


def run_forked(
    *arguments: str | Path, database_url: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run it as `run` does, where not how it starts is the subject, but what it does."""
    return forked.run(
        [*map(str, arguments)], environment(database_url, **settings), processes.COMMAND_DEADLINE_S
    )
