"""Figures of a period for grant reports and the board: tables, a chart and a workbook, also for handing out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import course_figures, figures
from mentorcert.certifications.course_figures import CourseFigures
from mentorcert.certifications.figures import HEADINGS, MASKED, Figures, Period
from mentorcert.errors import InvalidInputError
from mentorcert.imports.figures_workbook import Naming, definitions, figures_workbook
from mentorcert.organisations.chapters import tree
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import Names, names_of, today_of
from mentorcert.web.coordinator.export import XLSX
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import OptionalDay, Ticked
from mentorcert.web.page_form import PageForm
from mentorcert.web.rendering.charts import Figure, Numbers

router = APIRouter()

_WIDTH_OF_A_WORD: Final = 102
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "known_on": Refusal(
        "known_on",
        LazyText("Too long ago: what was known then is not kept. Choose a later day, or leave it empty."),
    )
}


class FiguresQuery(PageForm):
    """The period, by default this year so far; the day of the knowledge, by default today; whether for handing out."""

    first_day: OptionalDay = None
    last_day: OptionalDay = None
    known_on: OptionalDay = None
    masked: Ticked = False

    def errors(self, context: RequestContext, today: date) -> dict[str, str]:
        """Return what is wrong, by field."""
        errors = self.faults(context)
        period = self.period(today)
        if not errors and period.last_day < period.first_day:
            errors["last_day"] = context._("The last day is before the first one.")
        if self.known_on and self.known_on > today:
            errors["known_on"] = context._("The day lies in the future.")
        return errors

    def period(self, today: date) -> Period:
        """Return the period asked for."""
        last = self.last_day or today
        return Period(self.first_day or date(last.year, 1, 1), last, self.known_on, self.masked)


@router.get("/figures")
def show(context: CurrentCoordinator, query: Annotated[FiguresQuery, Query()]) -> Response:
    """Show the figures by type and by chapter, and those of courses."""
    today = today_of(context)
    names = names_of(context)
    errors = query.errors(context, today)
    period = query.period(today)
    found: Sequence[Figures] = []
    of_courses: Sequence[CourseFigures] = []
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            sent = context.ahead(course_figures.of_reach, period)
            found = figures.of_reach(context.conn, period)
            of_courses = sent.value
    by_type = {one.certification_type: one for one in found if one.chapter_id is None}
    by_chapter = {one.chapter_id: one for one in found if one.certification_type is None and one.chapter_id}
    courses = {one.key: one for one in of_courses}
    types = _type_names(context, names)
    chapters = tree(names.chapters)
    return context.page(
        "coordinator/figures.html",
        status=422 if errors else 200,
        errors=errors,
        query=query
        if errors
        else query.model_copy(update={"first_day": period.first_day, "last_day": period.last_day}),
        period=period,
        today=today,
        years=[
            (year, _path(date(year, 1, 1), min(today, date(year, 12, 31))))
            for year in (today.year, today.year - 1)
        ],
        download=f"/figures.xlsx?{_query(period)}",
        headings=[context._(heading) for heading in HEADINGS.values()],
        types=[(0, name, by_type[code]) for code, name in types if code in by_type],
        chapters=[
            (depth, chapter.name, by_chapter[chapter.id])
            for depth, chapter in chapters
            if chapter.id in by_chapter
        ],
        chart=_chart(context, by_type[None]) if None in by_type else None,
        course_headings=[context._(heading) for heading in course_figures.HEADINGS.values()],
        course_kinds=[
            (0, context._(name), courses[kind, None, None])
            for kind, name in course_figures.KINDS.items()
            if (kind, None, None) in courses
        ],
        course_types=[
            (0, name, courses[None, code, None])
            for code, name in types
            if code and (None, code, None) in courses
        ],
        course_chapters=[
            (depth, chapter.name, courses[None, None, chapter.id])
            for depth, chapter in chapters
            if (None, None, chapter.id) in courses
        ],
        course_chart=_course_chart(context, courses[None, None, None]) if courses else None,
        definitions=list(definitions(context._)),
        masked=f"{context._(MASKED)} {context._(course_figures.MASKED)}",
    )


@router.get("/figures.xlsx")
def as_workbook(context: CurrentCoordinator, query: Annotated[FiguresQuery, Query()]) -> Response:
    """Send the figures as Excel file, with what they mean."""
    today = today_of(context)
    if query.errors(context, today):
        raise InvalidInputError(LazyText("The period cannot be read. Open the figures again."))
    names = names_of(context)
    period = query.period(today)
    of_courses = context.ahead(course_figures.of_reach, period)
    found = figures.of_reach(context.conn, period)
    naming = Naming(context.member()[1].name, names.sent_types.value, names.chapters)
    content = figures_workbook(period, (found, of_courses.value), naming, context.language, today)
    name = f"figures-{period.first_day}-{period.last_day}{'-public' if period.masked else ''}.xlsx"
    return Response(
        content, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _type_names(context: RequestContext, names: Names) -> Sequence[tuple[str | None, str]]:
    return [(None, context._("All types")), *names.type_options()]


def _query(period: Period) -> str:
    values = {
        "first_day": period.first_day,
        "last_day": period.last_day,
        "known_on": period.known_on,
        "masked": "true" if period.masked else None,
    }
    return urlencode({name: value for name, value in values.items() if value})


def _path(first_day: date, last_day: date) -> str:
    return f"/figures?{_query(Period(first_day, last_day))}"


def _chart(context: RequestContext, whole: Figures) -> Figure:
    return _bars(
        context,
        context._("Peer mentors, all types and chapters"),
        context._("Peer mentors"),
        zip(HEADINGS.values(), whole.numbers, strict=True),
    )


def _course_chart(context: RequestContext, whole: CourseFigures) -> Figure:
    """Draw how many came to all courses; how many courses it were is of another scale."""
    numbers = zip(course_figures.HEADINGS.values(), whole.numbers, strict=True)
    return _bars(
        context, context._("Seats and attendance, all courses"), context._("How many"), [*numbers][2:]
    )


def _bars(
    context: RequestContext, title: str, unit: str, numbers: Iterable[tuple[LazyText, int | None]]
) -> Figure:
    """Draw the figures of the whole, but for what is masked."""
    shown = [(context._(heading), number) for heading, number in numbers if number is not None]
    return Figure(
        "bars",
        title,
        context._(
            "Bar chart: %(numbers)s.", numbers=", ".join(f"{label} {number}" for label, number in shown)
        ),
        [label for label, _ in shown],
        [("", [number for _, number in shown])],
        [context._("Figure"), unit],
        [Numbers(label, None, [number]) for label, number in shown],
        _WIDTH_OF_A_WORD,
    )
