"""What is answered where something went wrong: a page that says so, or a problem of the API."""

import logging
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from mentorcert import logs
from mentorcert.errors import (
    BusyError,
    ConflictError,
    DatabaseUnreachableError,
    DuplicateError,
    EndpointDisabledError,
    ForbiddenError,
    InvalidInputError,
    InvalidTokenError,
    LockTimeoutError,
    MentorcertError,
    MissingRightError,
    PreconditionFailedError,
    RuleError,
    SignInUnavailableError,
    StaleVersionError,
    TooManyAttemptsError,
    UnknownReferenceError,
    ValueRejectedError,
    from_postgres,
)
from mentorcert.web.api import problem
from mentorcert.web.context import (
    OrganisationNeededError,
    OtherOrganisationError,
    SignInNeededError,
    address,
    csrf_field,
    render,
    sign_in_path,
)
from mentorcert.web.csrf import SWITCH_FIELD, SentForm
from mentorcert.web.security.session import cookies_of

# The first that fits.
_STATUS: Final[tuple[tuple[type[MentorcertError], int], ...]] = (
    (MissingRightError, 404),
    (EndpointDisabledError, 503),
    (ForbiddenError, 403),
    (InvalidTokenError, 401),
    (TooManyAttemptsError, 429),
    (SignInUnavailableError, 503),
    (DatabaseUnreachableError, 503),
    (BusyError, 503),
    (ConflictError, 409),
    (LockTimeoutError, 409),
    (DuplicateError, 409),
    (StaleVersionError, 409),
    (PreconditionFailedError, 412),
    (RuleError, 422),
    (ValueRejectedError, 422),
    (UnknownReferenceError, 422),
    (InvalidInputError, 422),
)
_QUERY_CANCELLED: Final = "57014"
_NOT_GRANTED: Final = "42501"
_RETRY_AFTER_S: Final = 60


def status_of(error: MentorcertError) -> int:
    """Return the HTTP status of an error."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return {_QUERY_CANCELLED: 503, _NOT_GRANTED: 403}.get(error.code or "", 500)


def install(app: FastAPI) -> None:
    """Add a handler for every kind of error."""
    app.add_exception_handler(SignInNeededError, _sign_in_needed)
    app.add_exception_handler(OrganisationNeededError, _organisation_needed)
    app.add_exception_handler(OtherOrganisationError, _other_organisation)
    app.add_exception_handler(MentorcertError, _mentorcert_error)
    app.add_exception_handler(psycopg.Error, _database_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _sign_in_needed(request: Request, _error: Exception) -> Response:
    return RedirectResponse(sign_in_path(request), 303)


def _organisation_needed(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/organisation", 303)


def _other_organisation(request: Request, error: Exception) -> Response:
    if not isinstance(error, OtherOrganisationError):
        raise error
    form: SentForm = request.state.sent_form
    return render(
        request,
        "other_organisation.html",
        status=409,
        opened=error.opened,
        current=error.current,
        form=form,
        target=address(request),
        bound=csrf_field(cookies_of(request), form.organisation_id),
        switch_field=SWITCH_FIELD,
    )


def _mentorcert_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, MentorcertError):
        raise error
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logs.event("request_failed", level=logging.ERROR, error=error, status=status, code=error.code)
    if _is_api(request):
        return problem.of_error(request, error, status)
    if isinstance(error, InvalidTokenError):
        return _sign_in_needed(request, error)
    # A hint is for the user only where it is about the input.
    hint = error.hint if isinstance(error, (RuleError, InvalidInputError)) else None
    return _failure(request, status, text=type(error).__doc__, detail=_own_words(error), hint=hint)


def _own_words(error: MentorcertError) -> str | None:
    """Return the message where it says more than the class, as for invalid input."""
    said = str(error)
    return said if isinstance(error, InvalidInputError) and said != type(error).__doc__ else None


def _database_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, psycopg.Error):
        raise error
    return _mentorcert_error(request, from_postgres(error))


def _invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    if _is_api(request):
        return problem.of_validation(request, error)
    # A malformed id or number in the path is a page that does not exist.
    if any(fault["loc"][0] == "path" for fault in error.errors()):
        return _failure(request, 404)
    faults = [(str(fault["loc"][-1]), str(fault["type"]), fault.get("ctx", {})) for fault in error.errors()]
    return _failure(request, 422, faults=faults)


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if _is_api(request):
        return problem.of_status(request, error.status_code, error.headers)
    if error.status_code == HTTPStatus.NOT_FOUND and (target := _without_slash(request)):
        return RedirectResponse(target, HTTPStatus.PERMANENT_REDIRECT)
    answer = _failure(request, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _without_slash(request: Request) -> str | None:
    """Return the address without slashes at its end, where there is such a page."""
    # One slash at the beginning: two would lead to another host.
    path = "/" + request.scope["path"].strip("/")
    if request.method != "GET" or path == request.scope["path"]:
        return None
    asked = {**request.scope, "path": path}
    if not any(route.matches(asked)[0] is Match.FULL for route in request.app.routes):
        return None
    return quote(path) + (f"?{request.url.query}" if request.url.query else "")


def unexpected(request: Request, error: Exception) -> Response:
    """Log and answer an unexpected error."""
    logs.event("request_failed", level=logging.ERROR, error=error, status=500)
    return problem.of_status(request, 500) if _is_api(request) else _failure(request, 500)


def _failure(
    request: Request,
    status: int,
    *,
    text: str | None = None,
    detail: str | None = None,
    hint: str | None = None,
    faults: list[tuple[str, str, dict[str, Any]]] | None = None,
) -> Response:
    answer = render(
        request,
        "failure.html",
        status=status,
        code=status,
        text=text,
        detail=detail,
        hint=hint,
        faults=faults or [],
        request_id=request.state.request_id,
    )
    if status in {429, 503}:
        answer.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return answer
