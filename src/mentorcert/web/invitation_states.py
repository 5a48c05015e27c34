"""How an invitation stands, in words."""

from collections.abc import Mapping
from typing import Final

from mentorcert.organisations.invitations import Invitation, State
from mentorcert.translatable import LazyText
from mentorcert.web.context import RequestContext

_STATES: Final[Mapping[State, LazyText]] = {
    "waiting": LazyText("To be sent"),
    "sent": LazyText("Sent, not answered"),
    "failed": LazyText("Failed"),
    "expired": LazyText("Expired"),
    "accepted": LazyText("Accepted"),
    "withdrawn": LazyText("Withdrawn"),
}


def state_text(context: RequestContext, invitation: Invitation) -> str:
    """Return how an invitation stands."""
    return context._(_STATES[invitation.state])
