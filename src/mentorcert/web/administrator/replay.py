"""Replays: which peer mentors the portal would be sent again, and having them sent."""

from datetime import datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, Field

from mentorcert.portal.sync import requests
from mentorcert.portal.sync.replay import Selection
from mentorcert.portal.sync.requests import ReplayPreview
from mentorcert.web.administrator import portal_labels
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.preview import PreviewResult
from mentorcert.web.fields import Day, Maybe

router = APIRouter()

ErrorClass = Literal[
    "unavailable", "unauthorised", "rejected", "unexpected_answer", "message_invalid", "internal"
]


class SelectionQuery(BaseModel):
    """Which peer mentors are sent again: all, narrowed by what is given."""

    since: Maybe[Day] = None
    error_class: Maybe[ErrorClass] = None

    def selection(self, time_zone: str) -> Selection:
        """Return it as the portal's part takes it; a day begins at its midnight in the time zone."""
        begins = None if self.since is None else datetime.combine(self.since, time(), ZoneInfo(time_zone))
        return Selection(since=begins, error_class=self.error_class)


class ReplayQuery(SelectionQuery):
    """The selection in an address."""


class ReplayForm(SelectionQuery):
    """A replay whose preview was looked at."""

    shown: str = ""
    reason: str = Field("", max_length=1000)


@router.get("/admin/portal/replay")
def preview(context: CurrentAdministrator, query: Annotated[ReplayQuery, Query()]) -> Response:
    """Show which peer mentors would be sent again, and what of them; nothing is changed."""
    return _page(context, query, _preview(context, query))


@router.post("/admin/portal/replay")
def request(context: CurrentAdministrator, form: Annotated[ReplayForm, Form()]) -> Response:
    """Have the portal's workers send again, if it is still what was shown."""
    result = _preview(context, form)
    if not form.reason.strip():
        return _page(context, form, result, context._("Say why."))
    result.compare(form.shown)
    if result.is_stale:
        return _page(context, form, result)
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
    context: RequestContext, query: SelectionQuery, result: PreviewResult[ReplayPreview], error: str = ""
) -> Response:
    return context.page(
        "administrator/replay.html",
        status=422 if error else result.status,
        query=query,
        result=result,
        preview=result.outcome,
        errors=portal_labels.errors(context),
        error=error,
    )
