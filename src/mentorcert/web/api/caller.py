"""Who calls the API: the bearer of the access token in the header, and nobody else."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from mentorcert.errors import ForbiddenError, InvalidTokenError
from mentorcert.web.context import ConnectionSlot, RequestContext, request_context
from mentorcert.web.security.session import services_of
from mentorcert.web.security.tokens import User


def _api_user(request: Request) -> User | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer":
        raise InvalidTokenError(hint="Send the header Authorization: Bearer TOKEN.")
    return services_of(request).verifier.verify(token.strip())


def _api_optional_user(
    request: Request, user: Annotated[User | None, Depends(_api_user)], _slot: ConnectionSlot
) -> Iterator[RequestContext]:
    with request_context(request, user) as context:
        yield context


def _api_open_to_all(
    request: Request, user: Annotated[User | None, Depends(_api_user)], _slot: ConnectionSlot
) -> Iterator[RequestContext]:
    with request_context(request, user, is_public=True) as context:
        yield context


# The API reads the header alone: a browser sends its cookies with every request, whichever site asks for it.
ApiOptionalUser = Annotated[RequestContext, Depends(_api_optional_user, scope="function")]
ApiOpenToAll = Annotated[RequestContext, Depends(_api_open_to_all, scope="function")]


async def _api_member(context: ApiOptionalUser) -> RequestContext:
    if context.user is None:
        raise InvalidTokenError("The request has no access token.", hint="Send Authorization: Bearer TOKEN.")
    if context.organisation is None:
        raise ForbiddenError(
            "The login is in no organisation, or in several.",
            hint="With several, the token names one in app_metadata.organisation_id.",
        )
    return context


ApiMember = Annotated[RequestContext, Depends(_api_member, scope="function")]
