"""Replays: which peer mentors the portal would be sent again, and having them sent."""

from datetime import datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Response

from mentorcert.portal.sync import requests
from mentorcert.portal.sync.replay import Selection
from mentorcert.portal.sync.requests import ReplayPreview
from mentorcert.web.administrator import audit_words, portal_labels
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.display_names import Names, names_of
from mentorcert.web.coordinator.preview import PreviewResult
from mentorcert.web.fields import MaybeChosen, OptionalDay, Text
from mentorcert.web.page_form import PageForm
from mentorcert.web.rendering.templating import status_text

router = APIRouter()

ErrorClass = Literal[
    "unavailable", "unauthorised", "rejected", "unexpected_answer", "message_invalid", "internal"
]


class SelectionQuery(PageForm):
    """Which peer mentors are sent again: all, narrowed by what is given."""

    since: OptionalDay = None
    error_class: MaybeChosen[ErrorClass] = None

    def selection(self, time_zone: str) -> Selection:
        """Return it as the portal's part takes it; a day begins at its midnight in the time zone."""
        begins = None if self.since is None else datetime.combine(self.since, time(), ZoneInfo(time_zone))
        return Selection(since=begins, error_class=self.error_class)


class ReplayQuery(SelectionQuery):
    """The selection in an address."""


class ReplayForm(SelectionQuery):
    """A replay whose preview was looked at."""

    shown: str = ""
    reason: Text = ""


@router.get("/admin/portal/replay")
def preview(context: CurrentAdministrator, query: Annotated[ReplayQuery, Query()]) -> Response:
    """Show which peer mentors would be sent again, and what of them; nothing is changed."""
    names = names_of(context)
    return _page(context, names, query, _preview(context, query))


@router.post("/admin/portal/replay")
def request(context: CurrentAdministrator, form: Annotated[ReplayForm, Form()]) -> Response:
    """Have the portal's workers send again, if it is still what was shown."""
    names = names_of(context)
    result = _preview(context, form)
    faults = form.faults(context)
    if faults:
        return _page(context, names, form, result, faults.get("reason", ""))
    if not form.reason.strip():
        return _page(context, names, form, result, context._("Say why."))
    result.compare(form.shown)
    if result.is_stale:
        return _page(context, names, form, result)
    selection = form.selection(context.member()[1].time_zone)
    replay_id = requests.request_replay(context.conn, selection, form.reason.strip())
    return context.redirect(f"/admin/portal/replays/{replay_id}")


def _preview(context: RequestContext, query: SelectionQuery) -> PreviewResult[ReplayPreview]:
    found = requests.preview_replay(context.conn, query.selection(context.member()[1].time_zone))
    return PreviewResult(
        found,
        (
            found.total,
            [(difference.peer_mentor_id, difference.changes()) for difference in found.differences],
        ),
    )


def _page(
    context: RequestContext,
    names: Names,
    query: SelectionQuery,
    result: PreviewResult[ReplayPreview],
    error: str = "",
) -> Response:
    faults = {name: said for name, said in query.faults(context).items() if name != "reason"}
    statuses = {
        status: status_text(status, context.language) for status in ("active", "expired", "suspended")
    }
    words = {**names.types, **statuses, "uncertified": context._("Not certified")}
    ids = [one.peer_mentor_id for one in result.outcome.differences] if result.outcome else []
    return context.page(
        "administrator/replay.html",
        status=422 if error or faults else result.status,
        faults=faults,
        query=query,
        result=result,
        preview=result.outcome,
        names=audit_words.row_names(context, ids),
        errors=portal_labels.errors(context),
        error=error,
        reason=query.typed("reason") if isinstance(query, ReplayForm) else "",
        field_text=lambda name: audit_words.field_text(context, name),
        value_text=lambda value: audit_words.value_text(context, value, words),
    )
