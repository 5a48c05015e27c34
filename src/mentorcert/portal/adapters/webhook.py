"""A portal that implements our own contract: one signed message per state."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from mentorcert.errors import CannotReadError
from mentorcert.portal.adapters.http_portal import JSON, HttpPortal
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, WebhookTarget
from mentorcert.portal.contract import message, schemas, values
from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.http import transport
from mentorcert.portal.model import DesiredState, PortalRecord

_HEAD_REFUSED: Final = frozenset({400, 404, 405, 415, 422})
_CONTENT_TYPE: Final = {"Content-Type": message.CONTENT_TYPE, **JSON}


class WebhookPortal(HttpPortal):
    """Sends messages; by the contract the receiver ignores an older version."""

    def __init__(self, configuration: Configuration, target: WebhookTarget) -> None:
        """Read the secrets; raises SecretUnreadableError and SettingError."""
        super().__init__(configuration)
        self._target = target

    async def apply(self, state: DesiredState, attempt: int) -> Receipt:
        """Render and send one message; raises MessageInvalidError before anything is sent."""
        del attempt  # all attempts are equal but for the signature's time
        rendered = message.render(state, target=self._target.url, version=self._target.contract_version)
        schemas.check(rendered)
        headers = {**_CONTENT_TYPE, "webhook-id": rendered.id}
        async with self._deadline():
            response, latency = await self._send(
                "POST", self._target.url, content=rendered.body, headers=headers
            )
        transport.check(response, what="The message")
        remote = None
        if response.content:
            remote = values.version(transport.document(response, what="The message").get("mentor_version"))
        newer = remote is not None and remote > state.version
        return Receipt("already_newer" if newer else "applied", remote, response.status_code, latency)

    async def fetch_state(self, since: datetime | None = None) -> AsyncIterator[PortalRecord]:
        """Read the portal's list page by page; each page has its own deadline."""
        first = self._state_url()
        url = f"{first}?{urlencode({'since': to_text(since)})}" if since else first
        async for page in self._pages(url, rows="peer_mentors", next_link="next"):
            for row in page:
                yield _record(row)

    async def probe(self) -> None:
        """Read the first page of the portal's list; without a `state_url`, check that the webhook answers."""
        if self._target.state_url is not None:
            await self._page(self._target.state_url, rows="peer_mentors")
            return
        async with self._deadline():
            response, _ = await self._send("HEAD", self._target.url)
        # The contract has no message without effect; a webhook may well refuse HEAD.
        if response.status_code not in _HEAD_REFUSED:
            transport.check(response, what="The webhook")

    def _state_url(self) -> str:
        if self._target.state_url is None:
            raise CannotReadError(
                "The portal has no state_url, so what it shows cannot be read.",
                hint="Ask the portal's side for one (docs/portal); until then this connection is unverified.",
            )
        return self._target.state_url


def _record(row: dict[str, Any]) -> PortalRecord:
    external_id, status, listed = row.get("external_id"), row.get("status"), row.get("listed")
    return PortalRecord(
        peer_mentor_id=values.uuid(row.get("peer_mentor_id")),
        external_id=external_id if isinstance(external_id, str) else None,
        version=values.version(row.get("mentor_version")),
        status=status if isinstance(status, str) else None,
        listed=listed if isinstance(listed, bool) else None,
    )
