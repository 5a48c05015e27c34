"""The table of certifications."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import search
from mentorcert.web.coordinator.names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.queries import NEVER, WITHIN, ListQuery, SortName
from mentorcert.web.visit import Coordinator, Visit

router = APIRouter()


@router.get("/certifications")
def show(visit: Coordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Show a page of what is in reach, narrowed and sorted as asked."""
    page = search.page(
        visit.conn, query.filters(today_of(visit)), query.order(), after=query.after, size=int(query.size)
    )
    visit.saw({row.organisation_id for row in page.rows})
    names = names_of(visit)
    return visit.page(
        "coordinator/certifications.html",
        rows=page.rows,
        names=names,
        query=query,
        time_zone=time_zone_of(visit),
        statuses=_statuses(visit),
        types=names.type_options(visit._("All types")),
        chapters=names.chapter_options(visit._("All chapters")),
        endings=_endings(visit, query.ends),
        columns=_columns(visit, query),
        next_url=query.path(after=page.next) if page.next else None,
        first_url=query.path() if query.after else None,
        is_narrowed=bool(query.text(sort=None, size=None)),
    )


def _statuses(visit: Visit) -> list[tuple[str, str]]:
    return [
        ("", visit._("All statuses")),
        ("active", visit._("Active")),
        ("expired", visit._("Expired")),
        ("suspended", visit._("Suspended")),
    ]


def _endings(visit: Visit, chosen: str | None) -> list[tuple[str, str]]:
    """Return the choices of when certifications end; a month that was asked for by a link is one too."""
    options = [("", visit._("Whenever"))]
    if chosen and "-" in chosen:
        options.append((chosen, visit._("In the month %(month)s", month=chosen)))
    options += [(str(days), visit._("Within %(days)s days", days=days)) for days in WITHIN]
    return [*options, (NEVER, visit._("Without an end"))]


def _columns(visit: Visit, query: ListQuery) -> list[tuple[str, str, str | None]]:
    """Return for each column its heading, the list sorted by it, and how the list is sorted now."""
    headings: list[tuple[SortName, SortName, str]] = [
        ("name", "-name", visit._("Peer mentor")),
        ("type", "-type", visit._("Certification")),
        ("issued", "-issued", visit._("Issued or renewed")),
        ("expires", "-expires", visit._("Last valid day")),
    ]
    return [
        (
            heading,
            query.path(sort=falling if query.sort == rising else rising),
            {rising: "ascending", falling: "descending"}.get(query.sort),
        )
        for rising, falling, heading in headings
    ]
