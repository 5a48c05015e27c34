"""Signing in by an OpenID Connect provider: the way there, and the way back."""

import logging
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from mentorcert.access import oidc
from mentorcert.errors import IdentityRefusedError, SignInUnavailableError, TooManyAttemptsError
from mentorcert.web.configuration import OIDC_RETURN
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.security.oidc import Attempt, OidcClient
from mentorcert.web.security.session import cookies_of, services_of
from mentorcert.web.security.tokens import issue
from mentorcert.web.sign_in import begin_session, local_path, show_form

router = APIRouter()
_log = logging.getLogger(__name__)

_Answered = Annotated[str | None, Query(max_length=4000)]


@router.get("/sign-in/oidc")
def leave(request: Request, next_: Annotated[str, Query(alias="next", max_length=2000)] = "/") -> Response:
    """Send the browser to the provider; only this browser can come back."""
    cookies = cookies_of(request)
    services_of(request).rate_limiter.hit_sign_in(request, cookies, "oidc")
    attempt = Attempt(next=local_path(next_))
    try:
        url = _client(request).authorization_url(attempt, language_of(request, cookies))
    except SignInUnavailableError:
        return show_form(request, attempt.next, refused_identity="unavailable")
    cookies.sign("oidc", attempt.model_dump_json())
    return RedirectResponse(url, 303)


@router.get(OIDC_RETURN)
def come_back(
    request: Request,
    state: _Answered = None,
    code: _Answered = None,
    iss: _Answered = None,
    error: _Answered = None,
) -> Response:
    """Sign in by what the provider answered to this browser, once."""
    cookies = cookies_of(request)
    kept = cookies.signed("oidc")
    if kept is not None:
        del cookies["oidc"]
    attempt = _attempt(kept)
    try:
        return _enter(request, _used(request, attempt, state), _code(code, error), iss)
    except IdentityRefusedError as refused:
        _log.warning("sign-in by OpenID Connect refused: %s", refused.reason)
        return show_form(request, attempt.next if attempt else "/", refused_identity=refused.reason)
    except SignInUnavailableError:
        _log.warning("sign-in by OpenID Connect: no usable answer from the provider")
        return show_form(request, attempt.next if attempt else "/", refused_identity="unavailable")


def _attempt(kept: str | None) -> Attempt | None:
    try:
        return Attempt.model_validate_json(kept or "")
    except ValidationError:
        return None


def _used(request: Request, attempt: Attempt | None, state: str | None) -> Attempt:
    """Return the attempt to which an answer belongs, and note in the database that it was used.

    So a copy of the cookie does not help either.
    """
    if attempt is None or attempt.state != state:
        raise IdentityRefusedError(reason="stale")
    try:
        services_of(request).rate_limiter.hit((1, f"oidc state {attempt.state}"))
    except TooManyAttemptsError:
        raise IdentityRefusedError(reason="stale") from None
    return attempt


def _code(code: str | None, error: str | None) -> str:
    if error is not None or not code:
        raise IdentityRefusedError(reason="consent" if error == "access_denied" else "token")
    return code


def _enter(request: Request, attempt: Attempt, code: str, issuer: str | None) -> Response:
    services, client = services_of(request), _client(request)
    found = client.identity(attempt, code, issuer)
    # Not before the provider has answered: a connection is kept from nobody while it is slow.
    with services.pool.connection() as conn:
        user_id = oidc.sign_in(conn, client.provider.issuer, found.subject, found.email)
    if user_id is None:
        raise IdentityRefusedError(reason="unknown")
    token = issue(services.configuration.oidc_sessions, user_id, found.email, is_known_to_supabase=False)
    return begin_session(request, services.verifier.verify(token), token, None, attempt.next)


def _client(request: Request) -> OidcClient:
    client = services_of(request).oidc
    if client is None:
        # Without a provider there is no such page.
        raise HTTPException(404)
    return client
