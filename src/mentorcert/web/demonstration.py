"""Signing in as a sample person, open to all users of this machine on the embedded default."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException

from mentorcert.errors import ForbiddenError
from mentorcert.organisations.sample_people import Person
from mentorcert.web.configuration import is_of_this_machine
from mentorcert.web.context import render
from mentorcert.web.security.gotrue import Tokens
from mentorcert.web.security.session import services_of
from mentorcert.web.security.tokens import issue
from mentorcert.web.sign_in import enter


def check_machine(request: Request) -> None:
    """Raise ForbiddenError unless a browser of this machine uses a loopback name.

    Another name may lead here by DNS rebinding; a forwarded request comes from elsewhere.
    """
    headers = request.headers
    is_own_name = is_of_this_machine(f"http://{headers.get('host', '')}")
    if not is_own_name or "x-forwarded-for" in headers or "forwarded" in headers:
        raise ForbiddenError


def router(persons: list[Person]) -> APIRouter:
    """Return the page on which to choose a sample person; only a demonstration has it."""
    pages = APIRouter()
    by_id = {person.id: person for person in persons}

    @pages.get("/step-in")
    def show(request: Request) -> Response:
        organisations = {person.slug: person.organisation for person in persons}
        return render(request, "step_in.html", persons=persons, organisations=organisations)

    @pages.post("/step-in")
    def step_in(request: Request, person: Annotated[UUID, Form()]) -> Response:
        services = services_of(request)
        if person not in by_id or not services.configuration.is_demonstration:
            raise HTTPException(404)
        token = issue(services.configuration.auth, person, by_id[person].email)
        return enter(request, Tokens(access_token=token, refresh_token=""), "/")

    return pages
