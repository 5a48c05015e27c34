"""Types and chapters that are retired from a day and for a reason, merged into others, and taken into use again."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from mentorcert.db import rows
from mentorcert.db.connection import Connection

Table = Literal["certification_types", "chapters"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Retirable:
    """A type or chapter, and since when and why it is retired, if it is."""

    id: UUID
    organisation_id: UUID
    name_nb: str
    name_en: str
    retired_on: date | None
    retired_reason: str | None


def get(conn: Connection, table: Table, id_: UUID) -> Retirable:
    """Return a type or chapter; raises MissingRightError where the caller sees none with this id."""
    return rows.fetch_one(conn, Retirable, _QUERIES.get, table=table, id=id_)


def change(conn: Connection, table: Table, id_: UUID, retired_on: date | None, reason: str | None) -> None:
    """Retire it from a day that has come, or without a day take it into use again. Administrators only.

    Raises InvalidArgumentError for a day to come, ChapterInUseError, RetiredError under a retired chapter.
    """
    values = {"retired_on": retired_on.isoformat() if retired_on else None, "retired_reason": reason}
    kind = "change_type" if table == "certification_types" else "change_chapter"
    rows.send(conn, _QUERIES.change, change=kind, id=id_, values=Jsonb(values))


def merge(conn: Connection, table: Table, id_: UUID, into_id: UUID | None, reason: str | None) -> None:
    """Move all of a type or chapter to another one, and retire it. Administrators only.

    Of a chapter these are its people and the chapters under it, of a type the certifications. Raises
    InvalidArgumentError for one that is retired, unknown or the same, ChapterCycleError for a chapter that
    lies under it.
    """
    values = {"into": str(into_id) if into_id else None, "reason": reason}
    kind = "merge_type" if table == "certification_types" else "merge_chapter"
    rows.send(conn, _QUERIES.change, change=kind, id=id_, values=Jsonb(values))
