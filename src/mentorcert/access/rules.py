"""Who may see and change which row, as docs/access.md says it and without any SQL of ours.

What decides about an actor is worked out once, by `reach`; to judge a row by it takes constant time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID

from mentorcert.access.model import (
    Actor,
    AuditEntry,
    Certification,
    CertificationType,
    Chapter,
    ConsentAct,
    ListedPeerMentor,
    Membership,
    Organisation,
    PeerMentor,
    PeerMentorChapter,
    RenewalEvent,
    Row,
    World,
)

# What a client may write, column by column; every other column, and every other table, is closed.
INSERT_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "certification_types": frozenset(
        {
            "code",
            "name_nb",
            "name_en",
            "validity_rule",
            "validity_months",
            "required_for_listing",
            "reminder_days",
            "early_renewal_days",
            "refresher_months",
            "after_lapse",
        }
    ),
    "chapters": frozenset({"parent_id", "code", "name"}),
    "memberships": frozenset({"user_id", "role", "chapter_id", "full_name"}),
    "peer_mentor_certifications": frozenset(
        {"peer_mentor_id", "certification_type", "issued_at", "expires_at"}
    ),
    "peer_mentor_chapters": frozenset({"peer_mentor_id", "chapter_id"}),
    "peer_mentors": frozenset(
        {
            "external_id",
            "user_id",
            "full_name",
            "display_name",
            "email",
            "phone",
            "language",
            "listing_consent",
        }
    ),
}
_VERSION: Final = frozenset({"version"})
_RETIREMENT: Final = frozenset({"retired_on", "retired_reason", "merged_into_id"})
UPDATE_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "certification_types": INSERT_COLUMNS["certification_types"] - {"code"} | _RETIREMENT | _VERSION,
    "chapters": INSERT_COLUMNS["chapters"] | _RETIREMENT | _VERSION,
    "memberships": frozenset({"ended_at", "full_name"}) | _VERSION,
    "organisations": frozenset({"name"}) | _VERSION,
    "peer_mentor_certifications": frozenset({"certification_type", "issued_at", "expires_at", "status"}),
    "peer_mentor_chapters": frozenset({"ended_at"}) | _VERSION,
    "peer_mentors": INSERT_COLUMNS["peer_mentors"] | _VERSION,
}
# What somebody who is not signed in may ask for at all.
OPEN_TABLES: Final = frozenset({"listed_peer_mentors"})


class Rule(StrEnum):
    """Why an actor may: one sentence."""

    ADMINISTRATOR = "An administrator has the whole organisation within reach."
    COORDINATOR = "A coordinator has the coordinated chapters, and all under them, within reach."
    OWN_PEER_MENTOR = "A peer mentor reads what is the own."
    OWN_MEMBERSHIP = "Everybody reads the own memberships."
    MEMBER = "Every member reads what describes the organisation."
    PUBLIC_LIST = "Everybody reads the public list, as long as the entry's lease runs."


class Refusal(StrEnum):
    """Why an actor may not see a row: one sentence."""

    ANONYMOUS = "Somebody who is not signed in reads the public list only."
    NO_MEMBERSHIP = "The login has no membership that has not ended."
    NO_ORGANISATION_CLAIMED = (
        "The login has memberships in several organisations, and its token names none of them."
    )
    OTHER_ORGANISATION = "The row is not of the organisation in which the login acts."
    OUT_OF_REACH = (
        "The row is of the organisation, but neither the login's own nor in a chapter that it coordinates."
    )
    ERASED = "The person was erased, and is within nobody's reach."
    MERGED = "The row was merged into another one of the same person, and is within nobody's reach."
    LEASE_OVER = "The lease of the entry on the public list is over."
    ADMINISTRATORS_ONLY = "Only an administrator reads it."


@dataclass(frozen=True, slots=True)
class Reach:
    """What decides about an actor's access in a world."""

    world: World
    actor: Actor
    organisation_id: UUID | None
    administers: bool
    chapter_ids: frozenset[UUID]
    """The coordinated chapters and all under them."""
    coordinated_ids: frozenset[UUID]
    """The peer mentors who are now in one of these chapters."""
    own_ids: frozenset[UUID]
    """The actor's own peer mentor; at most one."""


def organisation_of(world: World, actor: Actor) -> UUID | None:
    """Return the organisation in which the actor acts: the one of all memberships, or the one claimed."""
    ids = {membership.organisation_id for membership in _memberships(world, actor)}
    if len(ids) == 1:
        return ids.pop()
    return actor.claimed_organisation_id if actor.claimed_organisation_id in ids else None


def reach(world: World, actor: Actor) -> Reach:
    """Work out how far the actor reaches; costs as much as the chapters and peer mentors within reach."""
    acting_in = organisation_of(world, actor)
    held = [m for m in _memberships(world, actor) if m.organisation_id == acting_in]
    chapters = with_chapters_under(
        world, (m.chapter_id for m in held if m.role == "coordinator" and m.chapter_id is not None)
    )
    own = () if actor.user_id is None else world.peer_mentors_of.get(actor.user_id, ())
    return Reach(
        world=world,
        actor=actor,
        organisation_id=acting_in,
        administers=any(m.role == "org_admin" for m in held),
        chapter_ids=chapters,
        coordinated_ids=frozenset(
            peer_mentor for chapter in chapters for peer_mentor in world.peer_mentors_in.get(chapter, ())
        ),
        own_ids=frozenset(mentor.id for mentor in own if mentor.organisation_id == acting_in),
    )


def with_chapters_under(world: World, chapters: Iterable[UUID]) -> frozenset[UUID]:
    """Return the chapters and all under them."""
    found: set[UUID] = set()
    open_ends = list(chapters)
    while open_ends:
        chapter = open_ends.pop()
        if chapter not in found:
            found.add(chapter)
            open_ends.extend(world.chapters_under.get(chapter, ()))
    return frozenset(found)


def may_select(within: Reach, row: Row) -> Rule | None:
    """Return the rule by which the actor sees the row; None where there is none."""
    match row:
        case ListedPeerMentor():
            return Rule.PUBLIC_LIST if row.listed_until > within.world.as_of else None
        case RenewalEvent():
            return may_select(within, within.world.certification[row.certification_id])
        case _ if row.organisation_id is None or row.organisation_id != within.organisation_id:
            return None
        case _ if _is_hidden(row, within.world.hidden):
            return None
        case _:
            return Rule.ADMINISTRATOR if within.administers else _rule_for_member(within, row)


def may_insert(within: Reach, row: Row) -> Rule | None:
    """Return the rule by which the actor adds the row (its `INSERT_COLUMNS`); None where there is none."""
    match row:
        case Organisation() | RenewalEvent() | ListedPeerMentor() | ConsentAct() | AuditEntry():
            return None
        case _ if _is_hidden(row, within.world.hidden):
            return None
        case _:
            return _may_write(within, row)


def may_update(within: Reach, row: Row) -> Rule | None:
    """Return the rule by which the actor changes `UPDATE_COLUMNS` of the row; None where there is none."""
    match row:
        case RenewalEvent() | ListedPeerMentor() | ConsentAct() | AuditEntry():
            return None
        case _ if _is_hidden(row, within.world.hidden):
            return None
        case _:
            return _may_write(within, row)


def may_ask(within: Reach, certification: Certification) -> bool:
    """Return whether the actor asks for a renewal of the certification: its peer mentor; who has left is refused besides."""
    return (
        may_select(within, certification) is not None
        and certification.peer_mentor_id in within.own_ids
        and not _is_hidden(certification, within.world.hidden)
    )


def may_settle(within: Reach, certification: Certification) -> bool:
    """Return whether the actor settles requests for a renewal of it: who renews it, but nobody about the own."""
    return (
        may_update(within, certification) is not None and certification.peer_mentor_id not in within.own_ids
    )


def may_sign_up(within: Reach, certification: Certification) -> bool:
    """Return whether the actor signs its peer mentor up for a course of the chapter: oneself, and who certifies the person."""
    return may_ask(within, certification) or may_update(within, certification) is not None


def may_forecast(within: Reach, certification: Certification) -> bool:
    """Return whether the forecast that the actor reads counts it: for who renews it, of who has not left."""
    return may_update(within, certification) is not None


def why_not(within: Reach, row: Row) -> Refusal | None:
    """Return why the actor does not see the row; None where a rule lets the actor see it."""
    reasons = {
        Refusal.LEASE_OVER: isinstance(row, ListedPeerMentor),
        Refusal.ANONYMOUS: within.actor.user_id is None,
        Refusal.NO_MEMBERSHIP: not _memberships(within.world, within.actor),
        Refusal.NO_ORGANISATION_CLAIMED: within.organisation_id is None,
        Refusal.OTHER_ORGANISATION: row.organisation_id != within.organisation_id,
        Refusal.ERASED: _is_hidden(row, within.world.erased),
        Refusal.MERGED: _is_hidden(row, within.world.hidden),
        Refusal.ADMINISTRATORS_ONLY: isinstance(row, AuditEntry),
        Refusal.OUT_OF_REACH: True,
    }
    return None if may_select(within, row) else next(reason for reason, holds in reasons.items() if holds)


def ids_within(
    within: Reach, rows: Iterable[Row], may: Callable[[Reach, Row], Rule | None] = may_select
) -> set[UUID]:
    """Return the ids of those rows that the actor sees, or, by another `may`, changes or adds."""
    return {row.id for row in rows if may(within, row) is not None}


def _memberships(world: World, actor: Actor) -> list[Membership]:
    return [] if actor.user_id is None else world.memberships_of.get(actor.user_id, [])


def _rule_for_member(
    within: Reach,
    row: Organisation
    | Chapter
    | CertificationType
    | Membership
    | PeerMentor
    | PeerMentorChapter
    | Certification
    | ConsentAct
    | AuditEntry,
) -> Rule | None:
    match row:
        case Organisation() | Chapter() | CertificationType():
            return Rule.MEMBER
        case Membership():
            return Rule.OWN_MEMBERSHIP if row.user_id == within.actor.user_id else None
        case PeerMentor():
            return _rule_for_peer_mentor(within, row.id, row.id in within.coordinated_ids)
        case PeerMentorChapter():
            return _rule_for_peer_mentor(
                within, row.peer_mentor_id, not row.ended and row.chapter_id in within.chapter_ids
            )
        case Certification() | ConsentAct():
            return _rule_for_peer_mentor(
                within, row.peer_mentor_id, row.peer_mentor_id in within.coordinated_ids
            )
        case AuditEntry():
            return None
        case _:
            assert_never(row)


def _is_hidden(row: Row, hidden: frozenset[tuple[UUID | None, UUID | None]]) -> bool:
    match row:
        case PeerMentor():
            return (row.organisation_id, row.id) in hidden
        case PeerMentorChapter() | Certification() | ConsentAct():
            return (row.organisation_id, row.peer_mentor_id) in hidden
        case _:
            return False


def _rule_for_peer_mentor(within: Reach, peer_mentor_id: UUID, coordinated: bool) -> Rule | None:
    if peer_mentor_id in within.own_ids:
        return Rule.OWN_PEER_MENTOR
    return Rule.COORDINATOR if coordinated else None


def _may_write(within: Reach, row: Row) -> Rule | None:
    if row.organisation_id != within.organisation_id:
        return None
    if within.administers:
        return Rule.ADMINISTRATOR
    coordinates = isinstance(row, Certification) and row.peer_mentor_id in within.coordinated_ids
    return Rule.COORDINATOR if coordinates else None
