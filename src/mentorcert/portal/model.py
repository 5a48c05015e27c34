"""The desired state of a peer mentor, and the portal's record; without name, e-mail or phone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

CertificationStatus = Literal["active", "expired", "suspended"]

Mode = Literal["capture", "canary", "live", "paused"]
"""What a connection sends: nothing, a few peer mentors, all, nothing for a while."""

MessageState = Literal[
    "received", "worked", "ignored", "echo", "unknown", "needs_fetch", "needs_person", "failed", "lapsed"
]
UNSETTLED: Final[tuple[MessageState, ...]] = ("unknown", "needs_fetch", "needs_person", "failed")
"""Messages in these states need attention."""

Status = Literal["certified", "expired", "suspended", "uncertified", "erased"]
"""Certified: every required type is active. Suspended, expired: a required one is, suspended first.
Uncertified: a required one was never held, or the organisation requires none. Erased: deleted here."""


@dataclass(frozen=True, slots=True)
class CertificationState:
    """One certification as it is at an instant, also before the nightly run has expired it."""

    certification_type: str
    status: CertificationStatus
    issued_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All that is sent to the portal about a peer mentor; a higher `version` is newer, and a higher `epoch` above all.

    `listed`: whether the public list shows the peer mentor, at the latest until `listed_until` (None where
    not listed). `effective_at`: when this state began. Certifications are ordered by type. Where the number is
    the portal's key, nobody may be shown under the `former_external_ids`: they are withdrawn first.
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
    former_external_ids: tuple[str, ...] = ()
    epoch: int = 0
    """Higher after each restore of the registry; 0: it was never restored."""


@dataclass(frozen=True, slots=True)
class PortalRecord:
    """What the portal shows of a peer mentor; None where it does not say.

    `details`: what else it shows, by name: `listed_until`, `certifications` (the codes, sorted, with commas), and
    `certification CODE FIELD`; instants in UTC, days with their time zone.
    """

    peer_mentor_id: UUID | None
    external_id: str | None
    version: int | None
    status: str | None
    listed: bool | None
    details: Mapping[str, str | None] = field(default_factory=dict)
    epoch: int | None = None
