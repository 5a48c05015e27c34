"""Endpoints that are switched off; the operator switches them, since it is for every organisation."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiosql
from fastapi import APIRouter, Response

from mentorcert.access import endpoints
from mentorcert.web.administrator.queries import rows
from mentorcert.web.visit import Administrator, Visit

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint that is off."""

    endpoint: str
    disabled_at: datetime


@router.get("/admin/endpoints")
def show(visit: Administrator) -> Response:
    """Show which endpoints are on and which are off."""
    off = {one.endpoint: one.disabled_at for one in rows(visit.conn, Disabled, _QUERIES.disabled.sql)}
    texts = _texts(visit)
    return visit.page(
        "administrator/endpoints.html",
        endpoints=[(name, texts.get(name, ""), off.get(name)) for name in endpoints.known(visit.conn)],
    )


def _texts(visit: Visit) -> dict[str, str]:
    return {
        "audit_log": visit._("The audit log"),
        "certifications": visit._("Certifications and everything that reads or changes them"),
        "memberships": visit._("Memberships"),
        "organisations": visit._("The organisation, its chapters and certification types"),
        "peer_mentors": visit._("Peer mentors and their chapters"),
        "public_list": visit._("The public list"),
    }
