"""Errors as problem details (RFC 9457)."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Match

from mentorcert.errors import EndpointDisabledError, InvalidInputError, MentorcertError, TransientError

MEDIA_TYPE: Final = "application/problem+json"
MOST_FAULTS: Final = 20

_PREFIX: Final = "urn:mentorcert:problem:"
_LONGEST_FIELD: Final = 100
_SWITCHED_OFF_S: Final = 300
_LATER_S: Final = 60
_AT_ONCE_S: Final = 1


class Fault(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Where: the name of a parameter, or the path in the body.")
    message: str = Field(description="What is wrong with it; the value itself is never repeated.")


class Problem(BaseModel):
    """Why the answer is not what was asked for (RFC 9457). Go by `type` or `code`, never by the text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:mentorcert:problem:transition",
                    "title": "The certification cannot go from its present status to the wanted one.",
                    "status": 422,
                    "detail": "The certification cannot go from its present status to the wanted one."
                    " (SQLSTATE MC001, constraint certification_transition)",
                    "code": "MC001",
                    "constraint": "certification_transition",
                    "hint": "Read the certification again: somebody may have changed it.",
                    "request_id": "5f1c7f0e2b6d4a395f1c7f0e2b6d4a39",
                }
            ]
        }
    )

    type: str = Field(description="The kind of problem: a URN that stays the same.")
    title: str = Field(description="What this kind of problem is.")
    status: int = Field(ge=400, le=599, description="The HTTP status, once more.")
    detail: str = Field(description="What happened this time.")
    code: str = Field("", description="SQLSTATE, where the database refused; docs/access.md lists them.")
    constraint: str = Field("", description="The rule or constraint that was broken.")
    hint: str = Field("", description="What to do.")
    request_id: str = Field("", description="Under which the request stands in the log.")
    errors: list[Fault] = Field([], description="Which fields were refused, and why.")


def of_error(request: Request, error: MentorcertError, status: int) -> JSONResponse:
    """Answer with an error of ours; an internal error shows no details."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return of_status(request, status)
    kind = type(error)
    problem = Problem(
        type=urn(kind),
        title=kind.__doc__ or "",
        status=status,
        detail=str(error),
        code=error.code or "",
        constraint=error.constraint or "",
        hint=error.hint or "",
    )
    headers: dict[str, str] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750: without a token, no error code.
        reason = ', error="invalid_token"' if "authorization" in request.headers else ""
        headers["WWW-Authenticate"] = f'Bearer realm="mentorcert"{reason}'
    elif status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(retry_after_s(error))
    return _answer(request, problem, headers)


def retry_after_s(error: MentorcertError | None = None) -> int:
    """Return after how many seconds the same request is worth another try, where its answer is 429 or 503."""
    if isinstance(error, TransientError):
        return _AT_ONCE_S
    return _SWITCHED_OFF_S if isinstance(error, EndpointDisabledError) else _LATER_S


def of_validation(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer with the fields that were refused, without their values; 400 where the body is not JSON."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return of_status(request, HTTPStatus.BAD_REQUEST)
    problem = Problem(
        type=urn(InvalidInputError),
        title=InvalidInputError.__doc__ or "",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail="Not every field is what it should be.",
        hint="`errors` says which; the document at /api/v1/openapi.json says what each takes.",
        errors=[
            Fault(field=_field(fault["loc"]), message=str(fault["msg"]).removeprefix("Value error, "))
            # A body can have a hundred thousand fields that nobody knows.
            for fault in faults[:MOST_FAULTS]
        ],
    )
    return _answer(request, problem)


def of_status(request: Request, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer with the meaning of the status alone."""
    known = HTTPStatus(status)
    detail, hint = _BY_STATUS.get(known, (known.description or known.phrase, ""))
    # RFC 9457: without meaning of its own beyond the status.
    problem = Problem(type="about:blank", title=known.phrase, status=status, detail=detail, hint=hint)
    given = dict(headers or {})
    if known is HTTPStatus.METHOD_NOT_ALLOWED:
        # The router names the methods of one route only.
        given = {"Allow": ", ".join(method for method in _METHODS if _is_route(request, method))}
    return _answer(request, problem, given)


_METHODS: Final = ("GET", "POST")
_BY_STATUS: Final = {
    HTTPStatus.BAD_REQUEST: ("The body is not JSON in UTF-8.", "Send one JSON object."),
    HTTPStatus.NOT_FOUND: (
        "There is no such path.",
        "The document at /api/v1/openapi.json lists every path.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: ("The path has no such method.", "The header Allow says which it has."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("The body is too large.", "Send one change at a time."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "The body is not declared as JSON in UTF-8.",
        "Send the header Content-Type: application/json.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong in mentorcert; it has been logged.",
        "Report it with its request_id.",
    ),
}


def _is_route(request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def urn(kind: type[MentorcertError]) -> str:
    """Return the `type` of the problems that errors of this class are."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__.removesuffix("Error"))
    return _PREFIX + words.lower()


def _field(place: tuple[int | str, ...]) -> str:
    # The first part is query, path or body. The name may be any text of the client.
    name = ".".join(map(str, place[1:])) or str(place[0])
    return name.encode("ascii", "backslashreplace").decode()[:_LONGEST_FIELD]


def _answer(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    problem.request_id = getattr(request.state, "request_id", "")
    content = problem.model_dump(exclude_defaults=True)
    return JSONResponse(content, problem.status, dict(headers or {}), MEDIA_TYPE)
