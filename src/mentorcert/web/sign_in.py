"""Signing in and out, and in which organisation to act."""

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Final, Literal
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator, Field, StringConstraints

from mentorcert import logs
from mentorcert.access import sessions
from mentorcert.db.connection import acting_as
from mentorcert.db.rows import mapped_errors
from mentorcert.errors import (
    InvalidTokenError,
    MentorcertError,
    RefusedIdentity,
    SignInRefusedError,
    SignInUnavailableError,
    TooManyAttemptsError,
)
from mentorcert.organisations import own_organisation
from mentorcert.translatable import LazyText
from mentorcert.translations import translations
from mentorcert.web.context import ConnectionSlot, CurrentUser, render
from mentorcert.web.fields import TYPED
from mentorcert.web.kept_form import again_page, kept_in
from mentorcert.web.page_form import PageForm
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.security.gotrue import Challenge, GoTrue, Tokens
from mentorcert.web.security.rate_limiter import remember_browser
from mentorcert.web.security.session import cookies_of, forget, identify, services_of
from mentorcert.web.security.tokens import User

router = APIRouter()

_HOME: Final = "/"
_RETRY_AFTER_S: Final = 300

Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$"), TYPED
]
_NEEDED: Final = {
    "email": LazyText("Write your e-mail address, such as kari@example.org."),
    "password": LazyText("Write your password."),
    "code": LazyText("Write the digits of the code."),
}
_REFUSED_IDENTITY: Final[Mapping[RefusedIdentity | Literal["unavailable"], LazyText]] = {
    "clock": LazyText(
        "The clock here and the one where you signed in are not the same. Report it to those who run these pages."
    ),
    "consent": LazyText("You did not allow us to know who you are, so you are not signed in."),
    "email": LazyText(
        "We got no e-mail address that has been verified. Verify yours where you signed in, and try again."
    ),
    "stale": LazyText(
        "This took too long, was done already, or was begun in another browser. Sign in again."
    ),
    "token": LazyText("The answer from where you signed in cannot be trusted. Sign in again."),
    "unknown": LazyText(
        "You have no access here with this sign-in. Ask an administrator of your organisation."
    ),
    "unavailable": LazyText("The service that signs you in does not answer just now. Try again in a minute."),
}


class _Password(PageForm):
    email: Email = ""
    password: Annotated[str, Field(max_length=1000), TYPED] = ""
    next: str = _HOME


class _Address(PageForm):
    email: Email = ""
    next: str = _HOME


class _Code(PageForm):
    email: Email = ""
    # As mails and people group the digits.
    code: Annotated[
        str, BeforeValidator(lambda code: re.sub(r"[\s-]", "", code)), Field(pattern=r"^[0-9]{6,10}$"), TYPED
    ] = ""
    next: str = _HOME


def local_path(path: str) -> str:
    """Return the path if it is one of these pages, else the home page."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return _HOME
    is_local = not parts.scheme and not parts.netloc and path.startswith("/") and path[1:2] not in {"/", "\\"}
    return path if is_local and "\\" not in path and path.isprintable() else _HOME


@router.get("/sign-in")
def show(
    request: Request,
    next_: Annotated[str, Query(alias="next", max_length=2000)] = _HOME,
    signed_out: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show the forms; to who has signed out here, also where to sign out at the provider."""
    if services_of(request).configuration.is_demonstration:
        return RedirectResponse("/step-in", 303)
    return show_form(request, next_, has_left_provider=signed_out == "provider")


@router.post("/sign-in")
def by_password(request: Request, form: Annotated[_Password, Form()]) -> Response:
    """Sign in by password."""
    if errors := _errors(request, form, "email", "password"):
        return show_form(request, form.next, email=form.typed("email"), errors=errors)
    gotrue = _gotrue(request)
    try:
        _count(request, "password", form.email)
    except TooManyAttemptsError:
        return show_form(request, form.next, email=form.email, has_guessed=True)
    try:
        tokens = gotrue.sign_in(form.email, form.password)
    except SignInRefusedError:
        return show_form(request, form.next, email=form.email, is_refused=True)
    return enter(request, tokens, form.next)


@router.post("/sign-in/code")
def send_code(request: Request, form: Annotated[_Address, Form()]) -> Response:
    """Mail a link and a code."""
    if errors := _errors(request, form, "email"):
        return show_form(request, form.next, email=form.typed("email"), code_errors=errors)
    gotrue = _gotrue(request)
    _count(request, "mail")
    challenge = Challenge.new()
    public_url = services_of(request).configuration.public_url
    back = f"{public_url}/sign-in/link?{urlencode({'next': local_path(form.next)})}"
    cookies = cookies_of(request)
    if gotrue.send_code(form.email, challenge, back) or cookies.signed("challenge") is None:
        cookies.sign("challenge", challenge.verifier)
    cookies.sign("address", form.model_dump_json())
    return RedirectResponse("/sign-in/code", 303)


@router.get("/sign-in/code")
def ask_code(request: Request) -> Response:
    """Ask for the code of the mail that was asked for in this browser."""
    kept = cookies_of(request).signed("address")
    return (
        _code_form(request, _Address.model_validate_json(kept)) if kept else RedirectResponse("/sign-in", 303)
    )


@router.post("/sign-in/code/enter")
def enter_code(request: Request, form: Annotated[_Code, Form()]) -> Response:
    """Sign in by the code of the mail."""
    if errors := _errors(request, form, "code"):
        return _code_form(request, form, errors=errors)
    gotrue = _gotrue(request)
    _count(request, "code", form.email)
    try:
        tokens = gotrue.enter_code(form.email, form.code)
    except SignInRefusedError:
        return _code_form(request, form, is_refused=True)
    return enter(request, tokens, form.next)


@router.get("/sign-in/link")
def follow_link(
    request: Request,
    code: Annotated[str, Query(max_length=1000)] = "",
    next_: Annotated[str, Query(alias="next", max_length=2000)] = _HOME,
) -> Response:
    """Sign in by the link of the mail, in the browser that asked for it."""
    verifier = cookies_of(request).signed("challenge")
    _count(request, "link")
    if not verifier or not code:
        return show_form(request, next_, is_old_link=True)
    try:
        tokens = _gotrue(request).follow_link(code, Challenge(verifier))
    except SignInRefusedError:
        return show_form(request, next_, is_old_link=True)
    return enter(request, tokens, next_)


@router.get("/sign-in/form")
def kept_form(request: Request, user: Annotated[User | None, Depends(identify)]) -> Response:
    """Show what was sent when the session had ended, to send it once more."""
    kept = kept_in(cookies_of(request), user.id if user else None)
    if kept is None:
        return RedirectResponse(_HOME, 303)
    return again_page(request, *kept)


@router.post("/sign-out")
def sign_out(request: Request, _slot: ConnectionSlot) -> Response:
    """End the session in this browser, in the registry and at Supabase."""
    services, cookies = services_of(request), cookies_of(request)
    user = None
    # Supabase ends no session for a token whose time is up.
    with suppress(SignInUnavailableError, TooManyAttemptsError):
        user = identify(request)
    token = cookies["access"]
    forget(cookies)
    del cookies["organisation"]
    del cookies["challenge"]
    del cookies["address"]
    del cookies["feed"]
    if cookies["kept"]:
        del cookies["kept"]
    cookies.renew_form()
    is_by_provider = (
        user is not None and user.claims.get("iss") == services.configuration.oidc_sessions.issuer
    )
    if services.gotrue is not None and token and not is_by_provider:
        services.gotrue.sign_out(token)
    if user is not None:
        # The token is good for the rest of its hour, and there may be copies of it.
        with services.pool.connection() as conn, acting_as(conn, user.claims):
            sessions.end(conn)
    return RedirectResponse("/sign-in?signed_out=provider" if is_by_provider else "/sign-in", 303)


@router.get("/organisation")
def organisations(context: CurrentUser) -> Response:
    """Show the organisations of a person who is in several, or say that there is none."""
    own = own_organisation.every(context.conn)
    return context.page("organisation.html", own=own, status=200 if own else 403)


@router.post("/organisation")
def choose_organisation(context: CurrentUser, organisation_id: Annotated[UUID, Form()]) -> Response:
    """Act in one of the own organisations; the database accepts no other."""
    context.cookies["organisation"] = str(organisation_id)
    return context.redirect(_HOME)


def enter(request: Request, tokens: Tokens, target: str) -> Response:
    """Begin a session of Supabase Auth."""
    try:
        user = services_of(request).verifier.verify(tokens.access_token)
    except InvalidTokenError:
        raise SignInUnavailableError(hint="Try again in a minute.") from None
    return begin_session(request, user, tokens.access_token, tokens.refresh_token, target)


def begin_session(
    request: Request, user: User, access_token: str, refresh_token: str | None, target: str
) -> Response:
    """Begin a session; nothing that the browser had before is valid in it."""
    _accept_invitations(request, user)
    cookies = cookies_of(request)
    cookies["access"] = access_token
    if refresh_token is None:
        del cookies["refresh"]
    else:
        cookies["refresh"] = refresh_token
    del cookies["organisation"]
    del cookies["challenge"]
    del cookies["address"]
    if user.email:
        remember_browser(cookies, user.email)
    cookies.renew_form()
    if kept_in(cookies, user.id):
        return RedirectResponse("/sign-in/form", 303)
    if cookies["kept"]:
        del cookies["kept"]
    return RedirectResponse(local_path(target), 303)


def _accept_invitations(request: Request, user: User) -> None:
    try:
        with (
            mapped_errors(),
            services_of(request).pool.connection() as conn,
            conn.pipeline(),
            acting_as(conn, user.claims),
        ):
            sessions.begin(conn)
    except MentorcertError as error:
        # Nobody is kept from signing in by it: the next sign-in tries again.
        logs.event("invitations_not_accepted", level=logging.ERROR, error=error)


def _errors(request: Request, form: PageForm, *names: str) -> dict[str, str]:
    gettext = translations(language_of(request, cookies_of(request))).gettext
    return {name: gettext(_NEEDED[name]) for name in names if form.lacks(name)}


def _gotrue(request: Request) -> GoTrue:
    gotrue = services_of(request).gotrue
    if gotrue is None:
        raise SignInUnavailableError
    return gotrue


def _count(request: Request, way: str, email: str | None = None) -> None:
    services_of(request).rate_limiter.hit_sign_in(request, cookies_of(request), way, email)


def show_form(
    request: Request,
    target: str,
    *,
    email: str = "",
    is_refused: bool = False,
    is_old_link: bool = False,
    has_guessed: bool = False,
    refused_identity: RefusedIdentity | Literal["unavailable"] | None = None,
    has_left_provider: bool = False,
    errors: Mapping[str, str] | None = None,
    code_errors: Mapping[str, str] | None = None,
) -> Response:
    """Show the ways to sign in, and why the last attempt failed."""
    services = services_of(request)
    is_wrong = is_refused or is_old_link or errors or code_errors or refused_identity
    is_unavailable = refused_identity == "unavailable"
    answer = render(
        request,
        "sign_in.html",
        status=429 if has_guessed else 503 if is_unavailable else 422 if is_wrong else 200,
        has_password=services.gotrue is not None,
        provider=services.oidc.provider.name if services.oidc else None,
        refused_identity=refused_identity and _REFUSED_IDENTITY[refused_identity],
        provider_sign_out=services.oidc.sign_out_url(f"{services.configuration.public_url}/sign-in")
        if services.oidc and has_left_provider
        else None,
        errors=errors or {},
        code_errors=code_errors or {},
        next=local_path(target),
        email=email,
        is_refused=is_refused,
        is_old_link=is_old_link,
        has_guessed=has_guessed,
    )
    if has_guessed:
        answer.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return answer


def _code_form(
    request: Request,
    form: _Address | _Code,
    *,
    is_refused: bool = False,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        "sign_in_code.html",
        status=422 if is_refused or errors else 200,
        errors=errors or {},
        code=form.typed("code") if errors else "",
        next=local_path(form.next),
        email=form.email,
        is_refused=is_refused,
    )
