"""What I can be asked about: topics and languages of the organisation's list."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.certifications import own
from mentorcert.errors import MissingRightError
from mentorcert.web.context import CurrentMember, RequestContext
from mentorcert.web.topics_form import TopicsForm, offered, save

router = APIRouter()


@router.get("/me/topics")
def ask(context: CurrentMember) -> Response:
    """Show what can be chosen, and what is."""
    every, chosen = offered(context, _own(context))
    return context.page("mentor/topics.html", topics=every, chosen=chosen)


@router.post("/me/topics")
def choose(context: CurrentMember, form: Annotated[TopicsForm, Form()]) -> Response:
    """Choose, and choose otherwise."""
    save(context, _own(context), form)
    return context.redirect("/me", notice=context._("Your topics and languages are saved."))


def _own(context: RequestContext) -> UUID:
    mentor = own.peer_mentor(context.conn)
    if mentor is None:
        raise MissingRightError
    return mentor.id
