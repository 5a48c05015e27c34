"""Changes of many certifications as they were made, and taking one back as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from mentorcert.certifications import bulk
from mentorcert.certifications.history import JobActor, Kind, UserActor
from mentorcert.db import rows
from mentorcert.db.connection import Connection

Made = Literal["renew", "suspend", "reinstate", "course"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Batch:
    """A change of many; `reverted` is how many of them were taken back."""

    batch_id: UUID
    organisation_id: UUID
    change: Made
    certifications: int
    changed_by: UUID
    changed_at: datetime
    reverted_by: UUID | None
    reverted_at: datetime | None
    reverted: int | None
    reversal_reason: str | None


class ChangedSince(BaseModel):
    """What was done with a certification after the change of many."""

    kind: Kind
    recorded_at: datetime
    actor: UserActor | JobActor


@dataclass(frozen=True, slots=True)
class Outcome(bulk.Outcome):
    """What one certification is and would be, and what was done with it since."""

    changed_since: dict[str, Any] | None = None

    @property
    def since(self) -> ChangedSince | None:
        """What was done with it after the change of many, if anything."""
        return None if self.changed_since is None else ChangedSince.model_validate(self.changed_since)


def recent(conn: Connection, organisation_id: UUID) -> Sequence[Batch]:
    """Return the caller's latest changes of many, of an administrator those of everybody; newest first."""
    return rows.fetch_all(conn, Batch, _QUERIES.batches, organisation_id=organisation_id, batch_id=None)


def get(conn: Connection, organisation_id: UUID, batch_id: UUID) -> Batch:
    """Return a change of many; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, Batch, _QUERIES.batches, organisation_id=organisation_id, batch_id=batch_id)


def made_now(conn: Connection) -> UUID | None:
    """Return the change of many that the caller made in this transaction; None where there is none."""
    return rows.fetch_optional(conn, UUID, _QUERIES.made_now)


def preview_reversal(conn: Connection, batch_id: UUID) -> list[Outcome]:
    """Return what taking it back would give, what is refused first; changes nothing."""
    return rows.fetch_all(conn, Outcome, _QUERIES.preview_reversal, batch_id=batch_id)


def revert(conn: Connection, batch_id: UUID, reason: str, *, leaves_out: bool = False) -> int:
    """Take all of it back, or all but what is refused; return how many.

    Raises NotRevertibleError, MissingRightError and ReasonRequiredError.
    """
    return rows.fetch_one(conn, int, _QUERIES.revert, batch_id=batch_id, reason=reason, leaves_out=leaves_out)
