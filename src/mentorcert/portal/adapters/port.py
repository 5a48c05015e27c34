"""The port that every adapter fits: tell the portal one peer mentor's state, read what it says, close."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from mentorcert.portal.model import DesiredState, PortalRecord


@dataclass(frozen=True, slots=True)
class Receipt:
    """The portal has the state, or has a newer one already; `latency` in seconds."""

    outcome: Literal["applied", "already_newer"]
    remote_version: int | None = None
    http_status: int | None = None
    latency: float = 0.0


class Portal(Protocol):
    """A portal as one organisation's connection reaches it; one instance serves many calls at once.

    Each method raises a PortalError. Its deadline is the adapter's own, under half of the worker's lease.
    """

    async def apply(self, state: DesiredState, attempt: int) -> Receipt:
        """Make the portal say this state unless it has a newer one; `attempt` counts from 1.

        Raises PortalUnavailableError and PortalUnexpectedAnswerError (it is tried again),
        PortalUnauthorisedError (once more after `refresh`), PortalRejectedError (the contract differs).
        """

    async def refresh(self) -> None:
        """Forget the credentials at hand and fetch or read new ones, after a PortalUnauthorisedError."""

    def fetch_state(self, since: datetime | None = None) -> AsyncIterator[PortalRecord]:
        """Read what the portal says, of all or of what changed since; may raise CannotReadError."""

    async def probe(self) -> None:
        """Find out, without changing anything, whether the portal answers and lets us in."""

    async def aclose(self) -> None:
        """Close the connections."""


@runtime_checkable
class Records(Protocol):
    """Beside the port, where the portal lets its other tables be read too."""

    async def fetch_record(
        self, table: str, record_id: UUID, columns: Collection[str]
    ) -> dict[str, Any] | None:
        """Read these columns of one record; None where the portal has none. Raises a PortalError."""
