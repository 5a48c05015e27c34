"""What the adapters that speak HTTP share: the client, its credentials, the deadline."""

from contextlib import AbstractAsyncContextManager

import httpx2

from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.http import transport
from mentorcert.portal.http.auth import PortalAuth


class Channel:
    """One connection's way to its portal; serves many calls at once."""

    def __init__(self, configuration: Configuration) -> None:
        self._total_s = configuration.limits.total_s
        self._auth = PortalAuth(configuration)
        self._client = transport.client(configuration, self._auth)

    def deadline(self) -> AbstractAsyncContextManager[None]:
        """Bound a whole call, however many requests it takes; raises PortalUnavailableError at its end."""
        return transport.deadline(self._total_s)

    async def send(
        self, method: str, url: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[httpx2.Response, float]:
        """Send one request; return the answer, whatever its status, and the seconds it took."""
        request = self._client.build_request(method, url, content=content, headers=headers)
        return await transport.send(self._client, request)

    async def refresh(self) -> None:
        """Read secrets anew and forget tokens, if any were refused."""
        await self._auth.refresh()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._auth.aclose()
