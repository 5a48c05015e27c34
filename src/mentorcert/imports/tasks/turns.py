"""Who reads a file next, where one process does the tasks of several databases."""

import threading
from collections import deque
from types import TracebackType
from typing import Self

from mentorcert.imports.parsing import CancelledParsingError


class Turn:
    """Comes when those before it have ended; its block ends it, whether it has come or not."""

    def __init__(self, turns: "Turns") -> None:
        self._turns, self._event = turns, threading.Event()
        self._is_given_up = False

    def wait(self) -> None:
        """Wait for it; raises CancelledParsingError where it is given up."""
        self._event.wait()
        if self._is_given_up:
            raise CancelledParsingError

    def come(self) -> None:
        """Let it begin."""
        self._event.set()

    def give_up(self) -> None:
        """Wait no longer."""
        self._is_given_up = True
        self._event.set()

    def __enter__(self) -> Self:
        """Nothing: it comes when it comes."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let the next one begin."""
        self._turns.end(self)


class Turns:
    """One at a time, first come, first served: each database waits with one task at most, so none is passed over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Turn] = deque()

    def next(self) -> Turn:
        """Return a turn after all that were asked for before."""
        turn = Turn(self)
        with self._lock:
            self._waiting.append(turn)
            self._waiting[0].come()
        return turn

    def end(self, turn: Turn) -> None:
        """End a turn, whether it has come or not."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
            if self._waiting:
                self._waiting[0].come()


class Lanes:
    """Turns of small files and of all others: a small one waits for no large one."""

    def __init__(self) -> None:
        self._small, self._any = Turns(), Turns()

    def of(self, most_bytes: int | None) -> Turns:
        """Return the turns of those who take files of at most this size."""
        return self._any if most_bytes is None else self._small
