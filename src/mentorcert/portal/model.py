"""What the portal should say of a peer mentor, and what it says; without name, e-mail or phone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

CertificationStatus = Literal["active", "expired", "suspended"]

Status = Literal["certified", "expired", "suspended", "uncertified", "erased"]
"""Certified: every required type is held, active. Suspended, expired: a required one is, suspension first.
Uncertified: a required one was never held, or the organisation requires none. Erased: no longer here."""


@dataclass(frozen=True, slots=True)
class CertificationState:
    """One certification as it truly is at an instant, whatever the nightly run has come to."""

    certification_type: str
    status: CertificationStatus
    issued_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All that the portal is told of a peer mentor; a higher `version` is always the later truth.

    `listed` says whether the public may be shown the peer mentor, at the latest until `listed_until` (null
    where not listed). `effective_at` is since when all this holds. Certifications are in order of type.
    """

    organisation_id: UUID
    organisation: str
    peer_mentor_id: UUID
    external_id: str
    version: int
    status: Status
    listed: bool
    listed_until: datetime | None
    effective_at: datetime
    certifications: tuple[CertificationState, ...]


@dataclass(frozen=True, slots=True)
class PortalRecord:
    """What the portal says of a peer mentor; None where it does not say."""

    peer_mentor_id: UUID | None
    external_id: str | None
    version: int | None
    status: str | None
    listed: bool | None
