"""Who asked for a page that is an error: the menu stays where that is known."""

from contextlib import suppress
from typing import Final

import psycopg
from fastapi import Request
from psycopg_pool import PoolTimeout

from mentorcert.db.connection import acting_as
from mentorcert.errors import MentorcertError
from mentorcert.organisations import own_organisation
from mentorcert.web.context import Caller, chosen_organisation
from mentorcert.web.security.session import cookies_of, identify, services_of

_LONGEST_WAIT_S: Final = 1.0


def caller_of(request: Request) -> Caller | None:
    """Return whose request it was; of an address that is none, the database is asked."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is not None:
        return known
    cookies = cookies_of(request)
    with suppress(MentorcertError, psycopg.Error, PoolTimeout):
        user = identify(request) if cookies["access"] else None
        if user is not None:
            with (
                services_of(request).pool.connection(_LONGEST_WAIT_S) as conn,
                conn.pipeline(),
                acting_as(conn, user.claims_in(chosen_organisation(cookies))),
            ):
                return Caller(user, own_organisation.current(conn))
    return None
