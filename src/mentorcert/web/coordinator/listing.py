"""The table of certifications."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import pages, search
from mentorcert.db.cursors import ListPage
from mentorcert.organisations import saved_filters
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator import filter_words, ticks
from mentorcert.web.coordinator.batch_words import just_made
from mentorcert.web.coordinator.chapter_choices import chapter_choice
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import COUNTED, ListQuery, SortName
from mentorcert.web.coordinator.saved_filters import shown as shown_filters

router = APIRouter()


@router.get("/certifications")
def show(context: CurrentCoordinator, query: Annotated[ListQuery, Query()]) -> Response:
    """Show a page of what is in reach, narrowed and sorted as asked."""
    return list_page(context, query, query.faults(context))


def list_page(
    context: RequestContext,
    query: ListQuery,
    errors: Mapping[str, str],
    chosen: object = None,
) -> Response:
    """Show the list; `errors` of the filter, or of what was `chosen` to do with its rows."""
    names, today = names_of(context), today_of(context)
    saved = context.ahead(saved_filters.every)
    chapters = chapter_choice(context, names, query)
    if chapters.found:
        return context.redirect(query.path(chapter=chapters.found))
    errors = {**errors, **chapters.errors}
    page: ListPage[search.Row] = ListPage([], None, None)
    number = 0
    if not query.is_faulty and not chapters.errors:
        counted = context.ahead(search.count, query.filters(today), at_most=COUNTED + 1)
        page = pages.page(
            context.conn, query.parts(today), after=query.after, before=query.before, size=int(query.size)
        )
        number = counted.value
    undo = just_made(context)
    shown = {row.id for row in page.rows}
    return context.page(
        "coordinator/certifications.html",
        status=422 if errors else 200,
        errors=errors,
        chosen=chosen,
        rows=page.rows,
        number=number,
        counted=COUNTED,
        at_once=search.AT_ONCE,
        undo=undo,
        ticked=set(query.ticked) & shown,
        elsewhere=[id_ for id_ in query.ticked if id_ not in shown],
        kept=ticks.written(id_ for id_ in query.ticked if id_ not in shown),
        names=names,
        query=query,
        time_zone=time_zone_of(context),
        statuses=filter_words.statuses(context),
        types=names.type_options(context._("All types")),
        chapters=chapters,
        endings=filter_words.endings(context, query.ends),
        applied=filter_words.in_words(context, names, query),
        saved=shown_filters(context, names, saved.value, query),
        columns=_columns(context, query),
        next_query=query.text(after=page.next) if page.next else None,
        previous_query=query.text(before=page.previous) if page.previous else None,
        is_narrowed=bool(query.is_faulty or chapters.errors or query.text(sort=None, size=None)),
    )


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
