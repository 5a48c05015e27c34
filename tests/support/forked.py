"""The command `mentorcert` in a process that is forked from one which has imported the packages of others."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

# They take most of a start; what they do while they are imported depends on no environment and no terminal.
_IMPORTED: Final = [
    "aiosql",
    "authlib.integrations.httpx_client",
    "fastapi",
    "httpx2",
    "jinja2",
    "jwt",
    "mentorcert.settings",
    "psycopg_pool",
    "rich.markdown",
    "rich.progress",
    "rich.table",
    "sqlparse",
    "typer.main",
    "uvicorn",
]


@cache
def _context() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def run(
    arguments: list[str], environment: Mapping[str, str], deadline_s: float
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, or kill it at the deadline."""
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _context().Process(
            target=_become, args=(arguments, dict(environment), Path.cwd(), [Path(os.devnull), *said])
        )
        process.start()
        try:
            process.join(deadline_s)
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(arguments, deadline_s)
            return subprocess.CompletedProcess(
                ["mentorcert", *arguments], process.exitcode, *(file.read_text("utf-8") for file in said)
            )
        finally:
            process.kill()
            process.join(deadline_s)
            process.close()


def _become(arguments: list[str], environment: dict[str, str], folder: Path, files: list[Path]) -> None:
    """Be what `python -m mentorcert` is."""
    for descriptor, file in enumerate(files):
        opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 # for the whole process
        for descriptor, mode in enumerate(("r", "w", "w"))
    )
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["mentorcert", *arguments]
    from mentorcert.cli import app  # noqa: PLC0415 # its consoles look at the environment and the streams

    try:
        app(prog_name="mentorcert")
    except Exception:  # noqa: BLE001 # as Python does with what nobody catches
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
