"""One change of many certifications: what each would become, and then the change itself."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, BeforeValidator, Field

from mentorcert.certifications import bulk, search
from mentorcert.certifications.bulk import Change, Outcome, Preview
from mentorcert.certifications.history import Evidence
from mentorcert.errors import InvalidInputError, ReasonRequiredError
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import ListQuery, OptionalDay
from mentorcert.web.coordinator.preview import REFUSALS, PreviewResult, Step, refusal
from mentorcert.web.fields import none_if_empty

router = APIRouter()

_CHOSEN_AT_MOST: Final = 500
# A page with thousands of rows helps nobody; the numbers above it count all.
_SHOWN: Final = 500

Note = Annotated[str | None, Field(max_length=2000), BeforeValidator(none_if_empty)]
Line = Annotated[str | None, Field(max_length=300), BeforeValidator(none_if_empty)]


class BulkForm(BaseModel):
    """What to do with whom: the chosen `id`s, or `every` one that the list's `query` lets through."""

    change: Change
    id: Annotated[list[UUID], Field(max_length=_CHOSEN_AT_MOST)] = []
    every: bool = False
    query: Annotated[str, Field(max_length=2000)] = ""
    leave_out: bool = False
    step: Step = "preview"
    renewed_on: OptionalDay = None
    note: Note = None
    seen: Line = None
    seen_on: OptionalDay = None
    shown: str = ""

    def evidence(self, today: date) -> Evidence | None:
        """Return what was seen, if anything; today where no day is given."""
        return evidence(self.seen, self.seen_on, today)


def evidence(seen: str | None, seen_on: date | None, today: date) -> Evidence | None:
    """Return the evidence of a form; the sender of the form is who saw it."""
    return None if seen is None else Evidence(seen=seen, seen_on=seen_on or today, seen_by=None)


@dataclass(frozen=True, slots=True)
class _Labels:
    """The texts of a change."""

    heading: str
    button: str
    notice: str


@router.post("/certifications/bulk")
def change(context: CurrentCoordinator, form: Annotated[BulkForm, Form()]) -> Response:
    """Show what each certification would become; make the change if that was shown and is still so."""
    ids = _ids(context, form)
    if not ids:
        return context.redirect(_back(form), notice=context._("Choose at least one certification first."))
    context.raise_statement_timeout()
    preview = bulk.preview(context.conn, form.change, ids, renewed_on=form.renewed_on)
    refused = len(preview.refused)
    if form.leave_out:
        preview = Preview([outcome for outcome in preview.outcomes if outcome.refusal is None])
    result = PreviewResult(preview, preview.outcomes)
    if form.step == "preview" or preview.refused or not preview.outcomes:
        return _page(context, form, result, refused)
    result.compare(form.shown)
    if result.is_stale:
        return _page(context, form, result, refused)
    note_error = ""
    try:
        with context.conn.transaction():
            number = bulk.apply(
                context.conn,
                form.change,
                [outcome.certification_id for outcome in preview.outcomes],
                renewed_on=form.renewed_on,
                note=form.note,
                evidence=form.evidence(today_of(context)) if form.change == "renew" else None,
            )
    except ReasonRequiredError as error:
        note_error = refusal(context, error)
    except REFUSALS as error:
        result.refusal = refusal(context, error)
    else:
        return context.redirect(_back(form), notice=_labels(context, form.change, number).notice)
    return _page(context, form, result, refused, note_error)


def _ids(context: RequestContext, form: BulkForm) -> list[UUID]:
    if not form.every:
        return form.id
    query = ListQuery.read(form.query)
    ids = search.ids(context.conn, query.filters(today_of(context)), query.order())
    if len(ids) > search.AT_ONCE:
        raise InvalidInputError(
            context._("More than %(number)s certifications match.", number=search.AT_ONCE),
            hint="Narrow the list, and change one part after the other.",
        )
    return ids


def _back(form: BulkForm) -> str:
    return ListQuery.read(form.query).path()


def _page(
    context: RequestContext,
    form: BulkForm,
    result: PreviewResult[Preview],
    refused: int,
    note_error: str = "",
) -> Response:
    preview = result.outcome or Preview([])
    willing = len(preview.outcomes) - len(preview.refused)
    return context.page(
        "coordinator/bulk.html",
        status=422 if note_error else result.status,
        form=form,
        preview=preview,
        result=result,
        outcomes=preview.outcomes[:_SHOWN],
        reasons={outcome.certification_id: _reason(context, outcome) for outcome in preview.refused},
        willing=willing,
        refused=refused,
        labels=_labels(context, form.change, willing),
        names=names_of(context),
        time_zone=time_zone_of(context),
        today=today_of(context),
        back=_back(form),
        note_error=note_error,
    )


def _reason(context: RequestContext, outcome: Outcome) -> str:
    """Return why a certification cannot be changed so."""
    return {
        "certification_right": context._("This one is not yours to change."),
        "certification_renewal_after_issue": context._(
            "It was issued or renewed on that day, or later, already."
        ),
        "certification_issued_at_not_future": context._("The day lies in the future."),
        "certification_transition": context._("Its status does not allow that."),
        "certification_change_revertible": context._("There is no change that could be taken back."),
    }.get(outcome.refusal or "", context._("A rule of the registry is against it."))


def _labels(context: RequestContext, change: Change, number: int) -> _Labels:
    if change == "renew":
        return _Labels(
            context._("Renew certifications"),
            context.ngettext("Renew %(num)s certification", "Renew %(num)s certifications", number),
            context.ngettext(
                "%(num)s certification was renewed.", "%(num)s certifications were renewed.", number
            ),
        )
    if change == "suspend":
        return _Labels(
            context._("Suspend certifications"),
            context.ngettext("Suspend %(num)s certification", "Suspend %(num)s certifications", number),
            context.ngettext(
                "%(num)s certification was suspended.", "%(num)s certifications were suspended.", number
            ),
        )
    if change == "reinstate":
        return _Labels(
            context._("Reinstate certifications"),
            context.ngettext("Reinstate %(num)s certification", "Reinstate %(num)s certifications", number),
            context.ngettext(
                "%(num)s certification was reinstated.", "%(num)s certifications were reinstated.", number
            ),
        )
    return _Labels(
        context._("Take back the latest change"),
        context.ngettext("Take back %(num)s change", "Take back %(num)s changes", number),
        context.ngettext("%(num)s change was taken back.", "%(num)s changes were taken back.", number),
    )
