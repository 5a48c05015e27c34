"""The table of certifications."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import search
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import NEVER, WITHIN, ListQuery, SortName

router = APIRouter()


@router.get("/certifications")
def show(context: CurrentCoordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Show a page of what is in reach, narrowed and sorted as asked."""
    page = search.page(
        context.conn, query.filters(today_of(context)), query.order(), after=query.after, size=int(query.size)
    )
    names = names_of(context)
    return context.page(
        "coordinator/certifications.html",
        rows=page.rows,
        names=names,
        query=query,
        time_zone=time_zone_of(context),
        statuses=_statuses(context),
        types=names.type_options(context._("All types")),
        chapters=names.chapter_options(context._("All chapters")),
        endings=_endings(context, query.ends),
        columns=_columns(context, query),
        next_url=query.path(after=page.next) if page.next else None,
        first_url=query.path() if query.after else None,
        is_narrowed=bool(query.text(sort=None, size=None)),
    )


def _statuses(context: RequestContext) -> list[tuple[str, str]]:
    return [
        ("", context._("All statuses")),
        ("active", context._("Active")),
        ("expired", context._("Expired")),
        ("suspended", context._("Suspended")),
    ]


def _endings(context: RequestContext, chosen: str | None) -> list[tuple[str, str]]:
    """Return the choices of when certifications end; a month that was asked for by a link is one too."""
    options = [("", context._("Whenever"))]
    if chosen and "-" in chosen:
        options.append((chosen, context._("In the month %(month)s", month=chosen)))
    options += [(str(days), context._("Within %(days)s days", days=days)) for days in WITHIN]
    return [*options, (NEVER, context._("Without an end"))]


def _columns(context: RequestContext, query: ListQuery) -> list[tuple[str, str, str | None]]:
    """Return for each column its heading, the list sorted by it, and how the list is sorted now."""
    headings: list[tuple[SortName, SortName, str]] = [
        ("name", "-name", context._("Peer mentor")),
        ("type", "-type", context._("Certification")),
        ("issued", "-issued", context._("Issued or renewed")),
        ("expires", "-expires", context._("Last valid day")),
    ]
    return [
        (
            heading,
            query.path(sort=falling if query.sort == rising else rising),
            {rising: "ascending", falling: "descending"}.get(query.sort),
        )
        for rising, falling, heading in headings
    ]
