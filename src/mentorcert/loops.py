"""The one loop of every background job: work, wait, and work again until stopped; an error is tried again."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from datetime import datetime
from typing import Any, Final, Self

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import DatabaseUnreachableError, MentorcertError, ReadOnlyServerError

LONGEST_WAIT_S: Final = 300.0
AWAY_S: Final = 10.0

# A server that was the primary until now may still be reached, and takes no changes.
_AWAY: Final = (DatabaseUnreachableError, ReadOnlyServerError)


def run_forever(
    work: Callable[[], float],
    stop: threading.Event,
    *,
    failed: str,
    retry_s: float,
    wake: threading.Event | None = None,
) -> None:
    """Call `work` until `stop` is set; in between wait for the seconds it returns, or until `wake` is set.

    Any error is logged as the event `failed`, and tried again after `retry_s`; sooner where the database is away.
    """
    while not stop.is_set():
        try:
            with mapped_errors():
                wait_s = work()
        except Exception as error:  # noqa: BLE001 - in a thread, the end of the loop would be silent
            wait_s = min(retry_s, AWAY_S) if isinstance(error, _AWAY) else retry_s
            logs.event(failed, level=logging.ERROR, error=error, seconds=wait_s)
        (wake or stop).wait(wait_s)


def new_thread(job: Callable[..., object], *args: object, name: str | None = None) -> threading.Thread:
    """Return a thread, not started, whose log lines carry the same facts as those of who makes it."""
    return threading.Thread(target=copy_context().run, args=(job, *args), name=name)


@contextmanager
def in_threads(*jobs: Callable[[threading.Event], object]) -> Iterator[None]:
    """Run each job in a thread of its own until the block ends, which sets the event that each is given."""
    stop = threading.Event()
    threads = [new_thread(job, stop) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def run_when_due(
    connect: Callable[[], Connection],
    stop: threading.Event,
    *,
    next_run: Callable[[Connection], tuple[datetime, datetime | None]],
    run: Callable[[Connection], object],
    failed: str,
    still_due_s: float = 0.0,
) -> None:
    """Call `run` whenever it is due, until `stop` is set; `next_run` returns now and when it is due next.

    Looks again within LONGEST_WAIT_S; where a run leaves it still due, after `still_due_s`.
    """

    def work() -> float:
        with connect() as conn:
            now, next_at = next_run(conn)
            if next_at is not None and next_at <= now:
                run(conn)
                now, next_at = next_run(conn)
        if next_at is None:
            return LONGEST_WAIT_S
        return min((next_at - now).total_seconds(), LONGEST_WAIT_S) if next_at > now else still_due_s

    run_forever(work, stop, failed=failed, retry_s=LONGEST_WAIT_S)


async def run_forever_async(
    work: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    *,
    failed: str,
    every_s: float,
    once: bool = False,
) -> None:
    """Await `work` every `every_s` seconds until `stop` is set, or once.

    A MentorcertError or psycopg.Error is logged as the event `failed`; any other ends the process.
    """
    while not stop.is_set():
        try:
            with mapped_errors():
                await work()
        except MentorcertError as error:
            logs.event(failed, level=logging.ERROR, error=error, seconds=every_s)
        if once:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await stop.wait()


class OneAtATime:
    """Runs one task for each key at a time, and the tasks of different keys beside each other; its end waits for all."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[object]] = {}

    def start(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start it, unless an earlier one of the same key still runs; of one that has failed the error is raised."""
        earlier = self._tasks.get(key)
        if earlier is not None and earlier.done():
            earlier.result()
        if earlier is None or earlier.done():
            self._tasks[key] = asyncio.create_task(work())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._tasks.values())
