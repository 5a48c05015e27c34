"""The portal: what it is sent, what waits, what went wrong, what it shows otherwise, and its mode."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.organisations import peer_mentors
from mentorcert.portal.model import Mode
from mentorcert.portal.monitoring import health, waiting
from mentorcert.portal.monitoring.checks import run_checks
from mentorcert.portal.reconciliation import restores
from mentorcert.portal.reconciliation.restores import Decision
from mentorcert.portal.sync import requests
from mentorcert.translatable import LazyText
from mentorcert.web.administrator import portal_labels
from mentorcert.web.administrator.portal_reasons import known_reason, reason_text
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import TYPED, Chosen, Text
from mentorcert.web.page_form import PageForm

router = APIRouter()

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_reason_required": Refusal("reason", LazyText("Say why.")),
    "connections_canary_valid": Refusal(
        "numbers", LazyText("Canary needs the numbers of peer mentors; no other mode takes any.")
    ),
}


class ModeForm(PageForm):
    """A change of mode."""

    mode: Chosen[Mode] = "capture"
    numbers: Annotated[str, Field(max_length=2000), TYPED] = ""
    reason: Text = ""


class AcknowledgeForm(PageForm):
    """Says that somebody sees to an error."""

    code: str = Field(max_length=63)
    reason: Text = ""


class DecideForm(PageForm):
    """Says who is right, the registry or the portal."""

    id: UUID
    decision: Decision
    reason: Text = ""


@router.get("/admin/portal")
def show(context: CurrentAdministrator) -> Response:
    """Show how it stands."""
    return _page(context, None)


@router.post("/admin/portal/mode")
def change_mode(context: CurrentAdministrator, form: Annotated[ModeForm, Form()]) -> Response:
    """Change the mode, for a reason."""
    if errors := form.faults(context):
        return _page(context, form, errors)
    numbers = list(dict.fromkeys(form.numbers.replace(",", " ").split()))
    canaries = requests.find_peer_mentors(context.conn, context.member()[1].id, numbers)
    unknown = ", ".join(number for number, id_ in canaries.items() if id_ is None)
    if unknown:
        error = context._("The organisation has no peer mentor with the number %(numbers)s.", numbers=unknown)
        return _page(context, form, {"numbers": error})
    with field_errors(context, _REFUSALS) as errors:
        ids = [id_ for id_ in canaries.values() if id_ is not None]
        requests.set_mode(context.conn, form.mode, form.reason.strip(), ids)
    if errors:
        return _page(context, form, errors)
    mode = portal_labels.modes(context)[form.mode]
    return context.redirect("/admin/portal", notice=context._("The mode is changed: %(mode)s", mode=mode))


@router.post("/admin/portal/decide")
def decide(context: CurrentAdministrator, form: Annotated[DecideForm, Form()]) -> Response:
    """Decide about what the portal holds newer than the registry, for a reason."""
    errors = form.faults(context)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            restores.decide_own(context.conn, form.id, form.decision, form.reason.strip())
    if errors:
        return _page(context, None, {f"decide-{form.id}": errors["reason"]})
    return context.redirect("/admin/portal", notice=context._("It is decided, and is sent to the portal."))


@router.post("/admin/portal/acknowledge")
def acknowledge(context: CurrentAdministrator, form: Annotated[AcknowledgeForm, Form()]) -> Response:
    """Say that somebody sees to an error, for a reason."""
    errors, found = form.faults(context), False
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            found = requests.acknowledge(context.conn, form.code, form.reason.strip())
    if errors:
        return _page(context, None, {f"acknowledge-{form.code}": errors["reason"]})
    if not found:
        return _page(
            context, None, {f"acknowledge-{form.code}": context._("This error does not stand any more.")}
        )
    return context.redirect(
        "/admin/portal", notice=context._("You see to it. Nobody is reminded for a week.")
    )


def _page(
    context: RequestContext, form: ModeForm | None, errors: Mapping[str, str] | None = None
) -> Response:
    _, organisation = context.member()
    figures = context.ahead(health.figures)
    sent_alerts = context.ahead(waiting.alerts, organisation.id)
    removals = context.ahead(waiting.removals, organisation.id)
    failures = context.ahead(waiting.failures, organisation.id)
    drift = context.ahead(waiting.drift, organisation.id)
    comparisons = context.ahead(waiting.comparisons, organisation.id)
    replays = context.ahead(requests.replays, organisation.id)
    conflicts = context.ahead(restores.own_differences, organisation.id)
    snapshot = health.read_own(context.conn)
    (connection,) = snapshot.connections
    alerts = sent_alerts.value
    sent_addresses = {
        by: context.ahead(peer_mentors.login_address, by)
        for by in map(_id, (connection.changed_by, *(one.acknowledged_by for one in alerts.values())))
        if by is not None
    }
    addresses = {str(id_): address.value for id_, address in sent_addresses.items()}

    def name(by: str | None) -> str | None:
        """Return who it was: the address of a member; the names of operators' accounts say nothing to a reader."""
        if by is None:
            return None
        if _id(by) is None:
            return context._("the operator")
        return addresses.get(by) or context._("somebody whose address is not shown")

    return context.page(
        "administrator/portal.html",
        status=422 if errors else 200,
        connection=connection,
        changed_by=name(connection.changed_by),
        alerts=alerts,
        seen_to_by={code: name(one.acknowledged_by) for code, one in alerts.items()},
        findings=run_checks(snapshot),
        figures=figures.value[organisation.slug],
        silent_s=min((worker.silent_s for worker in snapshot.workers), default=None),
        conflicts=conflicts.value,
        removals=removals.value,
        failures=failures.value,
        drift=drift.value,
        comparisons=comparisons.value,
        replays=replays.value,
        form=form or ModeForm(mode=connection.mode),
        errors=errors or {},
        labels=portal_labels.labels(context),
        reason_text=partial(reason_text, context),
        known_reason=partial(known_reason, context),
    )


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
