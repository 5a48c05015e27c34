"""Reads a file in a process of its own, with a bound on memory and time, that can be ended while it reads.

Run as a module, it is that process: the file's name and content come on standard input, the table goes out on
standard output. It knows no database and no secret.
"""

import pickle
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from mentorcert.errors import MentorcertError
from mentorcert.imports import limits, tabular
from mentorcert.imports.encodings import UnreadableFileError
from mentorcert.imports.tabular import Table
from mentorcert.translatable import LazyText

_DIVIDE: Final = LazyText("Divide it into several files, or save the sheet as CSV.")
_ARGUMENTS: Final = ("-I", "-m", __name__)
_MINIMAL_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


def read(path: Path) -> Table:
    """Read a file, as `tabular.read` does, but within the bounds. Raises UnreadableFileError, OSError."""
    with path.open("rb") as file:
        return Parsing(path.name, file.read(limits.MAX_BYTES + 1)).read()


class Parsing:
    """One file being read; `cancel` ends that from another thread, before it begins or while it lasts."""

    def __init__(
        self, name: str, data: bytes, *, of_people: bool = False, seconds: float | None = None
    ) -> None:
        """Take a file, `of_people` as `tabular.parse` has it, and how long reading it may take, else PARSING_S."""
        self._name, self._data, self._of_people = name, data, of_people
        self._seconds = limits.PARSING_S if seconds is None else seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_cancelled = False

    def cancel(self) -> None:
        """End the process; `read` then raises CancelledParsingError."""
        with self._lock:
            self._is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def read(self) -> Table:
        """Return the table. Raises UnreadableFileError, CancelledParsingError."""
        with self._lock:
            if self._is_cancelled:
                raise CancelledParsingError
            bounds = str(limits.PARSING_MEMORY_BYTES), str(self._seconds)
            self._process = subprocess.Popen(
                [sys.executable, *_ARGUMENTS, *bounds],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may quote the file
                env=_MINIMAL_ENVIRONMENT,
            )
        with self._process as process:
            try:
                sent = pickle.dumps((self._name, self._data, self._of_people))
                answer, _ = process.communicate(sent, self._seconds)
            except subprocess.TimeoutExpired:
                raise self._too_much() from None
            finally:
                process.kill()
        if self._is_cancelled:
            raise CancelledParsingError
        if process.returncode != 0:
            raise self._too_much()
        read: Table | UnreadableFileError = pickle.loads(answer)  # noqa: S301 - of our own process
        if isinstance(read, UnreadableFileError):
            raise read
        return read

    def _too_much(self) -> UnreadableFileError:
        return UnreadableFileError(
            LazyText("{} takes more time or memory to read than a file may.", self._name), hint=_DIVIDE
        )


class CancelledParsingError(MentorcertError):
    """The file is not being read any more."""


def _main(memory_bytes: int, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(seconds) + 1)  # the process that started it may be gone
    name, data, of_people = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own process
    answer: Table | UnreadableFileError
    try:
        answer = tabular.parse(name, data, of_people=of_people)
    except UnreadableFileError as error:
        error.__traceback__ = error.__cause__ = error.__context__ = None
        answer = error
    pickle.dump(answer, sys.stdout.buffer)


if __name__ == "__main__":
    _main(int(sys.argv[1]), float(sys.argv[2]))
