"""The base of the HTTP adapters: client, credentials, deadline, paging."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import httpx2

from mentorcert.errors import PortalUnexpectedAnswerError
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.http import transport
from mentorcert.portal.http.auth import PortalAuth

JSON: Final = {"Accept": "application/json"}


class HttpPortal:
    """One connection's HTTP client; serves many calls at once."""

    def __init__(self, configuration: Configuration) -> None:
        """Read the secrets; raises SecretUnreadableError and SettingError."""
        self._total_s = configuration.limits.total_s
        self._auth = PortalAuth(configuration)
        self._client = transport.client(configuration, self._auth)

    async def refresh(self) -> None:
        """Read the secrets again and forget the tokens, if any were refused."""
        await self._auth.refresh()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._auth.aclose()

    def _deadline(self) -> AbstractAsyncContextManager[None]:
        """Bound a whole call, however many requests it takes; raises PortalUnavailableError on timeout."""
        return transport.deadline(self._total_s)

    async def _send(
        self, method: str, url: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[httpx2.Response, float]:
        """Send one request; return the response of any status, and the seconds it took."""
        request = self._client.build_request(method, url, content=content, headers=headers)
        return await transport.send(self._client, request)

    async def _pages(
        self, url: str, *, rows: str, next_link: str, headers: Mapping[str, str] = JSON
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Read a list by pages, each with its own deadline; `rows` and `next_link` name fields of a page."""
        seen = set[str]()
        next_url: str | None = url
        while next_url is not None:
            seen.add(next_url)
            page = await self._page(next_url, rows=rows, headers=headers)
            yield page[rows]
            next_url = transport.next_page(page.get(next_link), next_url)
            if next_url in seen:
                raise PortalUnexpectedAnswerError("The portal's pages lead back to one that was read.")

    async def _page(self, url: str, *, rows: str, headers: Mapping[str, str] = JSON) -> dict[str, Any]:
        async with self._deadline():
            response, _ = await self._send("GET", url, headers=headers)
        page = transport.document(response, what="Reading the list")
        found = page.get(rows)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise PortalUnexpectedAnswerError(f"The portal's page has no rows in {rows}.", http_status=200)
        return page
