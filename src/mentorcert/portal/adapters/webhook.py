"""A portal that implements our own contract: one signed message per state."""

from collections.abc import AsyncIterator
from typing import Any, Final

from mentorcert.errors import CannotReadError
from mentorcert.portal.adapters import answers
from mentorcert.portal.adapters.http_portal import JSON, HttpPortal
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, WebhookTarget
from mentorcert.portal.contract import message, schemas, values
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

    async def apply(self, state: DesiredState) -> Receipt:
        """Render and send one message; raises MessageInvalidError before anything is sent."""
        sent = rendered(state, self._target)
        headers = {**_CONTENT_TYPE, "webhook-id": sent.id}
        async with self._deadline():
            response, latency = await self._send("POST", self._target.url, content=sent.body, headers=headers)
        transport.check(response, what="The message")
        answer = transport.document(response, what="The message") if response.content else {}
        return answers.read(answer, sent=state, http_status=response.status_code, latency=latency)

    async def fetch_state(self) -> AsyncIterator[PortalRecord]:
        """Read the portal's list page by page; each page has its own deadline."""
        async for page in self._pages(self._state_url(), rows="peer_mentors", next_link="next"):
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


def rendered(state: DesiredState, target: WebhookTarget) -> message.Message:
    """Return the message of a state; raises MessageInvalidError where it violates our own contract's schema."""
    found = message.render(state, target=target.url, version=target.contract_version)
    schemas.check(found)
    return found


def _record(row: dict[str, Any]) -> PortalRecord:
    return PortalRecord(
        peer_mentor_id=values.uuid(row.get("peer_mentor_id")),
        external_id=values.text(row.get("external_id")),
        version=values.version(row.get("mentor_version")),
        status=values.text(row.get("status")),
        listed=values.listed(row.get("listed")),
        details=_details(row),
        epoch=values.epoch(row.get("mentor_epoch")),
    )


def _details(row: dict[str, Any]) -> dict[str, str | None]:
    """Return what the list says beyond the fields that it must have."""
    found: dict[str, str | None] = {}
    for name in ("listed_until", "effective_at"):
        if name in row:
            found[name] = values.instant(row[name])
    if isinstance(given := row.get("certifications"), list):
        held = {
            code: one
            for one in given
            if isinstance(one, dict) and (code := values.text(one.get("certification_type"))) is not None
        }
        found["certifications"] = ",".join(sorted(held))
        for code, one in held.items():
            found |= {
                f"certification {code} {name}": values.text(one[name])
                if name == "status"
                else values.instant(one[name])
                for name in ("status", "issued_at", "expires_at")
                if name in one
            }
    return found
