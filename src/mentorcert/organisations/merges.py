"""Two peer mentors who are one person: who looks alike, what a merge does, making and undoing it."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import BaseModel

from mentorcert.db import cursors, rows
from mentorcert.db.connection import Connection
from mentorcert.organisations.consents import Way
from mentorcert.organisations.consequences import Kind
from mentorcert.translations import Language

Field = Literal["full_name", "display_name", "email", "phone", "language"]
Topic = Literal["person", "chapters", "certifications", "consent"]
FIELDS: Final[tuple[Field, ...]] = ("full_name", "display_name", "email", "phone", "language")
"""What may be taken from the row that is absorbed."""

_AFTER_ALL: Final = UUID(int=2**128 - 1)
_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Choices:
    """Which row is absorbed and why; the fields taken from it, and whose login stays where both have one."""

    absorbed: UUID
    reason: str
    take: tuple[Field, ...] = ()
    login: Literal["kept", "absorbed"] | None = None


class Person(BaseModel):
    """What is compared of a peer mentor."""

    id: UUID
    external_id: str
    full_name: str
    display_name: str | None
    email: str | None
    phone: str | None
    language: str
    listing_consent: bool
    left_on: date | None
    chapter_ids: list[UUID]
    has_login: bool


class State(BaseModel):
    """A certification, as its history says it."""

    certification_type: str
    issued_at: datetime
    expires_at: datetime | None
    status: Literal["active", "expired", "suspended"]


class Outcome(BaseModel):
    """What happens to a certification of the absorbed row: it moves, or the kept row holds the type itself."""

    absorbed: State
    kept: State | None
    moves: bool
    extends: bool
    suspends: bool


class ChosenTopic(BaseModel):
    """Something that a person can be asked about, or a language."""

    kind: Literal["topic", "language"]
    name_nb: str
    name_en: str

    def name(self, language: Language) -> str:
        """Return the name."""
        return self.name_en if language == "en" else self.name_nb


class TopicChanges(BaseModel):
    """What is chosen for the kept row then that was not, and what was chosen for either and is not then."""

    gained: list[ChosenTopic]
    left_out: list[ChosenTopic]


class Details(BaseModel):
    """Both rows as they were and, but for an undoing, the kept one as the merge leaves it."""

    kept: Person
    absorbed: Person
    merged: Person | None = None
    certifications: list[Outcome] = []
    topics: TopicChanges


class Consequence(BaseModel):
    """Those whom a merge concerns in one way: how many, and the first of them by name."""

    kind: Kind
    subjects: int
    names: list[str]


class Preview(BaseModel):
    """What a merge, or its undoing, does; `fingerprint` confirms it."""

    consequences: list[Consequence]
    details: Details
    fingerprint: str


class Replaced(BaseModel):
    """A certification of an absorbed row that the one of the kept row stands for."""

    id: UUID
    certification_type: str
    issued_at: datetime
    expires_at: datetime | None
    status: Literal["active", "expired", "suspended"]


class AbsorbedAct(BaseModel):
    """A consent that was given or withdrawn under an absorbed row."""

    is_given: bool
    recorded_at: datetime
    way: Way
    actor_id: UUID | None
    reason: str | None


class Merge(BaseModel):
    """A row that was merged into a peer mentor; `changed_since` is None for all but administrators."""

    id: UUID
    organisation_id: UUID
    external_id: str
    full_name: str
    merged_at: datetime
    actor_id: UUID | None
    reason: str | None
    changed_since: list[Topic] | None
    certifications: list[Replaced]
    consents: list[AbsorbedAct]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two peer mentors who may be one; without the second, only from where to go on."""

    organisation_id: UUID
    first_id: UUID
    first_number: str | None
    first_name: str | None
    second_id: UUID | None
    second_number: str | None
    second_name: str | None
    is_same_number: bool | None


class _Place(cursors.Cursor):
    first: cursors.Id
    second: cursors.Id


def preview(conn: Connection, kept_id: UUID, choices: Choices) -> Preview:
    """Return what a merge would do. Administrators only.

    Raises MissingRightError, ReasonRequiredError, InvalidArgumentError.
    """
    return _preview(conn, "merge_peer_mentors", kept_id, _values(choices))


def merge(conn: Connection, kept_id: UUID, choices: Choices, fingerprint: str) -> None:
    """Merge as it was shown; raises ConsequencesChangedError where it would do something else now."""
    _confirm(conn, "merge_peer_mentors", kept_id, _values(choices), fingerprint)


def preview_undo(conn: Connection, merge_id: UUID) -> Preview:
    """Return what undoing would do; raises NotRevertibleError where something was changed since."""
    return _preview(conn, "undo_merge", merge_id, {})


def undo(conn: Connection, merge_id: UUID, fingerprint: str) -> None:
    """Undo a merge as it was shown. Raises NotRevertibleError, ConsequencesChangedError."""
    _confirm(conn, "undo_merge", merge_id, {}, fingerprint)


def of_peer_mentor(conn: Connection, peer_mentor_id: UUID) -> list[Merge]:
    """Return what was merged into a peer mentor within the caller's reach, newest first."""
    return rows.fetch_all(conn, Merge, _QUERIES.of_peer_mentor, peer_mentor_id=peer_mentor_id)


def look_alikes(conn: Connection, *, after: str | None = None, size: int = 50) -> cursors.Page[Pair]:
    """Return a page of the pairs who may be one person. Administrators only.

    A page may be short, or empty, and have a next one. Raises InvalidCursorError.
    """
    place = cursors.decode(_Place, after)
    found = rows.fetch_all(
        conn,
        Pair,
        _QUERIES.pairs,
        after_first=place and place.first,
        after_second=place and place.second,
        size=size + 1,
    )
    last = found[-1] if found else None
    if last is not None and last.second_id is None:
        return cursors.Page(found[:-1], cursors.encode(_place(last)))
    return cursors.page(found, size, _place)


def mark_distinct(conn: Connection, one: UUID, other: UUID, *, is_distinct: bool) -> None:
    """Say that two who look alike are two persons, or no longer. Administrators only."""
    rows.execute(conn, _QUERIES.mark_distinct, one=one, other=other, is_distinct=is_distinct)


def _place(pair: Pair) -> _Place:
    return _Place(first=pair.first_id, second=pair.second_id or _AFTER_ALL)


def _values(choices: Choices) -> dict[str, Any]:
    return {**asdict(choices), "absorbed": str(choices.absorbed)}


def _preview(conn: Connection, change: str, subject: UUID, values: dict[str, Any]) -> Preview:
    found: dict[str, Any] = rows.fetch_one(
        conn, dict, _QUERIES.preview, change=change, subject=subject, new_values=Jsonb(values)
    )
    return Preview.model_validate(found)


def _confirm(conn: Connection, change: str, subject: UUID, values: dict[str, Any], fingerprint: str) -> None:
    rows.execute(
        conn,
        _QUERIES.confirm,
        change=change,
        subject=subject,
        new_values=Jsonb(values),
        fingerprint=fingerprint,
    )
