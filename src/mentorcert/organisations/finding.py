"""One search over people, certification types, chapters and pages of help, as far as the caller sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translations import Language

Kind = Literal["person", "type", "chapter", "help"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found: `number` is how many of its kind were; `has_left` of a type or chapter is that it is retired."""

    kind: Kind
    key: str
    organisation_id: UUID | None
    name: str
    detail: str
    has_left: bool
    number: int


def everywhere(
    conn: Connection, query: str, *, language: Language, size: int, pages: Mapping[str, str]
) -> Sequence[Hit]:
    """Return the first of each kind by name; `pages` are those of help, by what leads to them.

    Every word must be found, as a part of a word, and tolerant of spelling as in the lists.
    """
    return rows.fetch_all(
        conn,
        Hit,
        _QUERIES.everywhere,
        query=query,
        language=language,
        size=size,
        help_keys=list(pages.keys()),
        help_texts=list(pages.values()),
    )
