"""The one loop of every background job: work, wait, and work again until stopped; an error is tried again."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import MentorcertError

LONGEST_WAIT_S: Final = 300.0


def run_forever(
    work: Callable[[], float],
    stop: threading.Event,
    *,
    failed: str,
    retry_s: float,
    wake: threading.Event | None = None,
) -> None:
    """Call `work` until `stop` is set; in between wait for the seconds it returns, or until `wake` is set.

    A MentorcertError or psycopg.Error is logged as the event `failed`, and tried again after `retry_s`.
    """
    while not stop.is_set():
        try:
            with mapped_errors():
                wait_s = work()
        except MentorcertError as error:
            wait_s = retry_s
            logs.event(failed, level=logging.ERROR, error=error, seconds=wait_s)
        (wake or stop).wait(wait_s)


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
    """Await `work` every `every_s` seconds until `stop` is set, or once; errors are logged as above."""
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
