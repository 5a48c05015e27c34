"""The administrator's first page: the topics, and how each of them stands."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiosql
from fastapi import APIRouter, Response

from mentorcert.web.administrator import portal_texts
from mentorcert.web.administrator.queries import row
from mentorcert.web.visit import Administrator

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
def show(visit: Administrator) -> Response:
    """Show the topics."""
    _, organisation = visit.member()
    visit.saw({organisation.id})
    facts = row(
        visit.conn,
        Facts,
        _QUERIES.facts.sql,
        organisation_id=organisation.id,
        time_zone=organisation.time_zone,
    )
    return visit.page("administrator/landing.html", facts=facts, modes=portal_texts.modes(visit))
