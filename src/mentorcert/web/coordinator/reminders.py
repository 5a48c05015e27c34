"""Reminders, as a list and of one peer mentor: what was sent, what comes, what waits and for what."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel

from mentorcert.errors import InvalidArgumentError
from mentorcert.notices import reminders
from mentorcert.organisations import peer_mentors
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, time_zone_of
from mentorcert.web.coordinator.letters import STATES as MAIL_STATES
from mentorcert.web.coordinator.list_query import CursorText

router = APIRouter()

_STATES: Final[Mapping[reminders.State, LazyText]] = {
    "sent": LazyText("sent"),
    "queued": LazyText("is being sent"),
    "in_doubt": LazyText("perhaps not sent: ask the operator"),
    "collapsed": LazyText("overtaken by a later one"),
    "skipped": LazyText("not sent: it was too late"),
    "planned": LazyText("will be sent"),
    "no_address": LazyText("cannot be sent: there is no usable address"),
    "paused": LazyText("waits: reminders are paused"),
    "suspended": LazyText("waits: the certification is suspended"),
    "left": LazyText("will not be sent: the person has left by then"),
}
_AHEAD_STATES: Final[Mapping[reminders.AheadState, LazyText]] = {
    "planned": LazyText("will be sent"),
    "no_address": LazyText("no e-mail address"),
    "unusable": LazyText("the e-mail address cannot be used"),
    "refused": LazyText("the latest mail came back"),
    "paused": LazyText("waits: reminders are paused"),
    "suspended": LazyText("waits: the certification is suspended"),
}
_REFUSALS: Final[Mapping[str, LazyText]] = {
    "reminder_today": LazyText(
        "A reminder of this certification was sent today. Send the next one another day."
    ),
    "reminder_none": LazyText(
        "No reminder of this certification is left to send. Write to the person instead."
    ),
    "reminder_waits": LazyText("The reminder cannot be sent now. The list says what it waits for."),
}


class RemindersQuery(BaseModel):
    """Which reminders are shown, and after which one."""

    show: Literal["upcoming", "sent", "failing"] = "upcoming"
    after: CursorText = None

    def url(self, after: str | None = None) -> str:
        """Return the address of these rows, or of those after a place."""
        return f"/reminders?{urlencode({'show': self.show, **({'after': after} if after else {})})}"


class SendNowForm(BaseModel):
    """Where the button stands: on the page of the person, or in the list."""

    mentor: UUID | None = None


@router.get("/reminders")
def show_all(context: CurrentCoordinator, query: Annotated[RemindersQuery, Query()]) -> Response:
    """List what comes, what was sent, or what reaches nobody."""
    names = names_of(context)
    page: Any
    states: Mapping[Any, LazyText]
    if query.show == "sent":
        page, states = reminders.sent(context.conn, after=query.after), MAIL_STATES
    else:
        page, states = (
            reminders.ahead(context.conn, only_failing=query.show == "failing", after=query.after),
            _AHEAD_STATES,
        )
    return context.page(
        "coordinator/reminder_list.html",
        query=query,
        reminders=page.rows,
        states={state: context._(text) for state, text in states.items()},
        names=names,
        time_zone=time_zone_of(context),
        next_url=query.url(page.next) if page.next else None,
        first_url=query.url() if query.after else None,
    )


@router.post("/reminders/{certification_id}/send")
def send_now(
    context: CurrentCoordinator, certification_id: UUID, form: Annotated[SendNowForm, Form()]
) -> Response:
    """Send the next reminder of a certification now; where it is refused, say why."""
    back = f"/mentors/{form.mentor}/reminders" if form.mentor else "/reminders"
    return context.redirect(back, notice=_sent_now(context, certification_id))


def _sent_now(context: RequestContext, certification_id: UUID) -> str:
    try:
        with context.conn.transaction():
            reminders.remind_now(context.conn, certification_id)
    except InvalidArgumentError as error:
        text = _REFUSALS.get(error.constraint or "")
        if text is None:
            raise
        return context._(text)
    return context._("The reminder is sent in a moment.")


@router.get("/mentors/{mentor_id}/reminders")
def show(context: CurrentCoordinator, mentor_id: UUID) -> Response:
    """Show the reminders by day, and whether they are paused."""
    names = names_of(context)
    found = context.ahead(reminders.of_peer_mentor, mentor_id)
    mentor = peer_mentors.get(context.conn, mentor_id)
    return context.page(
        "coordinator/reminders.html",
        mentor=mentor,
        names=names,
        reminders=found.value,
        states={state: context._(text) for state, text in _STATES.items()},
        time_zone=time_zone_of(context),
    )


@router.post("/mentors/{mentor_id}/reminders")
def pause(context: CurrentCoordinator, mentor_id: UUID, paused: Annotated[bool, Form()]) -> Response:
    """Have the reminders to one person wait, or go on."""
    reminders.pause(context.conn, mentor_id, is_paused=paused)
    notice = context._("Reminders wait now.") if paused else context._("Reminders go on.")
    return context.redirect(f"/mentors/{mentor_id}/reminders", notice=notice)
