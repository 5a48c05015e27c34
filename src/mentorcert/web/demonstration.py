"""Sample people of the example organisations, into whom everybody may step on the embedded default."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Request, Response
from psycopg.rows import class_row
from starlette.exceptions import HTTPException

from mentorcert.db.connection import Connection
from mentorcert.errors import ForbiddenError
from mentorcert.web.configuration import is_of_this_machine
from mentorcert.web.context import render
from mentorcert.web.security.gotrue import Tokens
from mentorcert.web.security.session import services_of
from mentorcert.web.security.tokens import issue
from mentorcert.web.sign_in import enter

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to step into: a login, the role, and whose organisation, chapter or name it is."""

    id: UUID
    email: str
    role: str
    organisation: str
    slug: str
    of: str | None


def people(conn: Connection) -> list[Person]:
    """Give each example organisation an administrator, a coordinator and a peer mentor with logins.

    Needs the owner's connection. Run again, it finds the same people.
    """
    with conn.transaction(), conn.cursor(row_factory=class_row(Person)) as cursor:
        _QUERIES.add_logins(conn)
        _QUERIES.add_memberships(conn)
        _QUERIES.link_peer_mentors(conn)
        return cursor.execute(_QUERIES.people.sql).fetchall()


def check_machine(request: Request) -> None:
    """Raise ForbiddenError unless a browser of this machine asks for it by its own name.

    Another name may have been made to lead here (DNS rebinding); what is forwarded comes from elsewhere.
    """
    headers = request.headers
    is_own_name = is_of_this_machine(f"http://{headers.get('host', '')}")
    if not is_own_name or "x-forwarded-for" in headers or "forwarded" in headers:
        raise ForbiddenError


def router(persons: list[Person]) -> APIRouter:
    """Return the page on which one steps into somebody; it exists in a demonstration only."""
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
