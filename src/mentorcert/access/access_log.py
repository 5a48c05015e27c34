"""Finds accesses to rows of organisations in which the actor had no membership, by our own log or others."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from mentorcert.access.model import TABLES
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import DatabaseError, LogFileError

Outcome = Literal["rows", "none", "unknown"]
"""What came back: rows, none (an attempt), or what the log does not show."""

_QUERIES = rows.beside(__file__)
_BATCH: Final = 5_000
_DATA_EXCEPTION: Final = "22"


@dataclass(frozen=True, slots=True)
class Named:
    """A log says that somebody (None: `anon`) named an id; `at` as the log has it, with its time zone."""

    at: str
    user_id: UUID | None
    row_id: UUID
    outcome: Outcome
    place: str
    """Where in the file, such as `line 12`."""


@dataclass(frozen=True, slots=True)
class Access:
    """An access to a row, or, by our own log, to rows, of an organisation that was not the actor's."""

    at: datetime
    user_id: UUID | None
    organisations: list[str]
    """Slugs of the organisations in which the actor had a membership at the time."""
    what: str
    """The row's table, or the endpoint that answered."""
    row_id: UUID | None
    row_organisation_id: UUID
    row_organisation: str
    """Its slug."""
    outcome: Outcome
    place: str


@dataclass(slots=True)
class Coverage:
    """How much a log had to judge by."""

    records: int = 0
    requests: int = 0
    """Transactions or requests of users."""
    without_parameters: int = 0
    """Statements whose parameters were not logged, so that ids in them are unknown."""
    is_cut_off: bool = False
    """Whether the file ends within a record."""


def logged(conn: Connection, since: datetime | None = None) -> list[Access]:
    """Return what mentorcert_private.access_log has, oldest first."""
    return rows.fetch_all(conn, Access, _QUERIES.logged_outside, since=since)


def named(conn: Connection, accesses: Iterable[Named], since: datetime | None = None) -> Iterator[Access]:
    """Yield those that name a row of an organisation that was not the actor's; one query for some thousands.

    Raises LogFileError where the server does not know the time zone in which the log was written.
    """
    remaining = iter(accesses)
    while batch := list(islice(remaining, _BATCH)):
        asked = Jsonb([asdict(access) for access in batch], dumps=partial(json.dumps, default=str))
        try:
            outside = rows.fetch_all(conn, Access, _QUERIES.named_outside, named=asked, since=since)
        except DatabaseError as error:
            if not (error.code or "").startswith(_DATA_EXCEPTION):
                raise
            raise LogFileError(
                f"{batch[0].place} to {batch[-1].place}: a time is not one that the server understands.",
                hint="Have the log written with log_timezone = 'UTC'.",
            ) from None
        yield from outside


def objects(conn: Connection) -> frozenset[str]:
    """Return the names by which a statement gets at the registry: of its tables and of public functions."""
    return frozenset(TABLES) | {*rows.fetch_all(conn, str, _QUERIES.functions)}
