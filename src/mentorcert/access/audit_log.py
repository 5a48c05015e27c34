"""Reads the audit log (who changed what decides over rights and rules) and sets how long logs are kept."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

Log = Literal["access_log", "audit_log", "job_runs", "notices", "reconciliations"]
SHORTEST_DAYS: Final = 30
LONGEST_DAYS: Final = 36_500

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: of which row, by whom, from what to what; without an organisation it concerns all."""

    id: UUID
    organisation_id: UUID | None
    recorded_at: datetime
    organisation: str | None
    table_name: str
    row_id: str
    action: Literal["insert", "update", "delete", "erase"]
    actor: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def changes(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield each field with its value before and after; None where there was, or is, none."""
        before, after = self.before or {}, self.after or {}
        for field in sorted({*before, *after}):
            if (before.get(field), after.get(field)) != (None, None):
                yield field, before.get(field), after.get(field)


@dataclass(frozen=True, slots=True)
class _Named:
    id: UUID
    organisation_id: UUID
    name: str


def entries(
    conn: Connection,
    organisation_id: UUID | None = None,
    since: datetime | None = None,
    *,
    table_name: str | None = None,
    user_id: UUID | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
    time_zone: str | None = None,
    before_at: datetime | None = None,
    before_id: UUID | None = None,
    size: int = 100,
) -> list[Entry]:
    """Return at most `size` entries, the newest first, of one organisation or all.

    `user_id` is who made the change. Days are those of the time zone, which has to be given with them;
    `before_at` and `before_id` say from which entry on the list goes on.
    """
    return rows.fetch_all(
        conn,
        Entry,
        _QUERIES.entries,
        organisation_id=organisation_id,
        since=since,
        table_name=table_name,
        user_id=user_id,
        from_day=from_day,
        to_day=to_day,
        time_zone=time_zone,
        before_at=before_at,
        before_id=before_id,
        size=size,
    )


def find_member(conn: Connection, email: str) -> UUID | None:
    """Return the login with this address among the members of the caller's organisation."""
    return rows.fetch_optional(conn, UUID, _QUERIES.find_member, email=email)


def member_addresses(conn: Connection, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the addresses of those ids that are logins of members of the caller's organisation."""
    return dict(rows.fetch_all(conn, tuple[UUID, str], _QUERIES.member_addresses, ids=list(ids)))


def row_names(
    conn: Connection, organisation_id: UUID, ids: Collection[UUID], language: str
) -> dict[UUID, str]:
    """Return the names of those ids that are chapters, types, peer mentors, certifications or courses, in a language.

    Raises EndpointDisabledError.
    """
    named = rows.fetch_all(
        conn,
        _Named,
        _QUERIES.row_names,
        organisation_id=organisation_id,
        ids=list(ids),
        language=language,
    )
    return {row.id: row.name for row in named}


def retention(conn: Connection) -> dict[str, int]:
    """Return for how many days each log is kept."""
    return dict(rows.fetch_all(conn, tuple[str, int], _QUERIES.retention))


def set_retention(conn: Connection, log: Log, days: int) -> None:
    """Keep a log for SHORTEST_DAYS to LONGEST_DAYS; a worker deletes what is older."""
    rows.execute(conn, _QUERIES.set_retention, log=log, days=days)
