"""Worlds of the model: generated ones, a dense fixed one, and what may happen in them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from mentorcert.access.model import (
    Actor,
    Certification,
    CertificationType,
    Chapter,
    Membership,
    Organisation,
    PeerMentor,
    PeerMentorChapter,
    RenewalEvent,
    Role,
    World,
)

T = TypeVar("T", Membership, PeerMentorChapter)

KINDS: Final = (
    "missing", "organisation", "chapter", "user", "membership", "peer mentor", "chapter of a peer mentor",
    "type", "certification", "event",
)  # fmt: skip
TYPE_CODES: Final = ("basic", "second", "spare")
"""The types of each organisation; nobody holds a spare one."""


def key(kind: str, number: int = 0) -> UUID:
    """Return a key that can be read: what it is the key of, and which."""
    return UUID(f"{KINDS.index(kind):08x}-0000-4000-8000-{number:012x}")


def number_of(id_: UUID) -> int:
    return id_.int & 0xFFFFFFFFFFFF


def name_of(id_: UUID | str | None) -> str:
    """Return what a key of `key` is the key of, and which; any other as it is."""
    if id_ is None:
        return "none"
    kind = UUID(str(id_)).int >> 96
    return f"{KINDS[kind]} {number_of(UUID(str(id_)))}" if kind < len(KINDS) else str(id_)


_DESCRIBED: Final = (
    "chapters",
    "memberships",
    "peer_mentors",
    "peer_mentor_chapters",
    "peer_mentor_certifications",
)
MISSING: Final = key("missing")
"""A key that nothing has."""


@dataclass
class Builder:
    """A world in the making; keeps what the database's unique keys demand."""

    organisations: list[Organisation] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    peer_mentors: list[PeerMentor] = field(default_factory=list)
    links: list[PeerMentorChapter] = field(default_factory=list)
    types: list[CertificationType] = field(default_factory=list)
    certifications: list[Certification] = field(default_factory=list)
    events: list[RenewalEvent] = field(default_factory=list)

    def organisation(self) -> UUID:
        number = len(self.organisations) + 1
        organisation = key("organisation", number)
        self.organisations.append(Organisation(organisation))
        self.types += [
            CertificationType(key("type", number * 10 + position), organisation)
            for position in range(len(TYPE_CODES))
        ]
        return organisation

    def chapter(self, organisation: UUID, parent: UUID | None = None) -> UUID:
        chapter = Chapter(key("chapter", len(self.chapters) + 1), organisation, parent)
        self.chapters.append(chapter)
        return chapter.id

    def membership(
        self, user: UUID, organisation: UUID, role: Role, chapter: UUID | None = None, *, ended: bool = False
    ) -> None:
        """Add a membership; one that is there already is added as ended."""
        new = Membership(
            key("membership", len(self.memberships) + 1), organisation, user, role, chapter, ended
        )
        self.memberships.append(replace(new, ended=ended or holds(self.memberships, new)))

    def peer_mentor(
        self, organisation: UUID, user: UUID | None = None, *, erased: bool = False, left: bool = False
    ) -> UUID:
        """Add a peer mentor; of a login that is one there already, another without a login.

        The erased have neither a login nor a chapter.
        """
        taken = any(
            mentor.user_id == user and mentor.organisation_id == organisation for mentor in self.peer_mentors
        )
        new = PeerMentor(
            key("peer mentor", len(self.peer_mentors) + 1),
            organisation,
            None if taken else user,
            erased,
            left,
        )
        self.peer_mentors.append(new)
        return new.id

    def link(self, organisation: UUID, peer_mentor: UUID, chapter: UUID, *, ended: bool = False) -> None:
        """Put a peer mentor into a chapter; one who is there already has been there before, too."""
        number = len(self.links) + 1
        new = PeerMentorChapter(
            key("chapter of a peer mentor", number), organisation, peer_mentor, chapter, ended
        )
        self.links.append(replace(new, ended=ended or holds(self.links, new)))

    def certify(self, organisation: UUID, peer_mentor: UUID, types: int = 1) -> None:
        """Certify a peer mentor for the first types, as many as given; the first one has an event as well."""
        for position in range(types):
            number = number_of(peer_mentor) * 10 + position
            certification = Certification(key("certification", number), organisation, peer_mentor)
            self.certifications.append(certification)
            if position == 0:
                self.events.append(RenewalEvent(key("event", number), organisation, certification.id))

    def world(self) -> World:
        return World(
            as_of=datetime.now(UTC),
            organisations=tuple(self.organisations),
            chapters=tuple(self.chapters),
            memberships=tuple(self.memberships),
            peer_mentors=tuple(self.peer_mentors),
            peer_mentor_chapters=tuple(self.links),
            certification_types=tuple(self.types),
            certifications=tuple(self.certifications),
            renewal_events=tuple(self.events),
        )


def holds(rows: Iterable[T], new: T) -> bool:
    """Return whether one that has not ended says the same."""
    return any(replace(row, id=new.id, ended=new.ended) == new for row in rows if not row.ended)


@dataclass(frozen=True)
class Case:
    """A world, its logins, and what of it (by position) ends or begins again between two comparisons."""

    world: World
    users: tuple[UUID, ...]
    memberships_to_flip: frozenset[int] = frozenset()
    links_to_flip: frozenset[int] = frozenset()

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: bool) -> None:
        """Show, in a counterexample, what can make a difference, by the names of the keys."""
        lines = [
            f"{name_of(row.id)}: " + ", ".join(
                f"{name} {name_of(value) if isinstance(value, UUID) else value}"
                for name, value in asdict(row).items() if name != "id" and value not in (None, False)
            )
            for table in _DESCRIBED
            for row in self.world.rows(table)
        ]  # fmt: skip
        flips = f"flipped: memberships {set(self.memberships_to_flip)}, chapters {set(self.links_to_flip)}"
        printer.text("\n".join(["", *lines, flips]))

    def actors(self) -> list[Actor]:
        """Return anon, and each login with tokens that name nothing, an organisation, and a missing one.

        Tokens for every organisation have those who have memberships in several.
        """
        every = [organisation.id for organisation in self.world.organisations]
        actors = [Actor()]
        for number, user in enumerate(self.users):
            several = len({row.organisation_id for row in self.world.memberships if row.user_id == user}) > 1
            claims = [None, *every, MISSING] if several else [None, every[number % len(every)]]
            actors += [Actor(user, claim) for claim in claims]
        return actors

    def after(self, world: World) -> World:
        """Return the world after the flips: what held has ended, what had ended has been added again."""
        return replace(
            world,
            memberships=_flipped(world.memberships, self.memberships_to_flip, "membership"),
            peer_mentor_chapters=_flipped(
                world.peer_mentor_chapters, self.links_to_flip, "chapter of a peer mentor"
            ),
        )


def _flipped(rows: tuple[T, ...], positions: frozenset[int], kind: str) -> tuple[T, ...]:
    flipped = list(rows)
    for position in sorted(positions):
        row = rows[position % len(rows)]
        if not row.ended:
            flipped[position % len(rows)] = replace(row, ended=True)
        elif not holds(flipped, again := replace(row, id=key(kind, len(flipped) + 1), ended=False)):
            flipped.append(again)
    return tuple(flipped)


@st.composite
def cases(draw: st.DrawFn, scale: int = 1) -> Case:
    """Draw a world; `scale` multiplies how many chapters, logins and peer mentors it has."""
    build = Builder()
    users = tuple(key("user", number) for number in range(1, draw(st.integers(4, 6 * scale)) + 1))
    for _ in range(draw(st.integers(2, 3))):
        organisation = build.organisation()
        chapters: list[UUID] = []
        for _ in range(draw(st.integers(2, 5 * scale))):
            chapters.append(build.chapter(organisation, draw(st.sampled_from([None, *chapters]))))
        for _ in range(draw(st.integers(2, 5 * scale))):
            role: Role = draw(st.sampled_from(["coordinator", "org_admin", "peer_mentor"]))
            chapter = draw(st.sampled_from(chapters)) if role == "coordinator" else None
            build.membership(draw(st.sampled_from(users)), organisation, role, chapter, ended=draw(_seldom()))
        for _ in range(draw(st.integers(2, 5 * scale))):
            user, homes = (
                draw(st.none() | st.sampled_from(users)),
                draw(st.lists(st.sampled_from(chapters), max_size=3)),
            )
            erased = not homes and user is None and draw(st.booleans())
            mentor = build.peer_mentor(organisation, user, erased=erased, left=draw(_seldom()))
            for chapter in homes:
                build.link(organisation, mentor, chapter, ended=draw(_seldom()))
            build.certify(organisation, mentor, draw(st.integers(0, 2)))
    return Case(
        build.world(),
        users,
        draw(st.frozensets(st.integers(0, len(build.memberships) - 1), max_size=5 * scale)),
        draw(st.frozensets(st.integers(0, len(build.links) - 1), max_size=5 * scale))
        if build.links
        else frozenset(),
    )


def _seldom() -> st.SearchStrategy[bool]:
    return st.sampled_from([False, False, False, True])


def dense() -> Case:
    """Return a small world in which every rule, policy and grant decides about something."""
    build = Builder()
    users = (admin, above, below, several, mentor, both, two, gone, nobody) = tuple(
        key("user", number) for number in range(1, 10)
    )
    alfa, beta = build.organisation(), build.organisation()
    county = build.chapter(alfa)
    local, second = build.chapter(alfa, county), build.chapter(alfa, county)
    far = build.chapter(alfa)
    other = build.chapter(beta)
    build.membership(admin, alfa, "org_admin")
    build.membership(above, alfa, "coordinator", county)
    build.membership(below, alfa, "coordinator", local)
    for chapter in (second, far):
        build.membership(several, alfa, "coordinator", chapter)
    build.membership(mentor, alfa, "peer_mentor")
    build.membership(both, alfa, "coordinator", local)
    build.membership(both, alfa, "peer_mentor")
    build.membership(two, alfa, "coordinator", far)
    build.membership(two, beta, "org_admin")
    build.membership(gone, alfa, "org_admin", ended=True)
    build.membership(mentor, alfa, "coordinator", far, ended=True)
    build.membership(mentor, alfa, "org_admin", ended=True)
    homes: tuple[tuple[UUID, UUID | None, list[UUID]], ...] = (
        (alfa, mentor, [local]),
        (alfa, both, [far]),
        (alfa, None, [second, far]),
        (alfa, None, [county]),
        (alfa, None, []),
        (beta, two, [other]),
        (beta, None, [other]),
        (beta, nobody, []),
    )
    for organisation, user, chapters in homes:
        person = build.peer_mentor(organisation, user)
        for chapter in chapters:
            build.link(organisation, person, chapter)
        build.certify(organisation, person)
    build.link(alfa, key("peer mentor", 2), local, ended=True)
    build.certify(alfa, build.peer_mentor(alfa, erased=True))
    left = build.peer_mentor(alfa, left=True)
    build.link(alfa, left, local)
    build.certify(alfa, left)
    return Case(
        build.world(), users, memberships_to_flip=frozenset({0, 1, 9}), links_to_flip=frozenset({0, 8})
    )
