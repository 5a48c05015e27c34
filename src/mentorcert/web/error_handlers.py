"""What is answered where something went wrong: a page that says so, or a problem of the API."""

import logging
from http import HTTPStatus
from typing import Final
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
    CsrfError,
    DatabaseUnreachableError,
    DuplicateError,
    EndpointDisabledError,
    ForbiddenError,
    InvalidInputError,
    InvalidTokenError,
    LaterError,
    MentorcertError,
    MergedError,
    MissingRightError,
    PreconditionFailedError,
    RuleError,
    SignInUnavailableError,
    StaleVersionError,
    TooManyAttemptsError,
    TransientError,
    UnknownReferenceError,
    ValueRejectedError,
    from_postgres,
)
from mentorcert.translatable import LazyText, pack, say
from mentorcert.translations import translations
from mentorcert.web.api import problem
from mentorcert.web.caller import caller_of
from mentorcert.web.context import (
    SAFE_METHODS,
    OrganisationNeededError,
    OtherOrganisationError,
    SignInNeededError,
    address,
    csrf_field,
    render,
    sign_in_path,
)
from mentorcert.web.csrf import SWITCH_FIELD, SentForm
from mentorcert.web.kept_form import expired_form, keep, session_ended, work_of
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.security.session import cookies_of, forget

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
    (LaterError, 503),
    (DuplicateError, 409),
    (StaleVersionError, 409),
    (PreconditionFailedError, 412),
    (RuleError, 422),
    (ValueRejectedError, 422),
    (UnknownReferenceError, 422),
    (InvalidInputError, 422),
)
_NOT_GRANTED: Final = "42501"


def status_of(error: MentorcertError) -> int:
    """Return the HTTP status of an error."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 403 if error.code == _NOT_GRANTED else 500


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
    if not keep(request) and (answer := session_ended(request)):
        return answer
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
        bound=csrf_field(cookies_of(request), form.organisation_id, form.user_id),
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
        forget(cookies_of(request))
        return _sign_in_needed(request, error)
    if isinstance(error, MergedError):
        # Not for good: a merge can be undone.
        return RedirectResponse(address(request).replace(error.asked, error.kept), 303)
    if isinstance(error, CsrfError) and (answer := expired_form(request)):
        return answer
    # A hint is for the user only where it is about the input.
    hint = error.hint if isinstance(error, (RuleError, InvalidInputError)) else None
    detail, hint = (_said(request, words) for words in (_own_words(error), hint))
    return _failure(request, status, error=error, text=type(error).__doc__, detail=detail, hint=hint)


def _own_words(error: MentorcertError) -> str | None:
    """Return the message where it says more than the class, as for invalid input."""
    said: str = error.args[0]
    return said if isinstance(error, InvalidInputError) and said != type(error).__doc__ else None


def _said(request: Request, words: str | None) -> str | None:
    """Return words in the reader's language; nothing where they are known in English only, as those of the database."""
    language = language_of(request, cookies_of(request))
    if isinstance(words, LazyText):
        return say(pack(words), translations(language).gettext)
    return words if language == "en" else None


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
    # What people fill and choose comes back in its form (`PageForm`): this is an address or a form of nobody's making.
    return _failure(request, 422)


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
    error: MentorcertError | None = None,
    text: str | None = None,
    detail: str | None = None,
    hint: str | None = None,
) -> Response:
    again = work_of(request) if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    answer = render(
        request,
        "failure.html",
        status=status,
        context=caller_of(request) if status < HTTPStatus.INTERNAL_SERVER_ERROR else None,
        code=status,
        again=again,
        target=address(request) if again or request.method in SAFE_METHODS else None,
        bound=again and csrf_field(cookies_of(request), again.organisation_id, again.user_id),
        is_expired=isinstance(error, CsrfError),
        is_transient=isinstance(error, TransientError),
        text=text,
        detail=detail,
        hint=hint,
        request_id=request.state.request_id,
    )
    if status in {429, 503}:
        answer.headers["Retry-After"] = str(problem.retry_after_s(error))
    return answer
