"""The services that all requests of a process share."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg_pool import ConnectionPool

from mentorcert.db.connection import Connection, pool
from mentorcert.errors import BusyError
from mentorcert.web.configuration import Configuration
from mentorcert.web.security.gotrue import GoTrue
from mentorcert.web.security.rate_limiter import RateLimiter
from mentorcert.web.security.tokens import Verifier

_CONNECTIONS: Final = 10
_LONGEST_WAIT_S: Final = 5.0


class ConnectionLimiter:
    """Limits concurrent requests to the number of connections."""

    def __init__(self, number: int = _CONNECTIONS) -> None:
        self._free = asyncio.Semaphore(number)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait for a free connection; raises BusyError after five seconds."""
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True, slots=True)
class Services:
    """The configuration, the connections to the database, and the verifier of tokens."""

    configuration: Configuration
    pool: ConnectionPool[Connection]
    verifier: Verifier
    gotrue: GoTrue | None
    rate_limiter: RateLimiter
    limiter: ConnectionLimiter


@contextmanager
def services(configuration: Configuration) -> Iterator[Services]:
    """Open the services, and close them at the end of the block."""
    auth = configuration.auth
    with ExitStack() as stack:
        yield Services(
            configuration,
            stack.enter_context(pool(configuration.database_url, max_size=_CONNECTIONS)),
            Verifier(auth),
            stack.enter_context(closing(GoTrue(auth))) if auth.url else None,
            RateLimiter(),
            ConnectionLimiter(),
        )
