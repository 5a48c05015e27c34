"""A portal that takes our own contract: one signed message for each state."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from mentorcert.errors import CannotReadError, PortalUnexpectedAnswerError
from mentorcert.portal.adapters import values
from mentorcert.portal.adapters.channel import Channel
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, WebhookTarget
from mentorcert.portal.contract import message, schemas
from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.http import transport
from mentorcert.portal.model import DesiredState, PortalRecord

_ASKED_WRONGLY: Final = frozenset({400, 404, 405, 415, 422})
_CONTENT_TYPE: Final = {"Content-Type": message.CONTENT_TYPE, "Accept": "application/json"}


class WebhookPortal:
    """Sends messages; that an older one never replaces a newer is the receiver's part of the contract."""

    def __init__(self, configuration: Configuration, target: WebhookTarget) -> None:
        """Read the secrets; raises SecretUnreadableError and SettingError."""
        self._target = target
        self._channel = Channel(configuration)

    async def apply(self, state: DesiredState, attempt: int) -> Receipt:
        """Send one message, rendered by the contract of now; raises MessageInvalidError before it is sent."""
        del attempt  # each is the same, but for the signature's time
        told = message.render(state, target=self._target.url, version=self._target.contract_version)
        schemas.check(told)
        headers = {**_CONTENT_TYPE, "webhook-id": told.id}
        async with self._channel.deadline():
            response, latency = await self._channel.send(
                "POST", self._target.url, content=told.body, headers=headers
            )
        transport.check(response, what="The message")
        remote = None
        if response.content:
            remote = values.version(transport.document(response, what="The message").get("mentor_version"))
        newer = remote is not None and remote > state.version
        return Receipt("already_newer" if newer else "applied", remote, response.status_code, latency)

    async def refresh(self) -> None:
        """Read secrets anew and forget tokens, if any were refused."""
        await self._channel.refresh()

    async def fetch_state(self, since: datetime | None = None) -> AsyncIterator[PortalRecord]:
        """Read the portal's list of what it shows, page by page; each page has a deadline of its own."""
        first = self._state_url()
        url: str | None = f"{first}?{urlencode({'since': to_text(since)})}" if since else first
        seen = set[str]()
        while url is not None:
            seen.add(url)
            page = await self._page(url)
            for one in page["peer_mentors"]:
                yield _record(one)
            url = transport.next_page(page.get("next"), url)
            if url in seen:
                raise PortalUnexpectedAnswerError("The portal's pages lead back to one that was read.")

    async def probe(self) -> None:
        """Read the first page of what the portal shows; without a `state_url`, ask whether it answers."""
        if self._target.state_url is not None:
            await self._page(self._target.state_url)
            return
        async with self._channel.deadline():
            response, _ = await self._channel.send("HEAD", self._target.url)
        # Our contract has no message that changes nothing; a webhook may well refuse to be asked with HEAD.
        if response.status_code not in _ASKED_WRONGLY:
            transport.check(response, what="The webhook")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._channel.aclose()

    def _state_url(self) -> str:
        if self._target.state_url is None:
            raise CannotReadError(
                "The portal has no state_url, so what it shows cannot be read.",
                hint="Ask the portal's side for one (docs/portal); until then this connection is unverified.",
            )
        return self._target.state_url

    async def _page(self, url: str) -> dict[str, Any]:
        async with self._channel.deadline():
            response, _ = await self._channel.send("GET", url, headers={"Accept": "application/json"})
        page = transport.document(response, what="Reading the state")
        rows = page.get("peer_mentors")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PortalUnexpectedAnswerError("The portal's page has no peer_mentors.", http_status=200)
        return page


def _record(row: dict[str, Any]) -> PortalRecord:
    external_id, status, listed = row.get("external_id"), row.get("status"), row.get("listed")
    return PortalRecord(
        peer_mentor_id=values.uuid(row.get("peer_mentor_id")),
        external_id=external_id if isinstance(external_id, str) else None,
        version=values.version(row.get("mentor_version")),
        status=status if isinstance(status, str) else None,
        listed=listed if isinstance(listed, bool) else None,
    )
