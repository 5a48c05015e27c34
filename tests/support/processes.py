"""Child processes and threads that end: each wait has a bound, and no child outlives its test."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psutil

# Generous: it is reached only by what hangs, also on a machine that is busy.
DEADLINE_S: Final = 120.0
# A command with much to do, such as the examples of a whole organisation.
COMMAND_DEADLINE_S: Final = 600.0


_CHILDREN: Final = set["Child"]()


class Child(subprocess.Popen[str]):
    """A process that speaks text; leaving its block ends it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _CHILDREN.add(self)

    def wait(self, timeout: float | None = DEADLINE_S) -> int:
        return super().wait(timeout)

    # The name is that of subprocess.
    def communicate(
        self,
        input: str | None = None,  # noqa: A002
        timeout: float | None = DEADLINE_S,
    ) -> tuple[str, str]:
        return super().communicate(input, timeout)

    def line(self, deadline_s: float = DEADLINE_S) -> str:
        """Return the next line that it prints; where none comes, it is killed and there is none."""
        assert self.stdout is not None
        bound = threading.Timer(deadline_s, self.kill)
        bound.daemon = True
        bound.start()
        try:
            return self.stdout.readline()
        finally:
            bound.cancel()

    def end(self) -> None:
        """Terminate it, read what it still says so that it can end, and kill it where it does not."""
        _CHILDREN.discard(self)
        self.terminate()
        try:
            self.communicate()
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()
        super().__exit__(exc_type, value, traceback)


class Thread(threading.Thread):
    """A thread that is joined within a bound, and that does not keep a process from ending."""

    def __init__(
        self, target: Any, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(target=target, args=args, kwargs=kwargs, daemon=True)

    def join(self, timeout: float | None = DEADLINE_S) -> None:
        super().join(timeout)
        assert not self.is_alive(), f"{self} does not end"


def stop(pid: int, by: signal.Signals = signal.SIGTERM) -> None:
    """End a process that was started elsewhere by a signal, and kill it where that does not."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(by)
        _, alive = psutil.wait_procs([process], DEADLINE_S)
        for one in alive:
            one.kill()


@contextmanager
def none_left() -> Iterator[None]:
    """End those that were started in the block and still run at its end."""
    before = set(_CHILDREN)
    try:
        yield
    finally:
        for child in _CHILDREN - before:
            child.end()


def start(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | None = None,
    **popen: Any,
) -> Child:
    """Start a process whose output can be read."""
    return Child(
        command,
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    check: bool = True,
    deadline_s: float = COMMAND_DEADLINE_S,
    **popen: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end, or kill it at the deadline; where `check`, its failure fails the test."""
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd,
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=deadline_s,
        **popen,
    )
    assert not check or done.returncode == 0, f"{os.fspath(command[0])}:\n{done.stdout}\n{done.stderr}"
    return done
