"""How long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """Called with the step, how much of it is done, and of how much."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Report one step."""


def silent(step: str, done: int, total: int) -> None:
    """Report nothing."""
