"""Who is expected to renew what ends within some months, by the courses that are planned, and what is left to plan."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import forecast, renewal_forecast
from mentorcert.certifications.renewal_forecast import Outlook, RenewalAhead, Renewals
from mentorcert.db.cursors import Page
from mentorcert.translatable import LazyText
from mentorcert.translations import Language
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.chapter_choices import chapter_choice
from mentorcert.web.coordinator.course_closing import REASONS
from mentorcert.web.coordinator.display_names import names_of, today_of
from mentorcert.web.coordinator.list_query import OF_A_PAGE, CursorText
from mentorcert.web.fields import Chosen, MaybeChosen, OptionalId, SearchText
from mentorcert.web.page_form import PageForm

router = APIRouter()

OUTLOOKS: Final[Mapping[Outlook, LazyText]] = {
    "expected": LazyText("A course is expected to renew it"),
    "waits": LazyText("Waits for a seat"),
    "refused": LazyText("Has a seat, but is not renewed"),
    "possible": LazyText("Could take a free seat"),
    "nothing_planned": LazyText("Nothing is planned"),
}


class ForecastQuery(PageForm):
    """How many months, this one included; whose, and with which outlook."""

    months: Chosen[Literal["1", "3", "6", "12", "24"]] = "6"
    chapter: OptionalId = None
    chapter_name: SearchText = None
    outlook: MaybeChosen[Outlook] = None
    after: CursorText = None

    def path(self, **changed: str | UUID | None) -> str:
        """Return the address of the first page, or with `after` of what comes after a row."""
        values: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True, exclude=OF_A_PAGE)
        text = urlencode({name: value for name, value in (values | changed).items() if value})
        return f"/forecast?{text}" if text else "/forecast"


@router.get("/forecast")
def show(context: CurrentCoordinator, query: Annotated[ForecastQuery, Query()]) -> Response:
    """Show the number of each outlook, and whose certification ends when."""
    names = names_of(context)
    chapters = chapter_choice(context, names, query)
    if chapters.found:
        return context.redirect(query.path(chapter=chapters.found))
    errors = {**query.faults(context), **chapters.errors}
    found = Renewals({}, Page([], None))
    if not errors:
        found = renewal_forecast.ahead(
            context.conn,
            int(query.months),
            chapter_id=query.chapter,
            outlook=query.outlook,
            after=query.after,
        )
    return context.page(
        "coordinator/forecast.html",
        status=422 if errors else 200,
        errors=errors,
        query=query,
        last_day=forecast.month_ends(today_of(context), int(query.months))[-1],
        months=[(str(number), _months(context, number)) for number in (1, 3, 6, 12, 24)],
        numbers=[
            (context._(OUTLOOKS[outlook]), number, query.path(outlook=outlook))
            for outlook, number in found.numbers.items()
        ],
        outlooks=OUTLOOKS,
        outlook_options=[
            ("", context._("All")),
            *((outlook, context._(text)) for outlook, text in OUTLOOKS.items()),
        ],
        reasons=REASONS,
        rows=found.page.rows,
        names=names,
        chapters=chapters,
        course_name=_course_name,
        may_plan="org_admin" in context.roles or any(one.is_coordinated for one in names.open_chapters),
        next_url=query.path(after=found.page.next) if found.page.next else None,
        first_url=query.path() if query.after else None,
    )


def _months(context: RequestContext, number: int) -> str:
    return context.ngettext("This month", "%(num)s months, this one included", number)


def _course_name(row: RenewalAhead, language: Language) -> str | None:
    """Return the name of the course: the Norwegian one where there is no other."""
    return (row.course_en if language == "en" else None) or row.course_nb
