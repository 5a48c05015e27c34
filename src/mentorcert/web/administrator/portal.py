"""The portal: what it is told, what waits, what went wrong, what it shows otherwise, and its mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field

from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import findings
from mentorcert.portal.monitoring.health import Mode
from mentorcert.translatable import LazyText
from mentorcert.web.administrator import portal_labels
from mentorcert.web.administrator.queries import Refusal, attempt, rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

QUERIES: Final = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")

_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_reason_required": Refusal("reason", LazyText("Say why.")),
    "connections_canary_valid": Refusal(
        "numbers", LazyText("Canary needs the numbers of peer mentors; no other mode takes any.")
    ),
}


@dataclass(frozen=True, slots=True)
class Removal:
    """Somebody who is to leave the portal's list, which has not confirmed it."""

    full_name: str
    external_id: str
    state: str
    attempts: int
    error_class: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with telling of so many peer mentors; `error` is the latest, without personal data."""

    error_class: str
    peer_mentors: int
    attempted_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Drift:
    """What the portal showed otherwise; without a name where it is nobody of ours."""

    kind: str
    full_name: str | None
    external_id: str | None
    found_at: datetime
    marked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison; without an outcome it is going on."""

    started_at: datetime
    scope: str
    is_dry_run: bool
    outcome: str | None
    reason: str | None
    compared: int
    differing: int
    marked: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Who had the portal told again; unfinished ones go on."""

    id: UUID
    started_at: datetime
    reason: str
    marked: int
    total: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Canary:
    external_id: str
    id: UUID | None


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
    wanted = list(dict.fromkeys(form.numbers.replace(",", " ").split()))
    canaries = rows(
        context.conn, _Canary, QUERIES.canaries.sql, organisation_id=context.member()[1].id, numbers=wanted
    )
    unknown = ", ".join(one.external_id for one in canaries if one.id is None)
    if unknown:
        text = context._("The organisation has no peer mentor with the number %(numbers)s.", numbers=unknown)
        return _page(context, form, {"numbers": text})
    ids = [one.id for one in canaries]
    errors = attempt(
        context,
        _REFUSALS,
        lambda: QUERIES.set_mode(context.conn, mode=form.mode, reason=form.reason.strip(), canary=ids),
    )
    if errors:
        return _page(context, form, errors)
    named = portal_labels.modes(context)[form.mode]
    return context.redirect("/admin/portal", notice=context._("The mode is changed: %(mode)s", mode=named))


def _page(
    context: RequestContext, form: ModeForm | None, errors: Mapping[str, str] | None = None
) -> Response:
    _, organisation = context.member()
    context.record_rows({organisation.id})
    snapshot = health.read_own(context.conn)
    (standing,) = snapshot.standings
    own = {"organisation_id": organisation.id}
    return context.page(
        "administrator/portal.html",
        status=422 if errors else 200,
        standing=standing,
        changed_by=_login(context, standing.changed_by),
        findings=findings(snapshot),
        heard_s=min((worker.silent_s for worker in snapshot.workers), default=None),
        removals=rows(context.conn, Removal, QUERIES.removals.sql, **own),
        failures=rows(context.conn, Failure, QUERIES.failures.sql, **own),
        drift=rows(context.conn, Drift, QUERIES.drift.sql, **own),
        reconciliations=rows(context.conn, Reconciliation, QUERIES.reconciliations.sql, **own),
        replays=rows(context.conn, Replay, QUERIES.replays.sql, **own),
        form=form or ModeForm(mode=standing.mode),
        errors=errors or {},
        texts=portal_labels.texts(context),
    )


def _login(context: RequestContext, changed_by: str | None) -> str | None:
    """Return the address where it was a member, else who the operator is."""
    email: str | None = QUERIES.login(context.conn, user_id=changed_by)
    return email or changed_by
