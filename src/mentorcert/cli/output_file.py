"""Where a command's `--output` goes: a file that is replaced whole, a pipe or device, standard output."""

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from mentorcert.cli.output import error_console
from mentorcert.errors import InvalidInputError

STANDARD_OUTPUT: Final = Path("-")

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        help="File to write, readable to you only, replaced if it exists; - is standard output.",
        dir_okay=False,
        allow_dash=True,
    ),
]


def write_output(content: bytes, output: Path) -> None:
    """Write what a command has made to where `--output` points. Raises InvalidInputError.

    A regular file is replaced whole or not at all, where a link points to; into anything else it is written.
    """
    if output == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        _write(content, output)
    except OSError as error:
        raise InvalidInputError(
            f"{output} cannot be written: {error.strerror}.", hint="Name another place with --output."
        ) from error
    error_console.print(f"written: {escape(str(output))}", soft_wrap=True)


def _write(content: bytes, output: Path) -> None:
    try:
        is_regular = stat.S_ISREG(output.stat().st_mode)
    except FileNotFoundError:
        is_regular = True
    if not is_regular:
        with output.open("wb") as file:
            file.write(content)
        return
    target = output.resolve()  # a link stays, and what it points to is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(target.parent))
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
