"""The administrator's first page: the topics, and how each of them stands."""

from fastapi import APIRouter, Response

from mentorcert.organisations import departures, overview
from mentorcert.web.administrator import portal_labels
from mentorcert.web.context import CurrentAdministrator

router = APIRouter()


@router.get("/admin")
def show(context: CurrentAdministrator) -> Response:
    """Show the topics."""
    _, organisation = context.member()
    chapterless = context.ahead(departures.without_chapter)
    return context.page(
        "administrator/landing.html",
        facts=overview.administration(context.conn, organisation.id, organisation.time_zone),
        chapterless=chapterless.value,
        modes=portal_labels.modes(context),
    )
