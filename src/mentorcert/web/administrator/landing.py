"""The administrator's first page: the topics, and how each of them stands."""

from fastapi import APIRouter, Response

from mentorcert.organisations import overview
from mentorcert.web.administrator import portal_labels
from mentorcert.web.context import CurrentAdministrator

router = APIRouter()


@router.get("/admin")
def show(context: CurrentAdministrator) -> Response:
    """Show the topics."""
    _, organisation = context.member()
    return context.page(
        "administrator/landing.html",
        facts=overview.administration(context.conn, organisation.id, organisation.time_zone),
        modes=portal_labels.modes(context),
    )
