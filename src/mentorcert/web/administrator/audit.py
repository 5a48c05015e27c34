"""The audit log: who changed what decides over rights and rules, from what to what."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from mentorcert.access import audit_log
from mentorcert.access.audit_log import Entry
from mentorcert.errors import EndpointDisabledError
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.fields import AddressText, Day, Maybe

router = APIRouter()

Table = Literal[
    "certification_types", "chapters", "connections", "memberships", "organisations", "peer_mentor_chapters",
    "peer_mentors", "replays", "tasks",
]  # fmt: skip

_SIZE: Final = 50


class Filters(BaseModel):
    """What of the log is shown, and after which entry."""

    table_name: Maybe[Table] = None
    actor: AddressText = ""
    from_day: Maybe[Day] = None
    to_day: Maybe[Day] = None
    before_at: datetime | None = None
    before_id: UUID | None = None

    def url(self, after: Entry | None = None) -> str:
        """Return the address of these entries, or of those after one."""
        cursor = {} if after is None else {"before_at": after.recorded_at, "before_id": after.id}
        given = {**self.model_dump(exclude={"before_at", "before_id"}, exclude_defaults=True), **cursor}
        return f"/admin/audit?{urlencode(given)}" if given else "/admin/audit"


@router.get("/admin/audit")
def show(context: CurrentAdministrator, filters: Annotated[Filters, Query()]) -> Response:
    """Show the log, the newest entries first."""
    email = filters.actor
    user_id = audit_log.find_member(context.conn, email) if email else None
    is_unknown = bool(email) and user_id is None
    entries = [] if is_unknown else _entries(context, filters, user_id)
    return context.page(
        "administrator/audit.html",
        entries=entries[:_SIZE],
        names=_names(context, entries[:_SIZE]),
        format_value=format_value,
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


def _entries(context: RequestContext, filters: Filters, user_id: UUID | None) -> list[Entry]:
    _, organisation = context.member()
    return audit_log.entries(
        context.conn,
        organisation.id,
        **filters.model_dump(exclude={"actor"}),
        user_id=user_id,
        time_zone=organisation.time_zone,
        size=_SIZE + 1,
    )


def format_value(value: Any, names: Mapping[str, str]) -> str:
    """Write a value for people: an id by its name, where it is known."""
    if isinstance(value, list):
        return ", ".join(format_value(item, names) for item in value)
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
    names = audit_log.member_addresses(context.conn, ids)
    try:
        with context.conn.transaction():
            names |= audit_log.row_names(context.conn, context.member()[1].id, ids)
    except EndpointDisabledError:
        pass
    return {str(id_): name for id_, name in names.items()}


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
