"""Saved filters: over the lists as links, and a page on which they are renamed and removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.errors import MissingRightError
from mentorcert.organisations import saved_filters
from mentorcert.organisations.saved_filters import ListName, SavedFilter
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.display_names import Names, names_of
from mentorcert.web.coordinator.filter_words import in_words
from mentorcert.web.coordinator.list_query import ListQuery
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Text, Ticked
from mentorcert.web.page_form import PageForm

router = APIRouter()

_LISTS: Final[Mapping[ListName, type[ListQuery] | type[MentorsQuery]]] = {
    "certifications": ListQuery,
    "mentors": MentorsQuery,
}
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "saved_filters_name_valid": Refusal("name", LazyText("Write a name.")),
    "saved_filters_name_length": too_long("name"),
    "saved_filters_name_characters": unreadable("name"),
    "saved_filters_name_key": Refusal("name", LazyText("There is a filter of this name already.")),
    "saved_filters_number": Refusal(
        "name", LazyText("There are 30 saved filters. Remove one that is not needed any more.")
    ),
    "saved_filters_parameters_valid": Refusal(
        "name",
        LazyText(
            "This filter cannot be saved. Search for something shorter, or choose something to filter by."
        ),
    ),
    "saved_filters_parameters_known": Refusal(
        "name", LazyText("This filter has a chapter or a certification that the organisation does not have.")
    ),
}


class NewFilter(PageForm):
    """The filter of a list, as its address has it."""

    list: ListName
    query: Annotated[str, Field(max_length=4000)] = ""

    def narrowed(self) -> ListQuery | MentorsQuery:
        """Return what the list was asked for. Raises InvalidInputError."""
        return _LISTS[self.list].read(self.query)


class SaveForm(NewFilter):
    """What a filter is called, and whether it is for everybody in the organisation."""

    name: Text = ""
    shared: Ticked = False


class RenameForm(PageForm):
    """Another name of a filter, if it is still that version."""

    name: Text = ""
    version: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A saved filter as the reader has it: its list, or why it is of no use any more."""

    saved: SavedFilter
    path: str
    words: str
    fault: str
    is_current: bool = False


def shown(
    context: RequestContext,
    names: Names,
    every: Sequence[SavedFilter],
    current: ListQuery | MentorsQuery | None = None,
) -> list[Shown]:
    """Return the filters, of the `current` list only where one is given; of others' none that is of no use here."""
    found = [
        _shown(context, names, saved, current)
        for saved in every
        if current is None or isinstance(current, _LISTS[saved.list])
    ]
    return [one for one in found if one.saved.may_change or not one.fault]


def _shown(
    context: RequestContext, names: Names, saved: SavedFilter, current: ListQuery | MentorsQuery | None
) -> Shown:
    query = _LISTS[saved.list].stored(saved.parameters)
    if query is None or query.faults(context):
        return Shown(saved, f"/filters/{saved.id}", "", context._("The list has changed since it was saved."))
    words, fault = in_words(context, names, query), _fault(context, names, query)
    if fault:
        return Shown(saved, f"/filters/{saved.id}", words, fault)
    is_current = current is not None and current.parameters() == saved.parameters
    return Shown(saved, query.path(), words, "", is_current)


def _fault(context: RequestContext, names: Names, query: ListQuery | MentorsQuery) -> str:
    codes = [query.type] if isinstance(query, ListQuery) else [query.type, query.holds]
    if not names.types.keys() >= set(filter(None, codes)):
        return context._("The certification type is not there any more.")
    is_all = "org_admin" in context.roles
    offered = (one.id for one in names.open_chapters if is_all or one.is_coordinated)
    if query.chapter is not None and query.chapter not in offered:
        return context._("The chapter is retired, or is not one of yours.")
    return ""


@router.get("/filters")
def show_all(context: CurrentCoordinator) -> Response:
    """Show the filters of both lists."""
    names = names_of(context)
    found = shown(context, names, saved_filters.every(context.conn))
    return context.page(
        "coordinator/saved_filters.html",
        lists=[
            (heading, path, [one for one in found if one.saved.list == name])
            for name, heading, path in (
                ("mentors", context._("Peer mentors"), MentorsQuery.PATH),
                ("certifications", context._("Certifications"), ListQuery.PATH),
            )
        ],
    )


@router.get("/filters/new")
def ask(context: CurrentCoordinator, query: Annotated[NewFilter, Query()]) -> Response:
    """Ask for the name of a filter."""
    return _ask(context, SaveForm(list=query.list, query=query.query))


@router.post("/filters/new")
def save(context: CurrentCoordinator, form: Annotated[SaveForm, Form()]) -> Response:
    """Save a filter, and go back to the list."""
    narrowed = form.narrowed()
    errors = form.faults(context)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            saved_filters.save(
                context.conn, form.list, form.name, narrowed.parameters(), is_shared=form.shared
            )
    if errors:
        return _ask(context, form, errors)
    return context.redirect(narrowed.path(), notice=context._("The filter was saved."))


def _ask(context: RequestContext, form: SaveForm, errors: Mapping[str, str] | None = None) -> Response:
    narrowed = form.narrowed()
    return context.page(
        "coordinator/saved_filter_new.html",
        status=422 if errors else 200,
        form=form,
        errors=errors or {},
        words=in_words(context, names_of(context), narrowed),
        back=narrowed.path(),
    )


@router.get("/filters/{filter_id}")
def show(context: CurrentCoordinator, filter_id: UUID) -> Response:
    """Show a filter, with the form of its name, and how it is removed."""
    return _show(context, filter_id)


@router.post("/filters/{filter_id}")
def rename(context: CurrentCoordinator, filter_id: UUID, form: Annotated[RenameForm, Form()]) -> Response:
    """Give a filter another name."""
    errors = form.faults(context)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            saved_filters.rename(context.conn, filter_id, form.name, version=form.version)
    if errors:
        return _show(context, filter_id, form, errors)
    return context.redirect("/filters", notice=context._("The filter has its new name."))


@router.post("/filters/{filter_id}/remove")
def remove(context: CurrentCoordinator, filter_id: UUID, version: Annotated[int, Form()]) -> Response:
    """Remove a filter, if it is still the one that was seen."""
    saved_filters.remove(context.conn, filter_id, version=version)
    return context.redirect("/filters", notice=context._("The filter was removed."))


def _show(
    context: RequestContext,
    filter_id: UUID,
    form: RenameForm | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    names = names_of(context)
    every = saved_filters.every(context.conn)
    one = next((saved for saved in every if saved.id == filter_id and saved.may_change), None)
    if one is None:
        raise MissingRightError
    return context.page(
        "coordinator/saved_filter.html",
        status=422 if errors else 200,
        one=_shown(context, names, one, None),
        form=form or RenameForm(name=one.name, version=one.version),
        errors=errors or {},
    )
