"""What a peer mentor can be asked about, as a coordinator writes it down for the person."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.organisations import peer_mentors
from mentorcert.web.context import CurrentCoordinator
from mentorcert.web.topics_form import TopicsForm, offered, save

router = APIRouter()


@router.get("/mentors/{mentor_id}/topics")
def ask(context: CurrentCoordinator, mentor_id: UUID) -> Response:
    """Show what can be chosen, and what is."""
    mentor = context.ahead(peer_mentors.get, mentor_id)
    every, chosen = offered(context, mentor_id)
    return context.page("coordinator/topics.html", mentor=mentor.value, topics=every, chosen=chosen)


@router.post("/mentors/{mentor_id}/topics")
def choose(context: CurrentCoordinator, mentor_id: UUID, form: Annotated[TopicsForm, Form()]) -> Response:
    """Write down what the person has chosen."""
    save(context, mentor_id, form)
    return context.redirect(f"/mentors/{mentor_id}", notice=context._("Topics and languages are saved."))
