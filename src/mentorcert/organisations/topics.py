"""What peer mentors can talk about, and in which languages: the organisation's list, and each one's choice."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

Kind = Literal["topic", "language"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic or a language of the organisation's list; what is not offered is neither chosen nor shown."""

    id: UUID
    organisation_id: UUID
    kind: Kind
    name_nb: str
    name_en: str
    is_offered: bool
    version: int

    def name(self, language: Language) -> str:
        """Return the name."""
        return self.name_en if language == "en" else self.name_nb


@dataclass(frozen=True, slots=True)
class Wording:
    """What may be written of a topic; its kind counts for a new one only."""

    kind: Kind
    name_nb: str
    name_en: str
    is_offered: bool


def of_organisation(conn: Connection) -> list[Topic]:
    """Return the list of the organisation in which the caller acts: topics, then languages, by name."""
    return rows.fetch_all(conn, Topic, _QUERIES.of_organisation)


def save(conn: Connection, topic: Topic | None, wording: Wording) -> UUID:
    """Add to the list, or change what was read of it. Administrators only.

    Raises MissingRightError, StaleVersionError where it was changed since, and ConstraintError.
    """
    return rows.fetch_one(
        conn,
        UUID,
        _QUERIES.save,
        topic_id=topic.id if topic else None,
        version=topic.version if topic else None,
        **asdict(wording),
    )


def chosen(conn: Connection, peer_mentor_id: UUID) -> list[UUID]:
    """Return what somebody has chosen; raises MissingRightError for all who may not choose it."""
    return rows.fetch_one(conn, list[UUID], _QUERIES.chosen, peer_mentor_id=peer_mentor_id)


def choose(conn: Connection, peer_mentor_id: UUID, topic_ids: Iterable[UUID]) -> None:
    """Choose these of those that are offered: the person, coordinators of the chapters and administrators.

    Raises MissingRightError, and InvalidArgumentError for what is not on the list.
    """
    rows.send(conn, _QUERIES.choose, peer_mentor_id=peer_mentor_id, topic_ids=list(topic_ids))
