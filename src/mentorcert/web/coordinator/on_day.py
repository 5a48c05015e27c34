"""How it was, or will be, on a day: the certifications of a person, and who was certified; nothing is changed there."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import on_day
from mentorcert.certifications.on_day import Day, Held, StatusThen
from mentorcert.db.cursors import Page
from mentorcert.organisations import peer_mentors
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.chapter_choices import chapter_choice
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import OF_A_PAGE, CursorText, TypeCode
from mentorcert.web.fields import OptionalDay, OptionalId, SearchText, Ticked
from mentorcert.web.page_form import PageForm

router = APIRouter()

_STATUSES: Final[Mapping[StatusThen, LazyText]] = {
    "active": LazyText("Valid"),
    "expired": LazyText("Expired"),
    "suspended": LazyText("Suspended"),
    "coming": LazyText("Begins later"),
    "unknown": LazyText("Not registered then"),
}


class DayQuery(PageForm):
    """The day, today where none is given, and whether by what was known then."""

    day: OptionalDay = None
    known: Ticked = False

    def on(self, today: date) -> Day:
        """Return the day that is shown."""
        return Day(self.day or today, self.known)


class ListOnDayQuery(DayQuery):
    """The list of who was certified."""

    type: TypeCode = None
    chapter: OptionalId = None
    chapter_name: SearchText = None
    after: CursorText = None

    def path(self, **changed: str | None) -> str:
        """Return the address of the first page, or with `after` of what comes after a row."""
        values = self.model_dump(mode="json", exclude_defaults=True, exclude=OF_A_PAGE) | changed
        text = urlencode({name: value for name, value in values.items() if value})
        return f"/certifications/on?{text}"


@router.get("/certifications/on")
def list_on_day(context: CurrentCoordinator, query: Annotated[ListOnDayQuery, Query()]) -> Response:
    """Show who was certified on a day."""
    names = names_of(context)
    chapters = chapter_choice(context, names, query)
    if chapters.found:
        return context.redirect(query.path(chapter=chapters.found))
    errors = {**query.faults(context), **chapters.errors}
    page: Page[Held] = Page([], None)
    if not errors:
        page = on_day.valid(
            context.conn,
            query.on(today_of(context)),
            chapter_id=query.chapter,
            certification_type=query.type,
            after=query.after,
        )
    return _page(
        context,
        "coordinator/on_day_list.html",
        query,
        errors,
        rows=page.rows,
        names=names,
        types=names.type_options(context._("All types")),
        chapters=chapters,
        next_url=query.path(after=page.next) if page.next else None,
        first_url=query.path() if query.after else None,
    )


@router.get("/mentors/{mentor_id}/on")
def show_on_day(
    context: CurrentCoordinator, mentor_id: UUID, query: Annotated[DayQuery, Query()]
) -> Response:
    """Show what a person held on a day."""
    names = names_of(context)
    errors = query.faults(context)
    mentor = context.ahead(peer_mentors.get, mentor_id)
    held = () if errors else on_day.of_peer_mentor(context.conn, mentor_id, query.on(today_of(context)))
    return _page(
        context, "coordinator/on_day.html", query, errors, mentor=mentor.value, rows=held, names=names
    )


def _page(
    context: RequestContext, template: str, query: DayQuery, errors: Mapping[str, str], **values: Any
) -> Response:
    today = today_of(context)
    shown = query.model_copy(update={"day": query.day or today}) if not errors else query
    return context.page(
        template,
        status=422 if errors else 200,
        errors=errors,
        query=shown,
        today=today,
        time_zone=time_zone_of(context),
        statuses={status: context._(text) for status, text in _STATUSES.items()},
        **values,
    )
