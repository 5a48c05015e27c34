"""What somebody chooses to be asked about: ticks, of which the form says what they were when it was opened."""

from uuid import UUID

from pydantic import BaseModel, Field

from mentorcert.organisations import topics
from mentorcert.organisations.topics import Topic
from mentorcert.web.context import RequestContext


class TopicsForm(BaseModel):
    """The ticks, and which of them were set before."""

    chosen: list[UUID] = Field([], max_length=200)
    shown: list[UUID] = Field([], max_length=200)


def offered(context: RequestContext, mentor_id: UUID) -> tuple[list[Topic], set[UUID]]:
    """Return what can be chosen, and what is."""
    every = context.ahead(topics.of_organisation)
    chosen = topics.chosen(context.conn, mentor_id)
    return [topic for topic in every.value if topic.is_offered], set(chosen)


def save(context: RequestContext, mentor_id: UUID, form: TopicsForm) -> None:
    """Write what was ticked and unticked; what somebody else chose meanwhile stays."""
    every, now = offered(context, mentor_id)
    wanted = (now - (set(form.shown) - set(form.chosen))) | set(form.chosen)
    context.ahead(topics.choose, mentor_id, [topic.id for topic in every if topic.id in wanted]).value  # noqa: B018 raises what was refused
