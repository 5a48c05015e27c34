"""The contact details of a peer mentor, kept by the coordinators of the chapters."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Response

from mentorcert.organisations import peer_mentors
from mentorcert.web.contact_form import ContactForm, ContactPage
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.form_versions import retried

router = APIRouter()


@router.get("/mentors/{mentor_id}/contact")
def ask(context: CurrentCoordinator, mentor_id: UUID) -> Response:
    """Show the form with what is written of a peer mentor."""
    return _form(context, mentor_id).show(context, peer_mentors.get(context.conn, mentor_id))


@router.post("/mentors/{mentor_id}/contact")
def change(context: CurrentCoordinator, mentor_id: UUID, form: Annotated[ContactForm, Form()]) -> Response:
    """Write what was changed."""
    page = _form(context, mentor_id)
    return retried(lambda: page.save(context, peer_mentors.get(context.conn, mentor_id), form))


def _form(context: RequestContext, mentor_id: UUID) -> ContactPage:
    return ContactPage(
        f"/mentors/{mentor_id}/contact",
        f"/mentors/{mentor_id}",
        context._("The contact details were saved."),
        "coordinator/contact.html",
    )
