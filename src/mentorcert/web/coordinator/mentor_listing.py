"""The table of peer mentors, with what each of them holds."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from mentorcert.certifications import mentor_list
from mentorcert.db.cursors import ListPage
from mentorcert.organisations import saved_filters
from mentorcert.web.context import CurrentCoordinator
from mentorcert.web.coordinator import filter_words, ticks
from mentorcert.web.coordinator.chapter_choices import chapter_choice
from mentorcert.web.coordinator.display_names import names_of, today_of
from mentorcert.web.coordinator.list_query import COUNTED
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from mentorcert.web.coordinator.saved_filters import shown as shown_filters

router = APIRouter()

# The part of the filter that is unfolded once it is used.
_LACKS: Final = ("holds", "standing", "type", "first", "last", "on")


@router.get("/mentors")
def show(context: CurrentCoordinator, query: Annotated[MentorsQuery, Query()]) -> Response:
    """Show a page of the peer mentors in reach, by name, narrowed as asked."""
    names = names_of(context)
    saved = context.ahead(saved_filters.every)
    chapters = chapter_choice(context, names, query)
    if chapters.found:
        return context.redirect(query.path(chapter=chapters.found))
    errors = {**query.faults(context), **chapters.errors}
    page: ListPage[mentor_list.Mentor] = ListPage([], None, None)
    number = 0
    if not errors:
        filters = query.filters()
        counted = context.ahead(mentor_list.count, filters, at_most=COUNTED + 1)
        page = mentor_list.page(
            context.conn, filters, after=query.after, before=query.before, size=int(query.size)
        )
        number = counted.value
    shown = {mentor.id for mentor in page.rows}
    elsewhere = [id_ for id_ in query.ticked if id_ not in shown]
    return context.page(
        "coordinator/mentors.html",
        status=422 if errors else 200,
        errors=errors,
        mentors=page.rows,
        number=number,
        counted=COUNTED,
        at_once=mentor_list.AT_ONCE,
        ticked=set(query.ticked) & shown,
        elsewhere=elsewhere,
        kept=ticks.written(elsewhere),
        query=query,
        names=names,
        chapters=chapters,
        types=names.type_options(),
        lacks=any(query.typed(name) for name in _LACKS),
        standings=filter_words.standings(context),
        on=query.on or today_of(context),
        applied=filter_words.in_words(context, names, query),
        saved=shown_filters(context, names, saved.value, query),
        next_query=query.text(after=page.next) if page.next else None,
        previous_query=query.text(before=page.previous) if page.previous else None,
        is_narrowed=bool(errors or query.text(size=None)),
    )
