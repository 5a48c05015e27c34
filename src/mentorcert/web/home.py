"""The first page of each role."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from mentorcert.web.context import OptionalUser

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
