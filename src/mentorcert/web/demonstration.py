"""Signing in as a sample person, open to all users of this machine on the embedded default."""

import re
from collections.abc import Callable
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException

from mentorcert.db.connection import Connection
from mentorcert.errors import ForbiddenError
from mentorcert.organisations import sample_people
from mentorcert.organisations.sample_people import Person
from mentorcert.web.configuration import is_of_this_machine
from mentorcert.web.context import render
from mentorcert.web.security.gotrue import Tokens
from mentorcert.web.security.session import services_of
from mentorcert.web.security.tokens import issue
from mentorcert.web.sign_in import enter

# What proxies, content networks and tunnels add; browsers send none of it.
_FORWARDED: Final = re.compile(
    r"via|forwarded|(x-)?forwarded-.*|x-(real|client|cluster-client|proxyuser|original|remote|envoy|amzn|azure)-.*"
    r"|x-cloud-trace-context|true-client-ip|fastly-.*|cf-.*|cdn-.*|fly-.*|tailscale-.*|ngrok-.*"
)


def check_machine(request: Request) -> None:
    """Raise ForbiddenError unless a browser of this machine uses a loopback name.

    Another name may lead here by DNS rebinding; a forwarded request comes from elsewhere.
    """
    headers = request.headers
    is_own_name = is_of_this_machine(f"http://{headers.get('host', '')}")
    if not is_own_name or any(map(_FORWARDED.fullmatch, headers)):
        raise ForbiddenError


def router(people: list[Person], owner: Callable[[], Connection] | None = None) -> APIRouter:
    """Return the page on which to choose a sample person; only a demonstration has it.

    `owner` connects as the owner of the database, to play the mail and the login of those who were invited.
    """
    pages = APIRouter()
    by_id = {person.id: person for person in people}

    @pages.get("/step-in")
    def show(request: Request) -> Response:
        organisations = {person.slug: person.organisation for person in people}
        invited: list[Person] = []
        if owner is not None:
            with owner() as conn:
                invited = sample_people.invited(conn)
        return render(request, "step_in.html", people=people, organisations=organisations, invited=invited)

    @pages.post("/step-in")
    def step_in(request: Request, person: Annotated[UUID, Form()]) -> Response:
        services = services_of(request)
        if person not in by_id or not services.configuration.is_demonstration:
            raise HTTPException(404)
        token = issue(services.configuration.auth, person, by_id[person].email, is_known_to_supabase=False)
        return enter(request, Tokens(access_token=token, refresh_token=""), "/")

    @pages.post("/step-in/invited")
    def accept(request: Request, invitation: Annotated[UUID, Form()]) -> Response:
        services = services_of(request)
        login = None
        if owner is not None and services.configuration.is_demonstration:
            with owner() as conn:
                login = sample_people.login_of(conn, invitation)
        if login is None:
            raise HTTPException(404)
        token = issue(services.configuration.auth, *login)
        return enter(request, Tokens(access_token=token, refresh_token=""), "/")

    return pages
