"""Whom something is done with: those who are ticked on the list of peer mentors, those on its page, or all that it shows."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.certifications import mentor_list
from mentorcert.errors import InvalidInputError
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator import ticks
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from mentorcert.web.coordinator.ticks import TickedIds
from mentorcert.web.fields import Chosen
from mentorcert.web.page_form import PageForm

router = APIRouter()

_CHOSEN_AT_MOST: Final = 600

Scope = Literal["ticked", "page", "every"]


class TickedMentors(PageForm):
    """Who is ticked: `id`s on the page of the list that is sent, `ticked` on others."""

    id: list[UUID] = Field([], max_length=_CHOSEN_AT_MOST)
    ticked: TickedIds = Field(default_factory=list)

    @property
    def ticked_ids(self) -> list[UUID]:
        """Those who are ticked, on whatever page, each once."""
        return list(dict.fromkeys([*self.ticked, *self.id]))


class MentorSelection(TickedMentors):
    """What the list posts: those who are ticked, on its page or all that it shows; `query` is its own address.

    A form that acts on peer mentors extends this; the list's panel reaches it by a button with a `formaction`, and its
    own page sends the selection on by `selection_fields` of parts/selection.html.
    """

    scope: Chosen[Scope] = "ticked"
    query: Annotated[str, Field(max_length=4000)] = ""

    def list_query(self) -> MentorsQuery:
        """Return what the list was asked for. Raises InvalidInputError."""
        return MentorsQuery.read(self.query)

    def back(self) -> str:
        """Return the address of the list. Raises InvalidInputError."""
        query = self.list_query()
        return query.path(after=query.after, before=query.before)

    def ids(self, context: RequestContext) -> list[UUID]:
        """Return whom it is about, in the order of the list. Raises InvalidInputError where that is too many."""
        if "scope" in self.faults(context):
            raise InvalidInputError(LazyText("The filter of the list cannot be read. Open the list again."))
        if self.scope == "ticked":
            return self.ticked_ids
        query = self.list_query()
        if self.scope == "page":
            page = mentor_list.page(
                context.conn, query.filters(), after=query.after, before=query.before, size=int(query.size)
            )
            return [mentor.id for mentor in page.rows]
        ids = mentor_list.ids(context.conn, query.filters())
        if len(ids) > mentor_list.AT_ONCE:
            raise InvalidInputError(
                LazyText("More than {} peer mentors match.", mentor_list.AT_ONCE),
                hint=LazyText("Narrow the list, and change one part after the other."),
            )
        return ids


class OtherPage(TickedMentors):
    """A step to another page of the list: `to` is its query."""

    to: Annotated[str, Field(max_length=4000)] = ""


@router.post("/mentors")
def turn(context: CurrentCoordinator, form: Annotated[OtherPage, Form()]) -> Response:
    """Show another page of the list, with the ticks."""
    return ticks.other_page(context, MentorsQuery.read(form.to), form.ticked_ids)
