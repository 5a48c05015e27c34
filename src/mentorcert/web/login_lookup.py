"""The login with an address, for the forms of administrators."""

from uuid import UUID

from mentorcert.organisations import peer_mentors
from mentorcert.web.context import RequestContext


def find_login(context: RequestContext, email: str) -> UUID | None:
    """Return the login with this address; the question is committed first, so it stays whatever comes then."""
    lookup_id = peer_mentors.look_up_login(context.conn, email)
    context.commit()
    return peer_mentors.found_login(context.conn, lookup_id)
