"""What the access rules judge: rows reduced to what decides about them, the world they make, and actors."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, Literal
from uuid import UUID

Role = Literal["peer_mentor", "coordinator", "org_admin"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a login, and the organisation its token names; without a login, `anon`."""

    user_id: UUID | None = None
    claimed_organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """A row of `organisations`."""

    id: UUID

    @property
    def organisation_id(self) -> UUID:
        """The organisation itself."""
        return self.id


@dataclass(frozen=True, slots=True)
class Chapter:
    """A row of `chapters`."""

    id: UUID
    organisation_id: UUID
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of `memberships`; `ended` where `ended_at` is set."""

    id: UUID
    organisation_id: UUID
    user_id: UUID
    role: Role
    chapter_id: UUID | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class PeerMentor:
    """A row of `peer_mentors`."""

    id: UUID
    organisation_id: UUID
    user_id: UUID | None = None
    erased: bool = False
    left: bool = False
    """Whether the person is left out of lists; it decides about no row."""
    merged: bool = False
    """Into another row of the same person."""


@dataclass(frozen=True, slots=True)
class PeerMentorChapter:
    """A row of `peer_mentor_chapters`; `ended` where `ended_at` is set."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    chapter_id: UUID
    ended: bool = False


@dataclass(frozen=True, slots=True)
class CertificationType:
    """A row of `certification_types`."""

    id: UUID
    organisation_id: UUID


@dataclass(frozen=True, slots=True)
class Certification:
    """A row of `peer_mentor_certifications`."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID


@dataclass(frozen=True, slots=True)
class RenewalEvent:
    """A row of `certification_renewal_events`; `id` is its `entry_id`."""

    id: UUID
    organisation_id: UUID
    certification_id: UUID


@dataclass(frozen=True, slots=True)
class ListedPeerMentor:
    """A row of `listed_peer_mentors`; `id` is its `peer_mentor_id`."""

    id: UUID
    organisation_id: UUID
    listed_until: datetime


@dataclass(frozen=True, slots=True)
class ConsentAct:
    """A row of `listing_consents`."""

    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row of `audit_log`; without an organisation where the change was nobody's in particular."""

    id: UUID
    organisation_id: UUID | None


Row = (
    Organisation
    | Chapter
    | Membership
    | PeerMentor
    | PeerMentorChapter
    | CertificationType
    | Certification
    | RenewalEvent
    | ListedPeerMentor
    | ConsentAct
    | AuditEntry
)

TABLES: Final[Mapping[str, type[Row]]] = {
    "organisations": Organisation,
    "chapters": Chapter,
    "memberships": Membership,
    "peer_mentors": PeerMentor,
    "peer_mentor_chapters": PeerMentorChapter,
    "certification_types": CertificationType,
    "peer_mentor_certifications": Certification,
    "certification_renewal_events": RenewalEvent,
    "listed_peer_mentors": ListedPeerMentor,
    "listing_consents": ConsentAct,
    "audit_log": AuditEntry,
}
_IN_PUBLIC: Final = frozenset({"listed_peer_mentors", "peer_mentor_certifications"})
KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(TABLES, "id"),
    "certification_renewal_events": "entry_id",
    "listed_peer_mentors": "peer_mentor_id",
}


def qualified(table: str) -> str:
    """Return the name of a table of `TABLES` with its schema."""
    return f"{'public' if table in _IN_PUBLIC else 'mentorcert'}.{table}"


@dataclass(frozen=True)
class World:
    """The rows of every table at one instant.

    Chapters, memberships, peer mentors and their chapters must be complete, since they decide about others;
    the certifications of `renewal_events` must be among `certifications`; of the rest, a part will do.
    """

    as_of: datetime
    organisations: tuple[Organisation, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    memberships: tuple[Membership, ...] = ()
    peer_mentors: tuple[PeerMentor, ...] = ()
    peer_mentor_chapters: tuple[PeerMentorChapter, ...] = ()
    certification_types: tuple[CertificationType, ...] = ()
    certifications: tuple[Certification, ...] = ()
    renewal_events: tuple[RenewalEvent, ...] = ()
    listed_peer_mentors: tuple[ListedPeerMentor, ...] = ()
    listing_consents: tuple[ConsentAct, ...] = ()
    audit_log: tuple[AuditEntry, ...] = ()

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of a table of `TABLES`, by the table's name in the database."""
        by_table: Mapping[str, tuple[Row, ...]] = {
            "organisations": self.organisations,
            "chapters": self.chapters,
            "memberships": self.memberships,
            "peer_mentors": self.peer_mentors,
            "peer_mentor_chapters": self.peer_mentor_chapters,
            "certification_types": self.certification_types,
            "peer_mentor_certifications": self.certifications,
            "certification_renewal_events": self.renewal_events,
            "listed_peer_mentors": self.listed_peer_mentors,
            "listing_consents": self.listing_consents,
            "audit_log": self.audit_log,
        }
        return by_table[table]

    @cached_property
    def memberships_of(self) -> Mapping[UUID, list[Membership]]:
        """The memberships of each login that have not ended."""
        by_user: defaultdict[UUID, list[Membership]] = defaultdict(list)
        for membership in self.memberships:
            if not membership.ended:
                by_user[membership.user_id].append(membership)
        return by_user

    @cached_property
    def chapters_under(self) -> Mapping[UUID, list[UUID]]:
        """The chapters directly under each chapter."""
        by_parent: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for chapter in self.chapters:
            if chapter.parent_id is not None:
                by_parent[chapter.parent_id].append(chapter.id)
        return by_parent

    @cached_property
    def peer_mentors_of(self) -> Mapping[UUID, list[PeerMentor]]:
        """The peer mentors of each login, one in an organisation."""
        by_user: defaultdict[UUID, list[PeerMentor]] = defaultdict(list)
        for peer_mentor in self.peer_mentors:
            if peer_mentor.user_id is not None:
                by_user[peer_mentor.user_id].append(peer_mentor)
        return by_user

    @cached_property
    def erased(self) -> frozenset[tuple[UUID | None, UUID | None]]:
        """The peer mentors who were erased, each with the organisation."""
        return frozenset((mentor.organisation_id, mentor.id) for mentor in self.peer_mentors if mentor.erased)

    @cached_property
    def hidden(self) -> frozenset[tuple[UUID | None, UUID | None]]:
        """The peer mentors in nobody's reach: the erased, and those merged into another row."""
        return self.erased | {
            (mentor.organisation_id, mentor.id) for mentor in self.peer_mentors if mentor.merged
        }

    @cached_property
    def peer_mentors_in(self) -> Mapping[UUID, list[UUID]]:
        """The peer mentors who are now in each chapter."""
        by_chapter: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for link in self.peer_mentor_chapters:
            if not link.ended:
                by_chapter[link.chapter_id].append(link.peer_mentor_id)
        return by_chapter

    @cached_property
    def certification(self) -> Mapping[UUID, Certification]:
        """The certifications by id."""
        return {certification.id: certification for certification in self.certifications}
