"""My contact details."""

from typing import Annotated

from fastapi import APIRouter, Form, Response

from mentorcert.errors import MissingRightError
from mentorcert.organisations import peer_mentors
from mentorcert.web.contact_form import ContactForm, ContactPage
from mentorcert.web.context import CurrentMember, RequestContext
from mentorcert.web.form_versions import retried

router = APIRouter()


@router.get("/me/contact")
def ask(context: CurrentMember) -> Response:
    """Show the form with what is written of the caller; who is no peer mentor gets a page that says so."""
    try:
        return _form(context).show(context, peer_mentors.own(context.conn))
    except MissingRightError:
        return context.page("mentor/nobody.html")


@router.post("/me/contact")
def change(context: CurrentMember, form: Annotated[ContactForm, Form()]) -> Response:
    """Write what was changed."""
    return retried(lambda: _form(context).save(context, peer_mentors.own(context.conn), form))


def _form(context: RequestContext) -> ContactPage:
    return ContactPage(
        "/me/contact", "/me", context._("Your contact details were saved."), "mentor/contact.html"
    )
