"""The nightly runs: which nights were done, and whom the next one is about."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import aiosql
from fastapi import APIRouter, Response

from mentorcert.web.administrator.queries import row, rows
from mentorcert.web.context import CurrentAdministrator

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Night:
    """A day of the ledger; unfinished where it failed or goes on."""

    local_day: date
    as_of: datetime
    finished_at: datetime | None
    expired: int
    unlisted: int
    caught_up: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Clock:
    """Today, and the midnight that ends it."""

    today: date
    midnight: datetime


@dataclass(frozen=True, slots=True)
class ExpiringCertification:
    """How many certifications of a type the next run expires; `overdue` have ended already."""

    certification_type: str
    certifications: int
    overdue: int


@router.get("/admin/nightly")
def show(context: CurrentAdministrator) -> Response:
    """Show the ledger."""
    _, organisation = context.member()
    context.record_rows({organisation.id})
    clock = row(context.conn, Clock, _QUERIES.clock.sql, time_zone=organisation.time_zone)
    nights = rows(context.conn, Night, _QUERIES.nights.sql, organisation_id=organisation.id)
    last = max((night.local_day for night in nights if night.finished_at), default=None)
    return context.page(
        "administrator/nightly.html",
        nights=nights,
        midnight=clock.midnight,
        last_day=last,
        is_missing=last is None or last < clock.today,
        ending=rows(
            context.conn,
            ExpiringCertification,
            _QUERIES.ending.sql,
            organisation_id=organisation.id,
            midnight=clock.midnight,
        ),
    )
