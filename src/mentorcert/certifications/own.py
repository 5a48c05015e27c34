"""What a peer mentor sees: the own person, and the own certifications."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from mentorcert.certifications.history import Basis, Status
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

SOON_DAYS: Final = 90

DisplayStatus = Literal["retired", "unlimited", "lasting", "ending", "ended", "suspended"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class OwnPeerMentor:
    """The caller as a peer mentor: names of the current chapters, and whether on the public list."""

    id: UUID
    organisation_id: UUID
    chapters: list[str]
    listing_consent: bool
    left_on: date | None
    is_listed: bool


@dataclass(frozen=True, slots=True)
class OwnCertification:
    """One of the own certifications; `status` is what is true now, `days_left` is 0 on the last valid day."""

    id: UUID
    organisation_id: UUID
    certification_type: str
    name_nb: str
    name_en: str
    issued_at: datetime
    expires_at: datetime | None
    status: Status
    days_left: int | None
    early_renewal_from: date | None
    refresher_until: date | None
    after_lapse: Basis | None
    is_outdated: bool
    retired_on: date | None
    reminder_days: list[int]

    def name(self, language: Language) -> str:
        """Return the name of the type."""
        return self.name_en if language == "en" else self.name_nb

    @property
    def display_status(self) -> DisplayStatus:
        """The status, divided by what there is to do about it."""
        if self.status == "suspended":
            return "suspended"
        if self.retired_on is not None:
            return "retired"
        if self.expires_at is None or self.days_left is None:
            return "unlimited"
        if self.status == "expired":
            return "ended"
        return "ending" if self.days_left <= SOON_DAYS else "lasting"


def peer_mentor(conn: Connection) -> OwnPeerMentor | None:
    """Return the caller as a peer mentor of the organisation in which they act; None for all others."""
    return rows.fetch_optional(conn, OwnPeerMentor, _QUERIES.peer_mentor)


def certifications(conn: Connection, time_zone: str) -> list[OwnCertification]:
    """Return the certifications, the soonest end first."""
    return rows.fetch_all(conn, OwnCertification, _QUERIES.certifications, time_zone=time_zone)
