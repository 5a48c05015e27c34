"""The audit log: who changed what decides over rights and rules, from what to what."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from mentorcert.access import audit_log
from mentorcert.access.audit_log import Entry
from mentorcert.web.administrator.audit_sentences import sentence
from mentorcert.web.administrator.audit_words import HIDDEN, field_text, row_names, value_text
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.display_names import time_zone_of
from mentorcert.web.fields import AddressText, MaybeChosen, OptionalDay
from mentorcert.web.page_form import PageForm

router = APIRouter()

Table = Literal[
    "certificate_designs", "certification_types", "chapters", "connections",
    "course_sign_ups", "courses", "distinct_peer_mentors", "invitations", "memberships", "organisations",
    "peer_mentor_chapters", "peer_mentor_merges", "peer_mentor_notes", "peer_mentors", "renewal_requests", "replays",
    "tasks", "topics",
]  # fmt: skip

_SIZE: Final = 50


class Filters(PageForm):
    """What of the log is shown, and after which entry."""

    table_name: MaybeChosen[Table] = None
    actor: AddressText = ""
    from_day: OptionalDay = None
    to_day: OptionalDay = None
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
    errors = filters.faults(context)
    entries = [] if is_unknown or errors else _entries(context, filters, user_id)
    names = _names(context, entries[:_SIZE])
    zone = ZoneInfo(time_zone_of(context))
    return context.page(
        "administrator/audit.html",
        status=422 if errors else 200,
        errors=errors,
        days=[
            (day, list(of_day))
            for day, of_day in groupby(entries[:_SIZE], lambda one: one.recorded_at.astimezone(zone).date())
        ],
        zone=zone,
        names=names,
        sentence=partial(sentence, context, names=names),
        field_text=partial(field_text, context),
        value_text=partial(value_text, context),
        hidden=HIDDEN,
        personal_data=_personal_data(context),
        filters=filters,
        is_unknown=is_unknown,
        next_url=filters.url(entries[_SIZE - 1]) if len(entries) > _SIZE else None,
        first_url=filters.url() if filters.before_at else None,
        tables=_tables(context),
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


def _names(context: RequestContext, entries: Iterable[Entry]) -> dict[str, str]:
    """Return what the ids of the entries are called; of what is switched off, nothing."""
    ids = {
        id_
        for entry in entries
        for value in (entry.row_id, *entry.actor.values(), *_values(entry.before), *_values(entry.after))
        if (id_ := _id(value)) is not None
    }
    addresses = context.ahead(audit_log.member_addresses, ids)
    names = row_names(context, ids)
    return {str(id_): name for id_, name in (addresses.value | names).items()}


def _values(fields: Mapping[str, Any] | None) -> Iterator[Any]:
    for value in (fields or {}).values():
        yield from value if isinstance(value, list) else (value,)


def _id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _personal_data(context: RequestContext) -> dict[str, str]:
    return {
        "external_id": context._("the number"),
        "full_name": context._("the name"),
        "display_name": context._("the name on the public list"),
        "email": context._("the e-mail address"),
        "phone": context._("the telephone number"),
    }


def _tables(context: RequestContext) -> dict[str, str]:
    return {
        "certificate_designs": context._("Certificates"),
        "certification_types": context._("Certification types"),
        "chapters": context._("Chapters"),
        "connections": context._("The portal"),
        "course_sign_ups": context._("Sign-ups for courses"),
        "courses": context._("Courses"),
        "distinct_peer_mentors": context._("Look-alikes who are two persons"),
        "invitations": context._("Invitations"),
        "memberships": context._("Memberships"),
        "organisations": context._("The organisation"),
        "peer_mentor_chapters": context._("Chapters of peer mentors"),
        "peer_mentor_merges": context._("Merged peer mentors"),
        "peer_mentor_notes": context._("Notes and follow-ups"),
        "peer_mentors": context._("Peer mentors: logins, consents, personal data"),
        "renewal_requests": context._("Requests for renewal"),
        "replays": context._("Replays to the portal"),
        "tasks": context._("Imports and exports"),
        "topics": context._("Topics and languages"),
    }
