"""Extensions of a whole type: what one would do, which there were, and what taking one back would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

Outcome = Literal["extended", "holds_longer", "expired", "erased"]
ReversalOutcome = Literal["reverted", "changed_since", "erased"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which certifications are extended, and to which day."""

    certification_type: str
    last_valid_day: date
    chapter_id: UUID | None = None
    expired_since: date | None = None

    def parameters(self) -> dict[str, object]:
        """Return what the functions of the database take."""
        return {
            "certification_type": self.certification_type,
            "last_valid_day": self.last_valid_day,
            "chapter_id": self.chapter_id,
            "expired_since": self.expired_since,
        }


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that was made; the addresses are those of the present members."""

    batch_id: UUID
    organisation_id: UUID
    certification_type: str
    last_valid_day: date
    chapter: str | None
    expired_since: date | None
    reason: str
    certifications: int
    extended_at: datetime
    extended_by: str | None
    reverted_at: datetime | None
    reverted_by: str | None
    reversal_reason: str | None


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many certifications have an outcome; the digest is another one if any of their dates is."""

    outcome: str
    certifications: int
    digest: str


@dataclass(frozen=True, slots=True)
class PreviewedCertification:
    """A certification, when it ends now (None: never), and when it would."""

    organisation_id: UUID
    certification_id: UUID
    full_name: str
    external_id: str
    expires_at: datetime | None
    new_expires_at: datetime | None


def extensions(conn: Connection, organisation_id: UUID) -> list[Extension]:
    """Return the latest hundred extensions of an organisation, the newest first."""
    return rows.fetch_all(
        conn, Extension, _QUERIES.extensions, organisation_id=organisation_id, batch_id=None
    )


def get(conn: Connection, organisation_id: UUID, batch_id: UUID) -> Extension:
    """Return an extension; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(
        conn, Extension, _QUERIES.extensions, organisation_id=organisation_id, batch_id=batch_id
    )


def outcomes(conn: Connection, selection: Selection) -> Sequence[OutcomeCount]:
    """Return how many certifications an extension would leave or change; changes nothing."""
    return rows.fetch_all(conn, OutcomeCount, _QUERIES.outcomes, **selection.parameters())


def preview(
    conn: Connection,
    selection: Selection,
    outcome: Outcome,
    *,
    after_id: UUID | None = None,
    size: int = 50,
) -> list[PreviewedCertification]:
    """Return the certifications of one outcome, by name; changes nothing."""
    return rows.fetch_all(
        conn,
        PreviewedCertification,
        _QUERIES.preview,
        **selection.parameters(),
        outcome=outcome,
        after_id=after_id,
        size=size,
    )


def reversal_outcomes(conn: Connection, batch_id: UUID) -> Sequence[OutcomeCount]:
    """Return how many certifications taking an extension back would leave or change; changes nothing."""
    return rows.fetch_all(conn, OutcomeCount, _QUERIES.reversal_outcomes, batch_id=batch_id)


def preview_reversal(
    conn: Connection, batch_id: UUID, outcome: ReversalOutcome, *, size: int
) -> list[PreviewedCertification]:
    """Return the first certifications of one outcome of taking an extension back; changes nothing."""
    return rows.fetch_all(
        conn, PreviewedCertification, _QUERIES.preview_reversal, batch_id=batch_id, outcome=outcome, size=size
    )
