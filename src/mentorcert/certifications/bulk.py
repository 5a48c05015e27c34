"""Changes many certifications at once; a preview shows what each would become."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from mentorcert.certifications.history import Basis, CountedFrom, Evidence, Kind, Status
from mentorcert.db import rows
from mentorcert.db.connection import Connection

Change = Literal["renew", "suspend", "reinstate", "revert"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one certification is and would be; `refusal` names the rule against the change.

    Of a certification that the caller does not see, only its id and the refusal are known.
    """

    certification_id: UUID
    organisation_id: UUID | None
    peer_mentor_id: UUID | None
    full_name: str | None
    certification_type: str | None
    expired_at_before: datetime | None
    status_before: Status | None
    expires_at: datetime | None
    status: Status | None
    refusal: str | None
    takes_back: Kind | None = None
    counted_from: CountedFrom | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The outcomes of a change, those that are refused first."""

    outcomes: list[Outcome]

    @property
    def refused(self) -> list[Outcome]:
        """Those that cannot be changed so."""
        return [outcome for outcome in self.outcomes if outcome.refusal is not None]


def preview(
    conn: Connection,
    change: Change,
    certification_ids: Sequence[UUID],
    *,
    renewed_on: date | None = None,
    basis: Basis | None = None,
) -> Preview:
    """Return what a change would give; a renewal is as of a day (today), and based on a refresher or more. Changes nothing.

    Raises InvalidArgumentError for none, or more than 5000, and EndpointDisabledError.
    """
    return Preview(
        rows.fetch_all(
            conn,
            Outcome,
            _QUERIES.preview,
            change=change,
            certification_ids=list(certification_ids),
            renewed_on=renewed_on,
            basis=basis,
        )
    )


def apply(
    conn: Connection,
    change: Change,
    certification_ids: Sequence[UUID],
    *,
    renewed_on: date | None = None,
    note: str | None = None,
    evidence: Evidence | None = None,
) -> int:
    """Make the change of all of them, or of none; return how many.

    Raises the error of the rule against it (MissingRightError, RuleError), ReasonRequiredError and
    InvalidArgumentError.
    """
    return rows.fetch_one(
        conn,
        int,
        _QUERIES.apply,
        change=change,
        certification_ids=list(certification_ids),
        renewed_on=renewed_on,
        note=note,
        evidence=None if evidence is None else Jsonb(evidence.model_dump(mode="json", exclude_none=True)),
    )
