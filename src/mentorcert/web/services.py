"""What all requests of one process share."""

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
    """Lets no more requests go on at once than there are connections."""

    def __init__(self, number: int = _CONNECTIONS) -> None:
        self._free = asyncio.Semaphore(number)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Take a turn; raises BusyError where none comes in time."""
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
    """The configuration, connections to the database, and who says who somebody is."""

    configuration: Configuration
    pool: ConnectionPool[Connection]
    verifier: Verifier
    gotrue: GoTrue | None
    attempts: RateLimiter
    limiter: ConnectionLimiter


@contextmanager
def services(configuration: Configuration) -> Iterator[Services]:
    """Open them, and close them again."""
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
