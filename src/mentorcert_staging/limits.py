"""Dataverse's service protection: how much one user may ask for in a sliding window."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil

from mentorcert_staging.odata import ODataError
from mentorcert_staging.options import ServiceLimits


class Protection:
    """Counts the requests of one user, and refuses what is beyond a limit."""

    def __init__(self, limits: ServiceLimits | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the limits, None for none, and a clock that returns seconds."""
        self._limits = limits
        self._clock = clock
        self._calls = deque[tuple[float, float]]()
        self._running = 0

    @contextmanager
    def admitted(self) -> Iterator[dict[str, str]]:
        """Lend the answer's headers while a request is served; raises ODataError, a 429, beyond a limit."""
        if self._limits is None:
            yield {}
            return
        began = self._clock()
        self._admit(self._limits, began)
        self._running += 1
        left = self._limits.requests - len(self._calls) - self._running
        try:
            yield {"x-ms-ratelimit-burst-remaining-xrm-requests": str(left)}
        finally:
            self._running -= 1
            self._calls.append((began, self._clock() - began))

    def _admit(self, limits: ServiceLimits, now: float) -> None:
        while self._calls and self._calls[0][0] <= now - limits.window_s:
            self._calls.popleft()
        if self._running >= limits.concurrent:
            message = f"Number of concurrent requests exceeded the limit of {limits.concurrent}."
            raise _refusal("0x80072326", message, 1)
        # The oldest call must leave the window first.
        wait_s = ceil(self._calls[0][0] + limits.window_s - now) if self._calls else 1
        window = f"over time window of {limits.window_s:g} seconds"
        if len(self._calls) + self._running >= limits.requests:
            message = f"Number of requests exceeded the limit of {limits.requests} {window}."
            raise _refusal("0x80072322", message, wait_s)
        if sum(took for _, took in self._calls) >= limits.execution_s:
            message = f"Combined execution time of incoming requests exceeded limit {window}."
            raise _refusal("0x80072321", message, wait_s)


def _refusal(code: str, message: str, wait_s: int) -> ODataError:
    return ODataError(429, message, code, {"retry-after": str(wait_s)})
