"""The consent of a peer mentor to the public list: what was said when, and saying it again."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import psycopg
from fastapi import APIRouter, Form, Response

from mentorcert.organisations import consents, merges, peer_mentors
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import time_zone_of
from mentorcert.web.fields import Note
from mentorcert.web.page_form import PageForm

router = APIRouter()

_WAYS: Final[Mapping[consents.Way, LazyText]] = {
    "form": LazyText("by a form"),
    "mentor": LazyText("by the person"),
    "file": LazyText("by a file"),
    "portal": LazyText("by the portal"),
    "api": LazyText("by an app"),
    "sql": LazyText("by the operator"),
    "erasure": LazyText("by an erasure"),
}


class ConsentForm(PageForm):
    """What the person says now; `seen` is how many acts there were when the form was shown."""

    given: bool
    seen: int
    reason: Note = None


@router.get("/mentors/{mentor_id}/consent")
def ask(context: CurrentCoordinator, mentor_id: UUID) -> Response:
    """Show what was said so far, and the form of what is said now."""
    return _page(context, mentor_id)


@router.post("/mentors/{mentor_id}/consent")
def record(context: CurrentCoordinator, mentor_id: UUID, form: Annotated[ConsentForm, Form()]) -> Response:
    """Record what the person says now, unless something else was said since the form was shown."""
    if errors := form.faults(context):
        return _page(context, mentor_id, form=form, errors=errors)
    is_stale = False
    with context.conn.transaction() as savepoint:
        recorded = context.ahead(consents.record, mentor_id, is_given=form.given, reason=form.reason)
        # Only now, under the lock of the row, nobody else adds to them.
        acts = consents.acts_of(context.conn, mentor_id)
        is_new = recorded.value
        is_stale = len(acts) != form.seen + is_new
        if is_stale:
            raise psycopg.Rollback(savepoint)
    if is_stale:
        return _page(context, mentor_id, is_stale=True, form=form)
    if not is_new:
        notice = context._("That is what the registry says already.")
    elif form.given:
        notice = context._("The consent was recorded.")
    else:
        notice = context._("The consent was withdrawn. The person is off the public list.")
    return context.redirect(f"/mentors/{mentor_id}", notice=notice)


def _page(
    context: RequestContext,
    mentor_id: UUID,
    *,
    is_stale: bool = False,
    form: ConsentForm | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    mentor = context.ahead(peer_mentors.get, mentor_id)
    merged = context.ahead(merges.of_peer_mentor, mentor_id)
    acts = consents.acts_of(context.conn, mentor_id)
    absorbed = [act for merge in merged.value for act in merge.consents]
    every: list[consents.ConsentAct | merges.AbsorbedAct] = [*acts, *absorbed]
    every.sort(key=lambda act: act.recorded_at, reverse=True)
    return context.page(
        "coordinator/consent.html",
        status=409 if is_stale else 422 if errors else 200,
        mentor=mentor.value,
        acts=every,
        seen=len(acts),
        is_stale=is_stale,
        reason=form.typed("reason") if form else "",
        errors=errors or {},
        ways={way: context._(text) for way, text in _WAYS.items()},
        people=peer_mentors.names_of(context.conn, {act.actor_id for act in every if act.actor_id}),
        time_zone=time_zone_of(context),
    )
