"""Endpoints that are switched off; the operator switches them, since it is for every organisation."""

from fastapi import APIRouter, Response

from mentorcert.access import endpoints
from mentorcert.web.context import CurrentAdministrator, RequestContext

router = APIRouter()


@router.get("/admin/endpoints")
def show(context: CurrentAdministrator) -> Response:
    """Show which endpoints are on and which are off."""
    known = context.ahead(endpoints.known)
    disabled_since = endpoints.disabled_since(context.conn)
    labels = _labels(context)
    return context.page(
        "administrator/endpoints.html",
        endpoints=[
            (labels.get(name) or context._("Another part of the registry"), disabled_since.get(name))
            for name in known.value
        ],
    )


def _labels(context: RequestContext) -> dict[str, str]:
    return {
        "audit_log": context._("The audit log"),
        "certifications": context._("Certifications and everything that reads or changes them"),
        "memberships": context._("Memberships"),
        "organisations": context._("The organisation, its chapters and certification types"),
        "peer_mentors": context._("Peer mentors and their chapters"),
        "public_list": context._("The public list"),
    }
