"""Replays: of whom the portal would be told again, and having it told."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.portal.sync.replay import Difference, Selection
from mentorcert.web.administrator import portal_labels
from mentorcert.web.administrator.fields import Maybe, OptionalDay
from mentorcert.web.administrator.portal import QUERIES
from mentorcert.web.administrator.queries import rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

ErrorClass = Literal[
    "unavailable", "unauthorised", "rejected", "unexpected_answer", "message_invalid", "internal"
]


@dataclass(frozen=True, slots=True)
class Previewed:
    """One of the first who would be told again, and how many there are in all."""

    peer_mentor_id: UUID
    peer_mentor: str
    confirmed_version: int | None
    confirmed: dict[str, Any] | None
    desired: dict[str, Any]
    total: int

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Return the fields that differ, as confirmed and as desired."""
        return Difference(
            self.peer_mentor, self.peer_mentor_id, self.confirmed_version, self.confirmed, self.desired
        ).changes()


class Choice(BaseModel):
    """Who is told again: all, narrowed by whatever is given."""

    since: OptionalDay = None
    error_class: Maybe[ErrorClass] = None

    def selection(self, time_zone: str) -> Selection:
        """Return it as the portal's part takes it; a day begins at its midnight in the time zone."""
        begins = None if self.since is None else datetime.combine(self.since, time(), ZoneInfo(time_zone))
        return Selection(since=begins, error_class=self.error_class)


class ReplayQuery(Choice):
    """The choice in an address."""

    model_config = ConfigDict(extra="forbid")


class ReplayForm(Choice):
    """A replay that was looked at."""

    reason: str = Field("", max_length=1000)


@router.get("/admin/portal/replay")
def preview(context: CurrentAdministrator, query: Annotated[ReplayQuery, Query()]) -> Response:
    """Show who would be told again, and of what; nothing is changed."""
    return _preview(context, query)


@router.post("/admin/portal/replay")
def request(context: CurrentAdministrator, form: Annotated[ReplayForm, Form()]) -> Response:
    """Have the portal's workers tell again."""
    if not form.reason.strip():
        return _preview(context, form, context._("Say why."))
    selection = form.selection(context.member()[1].time_zone).as_json()
    replay_id: UUID = QUERIES.request_replay(context.conn, selection=selection, reason=form.reason.strip())
    return context.redirect(f"/admin/portal/replays/{replay_id}")


def _preview(context: RequestContext, choice: Choice, error: str = "") -> Response:
    _, organisation = context.member()
    context.record_rows({organisation.id})
    selection = choice.selection(organisation.time_zone).as_json()
    previewed = rows(context.conn, Previewed, QUERIES.preview_replay.sql, selection=selection)
    return context.page(
        "administrator/replay.html",
        status=422 if error else 200,
        choice=choice,
        previewed=previewed,
        total=previewed[0].total if previewed else 0,
        errors=portal_labels.errors(context),
        error=error,
    )
