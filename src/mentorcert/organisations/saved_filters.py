"""Saved filters: what a list is narrowed to, under a name; of one person, or of everybody in the organisation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

ListName = Literal["certifications", "mentors"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter; `parameters` are those of the address of its list."""

    id: UUID
    organisation_id: UUID
    list: ListName
    name: str
    parameters: dict[str, str]
    is_shared: bool
    may_change: bool
    version: int


def every(conn: Connection) -> Sequence[SavedFilter]:
    """Return the caller's own and then those of everybody, by name; none for those who have no lists."""
    return rows.fetch_all(conn, SavedFilter, _QUERIES.every)


def save(
    conn: Connection, list_: ListName, name: str, parameters: Mapping[str, str], *, is_shared: bool = False
) -> UUID:
    """Save a filter; for everybody (`is_shared`) administrators alone.

    Raises MissingRightError, ConstraintError, and InvalidArgumentError where there are too many or it is of another
    organisation.
    """
    return rows.fetch_one(
        conn,
        UUID,
        _QUERIES.save,
        list=list_,
        name=name,
        parameters=json.dumps(dict(parameters)),
        is_shared=is_shared,
    )


def rename(conn: Connection, filter_id: UUID, name: str, *, version: int) -> None:
    """Give a filter another name, if it is still that version. Raises as `save`, and StaleVersionError."""
    rows.send(conn, _QUERIES.rename, filter_id=filter_id, name=name, version=version)


def remove(conn: Connection, filter_id: UUID, *, version: int) -> None:
    """Remove a filter, if it is still that version."""
    rows.send(conn, _QUERIES.remove, filter_id=filter_id, version=version)
