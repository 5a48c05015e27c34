"""What all operations have in common: a body is JSON, and every possible answer stands in the document."""

from collections.abc import Callable, Coroutine
from email.message import Message
from http import HTTPStatus
from typing import Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from mentorcert.web.api.problem import MEDIA_TYPE

# Stated with each router: a route that is included under a prefix does not know it.
API: Final = "/api/v1"

# For the document alone: the request context reads the token.
bearer: Final = Depends(
    HTTPBearer(
        scheme_name="supabase",
        bearerFormat="JWT",
        auto_error=False,
        description="The access token of a session at Supabase Auth. Cookies are ignored.",
    )
)

_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer"}}
}
_AUTHENTICATE: Final = {
    "WWW-Authenticate": {"description": "How to sign in.", "required": True, "schema": {"type": "string"}}
}
_REFUSALS: Final[dict[int, tuple[str, dict[str, Any]]]] = {
    400: ("The body is not JSON in UTF-8.", {}),
    401: ("No access token, or one that is not valid or has expired.", _AUTHENTICATE),
    403: ("Yours to read, but not to change; or the login is in no organisation, or in several.", {}),
    404: ("Not there, or not yours to read: the answer is the same.", {}),
    409: ("It is there already, or was changed meanwhile: read again, then try once more.", {}),
    412: ("It is not what `If-Match` names: it was changed meanwhile.", {}),
    413: ("The body is too large.", {}),
    415: ("The body is not application/json.", {}),
    422: ("A field is not valid (`errors`), or a rule of the registry is broken (`code`).", {}),
    429: ("Too many requests.", _RETRY_AFTER),
    503: (
        "Switched off for now (MC010), another change was in the way, or the database cannot be reached.",
        _RETRY_AFTER,
    ),
}
_READING: Final = (401, 422, 429, 503)
_CHANGING: Final = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


def _refusals(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "description": _REFUSALS[status][0],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _REFUSALS[status][1]} if _REFUSALS[status][1] else {}),
        }
        for status in statuses
    }


PUBLIC: Final = _refusals(_READING)
LISTING: Final = _refusals((403, *_READING))
READING: Final = _refusals((403, 404, *_READING))
ADDING: Final = _refusals(_CHANGING)
CHANGING: Final = _refusals((412, *_CHANGING))


class Operation(APIRoute):
    """A route that takes bodies of JSON only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Ask for the type of the body before it is read."""
        answer = super().get_route_handler()

        async def answer_json(request: Request) -> Response:
            if self.body_field is not None:
                _require_json(request.headers.get("content-type", ""))
            return await answer(request)

        return answer_json


def _require_json(content_type: str) -> None:
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_param("charset", "utf-8")
    if message.get_content_type() != "application/json" or str(charset).lower() != "utf-8":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
