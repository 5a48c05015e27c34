"""The services that all requests of a process share."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg_pool import ConnectionPool

from mentorcert import metrics
from mentorcert.access import least_rights
from mentorcert.certifications.counts import KeptCounts
from mentorcert.db.connection import pool
from mentorcert.db.pipeline import PipelineConnection
from mentorcert.errors import BusyError
from mentorcert.web.configuration import Configuration
from mentorcert.web.public_reads import PublicReads
from mentorcert.web.readiness import Readiness
from mentorcert.web.security.gotrue import GoTrue
from mentorcert.web.security.oidc import OidcClient
from mentorcert.web.security.rate_limiter import RateLimiter
from mentorcert.web.security.tokens import Verifier

_CONNECTIONS: Final = 10
_COUNTING_CONNECTIONS: Final = 2
_LONGEST_WAIT_S: Final = 5.0


class ConnectionLimiter:
    """Limits concurrent requests to the number of connections."""

    def __init__(self, number: int = _CONNECTIONS) -> None:
        self._free = asyncio.Semaphore(number)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait for a free connection; raises BusyError after five seconds."""
        try:
            with metrics.WAITING.track_inprogress():
                async with asyncio.timeout(_LONGEST_WAIT_S):
                    await self._free.acquire()
        except TimeoutError:
            metrics.REFUSED.inc()
            raise BusyError from None
        try:
            yield
        finally:
            self._free.release()

    @property
    def is_exhausted(self) -> bool:
        """Whether the next request has to wait."""
        return self._free.locked()


@dataclass(frozen=True, slots=True)
class Services:
    """The configuration, the connections to the database and to its standby, and the verifier of tokens, and what was counted."""

    configuration: Configuration
    pool: ConnectionPool[PipelineConnection]
    public: PublicReads
    verifier: Verifier
    gotrue: GoTrue | None
    oidc: OidcClient | None
    rate_limiter: RateLimiter
    limiter: ConnectionLimiter
    readiness: Readiness
    counts: KeptCounts

    @property
    def pools(self) -> dict[str, ConnectionPool[PipelineConnection]]:
        """The pools by the names that metrics give them."""
        standby = {"standby": self.public.standby} if self.public.standby else {}
        return {"pages": self.pool, "attempts": self.rate_limiter.pool, **standby}


@contextmanager
def services(configuration: Configuration) -> Iterator[Services]:
    """Open the services, and close them at the end of the block."""
    auth = configuration.auth
    with ExitStack() as stack:
        primary = stack.enter_context(pool(configuration.database_url, max_size=_CONNECTIONS))
        standby = configuration.read_url and stack.enter_context(
            pool(configuration.read_url, max_size=_CONNECTIONS, configure=least_rights.require)
        )
        yield Services(
            configuration,
            primary,
            PublicReads(primary, standby or None, configuration.read_lag_s),
            Verifier(auth, configuration.oidc_sessions if configuration.oidc else None),
            stack.enter_context(closing(GoTrue(auth))) if auth.url else None,
            OidcClient(configuration.oidc, configuration.oidc_redirect_uri) if configuration.oidc else None,
            RateLimiter(
                stack.enter_context(pool(configuration.database_url, max_size=_COUNTING_CONNECTIONS)),
                configuration.secret,
            ),
            ConnectionLimiter(),
            Readiness(primary),
            KeptCounts(),
        )
