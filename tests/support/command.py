"""Runs the command `mentorcert` as its users do: as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol


class Mentorcert(Protocol):
    """Runs `mentorcert` with arguments on the test's database."""

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]: ...


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Return the environment of a process that works on one database; Rich prints without colour."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MENTORCERT_")}
    return {**inherited, "DATABASE_URL": database_url, "NO_COLOR": "1", "COLUMNS": "200", **settings}


def start(*arguments: str | Path, database_url: str, **settings: str) -> subprocess.Popen[str]:
    """Start the command and return at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "mentorcert", *arguments],
        env=environment(database_url, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str | Path, database_url: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, whatever its exit code."""
    process = start(*arguments, database_url=database_url, **settings)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
