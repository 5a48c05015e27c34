"""Who calls the API: whoever the header's access token says, and nobody else."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from mentorcert.errors import ForbiddenError, InvalidTokenError
from mentorcert.web.context import ConnectionSlot, RequestContext, request_context
from mentorcert.web.security.session import services_of
from mentorcert.web.security.tokens import Identity


def _api_identity(request: Request) -> Identity | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer":
        raise InvalidTokenError(hint="Send the header Authorization: Bearer TOKEN.")
    return services_of(request).verifier.verify(token.strip())


def _api_anybody(
    request: Request, identity: Annotated[Identity | None, Depends(_api_identity)], _turn: ConnectionSlot
) -> Iterator[RequestContext]:
    with request_context(request, identity) as context:
        yield context


# The API goes by the header alone: a browser sends cookies along whoever has it ask.
ApiAnybody = Annotated[RequestContext, Depends(_api_anybody, scope="function")]


async def _api_member(context: ApiAnybody) -> RequestContext:
    if context.user is None:
        raise InvalidTokenError("The request has no access token.", hint="Send Authorization: Bearer TOKEN.")
    if context.organisation is None:
        raise ForbiddenError(
            "The login is in no organisation, or in several.",
            hint="With several, the token names one in app_metadata.organisation_id.",
        )
    return context


ApiMember = Annotated[RequestContext, Depends(_api_member, scope="function")]
