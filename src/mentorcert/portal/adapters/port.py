"""The port that every adapter implements: apply one peer mentor's state, read the portal's records, close."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from mentorcert.portal.model import DesiredState, PortalRecord


@dataclass(frozen=True, slots=True)
class Receipt:
    """The portal has the state, or a newer one, or the peer mentor as erased; `latency` in seconds.

    A `remote_epoch` of None: the portal keeps none, and its version is compared alone.
    """

    outcome: Literal["applied", "already_newer", "erased"]
    remote_version: int | None = None
    http_status: int | None = None
    latency: float = 0.0
    remote_epoch: int | None = None


class Portal(Protocol):
    """A portal of one organisation's connection; one instance serves many calls at once.

    Each method raises a PortalError. Its deadline is the adapter's own, under half of the worker's lease.
    """

    async def apply(self, state: DesiredState) -> Receipt:
        """Apply this state unless the portal has a newer one.

        Raises PortalUnavailableError and PortalUnexpectedAnswerError (it is tried again),
        PortalUnauthorisedError (once more after `refresh`), PortalRejectedError (the contract differs).
        """

    async def refresh(self) -> None:
        """Replace the credentials after a PortalUnauthorisedError."""

    def fetch_state(self) -> AsyncIterator[PortalRecord]:
        """Read all records of the portal; may raise CannotReadError."""

    async def probe(self) -> None:
        """Check, without changing anything, that the portal answers and accepts our credentials."""

    async def aclose(self) -> None:
        """Close the connections."""


@runtime_checkable
class Records(Protocol):
    """An optional port: reads records of the portal's other tables."""

    async def fetch_record(
        self, table: str, record_id: UUID, columns: Collection[str]
    ) -> dict[str, Any] | None:
        """Read these columns of one record; None where the portal has none. Raises a PortalError."""
