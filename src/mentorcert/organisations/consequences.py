"""What a change of weight does to the public list and to reach, asked for in the savepoint of the change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

Kind = Literal[
    "leaves_list",
    "joins_list",
    "withdraws_consent",
    "loses_last_coordinator",
    "loses_last_coordinator_of_chapter",
    "loses_reach",
    "gains_reach",
    "renews_by_other_rule",
    "becomes_outdated",
    "is_outdated_no_more",
    "is_outdated_otherwise",
    "changes_chapter",
    "changes_type",
    "is_not_renewed",
    "is_renewed_again",
    "gains_contact",
    "loses_contact",
]
SHOWN: Final = 50
"""How many of each kind are named."""

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Consequence:
    """Those whom a change concerns in one way: how many, and the first of them by name."""

    organisation_id: UUID
    kind: Kind
    subjects: int
    names: list[str]
    digest: str


@dataclass(frozen=True, slots=True)
class UndoableChange:
    """An entry of the audit log about a type or a chapter, with the present name of that."""

    id: UUID
    organisation_id: UUID
    table_name: Literal["certification_types", "chapters"]
    name_nb: str
    name_en: str


def note_state(conn: Connection) -> None:
    """Note the state of the caller's organisation, with which `found` compares. Administrators only."""
    rows.send(conn, _QUERIES.note_state)


def found(conn: Connection) -> Sequence[Consequence]:
    """Return what has come of the changes since `note_state`, in the same transaction."""
    return rows.fetch_all(conn, Consequence, _QUERIES.found)


def get_undoable(conn: Connection, entry_id: UUID) -> UndoableChange:
    """Return a change that `undo` takes; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, UndoableChange, _QUERIES.get_undoable, entry_id=entry_id)


def undo(conn: Connection, entry_id: UUID) -> None:
    """Give a type or chapter the values from before a change. Administrators only.

    Raises NotRevertibleError where one of them was changed since.
    """
    rows.send(conn, _QUERIES.undo, entry_id=entry_id)
