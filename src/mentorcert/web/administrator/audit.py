"""The audit log: who changed what decides over rights and rules, from what to what."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import aiosql
import psycopg
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.errors import EndpointDisabledError, from_postgres
from mentorcert.web.administrator.fields import Maybe, OptionalDay
from mentorcert.web.administrator.queries import rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

Table = Literal[
    "certification_types", "chapters", "connections", "memberships", "organisations", "peer_mentor_chapters",
    "peer_mentors", "replays", "tasks",
]  # fmt: skip

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one row."""

    id: UUID
    recorded_at: datetime
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
class Named:
    """What an id is called."""

    id: UUID
    name: str | None


class Filters(BaseModel):
    """What of the log is shown, and after which entry."""

    model_config = ConfigDict(extra="forbid")

    table_name: Maybe[Table] = None
    actor: str = Field("", max_length=320)
    from_day: OptionalDay = None
    to_day: OptionalDay = None
    before_at: datetime | None = None
    before_id: UUID | None = None

    def url(self, after: Entry | None = None) -> str:
        """Return the address of these entries, or of those after one."""
        place = {} if after is None else {"before_at": after.recorded_at, "before_id": after.id}
        given = {**self.model_dump(exclude={"before_at", "before_id"}, exclude_defaults=True), **place}
        return f"/admin/audit?{urlencode(given)}" if given else "/admin/audit"


@router.get("/admin/audit")
def show(context: CurrentAdministrator, filters: Annotated[Filters, Query()]) -> Response:
    """Show the log, the newest entries first."""
    _, organisation = context.member()
    context.record_rows({organisation.id})
    actor = _QUERIES.actor(context.conn, email=filters.actor.strip()) if filters.actor.strip() else None
    is_unknown = bool(filters.actor.strip()) and actor is None
    entries = [] if is_unknown else _entries(context, filters, actor)
    return context.page(
        "administrator/audit.html",
        entries=entries[:_SIZE],
        names=_names(context, entries[:_SIZE]),
        written=written,
        filters=filters,
        is_unknown=is_unknown,
        next_url=filters.url(entries[_SIZE - 1]) if len(entries) > _SIZE else None,
        first_url=filters.url() if filters.before_at else None,
        tables=_tables(context),
        actions={
            "insert": context._("Added"),
            "update": context._("Changed"),
            "delete": context._("Deleted"),
            "erase": context._("Erased"),
        },
    )


def _entries(context: RequestContext, filters: Filters, actor: UUID | None) -> list[Entry]:
    _, organisation = context.member()
    parameters = {**filters.model_dump(), "actor": actor}
    return rows(
        context.conn,
        Entry,
        _QUERIES.entries.sql,
        organisation_id=organisation.id,
        time_zone=organisation.time_zone,
        size=_SIZE + 1,
        **parameters,
    )


def written(value: Any, names: Mapping[str, str]) -> str:
    """Write a value for people: an id by its name, where it is known."""
    if isinstance(value, list):
        return ", ".join(written(one, names) for one in value)
    if isinstance(value, str):
        return names.get(value, value)
    return "–" if value is None else json.dumps(value, ensure_ascii=False)


def _names(context: RequestContext, entries: Iterable[Entry]) -> dict[str, str]:
    """Return what the ids of the entries are called; of what is switched off, nothing."""
    ids = {
        id_
        for entry in entries
        for value in (entry.row_id, *entry.actor.values(), *_values(entry.before), *_values(entry.after))
        if (id_ := _id(value)) is not None
    }
    named = rows(context.conn, Named, _QUERIES.logins.sql, ids=list(ids))
    try:
        with context.conn.transaction():
            named += rows(
                context.conn, Named, _QUERIES.names.sql, ids=list(ids), organisation_id=context.member()[1].id
            )
    except psycopg.Error as error:
        if not isinstance(from_postgres(error), EndpointDisabledError):
            raise
    return {str(one.id): one.name for one in named if one.name}


def _values(fields: Mapping[str, Any] | None) -> Iterator[Any]:
    for value in (fields or {}).values():
        yield from value if isinstance(value, list) else (value,)


def _id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _tables(context: RequestContext) -> dict[str, str]:
    return {
        "certification_types": context._("Certification types"),
        "chapters": context._("Chapters"),
        "connections": context._("The portal"),
        "memberships": context._("Memberships"),
        "organisations": context._("The organisation"),
        "peer_mentor_chapters": context._("Chapters of peer mentors"),
        "peer_mentors": context._("Logins and consents of peer mentors"),
        "replays": context._("Replays to the portal"),
        "tasks": context._("Imports and exports"),
    }
