"""The portal: what it is sent, what waits, what went wrong, what it shows otherwise, and its mode."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.organisations import peer_mentors
from mentorcert.portal.model import Mode
from mentorcert.portal.monitoring import health, waiting
from mentorcert.portal.monitoring.checks import run_checks
from mentorcert.portal.sync import requests
from mentorcert.translatable import LazyText
from mentorcert.web.administrator import portal_labels
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors

router = APIRouter()

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_reason_required": Refusal("reason", LazyText("Say why.")),
    "connections_canary_valid": Refusal(
        "numbers", LazyText("Canary needs the numbers of peer mentors; no other mode takes any.")
    ),
}


class ModeForm(BaseModel):
    """A change of mode."""

    mode: Mode = "capture"
    numbers: str = Field("", max_length=2000)
    reason: str = Field("", max_length=1000)


@router.get("/admin/portal")
def show(context: CurrentAdministrator) -> Response:
    """Show how it stands."""
    return _page(context, None)


@router.post("/admin/portal/mode")
def change_mode(context: CurrentAdministrator, form: Annotated[ModeForm, Form()]) -> Response:
    """Change the mode, for a reason."""
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


def _page(
    context: RequestContext, form: ModeForm | None, errors: Mapping[str, str] | None = None
) -> Response:
    _, organisation = context.member()
    snapshot = health.read_own(context.conn)
    (connection,) = snapshot.connections
    return context.page(
        "administrator/portal.html",
        status=422 if errors else 200,
        connection=connection,
        changed_by=_address(context, connection.changed_by),
        findings=run_checks(snapshot),
        silent_s=min((worker.silent_s for worker in snapshot.workers), default=None),
        removals=waiting.removals(context.conn, organisation.id),
        failures=waiting.failures(context.conn, organisation.id),
        drift=waiting.drift(context.conn, organisation.id),
        comparisons=waiting.comparisons(context.conn, organisation.id),
        replays=requests.replays(context.conn, organisation.id),
        form=form or ModeForm(mode=connection.mode),
        errors=errors or {},
        labels=portal_labels.labels(context),
    )


def _address(context: RequestContext, changed_by: str | None) -> str | None:
    """Return the address of a member; of an operator, the name."""
    try:
        email = peer_mentors.login_address(context.conn, UUID(changed_by or ""))
    except ValueError:
        email = None
    return email or changed_by
