"""Runs the command `mentorcert` as its users do: as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from tests.support import processes


class Mentorcert(Protocol):
    """Runs `mentorcert` with arguments on the test's database."""

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]: ...


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Return the environment of a process that works on one database; Rich prints without colour."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MENTORCERT_")}
    return {**inherited, "DATABASE_URL": database_url, "NO_COLOR": "1", "COLUMNS": "200", **settings}


def start(*arguments: str | Path, database_url: str, **settings: str) -> processes.Child:
    """Start the command and return at once."""
    return processes.start(
        sys.executable, "-m", "mentorcert", *arguments, env=environment(database_url, **settings)
    )


def run(*arguments: str | Path, database_url: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, whatever its exit code."""
    return processes.run(
        *(sys.executable, "-m", "mentorcert", *arguments),
        env=environment(database_url, **settings),
        check=False,
    )
