"""One change of many certifications: what each would become, and then the change itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal, Protocol
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.certifications import batches, bulk, pages, search
from mentorcert.certifications.bulk import Change, Preview
from mentorcert.certifications.history import Basis, Evidence
from mentorcert.errors import InvalidInputError
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator import ticks
from mentorcert.web.coordinator.display_names import Names, names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import ListQuery
from mentorcert.web.coordinator.listing import list_page
from mentorcert.web.coordinator.preview import REFUSALS, PreviewResult, Step, refuse
from mentorcert.web.coordinator.ticks import TickedIds
from mentorcert.web.coordinator.timeline import kind_text
from mentorcert.web.drafts import drafted, page_at_address, preview_at
from mentorcert.web.fields import Chosen, Line, MaybeChosen, Note, OptionalDay
from mentorcert.web.page_form import PageForm

router = APIRouter()

_CHOSEN_AT_MOST: Final = 500
# A page with thousands of rows helps nobody; the numbers above it count all.
SHOWN: Final = 500
_NAMED: Final = 5


Scope = Literal["ticked", "page", "every"]


class Selection(PageForm):
    """What to do with whom: the ticked ones, or those that the list's `query` shows, on its page or in all."""

    change: Chosen[Change] = "renew"
    scope: Chosen[Scope] = "ticked"
    ticked: TickedIds = Field(default_factory=list)
    query: Annotated[str, Field(max_length=4000)] = ""
    leave_out: bool = False
    renewed_on: OptionalDay = None

    def path(self, ticked: Sequence[UUID]) -> str:
        """Return the address of the preview."""
        given = {
            "change": self.change,
            "scope": self.scope,
            "ticked": ticks.written(ticked) if self.scope == "ticked" else "",
            "query": self.query,
            "leave_out": "true" if self.leave_out else "",
            "renewed_on": "" if self.renewed_on is None else self.renewed_on.isoformat(),
        }
        return f"/certifications/bulk?{urlencode({name: value for name, value in given.items() if value})}"


class BulkQuery(Selection):
    """What an address says: the choice, or the draft of what was sent."""

    draft: UUID | None = None


class BulkForm(Selection):
    """A change whose preview was looked at, or the list: `id` is ticked on its page, `to` another page of it."""

    id: Annotated[list[UUID], Field(default_factory=list, max_length=_CHOSEN_AT_MOST)]
    to: Annotated[str, Field(max_length=4000)] | None = None
    step: Step = "preview"
    note: Note = None
    seen: Line = None
    seen_on: OptionalDay = None
    basis: MaybeChosen[Basis] = None
    shown: str = ""

    @property
    def every(self) -> list[UUID]:
        """Those that are ticked, on the page that was sent and on others."""
        return list(dict.fromkeys([*self.ticked, *self.id]))

    def evidence(self, today: date) -> Evidence | None:
        """Return what was seen, if anything; today where no day is given."""
        return evidence(self.seen, self.seen_on, today, self.basis)


def evidence(
    seen: str | None, seen_on: date | None, today: date, basis: Basis | None = None
) -> Evidence | None:
    """Return the evidence of a form; the sender of the form is who saw it."""
    return None if seen is None else Evidence(seen=seen, seen_on=seen_on or today, seen_by=None, basis=basis)


class _WithEvidence(Protocol):
    seen: Line
    seen_on: OptionalDay


def evidence_errors(context: RequestContext, form: _WithEvidence) -> dict[str, str]:
    """Return what is wrong where a form says when something was seen, but not what."""
    if form.seen is None and form.seen_on is not None:
        return {"seen": context._("Write what was seen on that day, or leave the day empty.")}
    return {}


@dataclass(frozen=True, slots=True)
class _Labels:
    """The texts of a change."""

    heading: str
    button: str
    notice: str


@router.get("/certifications/bulk")
def show(context: CurrentCoordinator, query: Annotated[BulkQuery, Query()]) -> Response:
    """Show what each certification would become; nothing is changed."""
    if draft := drafted(context, query.draft, BulkForm):
        return _weigh(context, draft, chosen(context, draft, draft.every))
    if errors := query.faults(context):
        return list_page(context, ListQuery.read(query.query), errors, query)
    form = BulkForm(**query.model_dump(exclude={"draft"}), id=[])
    return _weigh(context, form, chosen(context, form, form.ticked))


@router.post("/certifications/bulk")
def change(context: CurrentCoordinator, form: Annotated[BulkForm, Form()]) -> Response:
    """Show what each certification would become; make the change if that was shown and is still so."""
    ticked = form.every
    if form.to is not None:
        return ticks.other_page(context, ListQuery.read(form.to), ticked)
    errors = form.faults(context)
    if errors.keys() & Selection.model_fields.keys() - {"renewed_on"}:
        return list_page(context, ListQuery.read(form.query), errors, form)
    ids = chosen(context, form, ticked)
    if not ids:
        errors = {"scope": context._("Tick at least one certification, or choose all of them.")}
        return list_page(context, ListQuery.read(form.query), errors, form)
    if form.step == "preview":
        has_text = form.note or form.seen or form.seen_on or form.basis
        has_address = form.scope != "ticked" or len(ids) <= ticks.AT_MOST
        is_short = has_address and not has_text and not errors
        return context.redirect(form.path(ids)) if is_short else preview_at(context)
    return _weigh(context, form, ids)


def _weigh(context: RequestContext, form: BulkForm, ids: Sequence[UUID]) -> Response:
    if not ids:
        return context.redirect(_back(form))
    context.raise_statement_timeout()
    names = names_of(context)
    preview = bulk.preview(context.conn, form.change, ids, renewed_on=form.renewed_on, basis=form.basis)
    refused = len(preview.refused)
    if form.leave_out:
        preview = Preview([outcome for outcome in preview.outcomes if outcome.refusal is None])
    result = PreviewResult(preview, preview.outcomes)
    result.errors = form.faults(context) | evidence_errors(context, form)
    if form.step == "confirm" and form.basis and form.seen is None:
        result.errors["seen"] = context._("Write what was seen, such as the diploma of the course.")
    if form.step == "confirm":
        result.compare(form.shown)
    if form.step == "preview" or result.errors or result.is_stale or preview.refused or not preview.outcomes:
        return _page(context, names, form, ids, result, refused=refused)
    changed = [outcome.certification_id for outcome in preview.outcomes]
    try:
        with context.conn.transaction():
            sent = context.ahead(
                bulk.apply,
                form.change,
                changed,
                renewed_on=form.renewed_on,
                note=form.note,
                evidence=form.evidence(today_of(context)) if form.change == "renew" else None,
            )
            made = context.ahead(batches.made_now)
            number, batch_id = sent.value, made.value
    except REFUSALS as error:
        refuse(context, result, error, "renewed_on")
        return _page(context, names, form, ids, result, refused=refused)
    if batch_id is not None:
        context.cookies.sign("batch", f"{batch_id} {form.change} {number}")
    return context.redirect(_back(form), notice=_said(context, form.change, number, preview))


def _said(context: RequestContext, change: Change, number: int, preview: Preview) -> str:
    """Return what was done, with names."""
    names = list(dict.fromkeys(outcome.full_name or "" for outcome in preview.outcomes))
    some = ", ".join(names[:_NAMED])
    if more := len(names) - _NAMED if len(names) > _NAMED else 0:
        some = context.ngettext("%(names)s and %(num)s more", "%(names)s and %(num)s more", more, names=some)
    return f"{_labels(context, change, number).notice} {some}."


def chosen(context: RequestContext, form: Selection, ticked: Sequence[UUID]) -> list[UUID]:
    """Return the certifications that are chosen in the list: the ticked ones, those on its page, or all results."""
    if form.scope == "ticked":
        return list(dict.fromkeys(ticked))
    query = ListQuery.read(form.query)
    today = today_of(context)
    if form.scope == "page":
        page = pages.page(
            context.conn, query.parts(today), after=query.after, before=query.before, size=int(query.size)
        )
        return [row.id for row in page.rows]
    ids = search.ids(context.conn, query.filters(today), query.order())
    if len(ids) > search.AT_ONCE:
        raise InvalidInputError(
            LazyText("More than {} certifications match.", search.AT_ONCE),
            hint=LazyText("Narrow the list, and change one part after the other."),
        )
    return ids


def _back(form: BulkForm) -> str:
    query = ListQuery.read(form.query)
    return query.path(after=query.after, before=query.before)


def _page(
    context: RequestContext,
    names: Names,
    form: BulkForm,
    ids: Sequence[UUID],
    result: PreviewResult[Preview],
    *,
    refused: int,
) -> Response:
    preview = result.outcome or Preview([])
    willing = len(preview.outcomes) - len(preview.refused)
    has_address = form.scope != "ticked" or len(ids) <= ticks.AT_MOST
    return page_at_address(
        context,
        "coordinator/bulk.html",
        status=result.status,
        form=form.model_copy(update={"renewed_on": form.renewed_on or today_of(context)}),
        ids=[] if form.scope != "ticked" or has_address else ids,
        ticked=ticks.written(ids) if form.scope == "ticked" and has_address else "",
        preview=preview,
        result=result,
        outcomes=preview.outcomes[:SHOWN],
        reasons={outcome.certification_id: reason(context, outcome.refusal) for outcome in preview.refused},
        kinds={
            kind: kind_text(context, kind)
            for kind in {o.takes_back for o in preview.outcomes if o.takes_back}
        },
        willing=willing,
        refused=refused,
        labels=_labels(context, form.change, willing),
        names=names,
        time_zone=time_zone_of(context),
        back=_back(form),
        errors=result.errors,
    )


def reason(context: RequestContext, refusal: str | None) -> str:
    """Return why a certification cannot be changed so."""
    return {
        "certification_right": context._("This one is not yours to change."),
        "certification_renewal_after_issue": context._(
            "It was issued or renewed on that day, or later, already."
        ),
        "certification_issued_at_not_future": context._("The day lies in the future."),
        "certification_type_retired": context._("The certification is retired, and is not renewed any more."),
        "certification_outdated_course": context._(
            "It ended too long ago for a refresher. It takes the whole course."
        ),
        "certification_outdated_registration": context._(
            "It ended too long ago for a refresher. It takes a new registration."
        ),
        "certification_transition": context._("Its status does not allow that."),
        "certification_change_revertible": context._("There is no change to undo."),
    }.get(refusal or "", context._("A rule of the registry is against it."))


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
        context._("Undo the latest change"),
        context.ngettext("Undo %(num)s change", "Undo %(num)s changes", number),
        context.ngettext("%(num)s change was undone.", "%(num)s changes were undone.", number),
    )
