"""Changes of many certifications: which there were, and undoing one as a whole."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response

from mentorcert.certifications import batches
from mentorcert.certifications.batches import Outcome
from mentorcert.errors import MissingRightError, NotRevertibleError
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.batch_words import made_text, undo_text
from mentorcert.web.coordinator.bulk import SHOWN, reason
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, written
from mentorcert.web.coordinator.preview import REFUSALS, PreviewResult, refuse
from mentorcert.web.coordinator.timeline import actor_text, kind_text, people_named
from mentorcert.web.fields import Note
from mentorcert.web.page_form import PageForm

router = APIRouter()


class UndoQuery(PageForm):
    """Whether those that cannot be undone are left out."""

    leave_out: bool = False


class UndoForm(UndoQuery):
    """Why it is undone, and what was shown."""

    note: Note = None
    shown: str = ""


@router.get("/certifications/batches")
def show_all(context: CurrentCoordinator) -> Response:
    """Show the latest changes of many."""
    found = batches.recent(context.conn, context.member()[1].id)
    users = [batch.changed_by for batch in found]
    return context.page(
        "coordinator/batches.html",
        batches=[(batch, made_text(context, batch.change, batch.certifications)) for batch in found],
        people=people_named(context, users),
        time_zone=time_zone_of(context),
    )


@router.get("/certifications/batches/{batch_id}")
def show(context: CurrentCoordinator, batch_id: UUID, query: Annotated[UndoQuery, Query()]) -> Response:
    """Show what undoing a change of many would do; nothing is changed."""
    return _undo(context, batch_id, UndoForm(leave_out=query.leave_out), is_confirmed=False)


@router.post("/certifications/batches/{batch_id}")
def undo(context: CurrentCoordinator, batch_id: UUID, form: Annotated[UndoForm, Form()]) -> Response:
    """Undo it, if it would still give what was shown."""
    return _undo(context, batch_id, form, is_confirmed=True)


def _undo(context: RequestContext, batch_id: UUID, form: UndoForm, *, is_confirmed: bool) -> Response:
    context.raise_statement_timeout()
    names = names_of(context)
    sent = context.ahead(batches.preview_reversal, batch_id)
    batch = batches.get(context.conn, context.member()[1].id, batch_id)
    outcomes = sent.value
    refused = [outcome for outcome in outcomes if outcome.refusal is not None]
    willing = len(outcomes) - len(refused)
    shown = [outcome for outcome in outcomes if outcome.refusal is None] if form.leave_out else outcomes
    is_possible = batch.reverted_at is None and willing > 0 and (form.leave_out or not refused)
    result = PreviewResult(shown, shown)
    if is_confirmed and is_possible:
        result.errors = form.faults(context)
        if not ((form.note or "").strip() or result.errors):
            result.errors["note"] = context._("Say why.")
        result.compare(form.shown)
        if not result.errors and not result.is_stale:
            try:
                with context.conn.transaction():
                    number = batches.revert(
                        context.conn, batch_id, form.note or "", leaves_out=form.leave_out
                    )
            except (NotRevertibleError, MissingRightError):
                result.is_stale = True
            except REFUSALS as error:
                refuse(context, result, error, "note")
            else:
                return context.redirect(
                    f"/certifications/batches/{batch_id}",
                    notice=context.ngettext(
                        "%(num)s change was undone.", "%(num)s changes were undone.", number
                    ),
                )
    since = {outcome.certification_id: outcome.since for outcome in outcomes[:SHOWN]}
    users = [getattr(one.actor, "user_id", None) for one in since.values() if one]
    people = people_named(context, [id_ for id_ in (*users, batch.changed_by, batch.reverted_by) if id_])
    return context.page(
        "coordinator/batch.html",
        status=409 if is_confirmed and not is_possible else result.status,
        batch=batch,
        made=made_text(context, batch.change, batch.certifications),
        undo=undo_text(context, batch.change, willing if form.leave_out else batch.certifications),
        people=people,
        form=form,
        result=result,
        errors=result.errors,
        is_possible=is_possible,
        refused=len(refused),
        willing=willing,
        outcomes=shown[:SHOWN],
        number=len(shown),
        reasons={outcome.certification_id: _why(context, outcome, people) for outcome in refused[:SHOWN]},
        names=names,
        time_zone=time_zone_of(context),
    )


def _why(context: RequestContext, outcome: Outcome, people: dict[str, str]) -> str:
    """Return what stands against undoing one of them: what was done since, when and by whom."""
    if (since := outcome.since) is None or outcome.refusal == "certification_right":
        return reason(context, outcome.refusal)
    return context._(
        "%(what)s on %(day)s by %(who)s.",
        what=kind_text(context, since.kind),
        day=written(context, "moment", since.recorded_at, time_zone_of(context)),
        who=actor_text(context, since.actor, people),
    )
