"""Endpoints that are switched off; the operator switches them, since it is for every organisation."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiosql
from fastapi import APIRouter, Response

from mentorcert.access import endpoints
from mentorcert.web.administrator.queries import rows
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint that is off."""

    endpoint: str
    disabled_at: datetime


@router.get("/admin/endpoints")
def show(context: CurrentAdministrator) -> Response:
    """Show which endpoints are on and which are off."""
    off = {one.endpoint: one.disabled_at for one in rows(context.conn, Disabled, _QUERIES.disabled.sql)}
    texts = _texts(context)
    return context.page(
        "administrator/endpoints.html",
        endpoints=[(name, texts.get(name, ""), off.get(name)) for name in endpoints.known(context.conn)],
    )


def _texts(context: RequestContext) -> dict[str, str]:
    return {
        "audit_log": context._("The audit log"),
        "certifications": context._("Certifications and everything that reads or changes them"),
        "memberships": context._("Memberships"),
        "organisations": context._("The organisation, its chapters and certification types"),
        "peer_mentors": context._("Peer mentors and their chapters"),
        "public_list": context._("The public list"),
    }
