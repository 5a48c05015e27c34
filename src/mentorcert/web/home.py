"""The way in, by role, and what a monitor asks."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

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
    """Say that the database answers; a failure is answered as everywhere, by 503."""
    with services_of(request).pool.connection(timeout=5) as conn:
        conn.execute("select 1")
    return PlainTextResponse("ok\n")
