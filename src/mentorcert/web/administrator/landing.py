"""The administrator's first page: the topics, and how each of them stands."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiosql
from fastapi import APIRouter, Response

from mentorcert.web.administrator import portal_labels
from mentorcert.web.administrator.queries import row
from mentorcert.web.context import CurrentAdministrator

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Facts:
    """How things stand; `last_night` is the last day whose nightly run was done."""

    types: int
    chapters: int
    memberships: int
    last_night: date | None
    today: date
    portal_mode: str | None
    switched_off: int


@router.get("/admin")
def show(context: CurrentAdministrator) -> Response:
    """Show the topics."""
    _, organisation = context.member()
    context.record_rows({organisation.id})
    facts = row(
        context.conn,
        Facts,
        _QUERIES.facts.sql,
        organisation_id=organisation.id,
        time_zone=organisation.time_zone,
    )
    return context.page("administrator/landing.html", facts=facts, modes=portal_labels.modes(context))
