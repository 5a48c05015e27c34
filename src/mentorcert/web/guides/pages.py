"""The pages of help, open to everybody; who is signed in also sees whom to contact."""

from collections.abc import Mapping, Sequence
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from mentorcert.organisations import contacts
from mentorcert.organisations.contacts import Coordinator
from mentorcert.organisations.memberships import Role
from mentorcert.web.context import OptionalUser, RequestContext
from mentorcert.web.guides import printed
from mentorcert.web.guides.contents import GUIDES, Audience

router = APIRouter()

# The roles to which the pages of a guide open. Without a role, a page leads to the sign-in first.
_READERS: Final[Mapping[Audience, frozenset[Role]]] = {
    "mentor": frozenset({"peer_mentor"}),
    "coordinator": frozenset({"coordinator", "org_admin"}),
    "administrator": frozenset({"org_admin"}),
}


@router.get("/help")
def choose(context: OptionalUser) -> Response:
    """Send everybody to the guide of their role."""
    own: Audience = "mentor"
    if "org_admin" in context.roles:
        own = "administrator"
    elif "coordinator" in context.roles:
        own = "coordinator"
    return RedirectResponse(f"/help/{own}", 303)


@router.get("/help/{audience}.pdf")
def print_guide(context: OptionalUser, audience: Audience) -> Response:
    """Answer with a guide as a sheet of A4."""
    address = f"{context.services.configuration.public_url}/help/{audience}"
    return Response(
        printed.write(GUIDES[audience], address, _to_contact(context, audience), context.language),
        media_type="application/pdf",
        headers={"Content-Language": context.language},
    )


@router.get("/help/{audience}")
def show(context: OptionalUser, audience: Audience) -> Response:
    """Show what a role can do and where, and whom the reader can contact."""
    return context.page(
        "help/guide.html",
        audience=audience,
        guides=GUIDES,
        guide=GUIDES[audience],
        is_linked=not context.roles or bool(_READERS[audience] & context.roles),
        to_contact=_to_contact(context, audience),
    )


def _to_contact(context: RequestContext, audience: Audience) -> Sequence[Coordinator]:
    """Return the names for a reader of that role: a peer mentor's coordinators, a coordinator's administrators."""
    role = "peer_mentor" if audience == "mentor" else audience
    if role not in context.roles:
        return ()
    found = contacts.coordinators(context.conn)
    return found if audience == "mentor" else [one for one in found if one.chapter is None]
