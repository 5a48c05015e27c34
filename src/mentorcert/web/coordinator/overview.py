"""The overview: how many, who expires when, and what a chapter can count on, with the courses planned and without."""

from collections.abc import Container
from datetime import date
from uuid import UUID

from babel.dates import format_date
from fastapi import APIRouter, Response

from mentorcert.certifications.counts import Counts
from mentorcert.certifications.forecast import Coverage, Endings, months_from
from mentorcert.db.rows import Answer
from mentorcert.organisations.chapters import Chapter
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import names_of, time_zone_of, today_of
from mentorcert.web.coordinator.list_query import COUNTED, NEVER, ListQuery
from mentorcert.web.coordinator.to_do import FIRST, ask, short_of_mentors
from mentorcert.web.fields import OptionalId
from mentorcert.web.rendering.charts import LINES, Figure, Numbers
from mentorcert.web.rendering.languages import locale_of

router = APIRouter()


@router.get("/overview")
def show(context: CurrentCoordinator, under: OptionalId = None) -> Response:
    """Show the numbers and the charts: of the chapters at the top, or of those under one."""
    today = today_of(context)
    names = names_of(context)
    to_do = ask(context, names) if under is None else None
    counts = _counts(context).value
    endings, found = counts.endings, counts.coverage
    every = [chapter for chapter in names.chapters if chapter.id in found]
    # Those under another one are part of it already, and have a page of their own.
    shown = [
        chapter
        for chapter in every
        if (chapter.parent_id == under if under in found else chapter.parent_id not in found)
    ]
    with_others = {chapter.parent_id for chapter in every}
    coverage = [(chapter, found[chapter.id]) for chapter in shown]
    return context.page(
        "coordinator/overview.html",
        to_do=[*to_do(counts.lacking), *short_of_mentors(context, every, found)] if to_do else None,
        cards=_cards(context, endings),
        endings=_endings_figure(context, endings),
        coverage=_coverage_figure(context, coverage, with_others, today)
        if any(item.today for _, item in coverage)
        else None,
        is_part=under in found,
        month=format_date(today, "LLLL y", locale=locale_of(context.language)),
    )


def _counts(context: RequestContext) -> Answer[Counts]:
    """Ask for what is counted: after all else, since it changes how the statements that follow are planned."""
    return context.services.counts.ask(
        context.conn,
        context.claims,
        time_zone_of(context),
        today_of(context),
        first=FIRST,
        at_most=COUNTED + 1,
    )


def _cards(context: RequestContext, endings: Endings) -> list[tuple[str, int, str]]:
    """Return what is counted, how many, and the list of them."""
    return [
        (context._("Valid"), endings.statuses["active"], ListQuery(status="active").path()),
        (
            context._("Expired"),
            endings.statuses["expired"],
            ListQuery(status="expired").path(sort="-expires"),
        ),
        (
            context._("Outdated"),
            endings.outdated,
            ListQuery(status="outdated").path(sort="-expires"),
        ),
        (context._("Suspended"), endings.statuses["suspended"], ListQuery(status="suspended").path()),
        (context._("Without an end"), endings.unlimited, ListQuery(status="active", ends=NEVER).path()),
    ]


def _endings_figure(context: RequestContext, endings: Endings) -> Figure:
    """Draw how many certifications have their last valid day in each month."""
    locale = locale_of(context.language)
    numbers = list(endings.by_month.values())
    most = max(endings.by_month, key=lambda month: (endings.by_month[month], -month.toordinal()))
    alt = context._(
        "Bar chart of 24 months. In all %(total)s certifications end; most, %(most)s, in %(month)s."
        " %(later)s end later.",
        total=sum(numbers),
        most=endings.by_month[most],
        month=format_date(most, "LLLL y", locale=locale),
        later=endings.later,
    )
    return Figure(
        "bars",
        context._("Last valid day, by month"),
        alt,
        [format_date(month, "LLL yy", locale=locale) for month in endings.by_month],
        [("", numbers)],
        [context._("Month"), context._("Certifications")],
        [
            Numbers(
                format_date(month, "LLLL y", locale=locale),
                ListQuery(status="active", ends=f"{month:%Y-%m}").path(),
                [number],
            )
            for month, number in endings.by_month.items()
        ],
    )


def _coverage_figure(
    context: RequestContext,
    coverage: list[tuple[Chapter, Coverage]],
    with_others: Container[UUID | None],
    today: date,
) -> Figure:
    """Draw how many of the largest chapters hold all that listing requires, month by month.

    A chapter leads to those under it, or else to its certifications. Where a planned course is expected to renew something, the
    chapter is drawn once more.
    """
    largest = sorted(coverage, key=lambda pair: -pair[1].today)[:LINES]
    locale = locale_of(context.language)
    labels = [format_date(month, "LLL yy", locale=locale) for month in months_from(today)]
    alt = context._(
        "Line chart over 24 months, for the largest chapters. If nobody renews, all together go from"
        " %(first)s today to %(last)s, and with the courses planned to %(renewed)s.",
        first=sum(item.today for _, item in coverage),
        last=sum(item.at_month_ends[-1] for _, item in coverage),
        renewed=sum(item.with_courses[-1] for _, item in coverage),
    )
    return Figure(
        "lines",
        context._("Peer mentors with every required certification, if nobody renews"),
        alt,
        labels,
        [line for chapter, item in largest for line in _lines(context, chapter, item)][:LINES],
        [context._("Chapter"), context._("Today"), *labels],
        [
            Numbers(
                name,
                f"/overview?under={chapter.id}"
                if chapter.id in with_others
                else ListQuery(chapter=chapter.id).path(),
                [item.today, *numbers],
            )
            for chapter, item in coverage
            for name, numbers in _lines(context, chapter, item)
        ],
    )


def _lines(context: RequestContext, chapter: Chapter, item: Coverage) -> list[tuple[str, list[int]]]:
    """Return the numbers of a chapter if nobody renews, and where they differ those with the courses."""
    lines = [(chapter.name, item.at_month_ends)]
    if item.with_courses != item.at_month_ends:
        name = context._("%(chapter)s, with the courses planned", chapter=chapter.name)
        lines.append((name, item.with_courses))
    return lines
