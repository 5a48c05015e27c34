"""Renders a peer mentor's state as a CloudEvents 1.0 message, in any known version of the contract."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from mentorcert.portal.contract import v1
from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.model import DesiredState

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

_NAMESPACE: Final = UUID("5ca90fb0-3d5c-5f0e-8d9b-6a1a4a3f7f10")
_TYPE: Final = "mentorcert.peer-mentor.status-changed"


@dataclass(frozen=True, slots=True)
class Contract:
    """One major version: its newest minor version, and its renderer of `data`."""

    version: str
    minor: int
    data: Callable[[DesiredState], dict[str, Any]]

    @property
    def event_type(self) -> str:
        """The CloudEvents `type`; it changes with the major version only."""
        return f"{_TYPE}.{self.version}"

    @property
    def dataschema(self) -> str:
        """The `$id` of the schema of `data`: major and minor version."""
        return f"urn:mentorcert:peer-mentor-status-changed/{self.version}.{self.minor}.json"


CONTRACTS: Final[dict[str, Contract]] = {"v1": Contract("v1", v1.MINOR, v1.data)}
"""Every major version that can be sent; several work side by side."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; the same state for the same target always gives the same `id` and the same bytes."""

    id: str
    event: dict[str, Any]
    body: bytes


def render(state: DesiredState, *, target: str, version: str = "v1") -> Message:
    """Return the message of a state; `target` is any stable name of the receiver."""
    contract = CONTRACTS[version]
    message_id = str(uuid5(_NAMESPACE, f"{target}\n{state.peer_mentor_id}\n{state.epoch}\n{state.version}"))
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:mentorcert:organisation:{state.organisation}",
        "type": contract.event_type,
        "subject": f"mentor/{state.peer_mentor_id}",
        "time": to_text(state.effective_at),
        # CloudEvents orders sequences as text; 19 digits hold every bigint.
        "sequence": f"{state.version:019d}",
        "dataschema": contract.dataschema,
        "datacontenttype": "application/json",
        "data": contract.data(state),
    }
    body = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return Message(message_id, event, body)
