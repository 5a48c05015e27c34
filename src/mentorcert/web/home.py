"""The first page of each role, and the addresses for monitors."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from mentorcert.db.connection import ping
from mentorcert.web.context import OptionalUser
from mentorcert.web.security.session import services_of

router = APIRouter()


@router.get("/")
def home(context: OptionalUser) -> Response:
    """Send everybody to their first page."""
    if context.user is None:
        target = "/step-in" if context.services.configuration.is_demonstration else "/sign-in"
    elif context.organisation is None:
        target = "/organisation"
    elif context.roles & {"coordinator", "org_admin"}:
        target = "/overview"
    else:
        target = "/me"
    return RedirectResponse(target, 303)


@router.get("/healthz")
def healthz() -> Response:
    """Say that the process runs."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Say that the database answers; else the answer is 503, as everywhere."""
    with services_of(request).pool.connection(timeout=5) as conn:
        ping(conn)
    return PlainTextResponse("ok\n")
