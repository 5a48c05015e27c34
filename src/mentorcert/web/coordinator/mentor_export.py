"""The list of peer mentors as a file, all that the filter lets through or those chosen: a column for each certification."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from mentorcert.certifications import mentor_list
from mentorcert.certifications.mentor_list import Badge, MentorFilters
from mentorcert.errors import InvalidInputError
from mentorcert.imports import cells
from mentorcert.imports.cells import Cell
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import Names, names_of
from mentorcert.web.coordinator.export import csv_file, workbook
from mentorcert.web.coordinator.mentor_selection import MentorSelection
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from mentorcert.web.rendering.templating import status_text

router = APIRouter()

_NAME = "peer-mentors"


@router.get("/mentors.csv")
def as_csv(context: CurrentCoordinator, query: Annotated[MentorsQuery, Query()]) -> Response:
    """Send all that the filter lets through as CSV."""
    return csv_file(context, _NAME, partial(_rows, context, names_of(context), _filters(context, query)))


@router.get("/mentors.xlsx")
def as_workbook(context: CurrentCoordinator, query: Annotated[MentorsQuery, Query()]) -> Response:
    """Send all that the filter lets through as Excel file."""
    return workbook(_NAME, partial(_rows, context, names_of(context), _filters(context, query)))


@router.post("/mentors/chosen.csv")
def chosen_as_csv(context: CurrentCoordinator, form: Annotated[MentorSelection, Form()]) -> Response:
    """Send the chosen ones as CSV."""
    names = names_of(context)
    chosen = _chosen(context, form)
    if chosen is None:
        return _nobody(context, form)
    return csv_file(context, _NAME, partial(_rows, context, names, chosen))


@router.post("/mentors/chosen.xlsx")
def chosen_as_workbook(context: CurrentCoordinator, form: Annotated[MentorSelection, Form()]) -> Response:
    """Send the chosen ones as Excel file."""
    names = names_of(context)
    chosen = _chosen(context, form)
    if chosen is None:
        return _nobody(context, form)
    return workbook(_NAME, partial(_rows, context, names, chosen))


def _filters(context: RequestContext, query: MentorsQuery) -> MentorFilters:
    if query.faults(context):
        raise InvalidInputError(LazyText("The filter of the list cannot be read. Open the list again."))
    return query.filters()


def _chosen(context: RequestContext, form: MentorSelection) -> MentorFilters | None:
    """Return whom the file is about; None for nobody."""
    filters = _filters(context, form.list_query())
    if form.scope == "every":
        return filters
    # Those who are ticked on a page of another filter are chosen as well.
    ids = form.ids(context)
    return MentorFilters(peer_mentor_ids=ids, with_left=True, on_day=filters.on_day) if ids else None


def _nobody(context: RequestContext, form: MentorSelection) -> Response:
    return context.redirect(form.back(), notice=context._("Choose at least one peer mentor first."))


def _rows(
    context: RequestContext, names: Names, filters: MentorFilters, write_number: Callable[[str], str]
) -> Iterator[list[Cell]]:
    types = names.type_options()
    # As in the file of the registry: only where a number is escaped a telephone number need be.
    write_phone = cells.escape_phone if write_number is cells.escape_number else cells.escape_formula
    yield [
        context._("Number"),
        context._("Peer mentor"),
        context._("E-mail"),
        context._("Phone"),
        context._("Chapters"),
        context._("Has left"),
        *(
            cells.escape_formula(heading)
            for _, name in types
            for heading in (name, f"{name}: {context._('Last valid day')}")
        ),
    ]
    for mentor in mentor_list.every(context.conn, filters):
        held = {badge.certification_type: badge for badge in mentor.badges}
        yield [
            write_number(mentor.external_id),
            cells.escape_formula(mentor.full_name),
            cells.escape_formula(mentor.email or ""),
            write_phone(mentor.phone or ""),
            cells.escape_formula(", ".join(names.chapters_of(mentor.chapter_ids))),
            (mentor.has_left and mentor.left_on) or "",
            *(cell for code, _ in types for cell in _standing(context, held.get(code))),
        ]


def _standing(context: RequestContext, badge: Badge | None) -> tuple[Cell, Cell]:
    if badge is None:
        return "", ""
    ends = badge.last_valid_day or cells.UNLIMITED[context.language]
    return status_text(badge.status, context.language), ends
